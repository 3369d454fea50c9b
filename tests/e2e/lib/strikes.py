# SPDX-License-Identifier: Apache-2.0
"""A run of strata that is struck at one of its system calls: by a kill, or by an error. tests/crash/strike does it.

    lines = calls(place, words)                     # what could be struck, in the order of one run
    blow = strike(place, words, at=57)              # killed before the 57th
    blow = strike(place, words, at=57, do="ENOSPC") # or that call fails
"""
import os
import pathlib
import platform
import re
from typing import NamedTuple

from engine import TRACED, binary
from procs import Result, clean_env, run

# What each error is called in messages.
TEXTS = {"ENOSPC": "no space left on device", "EDQUOT": "quota exceeded", "EIO": "input/output error",
         "EMFILE": "too many open files", "EROFS": "read-only file system"}
KILLED = 128 + 9


def program(name):
    folder = os.environ.get("STRATA_CRASH_TOOLS")
    return pathlib.Path(folder) / name if folder else pathlib.Path(binary()).parent / "tests/crash" / name


def not_built(name):
    """Why there is no such program, or None."""
    return None if os.access(program(name), os.X_OK) else f"{program(name)} is not built (build all, or set STRATA_CRASH_TOOLS)"


def cannot_run():
    """Why nothing can be struck here, or None."""
    return not_built("strike") if platform.machine() == "x86_64" else "strike traces x86-64 programs only"


class Blow(NamedTuple):
    """How a run ended that was to be struck. `report` names the call; it begins with "passed" if there were fewer calls."""
    result: Result
    report: str

    @property
    def struck(self):
        return self.report.startswith("struck")

    @property
    def killed(self):
        return self.struck and self.result.code == KILLED


def strike(place, words, at=0, do="kill", on=False, stdin=None, env=None, timeout=60):
    """Runs strata with `words`; counted are calls on files below the folder `place`. `on`: and all calls from there.
    A kill is of everything that runs then; errors only meet strata's own calls, not those of an OCI runtime.
    """
    report = pathlib.Path(f"{place}.report")
    done = run(program("strike"), "--below", place, "--report", report, "--do", do, "--at", at, *(["--on"] if on else []),
               *(["--only", pathlib.Path(binary()).name] if do != "kill" else []),
               "--", binary(), *words, check=False, stdin=stdin, timeout=timeout,
               env=clean_env(**TRACED, **(env or {})))
    assert done.code != 125 or "strike:" not in done.err, done
    text = report.read_text()
    report.unlink()
    return Blow(done, text)


def calls(place, words, do="kill", code=0, **more):
    """The calls of one undisturbed run, each as "57 renameat2 place/root/… by strata"; it must end with that code."""
    blow = strike(place, words, do=do, **more)
    assert blow.result.code == code, blow.result
    return blow.report.splitlines()


def kind_of(line):
    """A call's line without what is random in it: two of a kind are at the same step."""
    line = line.partition(" ")[2]
    return re.sub(r"[0-9a-f]{8,64}|[0-9A-F]{16}|[A-Z2-7]{26}|\d+", "*", line)


def sample(lines, count, choose):
    """Positions to strike: all if `count` is None, else so many, of as many kinds of calls as can be."""
    if count is None or count >= len(lines):
        return list(range(1, len(lines) + 1))
    kinds = {}
    for position, line in enumerate(lines, 1):
        kinds.setdefault(kind_of(line), []).append(position)
    chosen = [choose.choice(positions) for positions in kinds.values()]
    rest = sorted(set(range(1, len(lines) + 1)) - set(chosen))
    choose.shuffle(chosen)
    return sorted((chosen + choose.sample(rest, len(rest)))[:count])
