# SPDX-License-Identifier: Apache-2.0
"""docker and strata work on one root in turn, and neither trips over what the other did or left."""
import random

import pytest

import archives
import samples
from beside import layer_bytes, rows
from engine import needs_strata_itself, strata
from images import build, hand_made, image_id, runnable
from peers import dockerd
from roots import Root, changes, problems, snapshot
from scenarios import images_in

JSON = ("-a", "--no-trunc", "--format", "{{json .}}")


def agree(root, docker):
    """docker (running) and strata (reading beside it) say the same."""
    assert rows(strata(root, "images", *JSON)) == rows(docker("images", *JSON))


def finished(root):
    assert problems(root) == []


@needs_strata_itself("two daemons cannot share a root")
def test_several_turns(root, work):
    (work / "in.tar").write_bytes(archives.docker_2010(runnable("turn:1", "turn:2", extra=hand_made().layers)))
    for turn in range(3):
        strata(root, "load", "-i", work / "in.tar")
        strata(root, "tag", "turn:1", f"kept:{turn}")
        finished(root)
        with dockerd(root) as docker:
            agree(root, docker)
            build(docker, f"FROM turn:2\nRUN echo {turn} > /turn\nLABEL turn={turn}\n", f"built:{turn}")
            docker("tag", f"built:{turn}", "built:latest")
            docker("rmi", "turn:1")
            docker("run", "--rm", "--network", "none", "turn:2", "/bin/ls", "/d")
            agree(root, docker)
        finished(root)
        strata(root, "rmi", f"built:{turn}")
        strata(root, "image", "prune", "-f")
        strata(root, "save", "-o", work / "out.tar", f"kept:{turn}")
        finished(root)
        with dockerd(root) as docker:
            docker("image", "prune", "-f")
            agree(root, docker)
    strata(root, "rmi", "turn:2", "built:latest", "kept:0", "kept:1", "kept:2")
    assert not any("turn" in ref or "built" in ref or "kept" in ref for ref in Root(root).references())
    finished(root)


@needs_strata_itself("docker would only meet itself")
def test_load_and_remove_leave_the_root_as_it_was(root, work):
    before = snapshot(root)
    (work / "in.tar").write_bytes(archives.docker_2010(runnable("gone:1", extra=hand_made().layers)))
    strata(root, "load", "-i", work / "in.tar")
    assert "gone:1" in Root(root).references()
    strata(root, "rmi", "gone:1")
    assert changes(before, snapshot(root)) == []


def test_what_one_makes_the_other_removes(work):
    (work / "in.tar").write_bytes(archives.docker_2010(runnable("a:1", "a:2"), hand_made("b:1"), hand_made(extra=b"none")))
    strata(work / "one", "load", "-i", work / "in.tar")
    with dockerd(work / "one") as docker:
        docker("rmi", "-f", *docker("images", "-q", "-a").lines)
    with dockerd(work / "two") as docker:
        docker("load", "-i", work / "in.tar")
        ids = docker("images", "-q", "-a").lines
    strata(work / "two", "rmi", "-f", *ids)
    for name in ("one", "two"):
        assert images_in(work / name) == {"images": [], "layers": [], "references": {}, "parents": {}}
        finished(work / name)


def test_what_one_loaded_the_other_does_not_load_again(work):
    """Layers that are there are not stored twice, whoever stored them."""
    (work / "in.tar").write_bytes(archives.docker_2010(runnable("a:1"), hand_made("b:1")))
    strata(work / "one", "load", "-i", work / "in.tar")
    folders = set(Root(work / "one").overlay.iterdir())
    with dockerd(work / "one") as docker:
        docker("load", "-i", work / "in.tar")
    assert set(Root(work / "one").overlay.iterdir()) == folders
    with dockerd(work / "two") as docker:
        docker("load", "-i", work / "in.tar")
    folders = set(Root(work / "two").overlay.iterdir())
    strata(work / "two", "load", "-i", work / "in.tar")
    assert set(Root(work / "two").overlay.iterdir()) == folders
    for name in ("one", "two"):
        finished(work / name)


@needs_strata_itself("two daemons cannot share a root")
def test_beside_a_running_daemon_strata_reads_and_refuses_to_write(root, work):
    (work / "in.tar").write_bytes(archives.docker_2010(runnable("beside:1")))
    with dockerd(root) as docker:
        before = snapshot(root)
        agree(root, docker)
        saved = strata(root, "save", "-o", work / "out.tar", "odd:1")
        assert saved.code == 0
        for words in (["load", "-i", work / "in.tar"], ["rmi", "odd:1"], ["tag", "odd:1", "x:1"], ["image", "prune", "-f"]):
            refused = strata(root, *words, check=False)
            assert refused.code == 1 and refused.err, words
            assert "docker" in refused.err.lower(), refused.err
        assert [c for c in changes(before, snapshot(root)) if "image/" in c] == []
        agree(root, docker)


@needs_strata_itself("docker would only meet itself")
def test_random_turns(root, work):
    """Twenty random commands, each by one of the two; replay with STRATA_TEST_SEED."""
    from seeds import seed
    choose = random.Random(seed())
    (work / "in.tar").write_bytes(archives.docker_2010(runnable("r:1", "r:2"), hand_made("h:1")))
    commands = [["load", "-q", "-i", work / "in.tar"], ["tag", "app:1", "r:3"], ["tag", "odd:1", "r:1"], ["rmi", "r:1"],
                ["rmi", "r:2", "h:1"], ["image", "prune", "-f"], ["rmi", "-f", "app:1"], ["rmi", "hand:2"],
                ["tag", "hand:1", "new:1"], ["rmi", "-f", "twin:1"]]
    for _ in range(5):
        for _ in range(choose.randrange(1, 4)):
            strata(root, *choose.choice(commands), check=False)
        finished(root)
        with dockerd(root) as docker:
            for _ in range(choose.randrange(1, 4)):
                docker(*choose.choice(commands), check=False)
            agree(root, docker)
        finished(root)


@pytest.mark.parametrize("name", samples.ROOTS)
def test_roots_of_other_daemons(work, name):
    """Roots written elsewhere by docker 20.10 and 28.5, with containers: read, saved, changed, opened by docker again."""
    root = samples.data_root(name, work)
    before, known = snapshot(root), set(problems(root))
    saves = {}
    for image in sorted(Root(root).images()):
        if Root(root).chain(image):
            strata(root, "save", "-o", work / "out.tar", image)
            saves[image[7:]] = layer_bytes(work / "out.tar")[image[7:]]
            assert saves[image[7:]] == [d[7:] for d in Root(root).config(image)["rootfs"]["diff_ids"]]
    assert [c for c in changes(before, snapshot(root)) if "image/" in c] == []
    strata(root, "tag", "fixture:1", "again:1")
    strata(root, "load", "-i", samples.archive("docker-28.5-overlay2", work))
    strata(root, "rmi", "fixture:latest")
    assert set(problems(root)) <= known
    with dockerd(root) as docker:
        assert image_id(docker, "fixture:1") == samples.FIXTURE_ID
        assert len(docker("ps", "-a", "-q").lines) == 2
        assert docker("run", "--rm", "--network", "none", "again:1").out == "one\nhello\n"
    assert set(problems(root)) <= known
