# SPDX-License-Identifier: Apache-2.0
"""A command whose system calls fail, one after the other, each with each error; a judge looks at every outcome.

By default STRATA_STRIKES calls of each command and error are tried, one of each kind of step first (default 5); all with
STRATA_EVERY_CALL=1. Every third error is for good: all calls from there fail.
"""
import os
import random

from deeds import keep
from engine import is_sanitized
from procs import remove_tree
from seeds import count, seed
from strikes import TEXTS, calls, sample, strike

EVERY = os.environ.get("STRATA_EVERY_CALL") == "1"


def is_of_a_sanitizer(blow):
    """That of undefined behaviour asks through a pipe of its own whether memory can be read, and takes an error for a no."""
    return is_sanitized() and " pipe2 " in blow.report


def fail_each_call(command, work, judge, code=0, strikes=5):
    """`code`: of the undisturbed run. judge(command, place, blow, error, turn) raises AssertionError."""
    choose = random.Random(f"{seed()} {command.name}")
    wrong = []
    for error in TEXTS:
        place = command.place(work)
        lines = calls(place, command.words(place), do=error, code=code, **command.how())
        remove_tree(place)
        told = 0
        positions = sample(lines, None if EVERY else count("STRATA_STRIKES", strikes), choose)
        for turn, at in enumerate(positions):
            on = turn % 3 == 2 and error != "EMFILE"
            place = command.place(work)
            blow = strike(place, command.words(place), at, do=error, on=on, **command.how())
            told += blow.result.code != code
            try:
                if not is_of_a_sanitizer(blow):
                    judge(command, place, blow, error, turn)
            except AssertionError as e:
                wrong.append(f"{error}{' from here on' if on else ''}, {blow.report.strip()} of {len(lines)}:\n{e}\n"
                             f"code {blow.result.code}: {blow.result.err}{keep(place)}")
            remove_tree(place)
        print(f"{command.name} {error}: {len(lines)} calls, {len(positions)} tried, told {told} times")
    assert not wrong, f"{len(wrong)} of {command.name}:\n\n" + "\n".join(wrong[:int(os.environ.get("W") or 20)])
