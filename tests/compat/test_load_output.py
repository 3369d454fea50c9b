# SPDX-License-Identifier: Apache-2.0
"""What load says, and what tags and parents come of it, beside docker: several images, moving tags, no tags, parents."""
import json

import pytest

import archives
from archives import CREATED, Image, docker_2010, outer
from beside import rows
from engine import strata
from images import hand_made
from peers import dockerd
from roots import problems
from scenarios import images_in
from tars import Tar

A = Tar().file("a", b"a").bytes()
B = Tar().file("b", b"b").bytes()
STEP = {"created": CREATED, "created_by": "step"}


def with_parent(*pairs):
    """An archive whose items name parents: (image, parent or None)."""
    layers = {f"{archives.sha(data)}.tar": data for image, _ in pairs for data in image.layers}
    configs = {f"{image.id[7:]}.json": image.config_bytes for image, _ in pairs}
    items = [archives.entry(i, lambda n, i=i: f"{archives.sha(i.layers[n])}.tar") | ({"Parent": p.id} if p else {}) for i, p in pairs]
    return outer([*layers.items(), *configs.items(), archives.manifest_json(items)])


BASE, CHILD = Image([A], ["base:1"]), Image([A, B], ["child:1"])
SAME_LAYERS = Image([A], ["label:1"], history=BASE.config["history"] + [STEP | {"empty_layer": True}], config={"Labels": {"x": "y"}})
UNRELATED = Image([B], ["other:1"])

ARCHIVES = {
    "one": [docker_2010(hand_made("x:1"))],
    "several tags": [docker_2010(hand_made("x:1", "x:2", "reg.example:5000/y:1", "docker.io/library/z:1"))],
    "several images": [docker_2010(hand_made("x:1"), Image([A], ["y:1"]))],
    "no tags": [docker_2010(Image([A]))],
    "the last without tags": [docker_2010(hand_made("x:1"), Image([A]))],
    "the first without tags": [docker_2010(Image([A]), hand_made("x:1"))],
    "again": [docker_2010(hand_made("x:1")), docker_2010(hand_made("x:1"))],
    "a tag moves": [docker_2010(hand_made("x:1")), docker_2010(Image([A], ["x:1"]))],
    "a tag moves within the archive": [docker_2010(hand_made("x:1"), Image([A], ["x:1"]))],
    "one of two tags moves": [docker_2010(hand_made("x:1", "x:2")), docker_2010(Image([A], ["x:1", "x:3"]))],
    "nothing in it": [outer([("manifest.json", b"[]")])],
    "an empty config for the system": [docker_2010(Image([A], ["x:1"], os=None))],
    "another machine": [docker_2010(Image([A], ["x:1"], architecture="s390x"))],
    "no history": [docker_2010(Image([A, B], ["x:1"], history=None))],
    "less history than layers": [docker_2010(Image([A, B], ["x:1"], history=[STEP]))],
    "unknown fields": [docker_2010(Image([A], ["x:1"], zebra={"kept": [1, None]}))],
    "no layers": [docker_2010(Image([], ["x:1"]))],
    "before 1.10": [archives.pre_110(hand_made("x:1", "x:2"), hand_made("y:1"))],
    "parent": [with_parent((BASE, None), (CHILD, BASE))],
    "parent after child": [with_parent((CHILD, BASE), (BASE, None))],
    "parent with an empty layer more": [with_parent((BASE, None), (SAME_LAYERS, BASE))],
    "parent not in the archive": [with_parent((CHILD, BASE))],
    "itself as parent": [with_parent((BASE, BASE))],
}


def said_by_strata(name, images):
    """Where load's lines differ from docker's on purpose (docs/differences.md): each image without tags has a line of its
    own, and archives from before 1.10 are reported like others."""
    if name in ("the first without tags", "the last without tags"):
        return [f"Loaded image: {tag}" if tag else f"Loaded image ID: {image.id}" for image in images for tag in image.tags or [None]]
    return [f"Loaded image: {tag}" for image in images for tag in image.tags]


PURPOSELY_OTHER = {
    "the last without tags": [hand_made("x:1"), Image([A])],
    "the first without tags": [Image([A]), hand_made("x:1")],
    "before 1.10": [hand_made("x:1", "x:2"), hand_made("y:1")],
}


def last_of_children(result):
    return [line for line in result.lines if line.strip()]


