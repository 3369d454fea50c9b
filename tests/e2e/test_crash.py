# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments of load, rmi and tag: the root is as before or as after, and the next run clears the rest.

STRATA_KILLS says how often (default 40 over all commands; 200 is the full run), STRATA_TEST_SEED repeats a run.
"""
import json
import random
import subprocess
import time

import pytest

import peers
from archives import Image, docker_2010
from engine import TRACED, binary, needs_strata_itself, strata
from procs import clean_env, copy_tree, remove_tree
from roots import Root, problems
from seeds import count, seed
from tars import Tar
from verbs import assert_holds, load, plain_layer

pytestmark = [pytest.mark.as_root, needs_strata_itself("a daemon is not killed with its client")]

# What a killed run may leave for the next one to clear: things that nothing names yet, or any more.
LEFTOVER = ("belongs to nothing", "used by nothing", "nobody knows", "leads nowhere", "metadata of unknown")
DOCKER_EVERY = 20


def busy_layer(name, files=150):
    tar = Tar().dir("d/")
    for i in range(files):
        tar.file(f"d/{name}-{i}", f"{name} {i}\n".encode() * 50)
    return tar.bytes()


BASE = busy_layer("base")
KEPT = Image([BASE, plain_layer("kept")], ["kept:1", "kept:2"])
NEW = [Image([BASE, busy_layer("one")], ["new:1"]), Image([BASE, busy_layer("one"), busy_layer("two"), busy_layer("three")], ["new:2", "n:3"]),
       Image([busy_layer("alone")], ["kept:2"])]


class Case:
    """One command, the root it starts from, and the states it may leave: {reference: image} before, and after."""

    def __init__(self, work, name):
        self.start = work / f"start-{name}"
        self.archive = work / "new.tar"
        self.archive.write_bytes(docker_2010(*NEW))
        load(self.start, docker_2010(KEPT), work=work)
        if name == "rmi":
            strata(self.start, "load", "-i", self.archive)
        self.words = {"load": ["load", "-i", self.archive], "rmi": ["rmi", "-f", "new:2", "n:3", "new:1", "kept:2"],
                      "tag": ["tag", "kept:1", "moved:1"]}[name]
        self.before = Root(self.start).references()
        finished = copy_tree(self.start, work / f"finished-{name}")
        started = time.monotonic()
        strata(finished, *self.words)
        self.seconds = time.monotonic() - started
        self.after = Root(finished).references()
        self.images = Root(self.start).images() | Root(finished).images()


def kill_at(root, words, seconds):
    process = subprocess.Popen([binary(), "--root", root, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=clean_env())
    time.sleep(seconds)
    process.kill()
    return process.wait() == -9


def check_consistent(case, root):
    serious = [line for line in problems(root, deep=False) if not any(word in line for word in LEFTOVER)]
    assert serious == []
    r = Root(root)
    assert r.images() <= case.images
    for ref, image in r.references().items():
        assert image in (case.before.get(ref), case.after.get(ref)), ref
    for ref in case.before.keys() & case.after.keys():
        assert ref in r.references(), f"{ref} is lost"
    assert len(strata(root, "images", "-q", "-a").lines) >= 1


def check_cleared(case, root):
    """The next run that writes leaves nothing behind of the killed one."""
    strata(root, "tag", "kept:1", "next:1")
    strata(root, "rmi", "next:1")
    assert problems(root) == []


def opened_by_docker(root):
    if peers.cannot_run():
        return
    with peers.dockerd(root) as docker:
        ids = set(docker("images", "-a", "-q", "--no-trunc").lines)
        assert ids == Root(root).images()
        for image in ids:
            assert json.loads(docker("image", "inspect", image).out)


@pytest.mark.parametrize("name", ["load", "rmi", "tag"])
def test_kill(work, name):
    choose, case = random.Random(f"{seed()} {name}"), Case(work, name)
    rounds = max(1, count("STRATA_KILLS", 40) // 3)
    killed = 0
    longest = case.seconds * 1.1  # follows how fast the machine is just now
    for turn in range(rounds):
        root = copy_tree(case.start, work / "root")
        at = choose.uniform(0, longest)
        was_killed = kill_at(root, case.words, at)
        killed += was_killed
        longest = longest * 1.1 if was_killed else min(longest, at * 1.2)
        where = f"{name} killed after {at:.4f} of {case.seconds:.4f} s (round {turn})"
        try:
            check_consistent(case, root)
            check_cleared(case, root)
            if turn % DOCKER_EVERY == DOCKER_EVERY - 1 or turn == rounds - 1:
                opened_by_docker(root)
        except AssertionError as e:
            raise AssertionError(f"{where}: {e}") from e
        strata(root, *case.words)  # what was killed can be done now, and ends as if nothing had been
        assert Root(root).references() == case.after
        assert problems(root, deep=turn % 10 == 0) == []
        remove_tree(root)
    assert killed >= rounds // 4, f"only {killed} of {rounds} were really killed while running"


@pytest.mark.parametrize("call", ["openat", "mkdirat", "renameat", "unlinkat", "fsync"])
@pytest.mark.parametrize("name", ["tag", "rmi"])
def test_killed_at_each_call(work, name, call):
    """Not by chance: strace kills the run as it enters the n-th call, for growing n until it gets through."""
    case = Case(work, name)
    for n in [*range(1, 12), *(int(11 * 1.3 ** i) for i in range(1, 24))]:
        root = copy_tree(case.start, work / "root")
        done = strata(root, *case.words, check=False, env=TRACED, prefix=["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
                                                                         "-e", f"inject={call}:signal=KILL:when={n}"])
        check_consistent(case, root)
        check_cleared(case, root)
        remove_tree(root)
        if done.code == 0:
            return
    pytest.fail("never got through")


def test_killed_ten_times_in_a_row(work):
    """One root that never gets peace: leftovers of several runs do not pile up or mix."""
    choose, case = random.Random(seed()), Case(work, "load")
    for _ in range(10):
        kill_at(case.start, case.words, choose.uniform(0, case.seconds))
        check_consistent(case, case.start)
    strata(case.start, *case.words)
    assert_holds(case.start, Image(KEPT.layers, ["kept:1"]), *NEW)
