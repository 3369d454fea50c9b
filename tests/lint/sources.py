# SPDX-License-Identifier: Apache-2.0
"""What the checks share: the layers, the files, a view of C++ text without comments and strings."""
import pathlib
import re
import sys

# DESIGN: a folder is a layer, and may use itself and those before it.
LAYERS = ("base", "hash", "codec", "tar", "oci", "driver", "store", "archive", "registry", "runtime", "build",
          "doctor", "api", "cli")

_NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL)


def files_below(root, *suffixes):
    return sorted(path for path in (pathlib.Path(root) / "src").rglob("*") if path.suffix in suffixes)


def is_test(path):
    return path.stem.endswith(("_test", "_fuzz", "_bench")) or path.stem.startswith("test_")


def code_only(text):
    """The text with comments, strings and characters blanked; every line keeps its number."""
    return _NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def report(problems):
    """Prints the problems and ends the program: 1 when there are any."""
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problem(s)")
    sys.exit(1 if problems else 0)
