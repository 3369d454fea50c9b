# SPDX-License-Identifier: Apache-2.0
"""strata loads into an empty root; dockerd opens it, lists, inspects, saves the same layers, and runs a container."""
import contextlib
import json

import pytest

import archives
import samples
from archives import Image
from beside import field_differences, layer_bytes, rows, same_file
from engine import docker_stands_in, strata
from images import BUSYBOX, hand_made, image_id, runnable
from layertrees import tree_differences
from peers import dockerd, podman, skopeo_copy
from procs import copy_tree, new_dir, remove_tree
from roots import Root, problems
from tars import Tar

JSON = ("--no-trunc", "--format", "{{json .}}")


# ---- archives made here and now by the tools of this system ------------------------------------------------------

def by_docker(built_root, folder):
    copy = copy_tree(built_root, folder / "saving-root")
    with dockerd(copy) as docker:
        docker("save", "-o", folder / "docker.tar", "child:1", "app:1", "hand:1", "odd:1")
    return folder / "docker.tar"


def by_podman(built_root, folder, form="docker-archive"):
    with podman() as pod:
        (folder / "in.tar").write_bytes(archives.docker_2010(runnable("pod:1", extra=hand_made().layers)))
        pod("load", "-q", "-i", folder / "in.tar")
        pod("save", "-q", "--format", form, "-o", folder / "podman.tar", "localhost/pod:1")
    return folder / "podman.tar"


def by_podman_oci(built_root, folder):
    return by_podman(built_root, folder, "oci-archive")


def by_skopeo(built_root, folder):
    (folder / "in.tar").write_bytes(archives.docker_2010(runnable("sko:1", extra=hand_made().layers)))
    skopeo_copy(f"docker-archive:{folder}/in.tar", f"docker-archive:{folder}/skopeo.tar:sko:1")
    return folder / "skopeo.tar"


def by_skopeo_oci(built_root, folder):
    (folder / "in.tar").write_bytes(archives.docker_2010(runnable("sko:1")))
    skopeo_copy(f"docker-archive:{folder}/in.tar", f"oci-archive:{folder}/skopeo-oci.tar:docker.io/library/sko:1")
    return folder / "skopeo-oci.tar"


def by_hand(built_root, folder):
    (folder / "hand.tar").write_bytes(archives.docker_2010(runnable("ours:1", "ours:2"), hand_made("hand:1"), links=True))
    return folder / "hand.tar"


def before_docker_110(built_root, folder):
    (folder / "old.tar").write_bytes(archives.pre_110(runnable("old:1", "old:latest", extra=hand_made().layers), hand_made("hand:1")))
    return folder / "old.tar"


MAKERS = {f.__name__: f for f in (by_docker, by_podman, by_skopeo, by_hand, before_docker_110)}
OCI_MAKERS = {f.__name__: f for f in (by_podman_oci, by_skopeo_oci)}
READABLE_BY_DOCKER = samples.DOCKER_ARCHIVES + list(MAKERS)
OCI = samples.OCI_ARCHIVES + list(OCI_MAKERS)


@pytest.fixture(scope="module")
def archive(built_root):
    """archive("by_skopeo") -> its file, made once."""
    folder, made = new_dir(), {}

    def get(name):
        if name not in made:
            own = folder / name
            own.mkdir()
            maker = (MAKERS | OCI_MAKERS).get(name)
            made[name] = maker(built_root, own) if maker else samples.archive(name, own)
        return made[name]

    yield get
    remove_tree(folder)


def without_place(inspected):
    """Of `inspect`, what must be the same in any root."""
    inspected = json.loads(inspected)
    for item in inspected:
        item.pop("GraphDriver")
    return sorted(inspected, key=lambda i: i["Id"])


def look(docker, folder):
    """All that a user of docker sees, and the layers that docker saves."""
    ids = sorted(set(docker("images", "-a", "-q", "--no-trunc").lines))
    docker("save", "-o", folder / "looked.tar", *ids)
    return {"list": rows(docker("images", "-a", *JSON)), "inspect": without_place(docker("image", "inspect", *ids).out),
            "history": [docker("history", *JSON[:1], "-H=false", i).out for i in ids],
            "layers": layer_bytes(folder / "looked.tar")}


def run_something(docker):
    """Starts a container from every image with a shell in it; returns what they printed."""
    said = {}
    for image in sorted(set(docker("images", "-q", "--no-trunc").lines)):
        shell = ["--entrypoint", BUSYBOX, image, "find", "/", "-xdev", "!", "-path", "/etc/mtab", "-exec", BUSYBOX, "stat",
                 "-c", "%A %u:%g %s %N", "{}", "+"]
        done = docker("run", "--rm", "--network", "none", "-u", "0", *shell, check=False)
        said[image] = (done.code, sorted(done.lines))
    return said


@pytest.mark.parametrize("name", READABLE_BY_DOCKER)
def test_what_strata_loads_docker_sees_as_if_it_had_loaded_it(archive, work, name):
    file = archive(name)
    with dockerd(work / "theirs") as docker:
        want_said = docker("load", "-q", "-i", file).out
        want, want_run = look(docker, work), run_something(docker)
    got_said = strata(work / "ours", "load", "-q", "-i", file).out
    if name == "before_docker_110":  # docker says nothing of these; see docs/differences.md
        assert want_said == "" and all(line.startswith("Loaded image: ") for line in got_said.splitlines())
    else:
        assert got_said == want_said
    assert problems(work / "ours") == []
    with dockerd(work / "ours") as docker:
        got, got_run = look(docker, work), run_something(docker)
    assert got["list"] == want["list"]
    assert field_differences(want["inspect"], got["inspect"]) == []
    assert got["history"] == want["history"]
    assert got["layers"] == want["layers"]
    assert got_run == want_run
    assert any(lines for _, lines in got_run.values()), got_run
    assert tree_differences(work / "theirs", work / "ours") == []
    assert problems(work / "ours") == []


