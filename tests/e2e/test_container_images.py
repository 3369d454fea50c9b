# SPDX-License-Identifier: Apache-2.0
"""commit, diff, export and import by strata alone: full disks, kills, bad input, readers that go away, other drivers and users."""
import gzip
import os
import random
import re
import shutil
import subprocess
import tarfile
import time

import pytest

from archives import Image, docker_2010
from engine import binary, needs_strata_itself, strata
from procs import clean_env, copy_tree, new_dir, remove_tree, run
from roots import Root, problems
from seeds import count, seed
from tars import Tar
from verbs import assert_refused, load, plain_layer, unchanged

pytestmark = [pytest.mark.as_root, needs_strata_itself("a daemon keeps its containers in memory")]
BASE = Image([plain_layer("base"), plain_layer("top")], ["base:1"])
LEFTOVER = ("belongs to nothing", "used by nothing", "nobody knows", "leads nowhere", "metadata of unknown")
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def upper_of(root, name="box"):
    container = strata(root, "ps", "-aq", "--no-trunc", "--filter", f"name={name}").out.strip()
    return root / "overlay2" / Root(root).mount_file(container, "mount-id") / "diff"


def write_files(upper, files=40, size=20_000):
    """What a program in the container would have left."""
    (upper / "d").mkdir(exist_ok=True)
    for i in range(files):
        (upper / f"d/{i}").write_bytes(os.urandom(size))
    os.mknod(upper / "d/base", 0o20000, 0)  # a file of the image is gone
    os.symlink("0", upper / "d/link")


@pytest.fixture(scope="module")
def made():
    folder = new_dir("str-")
    load(folder / "root", docker_2010(BASE))
    strata(folder / "root", "create", "--name", "box", "base:1", "/none")
    write_files(upper_of(folder / "root"))
    yield folder / "root"
    remove_tree(folder)


@pytest.fixture
def root(made, work):
    return copy_tree(made, work / "root")


def small_tar(files=40, size=20_000):
    tar, choose = Tar().dir("d/"), random.Random("small tar")
    for i in range(files):
        tar.file(f"d/{i}", choose.randbytes(size))
    return tar.bytes()


def test_a_commit_has_what_the_container_has(root, work):
    image = strata(root, "commit", "-m", "why", "-a", "who", "box", "new:1").out.strip()
    assert problems(root) == []
    strata(root, "export", "-o", work / "container.tar", "box")
    strata(root, "export", "--image", "-o", work / "image.tar", "new:1")
    with tarfile.open(work / "container.tar") as a, tarfile.open(work / "image.tar") as b:
        ours = [(m.name, m.type, m.size, m.mode) for m in a if m.name in b.getnames()]
        assert ours == [(m.name, m.type, m.size, m.mode) for m in b]
        assert "d/base" not in b.getnames() and "d/top" in b.getnames() and "d/7" in b.getnames()
    step = Root(root).config(image)["history"][-1]
    assert (step["comment"], step["author"], step["created_by"]) == ("why", "who", "/none")
    assert strata(root, "diff", "box").lines[:3] == ["C /d", "A /d/0", "A /d/1"]


def test_the_same_container_gives_the_same_layer(root):
    chains = {Root(root).chain(strata(root, "--jobs", jobs, "commit", "box").out.strip())[-1] for jobs in ("1", "2", "16")}
    assert len(chains) == 1


def test_a_container_that_wrote_nothing_gives_no_layer(root):
    strata(root, "create", "--name", "idle", "base:1", "/none")
    image = strata(root, "commit", "idle").out.strip()
    assert Root(root).chain(image) == Root(root).chain(BASE.id)
    assert Root(root).config(image)["history"][-1]["empty_layer"] is True


def test_a_layer_too_many(work):
    root = work / "root"
    load(root, docker_2010(Image([plain_layer(str(i)) for i in range(125)], ["deep:1"])))
    strata(root, "create", "--name", "deep", "deep:1", "/none")
    write_files(upper_of(root, "deep"), files=1)
    with unchanged(root):
        assert_refused(strata(root, "commit", "deep", check=False), "max depth exceeded")
    assert strata(root, "diff", "deep").lines == ["C /d", "C /d/0", "A /d/link"]


# ---- faults ----------------------------------------------------------------------------------------------------

@pytest.fixture
def full_disk(made, work):
    """A copy of the root on a file system with 300 KiB left."""
    (work / "small").mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=3m,mode=755", "none", work / "small")
    copy_tree(made, work / "small/root")
    free = os.statvfs(work / "small").f_bavail * os.statvfs(work / "small").f_bsize
    (work / "small/filler").write_bytes(bytes(free - 300_000))
    return work / "small/root"


