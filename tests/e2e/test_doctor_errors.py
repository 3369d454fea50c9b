# SPDX-License-Identifier: Apache-2.0
"""Each system call of check, repair and recover fails once, or from there on.

check says what it says undisturbed, or what it could not read, or that it could not look: never "clean" about what it did not see, and no
damage where only its own files were too many. repair leaves the root no worse, everything that was in it is still somewhere in it, and the
next repair mends it. recover writes an archive as it would undisturbed, or says what was lost and why, or none.
"""
import json
import os
import re

import pytest

import mending
from deeds import NEW, Command, state_of
from engine import needs_strata_itself
from failing import fail_each_call
from mending import damage_contents, damage_names, damage_records, sound_place
from procs import remove_tree
from roots import problems, snapshot
from strikes import TEXTS, cannot_run
from verbs import unchanged

pytestmark = [pytest.mark.as_root, needs_strata_itself("a daemon has no doctor"), pytest.mark.needs(why_not=cannot_run)]
CLEAN, MENDED, LEFT, COULD_NOT = 0, 1, 4, 8


# ---- check ---------------------------------------------------------------------------------------------------------

def findings(text):
    return {(f["Kind"], f["Path"], f["Found"]) for f in json.loads(text)["Findings"]}


class Look(Command):
    def learn(self, work):
        place = self.place(work)
        done = self.do(place, check=False)
        self.code, self.findings = done.code, findings(done.out)
        self.before = snapshot(place / "root", skip=())
        remove_tree(place)


def judge_look(look, place, blow, error, turn):
    result, told = blow.result, TEXTS[error]
    assert snapshot(place / "root", skip=()) == look.before, "check wrote something"
    if result.code == COULD_NOT:
        assert re.search(told, result.err, re.I), "the error does not say so"
        return
    found = findings(result.out)
    failed = [f for f in found - look.findings if re.search(told, f[2], re.I)]
    made_up = found - look.findings - set(failed)
    assert not made_up, f"not wrong: {made_up}"
    if error == "EMFILE":
        assert not failed, f"not wrong: {failed}"
    blind = any(p.endswith("/tar-split.json.gz") for _, p, _ in failed)  # to the contents of one layer
    lost = {f for f in look.findings - found if not any(f[1] == p or f[1].startswith(p + "/") for _, p, _ in failed)
            and not (blind and f[0].startswith("file-"))}
    assert not lost, f"not seen: {lost}, and {failed or 'nothing'} could not be read"
    assert result.code == (look.code if not failed else LEFT)


@pytest.mark.parametrize("words", [(), ("--content",)], ids=["structure", "content"])
@pytest.mark.parametrize("damaged", [False, True], ids=["sound", "damaged"])
def test_check(work, damaged, words):
    start = sound_place(work)
    if damaged:
        damage_contents(start / "root")
        damage_records(start / "root")
        damage_names(start / "root")
    look = Look("check", start, ["check", "--format", "json", *words])
    look.learn(work)
    assert look.code == (LEFT if damaged else CLEAN)
    fail_each_call(look, work, judge_look, code=look.code)


# ---- repair --------------------------------------------------------------------------------------------------------

def judge_mend(mend, place, blow, error, turn):
    root, result = place / "root", blow.result
    told = re.search(TEXTS[error], result.err + result.out, re.I)
    if result.code == MENDED:
        assert state_of(root) == mend.sound and problems(root) == []
    else:
        assert result.code in (LEFT, COULD_NOT), "nothing was to be done?"
        assert told, "the error does not say so"
    mend.check_struck(place)
    mend.check_done_again(place)


@pytest.mark.parametrize("how", mending.NAMES)
def test_repair(work, how):
    fail_each_call(mending.make(how, work), work, judge_mend, code=MENDED)


# ---- recover -------------------------------------------------------------------------------------------------------

class Recover(Command):
    def learn(self, work):
        place = self.place(work)
        self.code = self.do(place, check=False).code
        self.archive = (place / "out/x.tar").read_bytes()
        remove_tree(place)


def judge_recover(recover, place, blow, error, turn):
    result, told = blow.result, TEXTS[error]
    if result.code == COULD_NOT:
        assert re.search(told, result.err, re.I), "the error does not say so"
        assert os.listdir(place / "out") == []
    else:
        assert os.listdir(place / "out") == ["x.tar"]
        as_it_would = (place / "out/x.tar").read_bytes() == recover.archive
        assert as_it_would or (error == "EIO" and re.search(told, result.err + result.out, re.I)), result
        assert result.code == (recover.code if as_it_would else LEFT)
    again = recover.do(place, check=False)
    assert again.code == recover.code and (place / "out/x.tar").read_bytes() == recover.archive
    assert os.listdir(place / "out") == ["x.tar"]


@pytest.mark.parametrize("damaged", [False, True], ids=["sound", "damaged"])
def test_recover(work, damaged):
    start = sound_place(work)
    if damaged:
        damage_contents(start / "root")
        damage_names(start / "root")
    recover = Recover("recover", start, ["recover", "{place}/root", "kept:1", NEW[0].id, "-o", "{place}/out/x.tar"])
    recover.learn(work)
    assert recover.code == (LEFT if damaged else CLEAN)
    with unchanged(start / "root"):
        fail_each_call(recover, work, judge_recover, code=recover.code)
