# SPDX-License-Identifier: Apache-2.0
"""Containers under the storage driver vfs, which copies the whole tree for each: made, run, exported, compared and committed by either."""
import functools
import os
import tarfile
import time

import pytest

import archives
from beside import field_differences
from boxes import box, why_not
from containers import CAPABILITY, host_python, make_containers
from engine import strata
from image_facts import folder_tree, tree_differences
from images import load_bytes
from peers import dockerd
from procs import copy_tree, mounts_below, new_dir, remove_tree
from roots import Root
from tars import Tar

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

VFS = ("--storage-driver", "vfs")
SCRIPT = "echo new > /etc/new; rm /etc/group; mkdir -p /a/b; echo x >> /etc/passwd; echo done"
NAMES = ["changed", "second", "untouched", "whiteouts", "sorted", "added", "kinds", "times"]
# Names that stand between that of a folder and what is in it; a folder that nothing happens in but for that.
SORTED = "cd /s; echo x > a/x; echo x > a.b/x; echo x > a-; echo x > a/b/c/x; echo x > e/.x; echo x > 'e x'; touch a.d/kept f/f"
ADDED = "mkdir -p /new/d; cd /new; echo 1 > one; ln one d/two; ln -s one s; chmod 4711 one; mkfifo p; touch /t/touched"
# Half a second more is no change; another second is.
TIMES = "import os; os.utime('/t/fraction', ns=(15 * 10**17 + 5 * 10**8,) * 2); os.utime('/t/touched', ns=(10**18,) * 2); open('/t/new', 'w').close()"
KINDS = "cd /k; rm -r dir to-fifo; mkfifo to-fifo; echo 1 > dir; rm file; mkdir file; echo 1 > file/x; rm link; ln -s b link; chown 5:6 owner"


def sorted_layer():
    tar = Tar()
    for folder in ("s", "s/a", "s/a.b", "s/a.c", "s/a.d", "s/a/b", "s/a/b/c", "s/e", "s/f", "t", "k", "k/dir", "k/to-fifo"):
        tar.dir(folder + "/")
    for file in ("s/a.c/old", "s/a.d/old", "s/a-old", "s/a.b.c", "s/e/old", "t/touched", "k/dir/x", "k/to-fifo/x", "k/file", "k/owner"):
        tar.file(file, b"12")
    return tar.add("t/fraction", data=b"", mtime=1_500_000_000).symlink("k/link", "a").bytes()


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


def test_layers_have_the_sizes_that_dockerd_gives_them(work):
    """There it adds up what the tar's headers say, and does not count the lengths of links."""
    image = archives.Image([sorted_layer(), Tar().file("a", b"123").hardlink("b", "a").symlink("c", "a-long-target").dir("d/").whiteout("k", "link").bytes()], ["s:1"])
    (work / "s.tar").write_bytes(archives.docker_2010(image))
    strata(work / "ours", *VFS, "load", "-i", work / "s.tar")
    with dockerd(work / "theirs", options=VFS) as docker:
        docker("load", "-i", work / "s.tar")
    sizes = [{c: Root(work / side).layer_file(c, "size") for c in Root(work / "theirs").layers()} for side in ("ours", "theirs")]
    assert sizes[0] == sizes[1] and len(sizes[0]) == 2


def ran(engine, work, who):
    """The same container by either: what it prints, and its tree."""
    out = engine("run", "--network", "none", "--name", "one", "-v", "/vol", "-w", "/made", "box:1", "sh", "-c", SCRIPT).out
    engine("export", "-o", work / f"{who}.tar", "one")
    return out, files(work / f"{who}.tar")


def assert_nothing_left(root):
    """Of layers and containers nothing but what is known lies there."""
    r = Root(root)
    known = {r.layer_file(chain, "cache-id") for chain in r.layers()}
    for container in r.mounts():
        known |= {r.mount_file(container, "mount-id"), r.mount_file(container, "init-id")}
    assert set(os.listdir(r.path / "vfs/dir")) == known
    assert os.listdir(r.path / "strata/staging") == []
    assert mounts_below(root) == []


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
    assert vfs("diff", "theirs").lines == ["A /two"]
    vfs("commit", "theirs", "three:1")
    assert vfs("rm", "-v", "ours", "theirs").lines == ["ours", "theirs"]
    assert_nothing_left(work / "root")
    with dockerd(work / "root", options=VFS) as docker:
        assert docker("ps", "-aq").out == ""
        assert docker("run", "--rm", "--network", "none", "three:1", "cat", "/one", "/two").out == "by strata\nby docker\n"
        docker("save", "-o", work / "three.tar", "three:1")


# ---- what docker says of a container, and what it makes of it ----------------------------------------------------

@pytest.fixture(scope="module")
def container_root():
    """A root of vfs with containers that a dockerd made; it has stopped. Tests copy it."""
    folder = new_dir("str-")
    with dockerd(folder / "root", options=VFS) as docker:
        make_containers(docker)
        load_bytes(docker, archives.docker_2010(box("sorted:1", layers=[sorted_layer()])))
        for name, script in (("sorted", SORTED), ("added", ADDED), ("kinds", KINDS)):
            docker("run", "--network", "none", "--name", name, "sorted:1", "sh", "-c", script)
        host_python(docker, "times", TIMES, image="sorted:1")
    yield folder / "root"
    remove_tree(folder)


@pytest.fixture(scope="module")
def docker_answers(container_root):
    folder = new_dir("str-")
    root = copy_tree(container_root, folder / "root")
    with dockerd(root, options=VFS) as docker:
        for name in NAMES:
            (folder / f"{name}.diff").write_text(docker("diff", name).out, errors="surrogateescape")
            docker("commit", "-a", "Some Body", "-m", "a message", name, f"{name}:c")
    yield folder
    remove_tree(folder)


