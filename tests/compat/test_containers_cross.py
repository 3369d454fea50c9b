# SPDX-License-Identifier: Apache-2.0
"""Containers cross over: a dockerd goes on with those that strata made, and strata with those of a dockerd, however it ended."""
import json
import os
import signal
import tarfile
import time

import pytest

from boxes import Running, box, kill_after, why_not
from engine import strata
from peers import Daemon, dockerd
from procs import copy_tree, new_dir, remove_tree
from roots import Root, problems
from verbs import root_with

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

CHANGING = ("echo out; echo err >&2; echo new > /etc/new; rm /etc/group; mkdir -p /a/b; echo deep > /a/b/c; echo x >> /etc/passwd; "
            "echo kept > /vol/kept; chmod 700 /tmp; exit 7")


def make(engine):
    """The same containers by either: `created`, `ended`, and one with all kinds of options."""
    engine("create", "--network", "none", "--name", "created", "-l", "a=b", "box:1", "echo", "started")
    engine("run", "--network", "none", "--name", "ended", "-v", "/vol", "-v", "named:/n", "box:1", "sh", "-c", CHANGING, check=False)
    engine("create", "--network", "none", "--name", "rich", "-t", "-u", "app", "-w", "/made/there", "-e", "A=1", "-h", "called", "--read-only", "--tmpfs",
           "/t", "-v", "named:/n:ro", "--cap-add", "SYS_PTRACE", "--ulimit", "nofile=50", "box:1", "sh", "-c",
           "id -u; pwd; echo $A; hostname; ulimit -n; touch /x /t/y; cat /n/of-another")


@pytest.fixture(scope="module")
def ours_made():
    """A root with containers of strata's; one more was killed with all that ran it."""
    folder = new_dir("str-")
    root = root_with(folder / "root", box())
    make(lambda *words, **more: strata(root, *words, **more))
    one = Running(root, "run", "--name", "killed", "box:1", "sh", "-c", "echo begun; echo half > /half; sync; sleep 100")
    assert one.line() == "begun\n"
    time.sleep(0.2)
    kill_after(one.process, 0)
    (root / "volumes/named/_data/of-another").write_text("shared\n")
    yield root
    remove_tree(folder)


@pytest.fixture(scope="module")
def theirs_made():
    """A root with containers of a dockerd that was killed, and with it a container that ran."""
    folder = new_dir("str-")
    daemon = Daemon(root_with(folder / "root", box()))
    daemon.start()
    try:
        make(daemon)
        daemon("run", "-d", "--network", "none", "--name", "killed", "box:1", "sh", "-c", "echo begun; echo half > /half; sync; sleep 100")
        while "begun" not in daemon("logs", "killed").out:
            time.sleep(0.05)
        (daemon.root / "volumes/named/_data/of-another").write_text("shared\n")
        pid = int(daemon("inspect", "-f", "{{.State.Pid}}", "killed").out)
        daemon.kill()
        os.kill(pid, signal.SIGKILL)
    finally:
        daemon.stop()
    yield folder / "root"
    remove_tree(folder)


@pytest.fixture(params=["ours", "theirs"])
def made(request, work):
    """A copy of either root, and who made it."""
    return copy_tree(request.getfixturevalue(f"{request.param}_made"), work / "root")


NAMES = ["created", "ended", "rich", "killed"]


def listed(engine):
    lines = engine("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.Image}} {{.Command}} {{.State}} {{.Labels}} {{.Networks}}").lines
    lines += [" ".join(sorted(line.split(","))) for line in engine("ps", "-a", "--no-trunc", "--format", "{{.Mounts}}").lines]  # a map in Go
    status = engine("ps", "-a", "--format", "{{.Names}} {{.Status}}").lines
    return sorted(lines), sorted(line.partition(")")[0] for line in status if not line.startswith("killed"))


def files(file):
    with tarfile.open(file) as tar:
        return [(m.name, m.type, m.mode & 0o7777, m.uid, m.gid, m.size, m.mtime, m.linkname) for m in tar]


