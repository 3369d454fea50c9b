# SPDX-License-Identifier: Apache-2.0
"""What somebody has mounted, anywhere: an overlay of the layers, made by hand in a mount namespace of its own and by its links or its folders,
keeps repair from touching what lies under it. When it is gone, repair does what it would have done."""
import contextlib
import subprocess

import pytest

from archives import docker_2010
from deeds import KEPT, NEW, assert_clean
from engine import needs_strata_itself, strata
from procs import clean_env, copy_tree, mounts_below
from roots import Root, problems, snapshot
from verbs import load

pytestmark = [pytest.mark.as_root, needs_strata_itself("it has no repair")]
LEFT, MENDED = 4, 1
UNUSED = "0" * 64


@pytest.fixture
def root(work):
    root = work / "root"
    load(root, docker_2010(KEPT, *NEW), work=work)
    copy_tree(root, work / "copy")
    (root / "overlay2" / UNUSED / "diff").mkdir(parents=True)
    (root / "overlay2" / UNUSED / "diff/only-copy").write_text("mine")
    return root


def folders(root, image):
    r = Root(root)
    return [r.layer_diff(chain).parent for chain in r.chain(image.id)]


def as_folders(root, image):
    return [*(folder / "diff" for folder in reversed(folders(root, image))), root / "overlay2" / UNUSED / "diff"]


def as_links(root, image):
    """As dockerd has them: short names, from within the driver's home."""
    return [*(f"l/{(folder / 'link').read_text()}" for folder in reversed(folders(root, image))), f"{UNUSED}/diff"]


@contextlib.contextmanager
def mounted_elsewhere(work, root, lowers):
    """Nobody else sees the mount: it is in a namespace of the process that lives as long as this lasts."""
    (work / "there").mkdir(exist_ok=True)
    script = (f"cd {root}/overlay2 && mount -t overlay overlay -o lowerdir={':'.join(map(str, lowers))} {work}/there && echo ready && cd / && cat")
    process = subprocess.Popen(["unshare", "-m", "--propagation", "private", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_env())
    try:
        assert process.stdout.readline() == b"ready\n"
        yield
    finally:
        process.communicate()


def repair(root, work, *words):
    return strata(root, "repair", "--yes", "--content", "--from", f"root:{work}/copy", *words, check=False)


@pytest.mark.parametrize("lowers", [as_folders, as_links])
def test_what_is_mounted_elsewhere_is_left(root, work, lowers):
    changed = folders(root, KEPT)[1] / "diff/d/kept"
    sound = changed.read_bytes()
    changed.write_text("changed")
    other = folders(root, NEW[2])[0] / "diff/d/alone-0"  # of an image that nobody has mounted
    other.unlink()
    with mounted_elsewhere(work, root, lowers(root, KEPT)):
        assert mounts_below(work) == []  # not here
        before = changed.stat()
        left = repair(root, work)
        assert left.code == LEFT and "mounted" in left.out + left.err, left
        assert changed.read_text() == "changed" and changed.stat().st_ino == before.st_ino
        assert (root / "overlay2" / UNUSED / "diff/only-copy").read_text() == "mine"
        assert other.exists(), "what is not mounted is mended meanwhile"
    assert repair(root, work).code == MENDED
    assert changed.read_bytes() == sound
    assert not (root / "overlay2" / UNUSED).exists()
    assert problems(root) == []
    assert_clean(root)


def test_a_copy_that_is_mounted_is_no_hindrance(root, work):
    """Another root has the same names: what is mounted of it is not mounted of this one."""
    (folders(root, KEPT)[1] / "diff/d/kept").write_text("changed")
    with mounted_elsewhere(work, work / "copy", [folder / "diff" for folder in folders(work / "copy", KEPT)]):
        before = snapshot(work / "copy")
        assert repair(root, work).code == MENDED
        assert snapshot(work / "copy") == before
    assert_clean(root)
