# SPDX-License-Identifier: Apache-2.0
"""Published weaknesses of this field, tried on images, archives and registries. test_cves_run.py: on containers and builds.

Each test says by its number what it was. docs/security.md has the list, and those that only a daemon can have.
"""
import json
import lzma
import os
import random
import time

import pytest

import archives
from archives import Image, compact, docker_2010, oci_archive, oci_files, outer
from canaries import assert_no_secret_below, programs_started
from engine import MEASURED, assert_peak, needs_strata_itself, strata
from hostile_registry import HostileRegistry
from procs import run
from roots import Root, problems
from seeds import count
from tars import Tar
from verbs import assert_holds, assert_refused, load, plain_layer, root_with, unchanged

pytestmark = [pytest.mark.as_root, needs_strata_itself("docker's own weaknesses are not ours")]

HELD = Image([plain_layer("held")], ["held:1"])
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


@pytest.fixture
def root(work):
    return root_with(work / "root", HELD)


def import_layer(root, tar, name="x:1", check=False):
    return strata(root, "import", "-", name, stdin=bytes(tar), check=check)


# ---- layers that reach out of their folder ---------------------------------------------------------------------

def test_cve_2014_9356_absolute_links_in_an_image(root, canary):
    """Docker before 1.3.3 followed absolute symbolic links of an image, and so wrote to any file of the host.
    Here every name is opened below the layer's folder (openat2, RESOLVE_IN_ROOT)."""
    layer = Tar().symlink("abs", str(canary)).symlink("up", canary.up()).symlink("twice", "abs")
    layer.file("abs/secret", b"evil").file("up/new", b"evil").dir("twice/kept", mode=0o777).symlink("abs/kept/link", "x")
    layer.file("abs/.wh.secret").hardlink("got", "abs/secret")
    load(root, docker_2010(Image([layer.bytes()], ["x:1"])), check=False)
    import_layer(root, layer.bytes())
    assert_no_secret_below(root)


def test_cve_2014_6407_hard_links_through_links(root, canary):
    """Docker before 1.3.2 made hard links during pull and load whose targets were outside of the image.
    Here the target is looked up below the layer's folder, and what is not there is refused."""
    for target in ("abs/secret", "/abs/secret", "../" * 20 + str(canary)[1:] + "/secret", str(canary) + "/secret"):
        layer = Tar().symlink("abs", str(canary)).hardlink("got", target).file("got", b"evil").bytes()
        with unchanged(root):
            assert_refused(load(root, docker_2010(Image([layer], ["x:1"])), check=False), "got")
    assert os.stat(canary.folder / "secret").st_nlink == 1


def test_cve_2014_9357_a_layer_that_brings_its_own_xz(root, canary):
    """Docker 1.3.2 unpacked .xz layers by running xz in a chroot: a program of the image, as root.
    Here a library unpacks; no program is started, and no root changed."""
    evil = b"#!/bin/sh\necho > %s/owned\n" % str(canary).encode()
    tar = Tar().dir("bin/").dir("usr/").dir("usr/bin/")
    for name in ("bin/xz", "usr/bin/xz", "usr/bin/unpigz", "usr/bin/lzma", "bin/tar"):
        tar.file(name, evil, mode=0o755)
    image = Image([tar.bytes(), plain_layer()], ["x:1"])
    data = docker_2010(image, layer=lzma.compress)
    (root.parent / "a.tar").write_bytes(lzma.compress(data))
    result, programs, roots = programs_started(root, "load", "-i", root.parent / "a.tar")
    assert result.code == 0 and len(programs) == 1 and not roots, (result, programs, roots)
    assert_holds(root, HELD, image)


# ---- names that become paths -----------------------------------------------------------------------------------

EVIL_NAMES = ("../../../canary/kept", "/canary", "..", ".", "", "a/../../b", "sha256:../../canary", "x\0y", "0" * 63 + "/")


