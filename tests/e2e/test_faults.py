# SPDX-License-Identifier: Apache-2.0
"""A full disk, no permission, not root, Ctrl-C, a reader that goes away, damage on disk: told clearly, nothing left behind."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

import archives
from archives import Image, docker_2010
from engine import TRACED, binary, needs_strata_itself, strata
from procs import clean_env, copy_tree, run
from roots import Root, problems, snapshot
from verbs import assert_holds, assert_refused, load, plain_layer, root_with, two_images, unchanged

pytestmark = [pytest.mark.as_root, needs_strata_itself("a daemon has other faults")]
HELD = Image([plain_layer("held")], ["held:1"])
BIG = Image([plain_layer("big", os.urandom(1 << 20) * 8), plain_layer("top")], ["big:1"])
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


@pytest.fixture
def root(work):
    return root_with(work / "root", HELD)


@pytest.fixture
def full_disk(work):
    """A root on a file system of 4 MiB that holds one image."""
    (work / "small").mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "none", work / "small")
    load(work / "small/root", docker_2010(HELD), work=work)
    return work / "small/root"


@pytest.mark.parametrize("how", ["file", "pipe"])
def test_load_on_a_full_disk(full_disk, work, how):
    with unchanged(full_disk):
        assert_refused(load(full_disk, docker_2010(BIG), how, work=work, check=False), "no space left")
    small = Image([plain_layer("small")], ["small:1"])
    load(full_disk, docker_2010(small), work=work)
    assert_holds(full_disk, HELD, small)


def fill(folder):
    with open(folder / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
        while filler.write(bytes(4096)):
            pass


def test_rmi_on_a_full_disk(full_disk):
    fill(full_disk.parent)
    with unchanged(full_disk):
        for words, way_out in (["rmi", "held:1"], "image prune"), (["image", "prune", "-a", "-f"], "repair --purge"):
            assert_refused(strata(full_disk, *words, check=False), f"No space left on device: the disk of {full_disk} is full, .*{way_out}")
    (full_disk.parent / "filler").unlink()
    strata(full_disk, "rmi", "held:1")
    assert_holds(full_disk)


def test_prune_makes_room_for_itself(full_disk):
    """What a pull left goes first, and without a journal."""
    blobs = full_disk / "strata/blobs"
    blobs.mkdir(exist_ok=True)
    (blobs / ("0" * 64)).write_bytes(bytes(200_000))
    fill(full_disk.parent)
    pruned = strata(full_disk, "image", "prune", "-a", "-f")
    assert "untagged: held:1" in pruned.lines and os.listdir(blobs) == []
    assert_holds(full_disk)


def test_tag_on_a_full_disk(full_disk):
    fill(full_disk.parent)
    before = Root(full_disk).references()
    result = strata(full_disk, "tag", "held:1", "held:2", check=False)
    if result.code != 0:  # a few bytes may still find room
        assert_refused(result, "no space left")
        assert Root(full_disk).references() == before
    (full_disk.parent / "filler").unlink()
    strata(full_disk, "tag", "held:1", "held:3")
    assert problems(full_disk) == []


def test_save_to_a_full_disk(root, work):
    load(root, docker_2010(BIG))
    (work / "small").mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=1m", "none", work / "small")
    assert_refused(strata(root, "save", "-o", work / "small/out.tar", "big:1", check=False), "no space left")
    assert os.listdir(work / "small") == []
    with open("/dev/full", "wb") as full:
        done = subprocess.run([binary(), "--root", root, "save", "big:1"], stdout=full, stderr=subprocess.PIPE, env=clean_env())
    assert done.returncode == 1 and b"space" in done.stderr


@pytest.mark.parametrize("words", [["images"], ["info"], ["inspect", "held:1"]])
def test_lists_to_a_full_disk(root, words):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([binary(), "--root", root, *words], stdout=full, stderr=subprocess.PIPE, env=clean_env())
    assert done.returncode == 1 and done.stderr


# ---- permissions -----------------------------------------------------------------------------------------------

@pytest.fixture
def for_nobody(work, monkeypatch):
    """Everything on the way to the program and the archive is open to everybody."""
    work.chmod(0o755)
    shutil.copy(binary(), work / "strata")
    monkeypatch.setenv("STRATA_BIN", str(work / "strata"))
    (work / "archive.tar").write_bytes(docker_2010(HELD))
    return work


@pytest.mark.parametrize("words", [["images"], ["tag", "held:1", "x:1"], ["rmi", "held:1"], ["save", "held:1", "-o", "/dev/null"],
                                   ["load", "-i", "archive.tar"]], ids=lambda w: w[0])
def test_a_root_without_permission(root, for_nobody, words):
    with unchanged(root):
        assert_refused(strata(root, *words, check=False, prefix=NOBODY, cwd=for_nobody), "permission denied", str(root))


def test_an_unreadable_archive(for_nobody):
    (for_nobody / "own").mkdir()
    os.chown(for_nobody / "own", 65534, 65534)
    (for_nobody / "archive.tar").chmod(0o600)
    refused = strata(for_nobody / "own/root", "load", "-i", for_nobody / "archive.tar", check=False, prefix=NOBODY)
    assert_refused(refused, "permission denied", "archive.tar")


def test_not_root_in_a_root_of_its_own(for_nobody):
    """Either it works and the root is right, or it is refused with the reason; never something in between."""
    (for_nobody / "own").mkdir()
    os.chown(for_nobody / "own", 65534, 65534)
    done = strata(for_nobody / "own/root", "load", "-i", for_nobody / "archive.tar", check=False, prefix=NOBODY)
    if done.code == 0:
        assert_holds(for_nobody / "own/root", HELD)
    else:
        assert_refused(done, "permitted|permission|root")
        assert not Root(for_nobody / "own/root").references()
        assert problems(for_nobody / "own/root") == []


def test_a_root_that_cannot_be(work):
    (work / "file").write_text("a file")
    for place in (work / "file", work / "file/below", "/proc/strata"):
        named = str(work / "file") if place != "/proc/strata" else place
        assert_refused(load(place, docker_2010(HELD), work=work, check=False), named)


# ---- signals and pipes -----------------------------------------------------------------------------------------

def stalled_load(root, data, fraction):
    """A load that has got part of its archive through a pipe and waits for more."""
    process = subprocess.Popen([binary(), "--root", root, "load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=clean_env())
    process.stdin.write(data[:int(len(data) * fraction)])
    process.stdin.flush()
    time.sleep(0.3)
    assert process.poll() is None, process.stderr.read()
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda s: s.name)
@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.9])
def test_interrupted_load(root, number, fraction):
    before = snapshot(root)
    process = stalled_load(root, docker_2010(BIG), fraction)
    process.send_signal(number)
    started = time.monotonic()
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - started < 5
    assert process.returncode in (128 + number, -number), (process.returncode, err)
    assert b"Loaded" not in out
    assert Root(root).references() == {"held:1": HELD.id}
    strata(root, "tag", "held:1", "again:1")  # the next run clears what was staged
    strata(root, "rmi", "again:1")
    after = snapshot(root)
    assert {p for p in after if "lastUpdated" not in p and "/metadata/" not in p} == set(before) - {
        p for p in before if "/metadata/" in p}
    assert problems(root) == []


def test_the_sender_goes_away(root):
    process = stalled_load(root, docker_2010(BIG), 0.5)
    process.stdin.close()
    process.stdin = None
    out, err = process.communicate(timeout=20)
    assert process.returncode == 1 and b"unexpected" in err.lower(), err
    assert_holds(root, HELD)


@pytest.mark.parametrize("words", [["save", "big:1"], ["images"], ["inspect", "big:1"], ["save", "--format", "oci", "big:1"]])
def test_the_reader_goes_away(root, words):
    load(root, docker_2010(BIG))
    with unchanged(root):
        reader, writer = os.pipe()
        os.close(reader)  # before anything can be written
        process = subprocess.run([binary(), "--root", root, *words], stdout=writer, stderr=subprocess.PIPE, env=clean_env(), timeout=20)
        os.close(writer)
    assert process.returncode in (1, 141, -signal.SIGPIPE), process


def test_two_loads_at_once(work):
    """Losing the race to store the same layer is success."""
    images = two_images()
    (work / "in.tar").write_bytes(docker_2010(*images))
    loads = [subprocess.Popen([binary(), "--root", work / "root", "load", "-q", "-i", work / "in.tar"], env=clean_env(),
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(6)]
    failed = [(p.returncode, err) for p in loads for err in [p.communicate()[1]] if p.returncode]
    assert failed == []
    assert_holds(work / "root", *images)


def test_tags_at_once_all_stay(root):
    """repositories.json is changed under a lock: no tag gets lost."""
    names = [f"t{i}:1" for i in range(30)]
    tags = [subprocess.Popen([binary(), "--root", root, "tag", "held:1", name], env=clean_env()) for name in names]
    assert [t.wait() for t in tags] == [0] * len(names)
    assert set(names) <= set(Root(root).references())


# ---- damage ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("form", ["docker", "docker-legacy", "oci"])
@pytest.mark.parametrize("to_stdout", [False, True])
def test_save_of_a_damaged_layer(root, work, form, to_stdout):
    load(root, docker_2010(BIG))
    chain = Root(root).chain(BIG.id)[0]
    (Root(root).layer_diff(chain) / "d/big").write_bytes(b"other content, other size")
    words = ["save", "--format", form, "big:1"] + ([] if to_stdout else ["-o", work / "out.tar"])
    result = strata(root, *words, check=False)
    assert result.code == 1
    assert "d/big" in result.err and (BIG.diff_ids[0][7:19] in result.err or chain[7:19] in result.err), result.err
    assert not (work / "out.tar").exists()
    assert sorted(os.listdir(work)) == ["archive.tar", "root"]


def test_save_of_a_layer_without_a_file(root, work):
    (Root(root).layer_diff(Root(root).chain(HELD.id)[0]) / "d/held").unlink()
    (work / "out.tar").write_text("what was there before")
    assert_refused(strata(root, "save", "-o", work / "out.tar", "held:1", check=False), "d/held")
    assert (work / "out.tar").read_text() == "what was there before"


def test_a_config_that_is_damaged(root):
    """Such an image is not an image: docker skips it with a warning, and so do we; the others stay usable."""
    load(root, docker_2010(BIG))
    (Root(root).image / "imagedb/content/sha256" / HELD.id[7:]).write_bytes(archives.compact({"os": "linux"}))
    assert BIG.id in strata(root, "images", "-q", "--no-trunc").out
    assert HELD.id not in strata(root, "images", "-q", "--no-trunc").out


@pytest.mark.parametrize("text", ["", "{", "[]", '{"Repositories":7}'])
def test_repositories_that_cannot_be_read(root, text):
    """Not guessed at: the file is named, and not overwritten."""
    file = Root(root).image / "repositories.json"
    file.write_text(text)
    assert_refused(strata(root, "tag", "held:1", "x:1", check=False), "repositories.json")
    assert file.read_text() == text


def test_the_name_of_an_operation_is_taken(root, work):
    """A process that recovers took a lock between its being made and held, made the folder that belongs to it, and was killed: there are other names."""
    trace = ["strace", "-f", "-qq", "-o", work / "calls", "-e", "trace=mkdirat"]
    copy = copy_tree(root, work / "copy")
    strata(copy, "rmi", "held:1", prefix=trace, env=TRACED)
    made = [line for line in (work / "calls").read_text().splitlines() if "mkdirat(" in line]
    first = next(at for at, line in enumerate(made, 1) if re.search(r'"strata/staging/[0-9a-f]{16}"', line))
    strata(root, "rmi", "held:1", prefix=[*trace, "-e", f"inject=mkdirat:error=EEXIST:when={first}"], env=TRACED)
    again = [line for line in (work / "calls").read_text().splitlines() if re.search(r'"strata/staging/[0-9a-f]{16}"', line)]
    assert "INJECTED" in again[0] and len(again) > 1
    assert Root(root).references() == {} and os.listdir(root / "strata/staging") == []