def told(engine, root, work, who):
    """What an engine says of the containers, without changing them; the layers that it commits are found by their tags."""
    found = {"listed": listed(engine)}
    for name in NAMES:
        found[f"{name}: diff"] = sorted(engine("diff", name).lines)
        logs = engine("logs", name)
        found[f"{name}: logs"] = (logs.out, logs.err)
        found[f"{name}: logs with times"] = engine("logs", "-t", name).out
        engine("export", "-o", work / f"{who}-{name}.tar", name)
        found[f"{name}: export"] = files(work / f"{who}-{name}.tar")
        state = json.loads(engine("inspect", name).out)[0]["State"]
        if name == "killed":  # nobody knows: 137 for strata, for a dockerd 255, or 0 if its containerd has never heard of it
            state["ExitCode"] = None
        found[f"{name}: state"] = {key: state[key] for key in ("Status", "Running", "ExitCode", "StartedAt", "Error")}
        engine("cp", f"{name}:/etc/passwd", work / f"{who}-{name}")
        found[f"{name}: a file"] = (work / f"{who}-{name}").read_text()
    return found


def ours(root):
    return lambda *words, **more: strata(root, *words, **more)


def test_both_say_the_same_of_them(made, work):
    copy = copy_tree(made, work / "copy")
    strata(copy, "create", "--name", "settles-what-was-killed", "box:1")
    strata(copy, "rm", "settles-what-was-killed")
    ours_told = told(ours(copy), copy, work, "ours")
    with dockerd(made) as docker:
        theirs_told = told(docker, made, work, "theirs")
    for name, value in theirs_told.items():
        assert ours_told[name] == value, name


def test_both_commit_the_same_layers(made, work):
    copy = copy_tree(made, work / "copy")
    for name in NAMES:
        strata(copy, "commit", "--as-docker", "20.10", name, f"{name}:c")
    with dockerd(made) as docker:
        for name in NAMES:
            docker("commit", name, f"{name}:c")
    a, b = Root(copy), Root(made)
    for name in NAMES:
        tag = f"{name}:c"
        assert a.chain(a.references()[tag]) == b.chain(b.references()[tag])
    assert problems(copy) == problems(made) == []


def goes_on(engine, work):
    """What a user does with containers that are there."""
    assert engine("start", "-a", "created").out == "started\n"
    again = engine("start", "-a", "ended", check=False)
    assert (again.code, again.out, again.err) == (7, "out\n", "err\nrm: can't remove '/etc/group': No such file or directory\n")
    assert engine("logs", "ended").out == "out\nout\n"
    rich = engine("start", "-a", "rich", check=False)
    assert rich.out.splitlines() == ["1000", "/made/there", "1", "called", "50", "touch: /x: Read-only file system", "shared"]
    (work / "in").write_text("copied in\n")
    engine("cp", work / "in", "killed:/copied")
    assert "A /copied" in engine("diff", "killed").lines and "A /half" in engine("diff", "killed").lines
    engine("commit", "killed", "saved:1")
    assert engine("run", "--rm", "--network", "none", "saved:1", "cat", "/half", "/copied").out == "half\ncopied in\n"
    assert engine("run", "--rm", "--network", "none", "-v", "named:/n", "box:1", "cat", "/n/of-another").out == "shared\n"
    assert engine("rm", "-v", *NAMES).lines == NAMES
    assert engine("ps", "-aq").out == ""


def test_a_dockerd_goes_on(made, work):
    with dockerd(made) as docker:
        goes_on(docker, work)
    assert problems(made) == []
    assert [name for name in os.listdir(made / "volumes") if len(name) == 64] == []


def test_strata_goes_on(made, work):
    goes_on(ours(made), work)
    assert problems(made) == []
    assert [name for name in os.listdir(made / "volumes") if len(name) == 64] == []
    with dockerd(made) as docker:
        assert docker("ps", "-aq").out == ""
        assert docker("run", "--rm", "--network", "none", "saved:1", "cat", "/half").out == "half\n"


def test_turn_by_turn(ours_made, work):
    """Each starts what the other has left, on and on; the files and the log grow."""
    root = copy_tree(ours_made, work / "root")
    words = ("create", "--network", "none", "--name", "turns", "box:1", "sh", "-c", "echo turn >> /turns; wc -l < /turns")
    strata(root, *words)
    for turn in range(4):
        if turn % 2:
            assert strata(root, "start", "-a", "turns").out == f"{turn + 1}\n"
        else:
            with dockerd(root) as docker:
                assert docker("start", "-a", "turns").out == f"{turn + 1}\n"
    assert strata(root, "logs", "turns").out == "1\n2\n3\n4\n"
    assert strata(root, "inspect", "-f", "{{.State.ExitCode}}", "turns").out == "0\n"
