# SPDX-License-Identifier: Apache-2.0
"""Containers under the storage driver vfs, which copies the whole tree for each: made, run and exported by either."""
import functools
import tarfile

import pytest

import archives
from boxes import box, why_not
from engine import strata
from images import load_bytes
from peers import dockerd
from procs import mounts_below

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

VFS = ("--storage-driver", "vfs")
SCRIPT = "echo new > /etc/new; rm /etc/group; mkdir -p /a/b; echo x >> /etc/passwd; echo done"


@pytest.fixture
def vfs(work):
    """strata on a root of vfs with an image."""
    (work / "box.tar").write_bytes(archives.docker_2010(box()))
    engine = functools.partial(strata, work / "root", *VFS)
    engine("load", "-i", work / "box.tar")
    return engine


def files(file):
    with tarfile.open(file) as tar:
        return [(m.name, m.type, m.mode & 0o7777, m.uid, m.gid, m.size, m.linkname) for m in tar]


def ran(engine, work, who):
    """The same container by either: what it prints, and its tree."""
    out = engine("run", "--network", "none", "--name", "one", "-v", "/vol", "-w", "/made", "box:1", "sh", "-c", SCRIPT).out
    engine("export", "-o", work / f"{who}.tar", "one")
    return out, files(work / f"{who}.tar")


def test_as_docker_does_it(vfs, work):
    with dockerd(work / "theirs", options=VFS) as docker:
        load_bytes(docker, archives.docker_2010(box()))
        theirs = ran(docker, work, "theirs")
    assert ran(vfs, work, "ours") == theirs
    assert mounts_below(work) == []


def test_they_cross_over(vfs, work):
    vfs("run", "--name", "ours", "box:1", "sh", "-c", "echo by strata > /one")
    with dockerd(work / "root", options=VFS) as docker:
        assert docker("diff", "ours").lines == ["A /one"]
        docker("commit", "ours", "two:1")
        docker("run", "--network", "none", "--name", "theirs", "two:1", "sh", "-c", "cat /one; echo by docker > /two")
        docker("start", "-a", "ours")
    assert vfs("start", "-a", "theirs").out == "by strata\n"
    vfs("cp", "theirs:/two", work / "two")
    assert (work / "two").read_text() == "by docker\n"
    vfs("export", "-o", work / "theirs.tar", "theirs")
    assert {"one", "two"} <= {m[0] for m in files(work / "theirs.tar")}
    for words in (("commit", "theirs"), ("diff", "theirs")):
        refused = vfs(*words, check=False)
        assert refused.code == 1 and "vfs keeps no layer of a container apart" in refused.err
    assert vfs("rm", "-v", "ours", "theirs").lines == ["ours", "theirs"]
    with dockerd(work / "root", options=VFS) as docker:
        assert docker("ps", "-aq").out == ""
        assert docker("run", "--rm", "--network", "none", "two:1", "cat", "/one").out == "by strata\n"


def test_build_says_what_it_needs(vfs, work):
    (work / "context").mkdir()
    (work / "context/Dockerfile").write_text("FROM box:1\nCOPY Dockerfile /\nRUN true\n")
    refused = vfs("build", work / "context", check=False)
    assert refused.code == 1 and "use a root with overlay2" in refused.err
