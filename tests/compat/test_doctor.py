# SPDX-License-Identifier: Apache-2.0
"""strata check on roots of dockerd: sound ones, and ones that were damaged in every way we know of (damage.py), singly and in pairs.

STRATA_DOCTOR_PAIRS pairs are tried (default 40), and dockerd is started on the damaged roots where it must refuse; with
STRATA_DOCTOR_STARTS=all it is started on every one.
"""
import itertools
import json
import os
import random

import pytest

import damage
from damage import DAMAGES, FATAL, Victim, can_be_paired, make_doctor_root
from engine import needs_strata_itself, strata
from peers import dockerd
from procs import ProgramFailed, copy_tree, new_dir, remove_tree
from roots import changes, snapshot

pytestmark = needs_strata_itself("it has no check")
PAIRS = int(os.environ.get("STRATA_DOCTOR_PAIRS", "40"))
STARTS = os.environ.get("STRATA_DOCTOR_STARTS", "")
SEED = int(os.environ.get("STRATA_TEST_SEED", "1"))


@pytest.fixture(scope="session")
def doctor_root():
    folder = new_dir("std-")
    yield make_doctor_root(folder / "root")
    remove_tree(folder)


@pytest.fixture
def root(doctor_root, work):
    return copy_tree(doctor_root, work / "root")


def check(root, *words):
    result = strata(root, "check", "--format", "json", *words, check=False, timeout=60)
    assert result.code in (0, 4), result
    report = json.loads(result.out)
    bad = report["Fatal"] + report["Errors"] + report["Warnings"]
    assert result.code == (4 if bad else 0), result
    return report


def found(root, *words):
    return sorted((f["Severity"], f["Kind"], f["Path"]) for f in check(root, *words)["Findings"])


def assert_finds(root, names):
    victim = Victim(root, seed=f"{SEED} {names}")
    expected = [tuple(e) for name in names for e in DAMAGES[name](victim)]
    assert found(root) == sorted(expected), names


def test_a_sound_root_has_no_findings(root):
    before = snapshot(root, skip=())
    report = check(root, "--content")
    assert report["Findings"] == []
    assert report["Images"] > 20 and report["Layers"] > 10 and report["Containers"] == 3
    assert changes(before, snapshot(root, skip=())) == []


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found_and_nothing_else(root, name):
    assert_finds(root, [name])
    if STARTS == "all" or name in FATAL:
        assert starts(root) == (name not in FATAL)


@pytest.mark.parametrize("number", range(PAIRS))
def test_two_damages_are_found_and_nothing_else(root, number):
    pairs = [p for p in itertools.combinations(sorted(DAMAGES), 2) if can_be_paired(*p)]
    assert_finds(root, random.Random(f"{SEED} {number}").choice(pairs))


def starts(root):
    try:
        with dockerd(root):
            return True
    except ProgramFailed:
        return False
