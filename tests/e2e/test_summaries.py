# SPDX-License-Identifier: Apache-2.0
"""What strata keeps of configs between lists is never seen: lists say the same with it, without it, and beside a damaged one."""
import hashlib
import json
import os
import shutil
import subprocess

import pytest

from archives import Image
from engine import binary, needs_strata_itself, strata
from procs import clean_env
from roots import changes, problems, snapshot
from verbs import plain_layer, root_with

pytestmark = [needs_strata_itself("another engine keeps no such file")]

NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
HELD = Image([plain_layer("base"), plain_layer("top")], ["held:1"])
MANY = 400


@pytest.fixture
def root(work):
    root_with(work / "root", HELD)
    for number in range(MANY):
        labels = {"number": str(number), "fives": "yes"} if number % 5 == 0 else {"number": str(number)}
        config = {**HELD.config, "created": f"2024-01-01T{number // 60:02}:{number % 60:02}:00Z",
                  "config": {"Labels": labels}, "rootfs": {"type": "layers", "diff_ids": HELD.diff_ids[:number % 3]}}
        add(work / "root", json.dumps(config).encode())
    return work / "root"


def add(root, config):
    name = hashlib.sha256(config).hexdigest()
    (root / "image/overlay2/imagedb/content/sha256" / name).write_bytes(config)
    return name


def kept(root):
    return root / "strata/summaries"


def lists(root, **how):
    """All that is said of the images, by every command that lists them."""
    return [strata(root, *words, **how).out for words in (
        ("images", "-a", "--no-trunc", "--format", "{{json .}}"), ("images", "-q", "--filter", "label=fives=yes"),
        ("system", "df", "-v"), ("system", "df", "--format", "json"), ("image", "prune", "--dry-run"))]


def lists_anew(root):
    """The same while nothing is kept; each command reads all configs."""
    if kept(root).exists():
        os.rename(kept(root), root / "aside")
    kept(root).mkdir()  # in the way of reading and writing
    try:
        return lists(root)
    finally:
        kept(root).rmdir()
        if (root / "aside").exists():
            os.rename(root / "aside", kept(root))


def test_lists_are_the_same_with_it(root):
    first = strata(root, "images", "-aq").lines
    assert len(first) == MANY + 1 and kept(root).exists()
    assert lists(root) == lists_anew(root)
    assert problems(root) == []


def test_lists_follow_what_comes_and_goes(root):
    lists(root)
    configs = sorted((root / "image/overlay2/imagedb/content/sha256").iterdir())
    (gone,) = [configs[5].name] if configs[5].name != HELD.id[7:] else [configs[6].name]
    strata(root, "rmi", gone)
    new = add(root, json.dumps({**HELD.config, "comment": "new"}).encode())
    listed = strata(root, "images", "-aq", "--no-trunc").lines
    assert f"sha256:{gone}" not in listed and f"sha256:{new}" in listed
    assert lists(root) == lists_anew(root)


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[:100], lambda b: b[:-1], lambda b: bytes(len(b)),
                                    lambda b: b[:200] + bytes([b[200] ^ 1]) + b[201:]],
                         ids=["empty", "cut", "cut by one", "zeros", "flipped"])
def test_a_damaged_file_is_replaced(root, damage):
    expected = lists(root)
    good = kept(root).read_bytes()
    kept(root).write_bytes(damage(good))
    assert lists(root) == expected
    assert kept(root).read_bytes() == good


def test_reading_changes_nothing_else(root):
    before = snapshot(root)
    lists(root)
    assert changes(before, snapshot(root)) == []


def test_who_may_not_write_lists_the_same(root, work, monkeypatch):
    work.chmod(0o755)
    shutil.copy(binary(), work / "strata")
    monkeypatch.setenv("STRATA_BIN", str(work / "strata"))
    subprocess.run(["chmod", "-R", "a+rX", root], check=True)
    expected = lists_anew(root)
    assert not kept(root).exists()
    assert lists(root, prefix=NOBODY) == expected
    assert not kept(root).exists()
    lists(root)
    kept(root).chmod(0o644)
    before = kept(root).stat()
    assert lists(root, prefix=NOBODY) == expected
    assert kept(root).stat().st_ino == before.st_ino


def test_many_at_once(root):
    expected = strata(root, "images", "-aq", "--no-trunc").out
    for _ in range(5):
        kept(root).unlink(missing_ok=True)
        running = [subprocess.Popen([binary(), "--root", root, "images", "-aq", "--no-trunc"], env=clean_env(),
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
        assert [process.communicate() for process in running] == [(expected, "")] * 4
        assert [name for name in os.listdir(root / "strata") if ".new" in name] == []


def test_a_killed_writer_leaves_nothing_for_long(root):
    (root / "strata/summaries.new-77").write_bytes(b"half")
    strata(root, "tag", "held:1", "held:2")
    assert not (root / "strata/summaries.new-77").exists()