@pytest.mark.parametrize("name", EVIL_NAMES, ids=range(len(EVIL_NAMES)))
def test_cve_2014_9358_ids_that_are_paths(root, canary, name):
    """Docker before 1.3.3 took image IDs of archives and registries as they came, and used them in paths.
    Here an ID is a digest that we compute, or must be 64 hexadecimal digits; a path is looked up in the archive only."""
    layer = plain_layer()
    evil = {"id": name, "parent": name, "created": archives.CREATED, "os": "linux"}
    old = outer([("a/json", compact(evil)), ("a/VERSION", b"1.0"), ("a/layer.tar", layer), ("repositories", compact({"x": {"1": name}}))])
    new = outer([("config.json", compact({"rootfs": {"type": "layers", "diff_ids": [name]}})), ("layer.tar", layer),
                 ("manifest.json", compact([{"Config": "config.json", "RepoTags": ["x:1"], "Layers": ["layer.tar"], "Parent": name}]))])
    places = outer([("layer.tar", layer), ("manifest.json", compact([{"Config": name, "RepoTags": None, "Layers": [name]}]))])
    tags = docker_2010(Image([layer], [name + ":1"]))
    for data in (old, new, places, tags):
        with unchanged(root):
            assert load(root, data, check=False).code == 1


DIGESTS = ("sha256:../../../../../../etc/passwd", "sha256:" + "0" * 63, "sha256:" + "G" * 64, "../" * 8 + "etc/passwd", "sha256", ":", "",
           "sha256:" + "0" * 64 + "/../../x", "sha512:" + "0" * 64, "SHA256:" + "0" * 64, "md5:" + "0" * 32)


@pytest.mark.parametrize("digest", DIGESTS, ids=range(len(DIGESTS)))
def test_cve_2024_3727_digests_are_checked_before_they_are_used(root, digest):
    """containers/image up to 5.30.0 used digests of manifests unchecked in file names and requests: other paths were read and asked for.
    Here a digest is parsed where it is read; the server sees no request for anything that is not one."""
    image = Image([plain_layer()])
    asked = []
    with HostileRegistry({"x/one:1": image}, lambda r: asked.append(r.path), random.Random(1), pack=None) as server:
        served = server.served_files
        manifest = json.loads(served.manifests["/v2/x/one/manifests/1"])
        index = {"schemaVersion": 2, "mediaType": f"{archives.OCI}.index.v1+json",
                 "manifests": [{"mediaType": f"{archives.OCI}.manifest.v1+json", "size": 7, "digest": digest,
                                "platform": {"os": "linux", "architecture": "amd64"}}]}
        evil = [manifest | {"config": manifest["config"] | {"digest": digest}},
                manifest | {"layers": [manifest["layers"][0] | {"digest": digest}]}, index]
        for wrong in evil:
            served.manifests["/v2/x/one/manifests/1"] = compact(wrong)
            with unchanged(root):
                result = strata(root, "pull", f"{server.host}/x/one:1", check=False)
            assert result.code == 1 and result.err.startswith("Error"), result
    assert set(asked) == {"/v2/x/one/manifests/1"}


def both_kinds(image):
    """A text that is a manifest to one reader and an index to another."""
    files = oci_files({"linux/amd64": image}, codec=None, nested=False)
    index = json.loads(files["index.json"])
    manifest = json.loads(files["blobs/sha256/" + index["manifests"][0]["digest"][7:]])
    return [manifest | {"manifests": index["manifests"]} | more
            for more in ({}, {"mediaType": f"{archives.OCI}.index.v1+json"}, {"mediaType": f"{archives.OCI}.manifest.v1+json"})]


@pytest.mark.parametrize("which", range(3))
@pytest.mark.parametrize("said", ["manifest", "index"])
def test_cve_2021_41190_a_manifest_that_is_an_index_too(root, which, said):
    """Documents with both `layers` and `manifests` were read as either, as the registry's Content-Type said: one digest, two images.
    Here such a document is refused, whoever calls it what."""
    image = Image([plain_layer()])
    text = compact(both_kinds(image)[which])
    with HostileRegistry({"x/one:1": image}, lambda _r: None, random.Random(1), pack=None) as server:
        server.served_files.manifests["/v2/x/one/manifests/1"] = text
        server.served_files.kind = f"{archives.OCI}.{said}.v1+json"
        with unchanged(root):
            result = strata(root, "pull", f"{server.host}/x/one:1", check=False)
    assert result.code == 1, result
    files = oci_files({"linux/amd64": image}, codec=None, nested=False)
    files[f"blobs/sha256/{archives.sha(text)}"] = text
    files["index.json"] = compact({"schemaVersion": 2, "manifests": [
        {"mediaType": f"{archives.OCI}.{said}.v1+json", "digest": "sha256:" + archives.sha(text), "size": len(text)}]})
    with unchanged(root):
        assert load(root, oci_archive(files), check=False).code == 1


