# SPDX-License-Identifier: Apache-2.0
"""What has a form of its own beside docker's: blocks of lines by --format raw, and what is said of options that mean nothing."""
import pytest

from beside import without_clock
from procs import new_dir, remove_tree
from scenarios import run_both

pytestmark = pytest.mark.real_docker
RAW = ["--format", "raw"]
LISTS = [["images", *RAW], ["images", "-q", *RAW], ["images", "-a", "--digests", "--no-trunc", *RAW], ["ps", "-a", *RAW], ["ps", "-aq", *RAW],
         ["ps", "-as", *RAW], ["ps", *RAW]]


@pytest.fixture(scope="module")
def both(built_root):
    words = [*LISTS, ["system", "df", *RAW], ["system", "df", "-v", *RAW], ["inspect", "-s", "app:1"]]
    folder = new_dir()
    theirs, ours = run_both(built_root, folder, words)
    remove_tree(folder)
    return {" ".join(w): pair for w, *pair in zip(words, theirs, ours)}


def blocks(result):
    """Blocks in any order, as images of the same second have none; of IDs alone, lines. docker's labels have no order."""
    lines = [",".join(sorted(line.removeprefix("labels: ").split(","))) if line.startswith("labels: ") else line
             for line in without_clock(result.out)]
    parts = "\n".join(lines).split("\n\n") if "" in lines else lines
    return sorted(part.strip("\n") for part in parts if part.strip("\n"))


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_blocks_of_lines(both, words):
    theirs, ours = both[" ".join(words)]
    assert theirs.code == 0 and (blocks(ours), ours.code) == (blocks(theirs), 0)


@pytest.mark.parametrize("words", ["system df --format raw", "system df -v --format raw"])
def test_blocks_of_the_disk(both, words):
    """docker has volumes and its build cache besides."""
    theirs, ours = both[words]
    known = [b for b in blocks(theirs) if not b.startswith(("type: Local Volumes", "type: Volume", "type: Build Cache"))]
    assert blocks(ours) == known


def test_a_size_that_is_not_asked_of_images(both):
    theirs, ours = both["inspect -s app:1"]
    assert theirs.err and ours.err == theirs.err
