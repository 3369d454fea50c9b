# SPDX-License-Identifier: Apache-2.0
"""A root that a command made goes again when nothing came into it: bad input leaves the machine as it was."""
import os
import signal
import subprocess
import time

import pytest

import archives
from engine import binary, needs_strata_itself, strata
from procs import clean_env
from roots import problems
from verbs import assert_holds, two_images

pytestmark = needs_strata_itself("the daemon makes its root when it starts")

GARBAGE = os.urandom(4000)


def whole():
    return archives.docker_2010(*two_images())


def cut():
    data = whole()
    return data[:len(data) * 2 // 3]


FAILURES = {
    "garbage from a file": (("load", "-i", "garbage"), None),
    "garbage from a pipe": (("load",), GARBAGE),
    "a cut archive from a file": (("load", "-i", "cut"), None),
    "a cut archive from a pipe": (("load",), "cut"),
    "no input": (("load",), b""),
    "pull of what cannot be had": (("pull", "localhost:1/no/image:1"), None),
    "pull from a host that is not there": (("pull", "ssh://localhost:1", "x"), None),
    "import of a URL that is not there": (("import", "http://localhost:1/x.tar", "x"), None),
    "import of garbage": (("import", "garbage", "x"), None),
    "build of a bad Dockerfile": (("build", "context"), None),
    "build of a bad Dockerfile from a pipe": (("build", "-"), b"NOPE\n"),
    "build of garbage": (("build", "-"), GARBAGE),
    "build on what cannot be had": (("build", "-f", "far", "context"), None),
    "check of a Dockerfile from a pipe": (("build", "--check", "-"), b"FROM scratch\nCOPY x y\n"),
    "create of what cannot be had": (("create", "localhost:1/no/image:1"), None),
    "run of what cannot be had": (("run", "localhost:1/no/image:1"), None),
}


def fill(work):
    (work / "garbage").write_bytes(GARBAGE)
    (work / "cut").write_bytes(cut())
    (work / "context").mkdir()
    (work / "context/Dockerfile").write_text("FROM scratch\nNOPE\n")
    (work / "far").write_text("FROM localhost:1/no/image:1\nCOPY . /\n")


@pytest.mark.parametrize("words, stdin", FAILURES.values(), ids=FAILURES.keys())
@pytest.mark.parametrize("place", ["root", "deep/er/root", "./root/", "there", "there/root"])
def test_a_command_that_stores_nothing_leaves_nothing(work, words, stdin, place):
    fill(work)
    (work / "there").mkdir()
    before = sorted(work.rglob("*"))
    result = strata(place, *words, stdin=cut() if stdin == "cut" else stdin, check=False, cwd=work)
    assert result.code != 0 or "--check" in words
    assert sorted(work.rglob("*")) == before


def test_not_when_something_came_into_it(work):
    """Nor when there was something before, be it nothing that strata knows."""
    fill(work)
    root = work / "root"
    (root / "own").mkdir(parents=True)
    strata(root, "load", "-i", work / "garbage", check=False)
    assert (root / "own").is_dir() and (root / "image").is_dir()
    other = work / "other"
    strata(other, "load", stdin=whole())
    before = sorted(other.rglob("*"))
    strata(other, "load", "-i", work / "garbage", check=False)
    assert sorted(other.rglob("*")) == before
    assert_holds(other, *two_images())


def start(root, *words, **more):
    return subprocess.Popen([binary(), "--root", str(root), *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=clean_env(), **more)


def test_not_while_somebody_else_uses_it(work):
    """One process made it and waits for its input; another finds it empty and fails; the first stores in it."""
    fill(work)
    root = work / "root"
    first = start(root, "load", stdin=subprocess.PIPE)
    while not (root / "strata/staging").is_dir() or not list((root / "strata/staging").iterdir()):
        time.sleep(0.01)
    strata(root, "load", "-i", work / "garbage", check=False)
    _, err = first.communicate(whole())
    assert first.returncode == 0, err
    assert_holds(root, *two_images())


def test_a_signal_leaves_nothing(work):
    root = work / "root"
    first = start(root, "load", stdin=subprocess.PIPE)
    while not root.is_dir() or not list(root.glob("strata/staging/*")):
        time.sleep(0.01)
    first.send_signal(signal.SIGTERM)
    first.communicate()
    assert first.returncode == 128 + signal.SIGTERM and not root.exists()


def test_a_crowd_of_failures_does_not_disturb_the_one_that_works(work):
    """The root comes and goes all the time, until something is stored in it."""
    fill(work)
    for i in range(15):
        root = work / f"root{i}"
        bad = [start(root, "load", "-i", work / "garbage", stdin=subprocess.DEVNULL) for _ in range(6)]
        good = start(root, "load", stdin=subprocess.PIPE)
        bad += [start(root, "load", "-i", work / "garbage", stdin=subprocess.DEVNULL) for _ in range(6)]
        _, err = good.communicate(whole())
        assert good.returncode == 0, err
        for each in bad:
            _, err = each.communicate()
            assert each.returncode == 1 and b"checksum" in err, err
        assert problems(root) == []
        assert_holds(root, *two_images())
