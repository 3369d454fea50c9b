# SPDX-License-Identifier: Apache-2.0
"""`build --output` with attributes: what is pushed, layouts with packed layers, folders; skopeo and the registry say what came out."""
import json
import os
import tarfile

import pytest

import registries
from engine import needs_strata_itself, strata
from peers import raw_manifest, skopeo_copy
from procs import new_dir, remove_tree
from registries import registry
from roots import Root

pytestmark = [needs_strata_itself("docker's classic builder has no such outputs"),
              pytest.mark.skipif(registries.cannot_run() is not None, reason=str(registries.cannot_run()))]

GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
PLAIN = "application/vnd.oci.image.layer.v1.tar"
DOCKER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"


@pytest.fixture(scope="module")
def server():
    with registry() as one:
        yield one


@pytest.fixture
def context(work):
    folder = work / "context"
    folder.mkdir()
    (folder / "numbers").write_text("\n".join(map(str, range(100000))))
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY numbers /a\nCOPY numbers /b\nENV A=1\n")
    return folder


def build(work, context, output, *words, check=True, env=None, **more):
    return strata(work / "root", "build", "-q", "-o", output, *words, context, check=check, env=registries.no_configuration(work, **(env or {})), **more)


def layer_types(place):
    return [layer["mediaType"] for layer in json.loads(raw_manifest(place))["layers"]]


def config_of(place):
    """The image ID, after skopeo has read every blob."""
    return json.loads(raw_manifest(place))["config"]["digest"]


def verified(place):
    """The image there. skopeo copies it, which verifies the digests; strata unpacks the layers as well, since skopeo 1.9 unpacks no zstd."""
    home = new_dir("stv-")
    try:
        if place.startswith("docker://"):
            skopeo_copy(place, f"dir:{home}/copied", "--src-tls-verify=false")
            strata(home / "root", "pull", "-q", place.removeprefix("docker://"), env=registries.no_configuration(home))
        else:
            skopeo_copy(place, f"oci:{home}/copied:x")
            strata(home / "root", "load", "-i", home / "copied")
        image, = Root(home / "root").images()
        return image
    finally:
        remove_tree(home)


@pytest.mark.parametrize("words, kind", [("", PLAIN), ("compression=uncompressed", PLAIN), ("compression=gzip", GZIP), ("compression=zstd", ZSTD),
                                         ("compression-level=9", GZIP), ("compression=zstd,compression-level=19,force-compression=true", ZSTD)])
@pytest.mark.parametrize("tar", ["", "tar=true", "tar=false"])
def test_layouts(work, context, words, kind, tar):
    output = ",".join(filter(None, ["type=oci", f"dest={work}/out", words, tar]))
    image = build(work, context, output).out.strip()
    place = f"oci{'' if tar == 'tar=false' else '-archive'}:{work}/out"
    assert layer_types(place) == [kind, kind]
    assert config_of(place) == image and verified(place) == image


def test_a_level_makes_a_difference(work, context):
    for level in (1, 12):
        build(work, context, f"type=oci,dest={work}/{level},compression=gzip,compression-level={level}")
    assert os.path.getsize(work / "12") < os.path.getsize(work / "1")


@pytest.mark.parametrize("words", ["dest={0}/out", "dest={0}/out,compression=zstd", "dest={0}/out,tar=false", "dest={0}/out,tar=false,compression=gzip"])
def test_names(work, context, words):
    """All of them stand in the layout, and load gives them back."""
    output = f'type=oci,"name=a:1,b/c:1",{words.format(work)}'
    image = build(work, context, output, "-t", "third:2").out.strip()
    loaded = strata(work / "other", "load", "-i", work / "out").lines
    assert sorted(loaded) == ["Loaded image: a:1", "Loaded image: b/c:1", "Loaded image: third:2"]
    assert set(Root(work / "other").images()) == {image}
    assert sorted(Root(work / "root").references()) == ["a:1", "b/c:1", "third:2"]


def test_a_folder_keeps_what_it_has(work, context):
    output = f"type=oci,dest={work}/out,tar=false"
    first = build(work, context, output, "-t", "x:1").out.strip()
    build(work, context, output, "-t", "other:1")
    (context / "Dockerfile").write_text("FROM scratch\nCOPY numbers /c\n")
    second = build(work, context, output, "-t", "x:1").out.strip()
    strata(work / "other", "load", "-i", work / "out")
    references = Root(work / "other").references()
    assert references["x:1"] == second and references["other:1"] == first