@pytest.mark.skipif(docker_stands_in(), reason="docker 20.10 stands in for strata and loads no OCI archives")
@pytest.mark.parametrize("name", OCI)
def test_what_strata_loads_from_oci_docker_can_use(archive, work, name):
    strata(work / "ours", "load", "-q", "-i", archive(name))
    assert problems(work / "ours") == []
    root = Root(work / "ours")
    assert len(root.images()) == 1
    with dockerd(work / "ours") as docker:
        seen, ran = look(docker, work), run_something(docker)
    for image in root.images():
        assert seen["layers"][image[7:]] == [d[7:] for d in root.config(image)["rootfs"]["diff_ids"]]
    assert all(code == 0 for code, _ in ran.values())
    assert problems(work / "ours") == []


@pytest.mark.skipif(docker_stands_in(), reason="docker 20.10 stands in for strata and loads no OCI folders")
def test_an_oci_folder_of_skopeo(built_root, work):
    (work / "in.tar").write_bytes(archives.docker_2010(runnable("sko:1")))
    skopeo_copy(f"docker-archive:{work}/in.tar", f"oci:{work}/layout:docker.io/library/sko:1")
    index = json.loads((work / "layout/index.json").read_text())
    manifest = json.loads((work / "layout/blobs/sha256" / index["manifests"][0]["digest"][7:]).read_text())
    strata(work / "ours", "load", "-q", "-i", work / "layout")
    with dockerd(work / "ours") as docker:
        assert image_id(docker, "sko:1") == manifest["config"]["digest"]  # skopeo writes the config again for OCI


@pytest.mark.skipif(docker_stands_in(), reason="docker 20.10 stands in for strata and saves only in its own format")
@pytest.mark.parametrize("form", ["docker", "docker-legacy", "oci"])
def test_peers_read_what_strata_saves(root, work, form):
    """What strata saves in each format, docker, podman and skopeo take, with the same image ID."""
    image = Root(root).references()["app:1"]
    strata(root, "save", "--format", form, "-o", work / "out.tar", "app:1")
    kind = "oci-archive" if form == "oci" else "docker-archive"
    skopeo_copy(f"{kind}:{work}/out.tar", f"dir:{work}/dir")
    manifest = json.loads((work / "dir/manifest.json").read_text())
    assert manifest["config"]["digest"] == image
    with podman() as pod:
        pod("load", "-q", "-i", work / "out.tar")
        assert image[7:] in pod("images", "-a", "-q", "--no-trunc").out
    with contextlib.ExitStack() as stack:
        if form != "oci":
            docker = stack.enter_context(dockerd(work / "fresh"))
            docker("load", "-i", work / "out.tar")
            assert image_id(docker, "app:1") == image


def test_built_on_top_and_run_with_docker(work):
    """A root of strata's is a full root: build, run, commit and remove work on it, and nothing stays behind."""
    (work / "in.tar").write_bytes(archives.docker_2010(runnable("ours:1", extra=hand_made().layers)))
    strata(work / "ours", "load", "-i", work / "in.tar")
    with dockerd(work / "ours") as docker:
        (work / "ctx").mkdir()
        (work / "ctx/Dockerfile").write_text("FROM ours:1\nRUN echo more > /more\nRUN rm /more\n")
        docker("build", "--network", "none", "-t", "more:1", work / "ctx")
        assert docker("run", "--rm", "--network", "none", "ours:1").out == "runs\n"
        docker("run", "--network", "none", "--name", "c1", "more:1", "/bin/touch", "/touched")
        docker("commit", "c1", "committed:1")
        docker("rm", "c1")
    assert problems(work / "ours") == []
    with dockerd(work / "ours") as docker:
        for name in ("committed:1", "more:1", "ours:1"):
            docker("rmi", name)
    assert Root(work / "ours").images() == set() and Root(work / "ours").layers() == set()
    assert problems(work / "ours") == []


ODD_TIMES = {"none": None, "null": "0001-01-01T00:00:00Z", "old": "1969-12-31T23:59:59.5Z", "first": "1970-01-01T00:00:00.7Z",
             "last": "2262-04-11T23:47:16.854775807Z", "late": "2262-04-11T23:47:16.854775808Z", "later": "9999-12-31T23:59:59Z"}


def test_images_of_odd_times(work):
    """What is before 1970 or behind the nanoseconds of an int64 is the epoch in the archives of both, and no time at all is N/A."""
    for name, created in ODD_TIMES.items():
        image = Image([Tar().file("a", name.encode()).bytes()], [f"{name}:1"])
        image.config.pop("created")
        if created:
            image.config["created"] = created
        (work / "in.tar").write_bytes(archives.docker_2010(image))
        strata(work / "root", "load", "-q", "-i", work / "in.tar")
    table = ("images", "--format", "{{.Repository}}|{{.CreatedSince}}|{{.CreatedAt}}")
    with dockerd(work / "root") as docker:
        for name in ODD_TIMES:
            docker("save", "-o", work / f"{name}.theirs", f"{name}:1")
        listed, shown = docker("images"), docker(*table)
    for name in ODD_TIMES:
        strata(work / "root", "save", "--format", "docker-legacy", "-o", work / f"{name}.ours", f"{name}:1")
    assert [name for name in ODD_TIMES if not same_file(work / f"{name}.ours", work / f"{name}.theirs")] == []
    assert sorted(strata(work / "root", *table).lines) == sorted(shown.lines)
    assert sorted(strata(work / "root", "images").lines) == sorted(listed.lines)