def test_commit_on_a_full_disk(full_disk):
    with unchanged(full_disk):
        assert_refused(strata(full_disk, "commit", "box", "new:1", check=False), "no space left")
    (full_disk.parent / "filler").unlink()
    strata(full_disk, "commit", "box", "new:1")
    assert problems(full_disk) == []


def test_import_on_a_full_disk(full_disk):
    with unchanged(full_disk):
        assert_refused(strata(full_disk, "import", "-", "new:1", stdin=small_tar(), check=False), "no space left")
    assert problems(full_disk) == []


def test_export_to_a_full_disk(root, work):
    (work / "small").mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=200k", "none", work / "small")
    assert_refused(strata(root, "export", "-o", work / "small/out.tar", "box", check=False), "no space left")
    assert os.listdir(work / "small") == []


@pytest.mark.parametrize("words", [["box"], ["--image", "base:1"]])
def test_export_whose_reader_goes_away(root, words):
    process = subprocess.Popen([binary(), "--root", root, "export", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=clean_env())
    process.stdout.read(10)
    process.stdout.close()
    process.wait(20)


def test_export_keeps_an_old_file_until_the_new_one_is_complete(root, work):
    (work / "out.tar").write_text("old")
    assert_refused(strata(root, "export", "-o", work / "out.tar", "nope", check=False), "No such container")
    assert_refused(strata(root, "export", "--image", "-o", work / "out.tar", "nope:1", check=False), "No such image")
    assert (work / "out.tar").read_text() == "old"
    strata(root, "export", "-o", work / "out.tar", "box")
    assert tarfile.is_tarfile(work / "out.tar")


@pytest.mark.parametrize("name", ["commit", "import"])
def test_killed_at_any_moment(root, work, name):
    choose = random.Random(f"{seed()} {name}")
    (work / "x.tar").write_bytes(small_tar(files=150))
    if name == "commit":
        remove_tree(upper_of(root) / "d")
        write_files(upper_of(root), files=150)
    words = {"commit": ["commit", "box", "new:1"], "import": ["import", work / "x.tar", "new:1"]}[name]
    start = copy_tree(root, work / "start")
    began = time.monotonic()
    strata(root, *words)
    longest = (time.monotonic() - began) * 1.1
    layers = Root(root).layers()
    rounds, killed = max(1, count("STRATA_KILLS", 40) // 3), 0
    for turn in range(rounds):
        again = copy_tree(start, work / "again")
        process = subprocess.Popen([binary(), "--root", again, *map(str, words)], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env=clean_env())
        time.sleep(choose.uniform(0, longest))
        process.kill()
        killed += process.wait() == -9
        r = Root(again)
        assert [p for p in problems(again, deep=False) if not any(word in p for word in LEFTOVER)] == [], f"round {turn}"
        assert set(r.references()) <= {"base:1", "new:1"} and r.layers() <= layers
        strata(again, "tag", "base:1", "next:1")  # the next one clears
        assert problems(again) == [], f"round {turn}"
        strata(again, *words)
        assert Root(again).layers() == layers
        remove_tree(again)
    assert killed >= rounds // 4, f"only {killed} of {rounds} were really killed while running"


# ---- what comes in ---------------------------------------------------------------------------------------------

PACKED = gzip.compress(small_tar())
BAD = {
    "no tar": (b"junk " * 500, "invalid tar header"),
    "half a header": (small_tar()[:300], "unexpected EOF"),
    "half a file": (small_tar()[:5000], "unexpected EOF"),
    "a cut gzip": (PACKED[:len(PACKED) // 2], "gzip: unexpected EOF"),
    "a damaged gzip": (PACKED[:1000] + b"\xff" * 50 + PACKED[1050:], "gzip|invalid tar header"),
    "out of the root": (Tar().file("../x", b"x").bytes(), "outside"),
    "a link to nothing": (Tar().hardlink("a", "b").bytes(), "a"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_import_leaves_nothing(root, name):
    data, words = BAD[name]
    with unchanged(root):
        assert_refused(strata(root, "import", "-", "new:1", stdin=data, check=False), words)
    assert problems(root) == []


@pytest.mark.parametrize("words", [["import", "-c", "RUN x", "-"], ["import", "--platform", "a/b/c/d", "-"], ["commit", "-c", "ENV a", "box"],
                                   ["commit", "box", "UPPER"], ["commit", "box", "x@sha256:" + "0" * 64], ["import", "-", ":1"]],
                         ids=lambda w: " ".join(w[:3]))
def test_refused_before_anything_is_read(root, words):
    with unchanged(root):
        assert strata(root, *words, stdin=small_tar(), check=False).code == 1


def test_import_makes_a_root(work):
    image = strata(work / "new", "import", "--platform", "linux/arm64/v8", "-c", "CMD x", "-", "i:1", stdin=small_tar()).out.strip()
    config = Root(work / "new").config(image)
    assert (config["architecture"], config["os"], config["config"]["Cmd"]) == ("arm64", "linux", ["/bin/sh", "-c", "x"])
    assert problems(work / "new") == []


# ---- damage, drivers, users ------------------------------------------------------------------------------------

def test_damaged_containers(root):
    container = next((root / "containers").iterdir())
    mounts = root / "image/overlay2/layerdb/mounts" / container.name
    (mounts / "mount-id").rename(mounts / "aside")
    for command in ("diff", "commit", "export"):
        assert_refused(strata(root, command, "box", check=False), "writable layer")
    (mounts / "aside").rename(mounts / "mount-id")
    upper = upper_of(root)
    upper.rename(upper.parent / "aside")
    assert_refused(strata(root, "commit", "box", check=False), "no such file")
    (upper.parent / "aside").rename(upper)
    (container / "config.v2.json").write_text("{")
    assert_refused(strata(root, "commit", container.name, check=False), "config.v2.json", "unexpected end of JSON")


def test_redirects_are_not_misunderstood(root):
    """What overlayfs with redirect_dir or metacopy leaves means nothing without its mount."""
    upper = upper_of(root)
    os.setxattr(upper / "d", "trusted.overlay.redirect", b"/elsewhere")
    with unchanged(root):
        assert_refused(strata(root, "commit", "box", check=False), "redirect_dir=off")


def test_an_image_of_a_root_of_vfs_is_exported(work):
    root = work / "root"
    image = strata(root, "--storage-driver", "vfs", "import", "-", "i:1", stdin=small_tar(files=3)).out.strip()
    strata(root, "export", "--image", "-o", work / "out.tar", image)
    assert sorted(tarfile.open(work / "out.tar").getnames()) == ["d", "d/0", "d/1", "d/2"]


def test_not_root_in_a_root_of_its_own(work, monkeypatch):
    work.chmod(0o755)
    shutil.copy(binary(), work / "strata")
    monkeypatch.setenv("STRATA_BIN", str(work / "strata"))
    (work / "own").mkdir()
    os.chown(work / "own", 65534, 65534)
    root = work / "own/root"
    tar = Tar().dir("d/").file("d/a", b"a", uid=5).dir("e/").whiteout("e", "x").opaque("d").bytes()
    strata(root, "import", "-", "i:1", stdin=tar, prefix=NOBODY)
    exported = subprocess.run([*NOBODY, work / "strata", "--root", root, "export", "--image", "i:1"], stdout=subprocess.PIPE,
                              env=clean_env(), check=True).stdout
    (work / "out.tar").write_bytes(exported)
    assert tarfile.open(work / "out.tar").getnames() == ["d", "d/a", "e"]


# ---- a container that runs -------------------------------------------------------------------------------------

def test_a_running_container_stands_still_meanwhile(work):
    if not shutil.which("crun") and not shutil.which("runc"):
        pytest.skip("no OCI runtime (Debian: crun)")
    from images import runnable
    root = work / "root"
    load(root, docker_2010(runnable("busy:1")))
    process = subprocess.Popen([binary(), "--root", root, "run", "--name", "writer", "--network", "none", "busy:1", "/bin/sh", "-c",
                                "while true; do echo 12345678 >> /log; done"], stdin=subprocess.DEVNULL, env=clean_env())
    try:
        for _ in range(200):
            if "writer" in strata(root, "ps", "--format", "{{.Names}}").lines and (upper_of(root, "writer") / "log").exists():
                break
            time.sleep(0.05)
        done = strata(root, "commit", "writer", check=False)
        if "no cgroup of its own" in done.err:
            pytest.skip("no cgroups here")
        assert done.code == 0, done
        log = (Root(root).layer_diff(Root(root).chain(done.out.strip())[-1]) / "log").read_bytes()
        assert re.fullmatch(rb"(12345678\n)+", log)
        time.sleep(0.1)
        assert (upper_of(root, "writer") / "log").stat().st_size > len(log)
        assert process.poll() is None
    finally:
        strata(root, "kill", "writer", check=False)
        process.wait(20)
    assert problems(root) == []
