# SPDX-License-Identifier: Apache-2.0
"""Whatever tar went in comes out, byte for byte: random trees packed by GNU tar, random tars by hand, layers full of quirks.

STRATA_TEST_SEED repeats a run; STRATA_TREES says how many random layers of each kind (default 3).
"""
import random

import pytest

import tars
import trees
from archives import Image, docker_2010
from beside import layer_bytes
from engine import docker_stands_in, needs_strata_itself, strata
from procs import run
from quirks import DOUBTFUL, QUIRKS
from roots import problems
from seeds import count, seed
from verbs import assert_holds, load

pytestmark = pytest.mark.as_root
REFUSED_BY_DOCKER = ("gnu sparse", "pax sparse")


def assert_round_trip(work, *layers):
    """Each layer alone is an image; loaded, checked on disk, saved, and compared."""
    images = [Image([layer], [f"round:{i}"]) for i, layer in enumerate(layers)]
    load(work / "root", docker_2010(*images))
    assert problems(work / "root") == []
    if not docker_stands_in():
        assert_holds(work / "root", *images)
    strata(work / "root", "save", "--format", "docker-legacy", "-o", work / "out.tar", *[i.id for i in images])
    assert layer_bytes(work / "out.tar") == {i.id[7:]: [d[7:] for d in i.diff_ids] for i in images}


def random_trees(work, form):
    choose = random.Random(f"{seed()} {form}")
    for i in range(count("STRATA_TREES", 3)):
        tree = trees.tree_for(choose, form, work / f"tree{i}")
        yield trees.gnu_tar(tree, form, work / "tree.tar")


@pytest.mark.parametrize("form", trees.GNU_TAR)
def test_gnu_tar(work, form):
    if docker_stands_in() and form.startswith(REFUSED_BY_DOCKER):
        pytest.skip("docker stands in for strata and cannot keep such layers")
    assert_round_trip(work, *random_trees(work, form))


def test_tars_by_hand(work):
    choose = random.Random(seed())
    layers = [trees.random_tar(choose) for _ in range(4 * count("STRATA_TREES", 3))]
    assert_round_trip(work, *layers)


def test_the_odd_layer_and_the_empty_ones(work):
    assert_round_trip(work, tars.odd_layer(), bytes(1024), b"", bytes(10240), bytes(512), tars.Tar().file("a", b"a").bytes(end=0))


@needs_strata_itself("docker cannot keep such layers")
@pytest.mark.parametrize("name", QUIRKS)
def test_quirk(work, name):
    assert_round_trip(work, QUIRKS[name])


@needs_strata_itself("docker cannot keep such layers")
@pytest.mark.parametrize("name", DOUBTFUL)
def test_doubtful(work, name):
    done = load(work / "first", docker_2010(Image([DOUBTFUL[name]], ["doubtful:1"])), check=False)
    if done.code == 0:
        assert_round_trip(work, DOUBTFUL[name])
    else:
        assert done.code == 1 and done.err
        assert problems(work / "first") == []


@pytest.mark.parametrize("form", ["gnu", "pax with xattrs"])
def test_the_files_are_those_of_gnu_tar(work, form):
    """What lies in the layer's folder is what `tar -x` makes of the layer: modes, owners, times, links, xattrs."""
    from roots import Root
    layer = next(iter(random_trees(work, form)))
    load(work / "root", docker_2010(Image([layer], ["t:1"])))
    (work / "in.tar").write_bytes(layer)
    (work / "judge").mkdir()
    run("tar", "--numeric-owner", "--same-owner", "-p", "--xattrs", "--xattrs-include=*", "-xf", work / "in.tar", "-C", work / "judge")
    root = Root(work / "root")
    listing = ["find", ".", "-mindepth", "1", "-printf", "%P %M %U:%G %n %l\\n"]
    theirs, ours = run(*listing, cwd=work / "judge"), run(*listing, cwd=root.layer_diff(sorted(root.layers())[0]))
    assert sorted(ours.lines) == sorted(theirs.lines)
