# SPDX-License-Identifier: Apache-2.0
"""Readers never wait: while somebody else holds every lock of the root, and has every file of it locked besides, each reader says what it says
otherwise. Nothing is timed: a reader that took a lock would wait for ever, and is ended."""
import contextlib
import fcntl
import os
import pathlib
import re

import pytest

import boxes
from archives import docker_2010
from deeds import KEPT, NEW
from engine import needs_strata_itself, strata
from procs import new_dir, remove_tree
from roots import snapshot
from verbs import load

pytestmark = [pytest.mark.as_root, needs_strata_itself("it has a daemon"), pytest.mark.needs(why_not=boxes.why_not)]
END_SECONDS = 60  # of one that waits

READERS = {
    "images": ["images"], "images-all": ["images", "-a", "--digests"], "inspect": ["inspect", "new:2"], "history": ["history", "--no-trunc", "new:2"],
    "save": ["save", "-o", "{out}", "kept:1", "new:2"], "save-stdout": ["save", "new:2"], "save-oci": ["save", "--format", "oci", "-o", "{out}", "kept:1"],
    "check": ["check"], "check-content": ["check", "--content"], "repair-dry": ["repair"], "layers": ["layers", "new:2"], "df": ["system", "df", "-v"],
    "ps": ["ps", "-a"], "inspect-container": ["inspect", "one"], "logs": ["logs", "one"], "diff": ["diff", "one"], "export": ["export", "-o", "{out}", "one"],
    "info": ["info"],
}
LOCKS = {"refs.lock", "layers.lock", "records.lock", "containers.lock"}


@pytest.fixture(scope="module")
def root():
    folder = new_dir()
    root = folder / "root"
    load(root, docker_2010(KEPT, *NEW), work=folder)
    load(root, docker_2010(boxes.box()), work=folder)
    strata(root, "run", "--name", "one", "box:1", "sh", "-c", "echo new >/new; echo said")
    strata(root, "images")  # it keeps what it read
    yield root
    remove_tree(folder)


def all_files(root):
    for folder, _, names in os.walk(root):
        for name in names:
            path = pathlib.Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


@contextlib.contextmanager
def locked(paths):
    """As another process would: BSD locks are of open files."""
    opened = []
    try:
        for path in paths:
            opened.append(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            fcntl.flock(opened[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield len(opened)
    finally:
        for fd in opened:
            os.close(fd)


def said(root, words, out):
    words = [str(out) if word == "{out}" else word for word in words]
    out.unlink(missing_ok=True)
    result = strata(root, *words, check=False, timeout=END_SECONDS)
    # The age of something may change in between.
    text = re.sub(r"(About )?\w+ (seconds?|minutes?)( ago)?", "…", result.out)
    return result.code, re.sub(r" {2,}", "  ", text), out.read_bytes() if out.exists() else None  # columns are as wide as times


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_never_waits(root, work, reader):
    before = snapshot(root)
    idle = said(root, READERS[reader], work / "out")
    assert idle[0] == 0 or reader == "repair-dry", idle
    ours = [root / "strata" / name for name in sorted(LOCKS)]
    containers = [root / "containers" / name for name in os.listdir(root / "containers")]
    ours += [root / "strata/run" / f"{container.name}.lock" for container in containers if (root / "strata/run").is_dir()]
    with locked(ours) as count:
        assert count >= len(LOCKS)
        assert said(root, READERS[reader], work / "out") == idle
    with locked([*all_files(root), *(path for path in ours if not path.exists())]) as count:  # volumes/metadata.db, too: as if a dockerd ran
        assert count > 50
        code, text, file = said(root, READERS[reader], work / "out")
        assert (code, file) == (idle[0], idle[2]), text
        assert text == idle[1] or reader in ("check", "check-content", "repair-dry", "info"), (text, idle[1])  # these name who is there
    assert snapshot(root) == before


def test_a_writer_waits_there(root):
    """The locks are those that count: with them held, a tag is not done."""
    with locked([root / "strata" / name for name in sorted(LOCKS)]):
        waits = strata(root, "tag", "kept:1", "never:1", check=False, prefix=["timeout", "-s", "KILL", "2"])
        assert waits.code in (-9, 128 + 9), waits
    assert "never" not in strata(root, "images").out


@pytest.mark.parametrize("signal, code", [("INT", 130), ("TERM", 143)])
def test_a_signal_ends_a_writer_that_waits(root, signal, code):
    with locked([root / "strata" / name for name in sorted(LOCKS)]):
        ended = strata(root, "tag", "kept:1", "never:1", check=False,
                       prefix=["timeout", "--preserve-status", "-k", str(END_SECONDS), "-s", signal, "1"])
        assert ended.code == code, ended
    assert "never" not in strata(root, "images").out
