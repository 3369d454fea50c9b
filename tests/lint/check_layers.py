#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An include of ours names its folder ("tar/pax.h"), exists, and points only downwards in the list of layers."""
import pathlib
import re

from sources import LAYERS, files_below, report

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def problems_of(root, path):
    folder = path.relative_to(root / "src").parts[0]
    if folder not in LAYERS:
        yield f"{path.relative_to(root)}: folder '{folder}' is not in the list of layers (tests/lint/sources.py)"
        return
    text = path.read_text(errors="replace")
    for match in INCLUDE.finditer(text):
        where = f"{path.relative_to(root)}:{text.count(chr(10), 0, match.start(1)) + 1}"
        target = match.group(1)
        layer = target.split("/")[0]
        if "/" not in target or layer not in LAYERS:
            yield f'{where}: "{target}" does not name its folder, as in "base/fd.h"'
        elif not (root / "src" / target).is_file():
            yield f'{where}: "{target}" does not exist below src/'
        elif LAYERS.index(layer) > LAYERS.index(folder):
            yield f'{where}: "{target}" points upwards: {folder} lies below {layer}'


def problems(root):
    root = pathlib.Path(root)
    return [problem for path in files_below(root, ".h", ".cc") for problem in problems_of(root, path)]


if __name__ == "__main__":
    report(problems("."))
