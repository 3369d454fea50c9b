# SPDX-License-Identifier: Apache-2.0
"""Each system call of each command fails once, or from there on: an error that says so, nothing lost, nothing left.

A full disk, a spent quota, a broken disk, too many open files, a file system that turns read-only. Which
calls are tried: lib/failing.py.
"""
import os
import re
import shutil

import pytest

import forgetful
from archives import Image, docker_2010
from deeds import host_for, keep, layer, make, names, registry_host  # noqa: F401
from engine import needs_strata_itself, strata
from failing import fail_each_call
from procs import remove_tree, run
from strikes import TEXTS, cannot_run
from verbs import assert_holds, assert_refused, load, plain_layer, unchanged

pytestmark = [pytest.mark.as_root, needs_strata_itself("a daemon has other faults"), pytest.mark.needs(why_not=cannot_run)]


@pytest.mark.parametrize("name", names())
def test_failing_call(work, name, request):
    fail_each_call(make(name, work, host_for(name, request)), work, judge)


def judge(deed, place, blow, error, turn):
    result, told = blow.result, re.search(TEXTS[error], blow.result.err, re.I)
    deed.check_struck(place)
    if result.code == 0:  # what failed does not matter for the result, or it is warned of
        deed.check_cleared(place)
        state = deed.state(place)
        assert deed.is_after(state) or (told and "WARNING" in result.err and state == deed.before)
    else:
        assert result.code in deed.codes
        assert told, "the error does not say so"
    if turn % 2:
        deed.check_cleared(place)
        deed.check_state(place)
    deed.check_done_again(place, deep=turn % 5 == 0)
    deed.check_cleared(place)


# ---- a full inode table ----------------------------------------------------------------------------------------

def few_inodes(kind, work, inodes):
    """A file system with room for bytes, but for so many files only."""
    (work / "small").mkdir()
    if kind == "tmpfs":
        run("mount", "-t", "tmpfs", "-o", f"size=64m,mode=755,nr_inodes={inodes}", "none", work / "small")
    else:
        run("truncate", "-s", "16M", work / "image")
        run("mkfs.ext4", "-q", "-F", "-N", inodes, "-O", "^has_journal", work / "image")
        run("mount", "-o", "loop", work / "image", work / "small")
    return work / "small/root"


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_full_inode_table(work, kind):
    if kind == "ext4" and forgetful.no_devices(kind):
        pytest.skip(forgetful.no_devices(kind))
    held, small = Image([plain_layer("held")], ["held:1"]), Image([plain_layer("small")], ["small:1"])
    root = few_inodes(kind, work, 128)
    load(root, docker_2010(held), work=work)
    for files in (60, 70, 80, 90, 200):  # the table is full early, or late
        with unchanged(root):
            refused = load(root, docker_2010(Image([layer("many", files)], ["many:1"])), work=work, check=False)
            if refused.code == 0:
                strata(root, "rmi", "many:1")
            else:
                assert_refused(refused, "no space left on device")
    assert refused.code == 1
    load(root, docker_2010(small), work=work)
    assert_holds(root, held, small)


FREE_INODES = (0, 1, 4, 12, 40)


def fill(folder, free):
    """Empty files until so many inodes are free."""
    (folder / "fill").mkdir(exist_ok=True)
    for i in range(os.statvfs(folder).f_ffree - free):
        (folder / f"fill/{i}").touch()


@pytest.mark.parametrize("name", names())
def test_full_inode_table_for(work, name, request):
    """Other commands, with so many inodes left: it is done, or the table is said to be full. What removes something needs a few: a lock,
    a folder and a journal."""
    deed = make(name, work, host_for(name, request))
    few_inodes("tmpfs", work, 4000)
    failed = 0
    for free in FREE_INODES:
        place = deed.place(work / "small")
        fill(work / "small", free)
        done = deed.do(place, check=False)
        shutil.rmtree(work / "small/fill")
        try:
            assert done.code == 0 or done.code in deed.codes and re.search(TEXTS["ENOSPC"], done.err, re.I), done
            deed.check_struck(place)
            deed.check_cleared(place)
            deed.check_state(place)
            assert done.code != 0 or deed.is_after(deed.state(place))
            deed.check_done_again(place, deep=free == FREE_INODES[-1])
        except AssertionError as e:
            raise AssertionError(f"{name}, {free} inodes free, the place is {keep(place)}: {done}: {e}") from e
        failed += done.code != 0
        remove_tree(place)
    print(f"{name}: failed {failed} of {len(FREE_INODES)} times")
    assert 1 <= failed <= (3 if name in ("rmi", "prune", "rm") else len(FREE_INODES))
