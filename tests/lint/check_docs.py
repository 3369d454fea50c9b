#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""check_docs.py STRATA: the commands that STRATA's help lists, the README's table, and the manual pages are the same.

A command of a group counts where it has no flat form: `image prune`, but not `image load`.
Also: every relative link in README.md and docs/*.md leads to a file, and so does every path of ours that they name.
"""
import pathlib
import re
import subprocess
import sys

from sources import report

FLAT_NAMES = {"container ls": "ps", "image ls": "images", "image rm": "rmi"}
OWN_GROUPS = {"manifest", "remote"}  # their commands have no flat form, even where a flat one has the same name
ROW = re.compile(r"^\|\s*`(?:strata )?([a-z]+(?: [a-z]+)?)")
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
PATH = re.compile(r"`((?:src|tests|docs|bench|scripts|cmake)/[\w./-]+)`")


def listed(help_text, heading):
    """The first words of the indented lines below a heading."""
    words, listing = [], False
    for line in help_text.splitlines():
        if not line.startswith(" "):
            listing = line.strip() == heading
        elif listing:
            words.append(line.split()[0])
    return words


def commands_of(help_of):
    """All commands; help_of() gives the program's help, help_of(group) that of a group."""
    flat = set(listed(help_of(), "Commands:"))
    grouped = {f"{group} {name}" for group in listed(help_of(), "Management Commands:")
               for name in listed(help_of(group), "Commands:")}
    return flat | {name for name in grouped if name.split()[0] in OWN_GROUPS or FLAT_NAMES.get(name, name.split()[1]) not in flat}


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
    pages = {page.stem.removeprefix("strata-").replace("-", " ") for page in (root / "docs/man").glob("strata-*.1")}
    for what, found in (("the README's table of commands", table), ("docs/man/strata-*.1", pages)):
        for command in sorted(commands - found):
            yield f"{what}: `{command}` is missing; the program's help lists it"
        for command in sorted(found - commands):
            yield f"{what}: `{command}` is no command"
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


def problems(root, help_of):
    root = pathlib.Path(root)
    commands = commands_of(help_of)
    if not commands:
        return ["the program's help lists no commands that this check understands"]
    return [*compare(commands, root), *broken_links(root)]


if __name__ == "__main__":
    def run_help(*words):
        return subprocess.run([sys.argv[1], *words, "--help"], capture_output=True, text=True, check=True).stdout

    report(problems(".", run_help))
