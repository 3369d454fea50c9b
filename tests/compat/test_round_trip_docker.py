# SPDX-License-Identifier: Apache-2.0
"""Layers that strata stored, however odd, are saved by dockerd with the same bytes."""
import random

import pytest

import trees
from archives import Image, docker_2010
from beside import layer_bytes
from engine import docker_stands_in, needs_strata_itself, strata
from images import runnable
from peers import dockerd
from quirks import QUIRKS
from roots import problems
from seeds import count, seed
from tars import odd_layer
from verbs import load


def saved_by_docker(work, images):
    with dockerd(work / "root") as docker:
        docker("save", "-o", work / "docker.tar", *[i.id for i in images])
    return layer_bytes(work / "docker.tar")


def assert_docker_saves(work, layers):
    """Each layer lies on a base, so that dockerd reads it through a mount, and alone, so that it reads the folder itself."""
    base = runnable().layers[0]
    images = [Image([layer], [f"alone:{i}"]) for i, layer in enumerate(layers)]
    images += [Image([base, layer], [f"above:{i}"]) for i, layer in enumerate(layers)]
    load(work / "root", docker_2010(*images, links=True))
    want = {i.id[7:]: [d[7:] for d in i.diff_ids] for i in images}
    assert saved_by_docker(work, images) == want
    strata(work / "root", "save", "--format", "docker-legacy", "-o", work / "strata.tar", *[i.id for i in images])
    assert layer_bytes(work / "strata.tar") == want
    assert problems(work / "root") == []


def test_random_layers(work):
    choose = random.Random(seed())
    forms = [f for f in trees.GNU_TAR if not (docker_stands_in() and "sparse" in f)]
    layers = [odd_layer()]
    for i, form in enumerate(forms):
        tree = trees.tree_for(choose, form, work / f"tree{i}")
        layers.append(trees.gnu_tar(tree, form, work / "tree.tar"))
    layers += [trees.random_tar(choose) for _ in range(2 * count("STRATA_TREES", 3))]
    assert_docker_saves(work, layers)


@needs_strata_itself("docker cannot keep such layers")
@pytest.mark.parametrize("name", QUIRKS)
def test_layers_that_docker_itself_could_not_keep(work, name):
    assert_docker_saves(work, [QUIRKS[name]])