@pytest.fixture
def root(container_root, work):
    return copy_tree(container_root, work / "root")


@pytest.mark.parametrize("name", NAMES)
def test_diff(container_root, docker_answers, name):
    ours = strata(container_root, "diff", name).out.encode(errors="surrogateescape").decode(errors="replace").splitlines()
    assert sorted(ours) == sorted((docker_answers / f"{name}.diff").read_text().splitlines())
    assert name == "untouched" or len(ours) > 2
    paths = [line[2:] for line in ours]
    assert name == "changed" or paths == sorted(paths)


def without_times_of_whiteouts(data):
    """docker's whiteouts have the time of the commit. The same bytes with none in their headers."""
    out = bytearray(data)
    at = 0
    while at + 512 <= len(out) and any(out[at:at + 512]):
        size = int(out[at + 124:at + 135], 8)
        path = bytes(out[at:at + 100]).rstrip(b"\0")
        if path.rpartition(b"/")[2].startswith(b".wh.") and size == 0 and int(out[at + 100:at + 107], 8) == 0:
            out[at + 136:at + 147] = b"0" * 11
            out[at + 148:at + 156] = b" " * 8
            out[at + 148:at + 156] = b"%06o\0 " % sum(out[at:at + 512])
        at += 512 + -(-size // 512) * 512
    return bytes(out)


@pytest.mark.parametrize("name", NAMES)
def test_commit_makes_the_layer_that_docker_makes(root, docker_answers, name):
    mounts = Root(root).mounts()
    ours_id = strata(root, "commit", "--as-docker", "20.10", "-a", "Some Body", "-m", "a message", name, f"{name}:c").out.strip()
    theirs, ours = Root(docker_answers / "root"), Root(root)
    theirs_id = theirs.references()[f"{name}:c"]
    assert ours.references()[f"{name}:c"] == ours_id
    if not any(line.startswith("D ") for line in (docker_answers / f"{name}.diff").read_text().splitlines()):
        assert ours.chain(ours_id) == theirs.chain(theirs_id)
    their_top, our_top = theirs.chain(theirs_id)[-1], ours.chain(ours_id)[-1]
    assert theirs.chain(theirs_id)[:-1] == ours.chain(ours_id)[:-1]
    if name != "whiteouts":  # of which docker can put no tar together, and makes folders that no member names 0600
        assert without_times_of_whiteouts(ours.layer_tar(our_top)) == without_times_of_whiteouts(theirs.layer_tar(their_top))
        assert tree_differences(folder_tree(theirs.layer_diff(their_top)), folder_tree(ours.layer_diff(our_top))) == []
    made_up = ("created", "docker_version", "history", "rootfs")
    assert field_differences({k: v for k, v in theirs.config(theirs_id).items() if k not in made_up},
                             {k: v for k, v in ours.config(ours_id).items() if k not in made_up}) == []
    assert ours.parent_of(ours_id) == theirs.parent_of(theirs_id)
    assert ours.mounts() == mounts
    assert_nothing_left(root)


def test_dockerd_takes_what_strata_committed(root, work):
    for name in ("changed", "sorted"):
        strata(root, "commit", name, f"{name}:c")
    with dockerd(root, options=VFS) as docker:
        docker("save", "-o", work / "both.tar", "changed:c", "sorted:c")
        out = docker("run", "--rm", "--network", "none", "--entrypoint", "/bin/cat", "changed:c", "/d/added").out
        docker("create", "--name", "again", "changed:c")
        assert docker("diff", "again").out == ""
    assert out == "new"
    assert strata(root, "diff", "again").out == ""
    cap = Root(root).layer_diff(Root(root).chain(Root(root).references()["changed:c"])[-1]) / "d/mode"
    assert os.getxattr(cap, "security.capability") == CAPABILITY


def test_what_is_written_within_a_second_is_not_lost(vfs):
    """docker's comparison takes a file of the same size and second for unchanged, so commit ends in another one."""
    image = "box:1"
    for number in range(3):
        vfs("run", "--name", f"c{number}", image, "sh", "-c", f"echo {number} > /f")
        image = f"step:{number}"
        vfs("commit", f"c{number}", image)
        assert vfs("diff", f"c{number}").lines == ["C /f" if number else "A /f"]
    assert vfs("run", "--rm", image, "cat", "/f").out == "2\n"


def test_a_container_that_runs(vfs):
    """Its files come and go while they are compared."""
    from boxes import running
    with running(vfs.args[0], *VFS, "run", "--name", "busy", "box:1", "sh", "-c",
                 "echo go; while :; do mkdir -p /x/y; echo 1 > /x/y/f; rm -r /x; done") as box_:
        assert box_.line() == "go\n"
        end = time.monotonic() + 3
        while time.monotonic() < end:
            assert set(vfs("diff", "busy").lines) <= {"A /x", "A /x/y", "A /x/y/f"}
        vfs("kill", "busy")


def test_a_file_that_cannot_be_read_leaves_nothing(vfs, work):
    """An error in the middle: what was staged goes."""
    vfs("run", "--name", "one", "box:1", "sh", "-c", "echo 1 > /a; mkdir '/.wh.'; echo 2 > /z")
    before = Root(work / "root").layers()
    refused = vfs("commit", "one", "one:1", check=False)
    assert refused.code == 1 and ".wh." in refused.err
    assert Root(work / "root").layers() == before and "one:1" not in Root(work / "root").references()
    assert_nothing_left(work / "root")