@pytest.mark.parametrize("words, kind", [("", DOCKER_GZIP), (",compression=gzip,compression-level=1", DOCKER_GZIP), (",compression=zstd,oci-mediatypes=true", ZSTD)])
@pytest.mark.parametrize("kind_of_output", ["type=image,push=true", "type=registry"])
def test_push(work, context, server, kind_of_output, words, kind):
    names = [f"{server.host}/{os.urandom(4).hex()}/{name}" for name in ("one:1", "two:latest")]
    image = build(work, context, f"{kind_of_output},name={names[0]}{words}", "-t", names[1]).out.strip()
    for name in names:
        assert layer_types(f"docker://{name}") == [kind, kind]
        assert verified(f"docker://{name}") == image
    assert sorted(Root(work / "root").references())[0].startswith(server.host)


def test_what_a_push_says(work, context, server):
    name = f"{server.host}/said/{os.urandom(4).hex()}:1"
    result = strata(work / "root", "build", "-o", "type=registry", "-t", name, context, env=registries.no_configuration(work))
    assert f"The push refers to repository [{name.removesuffix(':1')}]" in result.lines
    assert any(line.startswith("1: digest: sha256:") for line in result.lines)
    quiet = build(work, context, "type=registry", "-t", name)
    assert len(quiet.lines) == 1
    failed = build(work, context, "type=registry", "-t", "localhost:1/x:1", check=False)
    assert failed.code == 1 and "localhost:1" in failed.err


def test_push_beside_an_archive_on_standard_output(work, context, server):
    """Words go beside the archive."""
    name = f"{server.host}/beside/{os.urandom(4).hex()}:1"
    result = strata(work / "root", "build", "-o", "type=registry", "-o", "type=docker", "-t", name, context, env=registries.no_configuration(work))
    (work / "out").write_bytes(result.out.encode("utf-8", "surrogateescape"))
    assert strata(work / "other", "load", "-i", work / "out").lines == [f"Loaded image: {name}"]
    assert "The push refers to" in result.err and layer_types(f"docker://{name}")


def test_rewrite_timestamp(work, context):
    """With a fixed time no file is newer, with or without it."""
    output = f"type=oci,dest={work}/out,rewrite-timestamp=true"
    assert "rewrite-timestamp needs a time" in build(work, context, output, check=False).err
    build(work, context, output, "--timestamp", "1000000000")
    build(work, context, output, env={"SOURCE_DATE_EPOCH": "1000000000"})
    with tarfile.open(work / "out") as tar:
        layers = [m.name for m in tar if m.size > 500000]
        for layer in layers:
            with tarfile.open(fileobj=tar.extractfile(layer)) as inner:
                assert all(m.mtime <= 1000000000 for m in inner)
    assert layers


REFUSED = {
    "type=oci,compression=gzip": "dest must be a file",
    "type=oci,tar=false,dest=-": "dest must be a folder",
    "type=oci,tar=false": "dest is missing",
    "type=oci,dest=x,compression=estargz": "compression estargz, expected uncompressed, gzip or zstd",
    "type=oci,dest=x,compression=gzip,compression-level=99": 'invalid compression "gzip:99"',
    "type=oci,dest=x,compression=gzip,compression-level=": None,
    "type=oci,dest=x,annotation.a=b": "annotation.a: strata writes manifests without annotations",
    "type=oci,dest=x,annotation-index.a=b": "manifests without annotations",
    "type=oci,dest=x,oci-mediatypes=false": "oci-mediatypes=false",
    "type=oci,dest=x,tar=maybe": 'tar must be true or false, not "maybe"',
    "type=docker,dest=x,compression=gzip": "compression can be given with type=oci and push=true",
    "type=docker,dest=x,tar=false": "tar=false can be given with type=oci",
    "type=docker,dest=x,push=true": "push cannot be given here",
    "type=tar,dest=x,compression=gzip": "compression can be given with",
    "type=local,dest=x,tar=false": "tar cannot be given here",
    "type=image,compression=gzip": "push=true is missing",
    "type=image,push=true": "tag is needed when pushing to registry",
    "type=registry": "tag is needed when pushing to registry",
    "type=registry,name=localhost:1/x,compression=uncompressed": "expected gzip or zstd for a registry",
    "type=registry,name=localhost:1/x,oci-mediatypes=true": "oci-mediatypes=true",
    "type=image,push-by-digest=true": "push-by-digest cannot be given here",
    "type=image,unpack=true": "unpack cannot be given here",
    "type=odd": "type odd, expected image, registry, docker, oci, tar or local",
    "name=x": "type is missing",
}


@pytest.mark.parametrize("output, text", REFUSED.items(), ids=REFUSED.keys())
def test_what_is_refused(work, context, output, text):
    """Before anything is built."""
    if text is None:
        build(work, context, output, cwd=work)
        return
    failed = build(work, context, output, check=False, cwd=work)
    assert failed.code == 1 and text in failed.err and failed.out == ""
    assert not (work / "root").exists() and not (work / "x").exists()
