#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""check_docs.py STRATA: the commands that `strata --help` lists, the README's table, and the manual pages are the same.

Also: every relative link in README.md and docs/*.md leads to a file, and so does every path of ours that they name.
"""
import pathlib
import re
import subprocess
import sys

from sources import report

HEADING = re.compile(r"^[A-Z][\w ]*ommands:$", re.IGNORECASE)
ROW = re.compile(r"^\|\s*`(?:strata )?([a-z][a-z-]*)")
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
PATH = re.compile(r"`((?:src|tests|docs|bench|scripts|cmake)/[\w./-]+)`")


def commands_of_help(text):
    """The first words of the indented lines behind each heading of commands."""
    commands, listing = set(), False
    for line in text.splitlines():
        if HEADING.match(line.strip()):
            listing = True
        elif not line.strip() or not line.startswith(" "):
            listing = listing and not line.strip()
        elif listing and re.match(r"^ {1,4}[a-z]", line):
            commands.add(line.split()[0].rstrip("*,"))
    return commands


def commands_of_readme(text):
    """The commands of the table below a heading that names commands."""
    commands, in_section = set(), False
    for line in text.splitlines():
        if line.startswith("#"):
            in_section = "command" in line.lower()
        match = ROW.match(line) if in_section else None
        if match:
            commands.add(match.group(1))
    return commands


def compare(commands, root):
    readme = root / "README.md"
    table = commands_of_readme(readme.read_text()) if readme.exists() else set()
    pages = {page.stem.removeprefix("strata-") for page in (root / "docs/man").glob("strata-*.1")}
    for what, found in (("the README's table of commands", table), ("docs/man/strata-*.1", pages)):
        for command in sorted(commands - found):
            yield f"{what}: `{command}` is missing; strata --help lists it"
        for command in sorted(found - commands):
            yield f"{what}: `{command}` is no command of strata --help"
    if not (root / "docs/man/strata.1").exists():
        yield "docs/man/strata.1 is missing"


def broken_links(root):
    for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        text = page.read_text() if page.exists() else ""
        wanted = [(page.parent, target) for target in LINK.findall(text)]
        wanted += [(root, target) for target in PATH.findall(text)]
        for base, target in wanted:
            if not (base / target).exists():
                yield f"{page.relative_to(root)}: {target} does not exist"


def problems(root, help_text):
    root = pathlib.Path(root)
    commands = commands_of_help(help_text)
    if not commands:
        return ["strata --help lists no commands that this check understands"]
    return [*compare(commands, root), *broken_links(root)]


if __name__ == "__main__":
    shown = subprocess.run([sys.argv[1], "--help"], capture_output=True, text=True, check=True).stdout
    report(problems(".", shown))
