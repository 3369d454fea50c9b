# SPDX-License-Identifier: Apache-2.0
"""Each command is killed at its system calls that change the disk: the root is as before or as after, and nothing stays.

By default STRATA_STRIKES calls of each command are tried, one of each kind of step first (default 18); all with STRATA_EVERY_CALL=1.
"""
import contextlib
import fcntl
import os
import random

import pytest

import mending
import peers
import registries
from deeds import MAKERS, host_for, keep, make, names, registry_host  # noqa: F401
from engine import needs_strata_itself
from procs import remove_tree, run
from roots import Root, snapshot
from seeds import count, seed
from strikes import calls, cannot_run, sample, strike

pytestmark = [pytest.mark.as_root, needs_strata_itself("a daemon is not killed with its client"), pytest.mark.needs(why_not=cannot_run)]
EVERY = os.environ.get("STRATA_EVERY_CALL") == "1"
DOCKER_EVERY = 40 if EVERY else 0
DOCKER_AT_END = MAKERS.keys() if EVERY else ("load", "rmi", "commit")


def opened_by_docker(root):
    """As the blow left it: no run of strata in between."""
    if peers.cannot_run():
        return
    references = Root(root).references()
    with peers.dockerd(root) as docker:
        for reference, image in references.items():
            assert docker("image", "inspect", "--format", "{{.Id}}", reference).out.strip() == image


@pytest.mark.parametrize("name", names())
def test_killed(work, name, request):
    deed = make(name, work, host_for(name, request))
    choose = random.Random(f"{seed()} {name}")
    place = deed.place(work)
    lines = calls(place, deed.words(place), **deed.how())
    remove_tree(place)
    positions = sample(lines, None if EVERY else count("STRATA_STRIKES", 18), choose)
    killed = 0
    for turn, at in enumerate(positions):
        place = deed.place(work)
        blow = strike(place, deed.words(place), at, **deed.how())
        killed += blow.killed
        try:
            judge(deed, place, turn)
            last = turn == len(positions) - 1 and name in DOCKER_AT_END
            if last or (DOCKER_EVERY and turn % DOCKER_EVERY == 0):
                place = deed.place(work)
                strike(place, deed.words(place), at, **deed.how())
                opened_by_docker(place / "root")
        except AssertionError as e:
            raise AssertionError(f"{name}, {blow.report.strip()} of {len(lines)}, the place is {keep(place)}: {e}") from e
        remove_tree(place)
    print(f"{name}: {len(lines)} calls, killed at {killed}")
    assert killed >= len(positions) * 0.9 - 1, f"only {killed} of {len(positions)} were killed"


def judge(deed, place, turn):
    deed.check_struck(place)
    if turn % 2:  # another command comes first
        deed.check_cleared(place)
        deed.check_state(place)
    deed.check_done_again(place, deep=turn % 5 == 0)
    deed.check_cleared(place)


@pytest.mark.needs(why_not=registries.cannot_run)
def test_killed_pull_behind_its_publishing(work, registry_host):
    """The image is here, and so are its blobs: the next pull removes them, without asking for more than a digest, and none that is claimed."""
    deed = make("pull", work, registry_host)
    place = deed.place(work)
    lines = calls(place, deed.words(place), **deed.how())
    remove_tree(place)
    published = max(at for at, line in enumerate(lines, 1) if "rename" in line and "repositories.json" in line)
    for turn, at in enumerate(range(published + 1, len(lines) + 1)):
        place = deed.place(work)
        blow = strike(place, deed.words(place), at, **deed.how())
        assert blow.killed and deed.is_after(deed.state(place)), blow
        folder = place / "root/strata/blobs"
        left = sorted(folder.glob("?" * 64))
        if left:
            mine = left[turn % len(left)]
            with open(mine, "rb") as claimed:  # as whoever downloads it now does
                fcntl.flock(claimed, fcntl.LOCK_SH)
                deed.do(place)
            assert sorted(folder.glob("?" * 64)) == [mine], blow.report
        deed.check_done_again(place)
        assert os.listdir(folder) == [], blow.report
        remove_tree(place)
    assert published < len(lines)


@pytest.mark.parametrize("how", mending.NAMES)
def test_killed_repair(work, how):
    """It goes on where it stopped, and heals what it would have healed."""
    mend = mending.make(how, work)
    choose = random.Random(f"{seed()} {mend.name}")
    place = mend.place(work)
    lines = calls(place, mend.words(place), code=1)
    mend.check_struck(place)
    remove_tree(place)
    killed = 0
    for at in sample(lines, None if EVERY else count("STRATA_STRIKES", 12), choose):
        place = mend.place(work)
        blow = strike(place, mend.words(place), at)
        killed += blow.killed
        try:
            mend.check_struck(place)
            mend.check_done_again(place)
        except AssertionError as e:
            raise AssertionError(f"repair, {blow.report.strip()} of {len(lines)}, the place is {keep(place)}: {e}") from e
        remove_tree(place)
    print(f"{mend.name}: {len(lines)} calls, killed at {killed}")
    assert killed


@contextlib.contextmanager
def layers_on_another_disk(mend, work):
    place = mend.place(work)
    layers = place / "root/overlay2"
    run("mount", "-t", "tmpfs", "-o", "mode=710", "none", layers)
    try:
        run("cp", "-a", f"{mend.start}/root/overlay2/.", layers)
        yield place
    finally:
        run("umount", layers)
        remove_tree(place)


def test_killed_repair_of_another_disk(work):
    """There nothing can come by rename from the root; what is written beside is gone when the next repair is done."""
    start = mending.sound_place(work)
    paths = set(snapshot(start / "root/overlay2"))
    mend = mending.Mend("repair of another disk", start, ["repair", "--yes"], [mending.damage_links])
    with layers_on_another_disk(mend, work) as place:
        lines = calls(place, mend.words(place), code=1)
    killed = 0
    for at in range(1, len(lines) + 1):
        with layers_on_another_disk(mend, work) as place:
            blow = strike(place, mend.words(place), at)
            killed += blow.killed
            mend.check_done_again(place)
            assert set(snapshot(place / "root/overlay2")) == paths, blow.report
    print(f"{mend.name}: {len(lines)} calls, killed at {killed}")
    assert killed > len(lines) / 2