MALFORMED = (b"null", b"[]", b"7", b'""', b"{}", b'{"schemaVersion":2}', b'{"schemaVersion":2,"config":null,"layers":null}',
             b'{"schemaVersion":2,"mediaType":7,"layers":[null]}', b'{"schemaVersion":1,"fsLayers":null,"history":null}',
             b'{"schemaVersion":2,"manifests":[null]}', b'{"schemaVersion":2,"manifests":[{}]}',
             b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"digest":null},"layers":[{"size":-1}]}',
             b'{"schemaVersion":2,"layers":[{"digest":"sha256:' + b"0" * 64 + b'","size":9223372036854775808}]}', b"\xff\xfe\x00", b'{"a":' * 5000)


@pytest.mark.parametrize("text", MALFORMED, ids=range(len(MALFORMED)))
def test_cve_2021_21285_a_malformed_manifest(root, text):
    """A malformed image manifest crashed dockerd before 19.03.15 and 20.10.3 (a nil pointer).
    Here it is an error that names what was expected."""
    with HostileRegistry({"x/one:1": Image([plain_layer()])}, lambda _r: None, random.Random(1)) as server:
        server.served_files.manifests["/v2/x/one/manifests/1"] = text
        with unchanged(root):
            result = strata(root, "pull", f"{server.host}/x/one:1", check=False)
    assert result.code == 1 and result.err.startswith("Error"), result


# ---- bombs -----------------------------------------------------------------------------------------------------

def test_cve_2017_14992_a_layer_that_grows(root):
    """Docker up to 17.09 decompressed what followed a layer's tar into memory: a gzip of zeros ended the daemon.
    Here memory does not depend on sizes, and bytes that no file takes are compressed again in the tar-split."""
    work = root.parent
    (work / "tar").write_bytes(plain_layer())
    # After the end of a tar anything may follow.
    run("sh", "-c", f"(cat {work}/tar; head -c {count('STRATA_BOMB_MIB', 256)}M /dev/zero) | zstd -q -1 > {work}/bomb.zst")
    image = Image([plain_layer()], ["x:1"])
    data = docker_2010(image, layer=lambda _: (work / "bomb.zst").read_bytes())
    with unchanged(root):
        result = load(root, data, check=False, prefix=MEASURED)
    assert_refused(result, "diffID", image.diff_ids[0])
    assert_peak(result, 64)