@pytest.mark.parametrize("name", ARCHIVES)
def test_load_says_the_same(work, name):
    files = []
    for i, data in enumerate(ARCHIVES[name]):
        files.append(work / f"{i}.tar")
        files[-1].write_bytes(data)
    lists = ("images", "-a", "--no-trunc", "--format", "{{json .}}")
    with dockerd(work / "theirs") as docker:
        theirs = [docker("load", "-q", "-i", f) for f in files]
        listed = docker(*lists)
    ours = [strata(work / "ours", "load", "-q", "-i", f) for f in files]
    if name in PURPOSELY_OTHER:
        assert sorted(last_of_children(ours[0])) == sorted(said_by_strata(name, PURPOSELY_OTHER[name]))
        assert sorted(last_of_children(ours[0])) != sorted(last_of_children(theirs[0])), "then docs/differences.md is out of date"
    else:
        assert [last_of_children(o) for o in ours] == [last_of_children(t) for t in theirs]
    assert images_in(work / "ours") == images_in(work / "theirs")
    assert rows(strata(work / "ours", *lists)) == rows(listed)
    assert problems(work / "ours") == []


@pytest.mark.parametrize("parent, child", [(CHILD, BASE), (UNRELATED, CHILD)], ids=["longer than the child", "other layers, same history"])
def test_parents_that_docker_would_and_would_not_take(work, parent, child):
    (work / "in.tar").write_bytes(with_parent((parent, None), (child, parent)))
    with dockerd(work / "theirs") as docker:
        theirs = docker("load", "-i", work / "in.tar", check=False)
    ours = strata(work / "ours", "load", "-i", work / "in.tar", check=False)
    assert (ours.code, "is not a valid parent for" in ours.err) == (theirs.code, "is not a valid parent for" in theirs.err), (ours, theirs)
    if theirs.code == 0:
        assert images_in(work / "ours") == images_in(work / "theirs")


# Members that are not what they should be, or not what docker itself writes.
CONFIGS = [{"config": value} for value in ("x", [], None)] + [{"config": {key: value}} for key, value in (
    ("Env", "A=1"), ("Env", {}), ("Env", [1]), ("Env", [None]), ("Cmd", "sh"), ("Labels", ["a"]), ("Labels", {"a": 1}), ("Labels", {"a": None}),
    ("ExposedPorts", ["80"]), ("ExposedPorts", {"80": 1}), ("ExposedPorts", {"abc": {}}), ("Volumes", []), ("User", 7), ("OnBuild", "x"),
    ("Healthcheck", {"Interval": "1s"}), ("StopTimeout", 1.5), ("Tty", "x"), ("MacAddress", 1), ("Shell", "x"))] + [
    {"created": value} for value in (7, "", None, "yesterday", "2020-01-01", "2020-13-01T00:00:00Z", "10000-01-01T00:00:00Z", "2020-01-01T00:00:00,5Z")] + [
    {"history": value} for value in ([7], [None], {}, [{"created": 7}], [{"empty_layer": "x"}])] + [
    {"os": 7}, {"os": ""}, {"os": "Linux"}, {"architecture": 7}, {"architecture": None}, {"author": 7}, {"variant": 7}, {"parent": 7}, {"parent": "x"},
    {"rootfs": {"type": "foo"}}, {"rootfs": {"type": 7}}, {"rootfs": {}}, {"rootfs": []}, {"OS": "windows"}, {"os.features": "x"}, {"zebra": [None]}]


def loaded(call, file):
    """What `image inspect` says of the loaded image, without where it lies; None: it was refused."""
    if call("load", "-q", "-i", file, check=False).code != 0:
        return None
    about = json.loads(call("image", "inspect", "v:1").out)[0]
    return {key: value for key, value in about.items() if key not in ("GraphDriver", "Metadata")}


def test_configs_of_any_kind(work):
    good = Image([A], ["v:1"])
    with dockerd(work / "theirs") as docker:
        for number, changed in enumerate(CONFIGS):
            config = good.config | changed
            if isinstance(config["rootfs"], dict):
                config["rootfs"] = {"diff_ids": good.diff_ids} | config["rootfs"]
            text = archives.compact(config)
            item = {"Config": "c.json", "RepoTags": ["v:1"], "Layers": ["l.tar"]}
            (work / "in.tar").write_bytes(outer([("l.tar", A), ("c.json", text), archives.manifest_json([item])]))
            theirs = loaded(docker, work / "in.tar")
            ours = loaded(lambda *words, root=work / f"ours{number}", **more: strata(root, *words, **more), work / "in.tar")
            assert ours == theirs, changed
            docker("rmi", "-f", "v:1", check=False)
