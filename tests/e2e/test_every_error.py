# SPDX-License-Identifier: Apache-2.0
"""Each system call of each command fails once, or from there on: an error that says so, nothing lost, nothing left.

A full disk, a spent quota, a broken disk, too many open files, a file system that turns read-only. By default STRATA_STRIKES calls
of each command and error are tried, one of each kind of step first (default 6); all with STRATA_EVERY_CALL=1.
"""
import os
import random
import re

import pytest

from deeds import host_for, keep, make, names, registry_host  # noqa: F401
from engine import needs_strata_itself
from procs import remove_tree
from seeds import count, seed
from strikes import TEXTS, calls, cannot_run, sample, strike

pytestmark = [pytest.mark.as_root, needs_strata_itself("a daemon has other faults"), pytest.mark.needs(why_not=cannot_run)]
EVERY = os.environ.get("STRATA_EVERY_CALL") == "1"


@pytest.mark.parametrize("name", names())
def test_failing_call(work, name, request):
    deed = make(name, work, host_for(name, request))
    choose = random.Random(f"{seed()} {name}")
    wrong = []
    for error in TEXTS:
        place = deed.place(work)
        lines = calls(place, deed.words(place), do=error, **deed.how())
        remove_tree(place)
        told = 0
        positions = sample(lines, None if EVERY else count("STRATA_STRIKES", 6), choose)
        for turn, at in enumerate(positions):
            # crun, where nothing below the root can be read any more, tries again for ever.
            on = turn % 3 == 2 and error != "EMFILE" and not (error == "EIO" and name in ("run", "build"))
            place = deed.place(work)
            blow = strike(place, deed.words(place), at, do=error, on=on, **deed.how())
            told += blow.result.code != 0
            try:
                judge(deed, place, blow, error, turn)
            except AssertionError as e:
                wrong.append(f"{error}{' from here on' if on else ''}, {blow.report.strip()} of {len(lines)}:\n{e}\n"
                             f"code {blow.result.code}: {blow.result.err}{keep(place)}")
            remove_tree(place)
        print(f"{name} {error}: {len(lines)} calls, {len(positions)} tried, told {told} times")
    assert not wrong, f"{len(wrong)} of {name}:\n\n" + "\n".join(wrong[:20])


def judge(deed, place, blow, error, turn):
    result, told = blow.result, re.search(TEXTS[error], blow.result.err, re.I)
    deed.check_struck(place)
    if result.code == 0:  # what failed does not matter for the result, or it is warned of
        deed.check_cleared(place)
        state = deed.state(place)
        assert deed.is_after(state) or (told and "WARNING" in result.err and state == deed.before)
    else:
        assert result.code in deed.codes
        assert told or "OCI runtime" in result.err, "the error does not say so"  # that one has its own words
    if turn % 2:
        deed.check_cleared(place)
        deed.check_state(place)
    deed.check_done_again(place, deep=turn % 5 == 0)
    deed.check_cleared(place)
