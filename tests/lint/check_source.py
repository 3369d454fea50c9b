#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Rules for single files: licence line, sizes, calls that belong into src/base, `using namespace`.

Exceptions to the sizes stand in allowed.txt beside this file, each with its reason.
"""
import pathlib
import re
import sys

from functions import functions
from sources import code_only, files_below, is_test, line_of, report

SPDX = "SPDX-License-Identifier: Apache-2.0"
HEADER_LINES, SOURCE_LINES, FUNCTION_LINES = 200, 480, 60

_CALL = r"(?<![\w.>:])(?:::\s*)?"  # a plain name, or one of the global namespace; not a member of something
FORBIDDEN = (
    (r"(?<![\w>:])::\s*open\s*\(|" + _CALL + r"open\s*\([^;]*?\bO_[A-Z]+", "use open_path, open_at or open_in_root of base/fs_at.h"),
    (_CALL + r"(?:openat2?|creat|fopen)\s*\(", "use open_at or open_in_root of base/fs_at.h"),
    (_CALL + r"(?:system|popen|posix_spawnp?|v?fork|exec[lv]p?e?)\s*\(|\bstd::system\s*\(",
     "programs are started only by base/"),
    (r"\bstd::filesystem\b|#\s*include\s*<filesystem>",
     "use base/fs_at.h: std::filesystem resolves paths again and follows symlinks"),
    (r"\bstd::[io]?fstream\b", "use base/fs_at.h: streams lose errors"),
)
_OTHER_TEXT = (".py", ".sh", ".cmake")


def licence_problems(root):
    """All source text carries the line, first or behind '#!'."""
    for top in ("src", "tests", "bench", "scripts", "cmake", ".ci"):
        for path in sorted((root / top).rglob("*")):
            if not path.is_file() or path.is_symlink() or "data" in path.parts or "corpus" in path.parts:
                continue
            head = path.read_bytes()[:200].decode(errors="replace").split("\n")
            known = path.suffix in (".h", ".cc", *_OTHER_TEXT) or path.name == "CMakeLists.txt"
            if (known or head[0].startswith("#!")) and not any(SPDX in line for line in head[:2]):
                yield f"{path.relative_to(root)}:1: the first line is not '{SPDX}'"


def call_problems(code):
    for pattern, advice in FORBIDDEN:
        for match in re.finditer(pattern, code):
            yield line_of(code, match.start()), f"'{match.group().split('(')[0].strip()}': {advice}"


def scope_problems(code):
    for match in re.finditer(r"^using\s+namespace\b", code, re.MULTILINE):
        yield line_of(code, match.start()), "'using namespace' at namespace scope"


def read_allowed(path):
    """Lines 'FILE[:FUNCTION] LINES reason'. Returns {name: limit}."""
    allowed = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.strip() and not line.startswith("#"):
            name, limit, _reason = line.split(maxsplit=2)
            allowed[name] = int(limit)
    return allowed


def size_problems(name, text, allowed):
    lines = text.count("\n")
    limit = allowed.get(name, HEADER_LINES if name.endswith(".h") else SOURCE_LINES)
    if lines > limit:
        yield 1, f"{lines} lines; the limit is {limit}"
    for function in functions(text):
        limit = allowed.get(f"{name}:{function.name}", FUNCTION_LINES)
        if function.lines > limit:
            yield function.line, f"{function.name} has {function.lines} lines; the limit is {limit}"


def problems(root, allowed_file=None):
    root = pathlib.Path(root)
    allowed = read_allowed(allowed_file or root / "tests/lint/allowed.txt")
    found = list(licence_problems(root))
    for path in files_below(root, ".h", ".cc"):
        name = str(path.relative_to(root))
        text = path.read_text(errors="replace")
        code = code_only(text)
        rules = [size_problems(name, text, allowed), scope_problems(code)]
        if not is_test(path) and not name.startswith("src/base/"):
            rules.append(call_problems(code))
        found += [f"{name}:{line}: {what}" for rule in rules for line, what in rule]
    return found


if __name__ == "__main__":
    report(problems(sys.argv[1] if len(sys.argv) > 1 else "."))
