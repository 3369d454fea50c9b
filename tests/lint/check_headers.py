#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every header compiles alone.

Where x.cc includes its x.h before anything else, the build has shown it already; only the other headers are compiled.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess

from sources import files_below, report

FIRST_INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.MULTILINE)


def shown_by_build(root, header):
    source = header.with_suffix(".cc")
    if not source.exists():
        return False
    first = FIRST_INCLUDE.search(source.read_text(errors="replace"))
    return bool(first) and first.group(1) == str(header.relative_to(root / "src"))


def compile_alone(root, header):
    command = [os.environ.get("CXX", "g++"), "-std=c++20", "-fsyntax-only", "-D_FILE_OFFSET_BITS=64",
               '-DSTRATA_VERSION="0"', f"-I{root / 'src'}", "-x", "c++", "-"]
    name = header.relative_to(root / "src")
    done = subprocess.run(command, input=f'#include "{name}"\n', capture_output=True, text=True)
    if done.returncode == 0:
        return None
    first_error = next((line for line in done.stderr.splitlines() if "error:" in line), done.stderr.strip())
    return f"src/{name}: does not compile alone: {first_error}"


def problems(root):
    root = pathlib.Path(root).resolve()
    headers = [h for h in files_below(root, ".h") if not shown_by_build(root, h)]
    with concurrent.futures.ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        return [p for p in pool.map(lambda header: compile_alone(root, header), headers) if p]


if __name__ == "__main__":
    report(problems("."))
