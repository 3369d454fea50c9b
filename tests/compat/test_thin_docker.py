# SPDX-License-Identifier: Apache-2.0
"""The stock docker loads a thin archive on a root that has the layers, runs the image, and refuses it elsewhere."""
import json

import pytest

from archives import Image
from engine import needs_strata_itself, strata
from images import build, load_bytes, runnable
from peers import dockerd, podman, skopeo_copy
from procs import run
from roots import Root, problems
from verbs import plain_layer, root_with

pytestmark = needs_strata_itself("docker has no thin archives")


def images():
    base = runnable("base:1")
    return base, Image([*base.layers, plain_layer("app", b"app")], ["app:1", "app:latest"], config=base.config["config"])


@pytest.mark.parametrize("form", ["docker", "docker-legacy"])
@pytest.mark.parametrize("packed", [[], ["--compress", "gzip"]])
def test_docker_takes_the_layers_that_it_has(work, form, packed):
    base, app = images()
    sender = root_with(work / "sender", base, app)
    root_with(work / "receiver", base)
    (work / "list").write_text(strata(work / "receiver", "layers", "--export").out)
    strata(sender, "save", "--format", form, "--have", work / "list", *packed, "-o", work / "thin.tar", "app")
    assert (work / "thin.tar").stat().st_size < 60_000
    with dockerd(work / "receiver") as docker:
        assert docker("load", "-q", "-i", work / "thin.tar").lines == ["Loaded image: app:1", "Loaded image: app:latest"]
        assert docker("run", "--rm", "--network", "none", "app:1").out == "runs\n"
        assert docker("run", "--rm", "--network", "none", "app:1", "/bin/cat", "/d/app").out == "app"
        docker("save", "-o", work / "full.tar", "app:1")
    assert problems(work / "receiver") == []
    strata(work / "elsewhere", "load", "-i", work / "full.tar")
    assert Root(work / "elsewhere").images() == {app.id}
    with dockerd(work / "empty") as docker:  # where the layers are not, docker says so
        refused = docker("load", "-q", "-i", work / "thin.tar", check=False)
        assert refused.code == 1 and "no such file or directory" in refused.err, refused
        assert docker("images", "-aq").out == ""


def test_what_docker_built_travels_thin_between_its_roots(work):
    """Sender and receiver are roots of dockerd; the step in between keeps its parent."""
    base, _ = images()
    with dockerd(work / "sender") as docker:
        load_bytes(docker, root_archive(base, work))
        build(docker, "FROM base:1\nENV A=b\nRUN echo built > /built\n", "built:1")
    root_with(work / "receiver", base)
    step = Root(work / "sender").parent_of(Root(work / "sender").references()["built:1"])
    strata(work / "sender", "save", "--format", "docker-legacy", "--since", "base:1", "-o", work / "thin.tar", "built:1", step, "base:1")
    with dockerd(work / "receiver") as docker:
        docker("load", "-q", "-i", work / "thin.tar")
        assert docker("run", "--rm", "--network", "none", "built:1", "/bin/cat", "/built").out == "built\n"
    assert Root(work / "receiver").parent_of(Root(work / "receiver").references()["built:1"]) == step
    assert problems(work / "receiver") == []


def root_archive(image, work):
    strata(root_with(work / "made", image), "save", "--format", "docker-legacy", "-o", work / "made.tar", *image.tags)
    return (work / "made.tar").read_bytes()


def test_skopeo_and_podman_take_what_they_lack(work):
    base, app = images()
    sender = root_with(work / "sender", base, app)
    strata(sender, "save", "--format", "oci", "-o", work / "base.tar", "base:1")
    for form in ("oci", "docker"):
        strata(sender, "save", "--format", form, "--since", "base:1", "-o", work / f"thin-{form}.tar", "app:1")
    for name in ("base", "thin-oci"):
        (work / name).mkdir()
        run("tar", "-xf", work / f"{name}.tar", "-C", work / name)
    skopeo_copy(f"oci:{work}/thin-oci:1", f"oci:{work}/base:app")
    shown = json.loads(run("skopeo", "inspect", f"oci:{work}/base:app").out)
    assert len(shown["Layers"]) == len(app.layers)
    for form in ("oci", "docker"):
        with podman() as pod:
            assert pod("load", "-q", "-i", work / f"thin-{form}.tar", check=False).code != 0
            pod("load", "-q", "-i", work / "base.tar")
            pod("load", "-q", "-i", work / f"thin-{form}.tar")
            assert pod("inspect", "-f", "{{.Id}}", "app:1").out.strip() == app.id[7:]