def test_cve_2021_20291_a_stream_that_ends_wrongly(root):
    """containers/storage before 1.28.1 waited for ever for an xz process whose output was not read to its end.
    Here the tar's end, the stream's end and an error each end the layer at once."""
    packed = lzma.compress(plain_layer() + bytes(1 << 20))
    evil = (packed + b"junk after the stream", packed[:-20], packed[:len(packed) // 2], lzma.compress(b""), packed + packed,
            lzma.compress(plain_layer()[:700]), packed[:60] + bytes(40) + packed[100:])
    for layer in evil:
        image = Image([plain_layer()], ["x:1"])
        started = time.monotonic()
        with unchanged(root):
            assert load(root, docker_2010(image, layer=lambda _, layer=layer: layer), check=False).code == 1
        assert time.monotonic() - started < 20


# ---- who may see what ------------------------------------------------------------------------------------------

def test_cve_2021_41091_other_users_cannot_reach_what_images_bring(root):
    """Docker before 20.10.9 let everybody pass through the folders of its root: a setuid program of an image was theirs to run.
    Here nobody else passes the root, the driver's folder, a layer's own, or strata's."""
    root.parent.chmod(0o755)
    import_layer(root, Tar().file("suid", b"#!x", mode=0o4755).bytes(), check=True)
    folders = [root, root / "overlay2", root / "image", root / "strata", root / "containers", root / "volumes",
               *(p for p in (root / "overlay2").iterdir()), *(p for p in (root / "strata").rglob("*") if p.is_dir())]
    for folder in folders:
        if folder.exists() and folder.name != "volumes":
            assert folder.stat().st_mode & 0o007 == 0, f"{folder} {oct(folder.stat().st_mode)}"
    suid = next((root / "overlay2").glob("*/diff/suid"))
    for path in (suid, suid.parent, root / "overlay2"):
        assert run(*NOBODY, "ls", "-l", path, check=False).code != 0
    assert run(*NOBODY, "stat", suid, check=False).code != 0


def test_cve_2014_6408_an_image_cannot_set_its_own_rights(root):
    """Docker 1.3.0 and 1.3.1 took security options from the image: its author could switch a container's confinement off.
    Here a container's rights come from its command line alone."""
    image = Image([plain_layer()], ["x:1"], HostConfig={"Privileged": True, "SecurityOpt": ["apparmor=unconfined"], "Binds": ["/:/host"]})
    image.config["config"] |= {"SecurityOpt": ["seccomp=unconfined"], "Privileged": True, "CapAdd": ["ALL"], "Binds": ["/:/host"]}
    load(root, docker_2010(image))
    made = strata(root, "create", "x:1").out.strip()
    host = json.loads((root / "containers" / made / "hostconfig.json").read_text())
    assert host["Privileged"] is False and not host["SecurityOpt"] and not host["CapAdd"] and not host["Binds"]


def test_cve_2024_24557_an_image_from_elsewhere_is_no_cache(root, work):
    """Docker's classic builder before 25.0.2 and 24.0.9 took any image without a parent as the cache of FROM scratch,
    and did not look at HEALTHCHECK and ONBUILD. Here only what was built in this root counts, and the whole step does."""
    (work / "c").mkdir()
    honest = "FROM scratch\nLABEL a=1\nLABEL b=2\n"
    (work / "c/Dockerfile").write_text(honest)
    strata(work / "other", "build", "-t", "t", work / "c")
    other = Root(work / "other")
    evil_layer = Tar().file("evil", b"evil").bytes()
    for config in [json.loads(other.config_bytes(image)) for image in other.images()]:
        config["rootfs"] = {"type": "layers", "diff_ids": ["sha256:" + archives.sha(evil_layer)]}
        config["history"].insert(0, {"created_by": "x"})
        image = Image([evil_layer], [f"evil:{len(config['history'])}"], **config)
        load(root, docker_2010(image))
        config_of_scratch = json.loads(other.config_bytes(other.references()["t:latest"]))
    assert config_of_scratch
    built = strata(root, "build", "-t", "mine", work / "c")
    assert "Using cache" not in built.out
    assert Root(root).chain(Root(root).references()["mine:latest"]) == []
    assert strata(root, "build", work / "c").out.count("Using cache") == 2  # our own counts
    for change in ('HEALTHCHECK CMD ["a"]', 'HEALTHCHECK CMD ["b"]', "ONBUILD RUN a", "ONBUILD RUN b"):
        (work / "c/Dockerfile").write_text(honest + change + "\n")
        assert strata(root, "build", work / "c").out.count("Using cache") == 2, change


def test_images_that_crossed_over_with_their_parents_are_no_cache(root, work):
    """The same through docker's own archives, whose parent links make a chain of steps: CVE-2024-24557's other half."""
    (work / "c").mkdir()
    (work / "c/f").write_text("f")
    (work / "c/Dockerfile").write_text("FROM scratch\nCOPY f /f\nLABEL a=1\n")
    strata(work / "other", "build", "-t", "t", work / "c")
    strata(work / "other", "save", "-o", work / "t.tar", "t", "--format", "docker-legacy")
    strata(root, "load", "-i", work / "t.tar")
    assert "Using cache" not in strata(root, "build", work / "c").out
    assert problems(root) == []
