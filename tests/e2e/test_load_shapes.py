# SPDX-License-Identifier: Apache-2.0
"""Archives of every age and shape, packed in every way, from a file and from a pipe: the same images come out."""
import json
import platform

import pytest

import archives
import samples
from archives import COMPRESSORS, compact, docker_2010, docker_25, oci_archive, oci_files, outer, pre_110, skopeo_like
from engine import TRACED, docker_stands_in, needs_strata_itself, strata
from procs import run
from roots import Root, chain_ids, problems
from verbs import assert_holds, assert_refused, load, plain_layer, two_images

pytestmark = pytest.mark.as_root
HOWS = ["file", "stdin", "pipe"]
SHAPES = {
    "docker-20.10": docker_2010,
    "docker-20.10-bare": lambda *images: docker_2010(*images, bare=True),
    "docker-20.10-manifest-first": lambda *images: docker_2010(*images, bare=True, manifest="first"),
    "docker-20.10-symlinked-layers": lambda *images: docker_2010(*images, links=True),
    "docker-25": docker_25,
    "skopeo": skopeo_like,
}


def packings():
    """What docker 20.10 cannot read when it stands in is left out: zstd came with docker 23."""
    return [name for name in COMPRESSORS if not (docker_stands_in() and name == "zstd")]


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("shape", SHAPES)
def test_shape(work, shape, how):
    images = two_images()
    said = load(work / "root", SHAPES[shape](*images), how, words=["-q"])
    assert said.lines == [f"Loaded image: {tag}" for image in images for tag in image.tags]
    assert_holds(work / "root", *images)


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("packing", packings())
def test_packed_outside(work, packing, how):
    images = two_images()
    load(work / "root", COMPRESSORS[packing](docker_2010(*images)), how)
    assert_holds(work / "root", *images)


@pytest.mark.parametrize("how", ["file", "pipe"])
@pytest.mark.parametrize("packing", packings())
def test_packed_layers(work, packing, how):
    images = two_images()
    load(work / "root", docker_2010(*images, layer=COMPRESSORS[packing]), how)
    assert_holds(work / "root", *images)


def test_packed_inside_and_outside(work):
    images = two_images()
    load(work / "root", archives.COMPRESSORS["gzip"](docker_2010(*images, layer=COMPRESSORS["xz"])), "pipe")
    assert_holds(work / "root", *images)


@pytest.mark.parametrize("how", ["file", "pipe"])
def test_layers_in_reverse_order_in_the_archive(work, how):
    image = two_images()[0]
    names = {f"{i}.tar": data for i, data in enumerate(image.layers)}
    members = [("manifest.json", archives.compact([archives.entry(image, lambda i: f"{i}.tar", "config.json")])),
               *reversed(names.items()), ("config.json", image.config_bytes)]
    load(work / "root", outer(members), how)
    assert_holds(work / "root", image)


@pytest.mark.parametrize("how", ["file", "pipe"])
def test_one_layer_listed_twice(work, how):
    layer = plain_layer()
    image = archives.Image([layer, plain_layer("b"), layer], ["twice:1"])
    load(work / "root", docker_2010(image, links=True), how)
    assert_holds(work / "root", image)


@pytest.mark.parametrize("how", ["file", "pipe"])
def test_a_hundred_images(work, how):
    base = plain_layer("base")
    images = [archives.Image([base, plain_layer(f"n{i}")], [f"many:{i}"]) for i in range(100)]
    load(work / "root", docker_2010(*images, links=True), how)
    assert_holds(work / "root", *images)


def test_an_image_without_tags_tells_its_id(work):
    image = archives.Image([plain_layer()])
    assert load(work / "root", docker_2010(image), words=["-q"]).lines == [f"Loaded image ID: {image.id}"]
    assert_holds(work / "root", image)


def test_a_tag_that_moves_is_told(work):
    old, new = archives.Image([plain_layer()], ["x:1"]), archives.Image([plain_layer("b")], ["x:1"])
    load(work / "root", docker_2010(old))
    said = load(work / "root", docker_2010(new), words=["-q"])
    assert said.lines == [f"The image x:1 already exists, renaming the old one with ID {old.id} to empty string",
                          "Loaded image: x:1"]
    old.tags = []
    assert_holds(work / "root", old, new)


@pytest.mark.parametrize("how", ["file", "pipe"])
def test_before_docker_110(work, how):
    """The IDs are docker's to choose (a test beside docker compares them); the layers and the names are the archive's."""
    images = two_images()
    load(work / "root", pre_110(*images), how)
    root = Root(work / "root")
    assert {tag: chain for tag, image in root.references().items() for chain in [root.chain(image)]} == {
        tag: chain_ids(image.diff_ids) for image in images for tag in image.tags}
    assert len(root.images()) == 4  # the base is the same image
    assert problems(work / "root") == []


# ---- OCI -------------------------------------------------------------------------------------------------------

MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
oci = needs_strata_itself("docker 20.10 loads no OCI archives")


def machines():
    return {f"linux/{m}": archives.Image([plain_layer(m), plain_layer()], architecture=m) for m in ("s390x", "amd64", "arm64")}


@oci
@pytest.mark.parametrize("how", ["file", "pipe", "folder"])
@pytest.mark.parametrize("nested", [True, False], ids=["index in index", "flat"])
@pytest.mark.parametrize("wanted", [None, "linux/s390x"])
def test_oci_with_several_platforms(work, how, nested, wanted):
    images = machines()
    files = oci_files(images, nested=nested)
    words = ["--platform", wanted] if wanted else []
    if how == "folder":
        strata(work / "root", "load", *words, "-i", archives.unpack_to(work / "layout", files))
    else:
        load(work / "root", oci_archive(files), how, words=words)
    chosen = images[wanted or f"linux/{MACHINE}"]
    chosen.tags = ["multi:1"]
    assert_holds(work / "root", chosen)


@oci
@pytest.mark.parametrize("codec", [None, "gzip", "zstd"])
@pytest.mark.parametrize("how", ["file", "pipe"])
def test_oci_layers(work, codec, how):
    image = two_images()[0]
    load(work / "root", oci_archive(oci_files({f"linux/{MACHINE}": image}, "docker.io/library/first:1", codec)), how)
    image.tags = ["first:1"]
    assert_holds(work / "root", image)


@oci
def test_oci_without_the_wanted_platform_is_refused(work):
    refused = load(work / "root", oci_archive(oci_files(machines())), words=["--platform", "linux/mips"], check=False)
    assert_refused(refused, "linux/mips")


@oci
def test_oci_attestations_are_not_images(work):
    """BuildKit puts manifests for `unknown/unknown` beside the image."""
    image = archives.Image([plain_layer()], architecture=MACHINE)
    files = oci_files({f"linux/{MACHINE}": image, "unknown/unknown": archives.Image([plain_layer("x")])})
    load(work / "root", oci_archive(files))
    assert image.id in Root(work / "root").images() and len(Root(work / "root").images()) == 1


def signed(files, name=None):
    """The layout with what cosign and `oras copy -r` put beside the image: a signature, and an SBOM that refers to it."""
    top = json.loads(files["index.json"])["manifests"]
    files = dict(files)

    def add(data, kind, **more):
        files[f"blobs/sha256/{archives.sha(data)}"] = data
        return {"mediaType": kind, "digest": f"sha256:{archives.sha(data)}", "size": len(data)} | more

    manifest_type, notes = f"{archives.OCI}.manifest.v1+json", {"org.opencontainers.image.ref.name": name} if name else {}
    config = compact({"architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "1" * 64]}})
    signature = {"schemaVersion": 2, "config": add(config, f"{archives.OCI}.config.v1+json"),
                 "layers": [add(b"signed", "application/vnd.dev.cosign.simplesigning.v1+json")]}
    sbom = {"schemaVersion": 2, "artifactType": "application/spdx+json", "config": add(b"{}", "application/vnd.oci.empty.v1+json"),
            "layers": [add(b'{"spdx":1}', "application/spdx+json")], "subject": {k: top[0][k] for k in ("mediaType", "digest", "size")}}
    beside = [add(compact(signature), manifest_type, annotations=notes), add(compact(sbom), manifest_type)]
    return files | {"index.json": compact({"schemaVersion": 2, "manifests": [beside[0], *top, beside[1]]})}, beside


@oci
@pytest.mark.parametrize("name", [None, "docker.io/library/multi:1", "docker.io/library/multi:sha256-1.sig"], ids=["no name", "the same name", "a name"])
@pytest.mark.parametrize("nested", [False, True], ids=["manifest", "index"])
def test_signatures_and_sboms_are_passed_over(work, nested, name):
    image = archives.Image([plain_layer()], ["multi:1"], architecture=MACHINE)
    files, beside = signed(oci_files({f"linux/{MACHINE}": image}, nested=nested), name)
    for words in [], ["--platform", f"linux/{MACHINE}"]:
        load(work / "root", oci_archive(files), words=words)
        assert_holds(work / "root", image)
    # Alone they are no images, and an image that refers to another one is one.
    index = {"schemaVersion": 2, "manifests": [beside[1]]}
    refused = load(work / "root", oci_archive(files | {"index.json": compact(index)}), check=False)
    assert_refused(refused, f"manifest {beside[1]['digest']} is an OCI artifact of type application/vnd.oci.empty.v1.json, not an image")


@oci
def test_an_image_that_refers_to_another_is_one(work):
    image = archives.Image([plain_layer()], ["multi:1"], architecture=MACHINE)
    files = oci_files({f"linux/{MACHINE}": image}, nested=False)
    (top,) = json.loads(files["index.json"])["manifests"]
    manifest = compact(json.loads(files[f"blobs/sha256/{top['digest'][7:]}"]) | {"subject": {k: top[k] for k in ("mediaType", "digest", "size")}})
    top |= {"digest": f"sha256:{archives.sha(manifest)}", "size": len(manifest)}
    files |= {f"blobs/sha256/{archives.sha(manifest)}": manifest, "index.json": compact({"schemaVersion": 2, "manifests": [top]})}
    load(work / "root", oci_archive(files))
    assert_holds(work / "root", image)


@needs_strata_itself("docker loads no folders")
def test_a_folder_of_skopeo_is_named(work):
    image = two_images()[0]
    files = oci_files({"linux/amd64": image}, nested=False)
    (top,) = json.loads(files["index.json"])["manifests"]
    (work / "folder").mkdir()
    for digest in [top["digest"][7:], *(name.rpartition("/")[2] for name in files if name.startswith("blobs/"))]:
        (work / "folder" / digest).write_bytes(files[f"blobs/sha256/{digest}"])
    (work / "folder" / "manifest.json").write_bytes(files[f"blobs/sha256/{top['digest'][7:]}"])
    refused = strata(work / "root", "load", "-i", work / "folder", check=False)
    assert_refused(refused, 'manifest.json is that of a "dir:" folder of skopeo', "skopeo copy dir:FOLDER oci:OTHER:NAME")


# ---- archives by real tools ------------------------------------------------------------------------------------

SAMPLES = samples.DOCKER_ARCHIVES + ([] if docker_stands_in() else samples.OCI_ARCHIVES)


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("name", SAMPLES)
def test_sample(work, name, how):
    load(work / "root", samples.archive(name, work).read_bytes(), how)
    root = Root(work / "root")
    assert len(root.images()) == 1 and root.references()
    if name not in samples.OTHER_IDS:
        assert root.images() == {samples.FIXTURE_ID}
    assert problems(work / "root") == []


@oci
def test_sample_oci_folder(work):
    strata(work / "root", "load", "-i", samples.oci_folder(work))
    assert Root(work / "root").images() == {samples.FIXTURE_ID}
    assert problems(work / "root") == []


# ---- the second time -------------------------------------------------------------------------------------------

def spoiled(*images):
    """The same archive, but every layer file is garbage."""
    return docker_2010(*images, layer=lambda data: b"\xde\xad" * (len(data) // 2))


@pytest.mark.parametrize("how", HOWS)
def test_layers_that_are_there_are_not_read(work, how):
    images = two_images()
    load(work / "root", docker_2010(*images))
    said = load(work / "root", spoiled(*images), how, words=["-q"])
    assert said.lines == [f"Loaded image: {tag}" for image in images for tag in image.tags]
    assert_holds(work / "root", *images)


@needs_strata_itself("the daemon unpacks all of it first")
def test_the_second_load_reads_only_headers(work):
    image = archives.Image([plain_layer("big", bytes(8_000_000)), plain_layer()], ["big:1"])
    load(work / "root", docker_2010(image))
    strata(work / "root", "load", "-i", work / "archive.tar", env=TRACED, prefix=[
        "strace", "-f", "-qq", "-o", work / "calls", "-P", work / "archive.tar", "-e", "trace=read,pread64,readv,preadv,mmap"])
    calls = (work / "calls").read_text().splitlines()
    assert not any("mmap(" in call and "MAP_PRIVATE" not in call for call in calls)
    got = sum(int(call.rpartition("= ")[2].split()[0]) for call in calls if "mmap(" not in call and "= " in call)
    assert 0 < got < 400_000, f"{got} bytes read of {(work / 'archive.tar').stat().st_size}"


def test_a_missing_layer_of_several_is_read(work):
    base, both = two_images()[1], two_images()
    load(work / "root", docker_2010(base))
    load(work / "root", docker_2010(*both))
    assert_holds(work / "root", *both)


def test_gnu_tar_packs_the_archive(work):
    """An archive unpacked and packed again by GNU tar: other order, `./` before the names, blocking to 10 KiB."""
    images = two_images()
    (work / "in.tar").write_bytes(docker_2010(*images))
    (work / "unpacked").mkdir()
    run("tar", "-xf", work / "in.tar", "-C", work / "unpacked")
    run("tar", "-cf", work / "again.tar", "-C", work / "unpacked", ".")
    strata(work / "root", "load", "-i", work / "again.tar")
    assert_holds(work / "root", *images)


SPARSE = ["--format=posix --sparse-version=0.0", "--format=posix --sparse-version=0.1", "--format=posix --sparse-version=1.0"]


@pytest.mark.parametrize("how", ["file", "pipe", "gzip"])
@pytest.mark.parametrize("kind", SPARSE if docker_stands_in() else [*SPARSE, "--format=gnu"])
@pytest.mark.parametrize("hole", [300_000, 3_000_000], ids=["small", "large"])
def test_an_archive_with_holes(work, hole, kind, how):
    """A layer with zeros at its beginning, in its midst and at its end, as `tar -S` packs it."""
    layer = plain_layer("zeros", bytes(hole) + b"x" * 70_000 + bytes(hole)) + bytes(hole)
    image = archives.Image([plain_layer(), layer], ["x:1"])
    (work / "in.tar").write_bytes(docker_2010(image))
    (work / "unpacked").mkdir()
    run("tar", "-xf", work / "in.tar", "-C", work / "unpacked")
    for file in work.glob("unpacked/*/layer.tar"):
        run("fallocate", "-d", file)
    run("tar", "-S", *kind.split(), "-cf", work / "again.tar", "-C", work / "unpacked", ".")
    data = (work / "again.tar").read_bytes()
    assert len(data) < len(layer), "no holes were made"
    load(work / "root", COMPRESSORS["gzip"](data) if how == "gzip" else data, "pipe" if how == "gzip" else how)
    assert_holds(work / "root", image)


@needs_strata_itself("docker 20.10 loads no OCI archives")
@pytest.mark.parametrize("nested", [False, True], ids=["manifest", "index"])
def test_a_name_with_a_digest_is_true(work, nested):
    """It becomes a RepoDigest, and `run --pull missing name@digest` would take the image for that: one that somebody made up is refused."""
    image = two_images()[0]
    files = oci_files({"linux/amd64": image}, nested=nested, codec=None)
    (top,) = json.loads(files["index.json"])["manifests"]
    manifest = json.loads(files[f"blobs/sha256/{top['digest'][7:]}"])["manifests"][0] if nested else top
    for digest in {top["digest"], manifest["digest"]}:
        named = oci_files({"linux/amd64": image}, f"docker.io/library/x@{digest}", nested=nested, codec=None)
        load(work / digest[-5:], oci_archive(named), words=["-q", "--platform", "linux/amd64"])
        assert Root(work / digest[-5:]).references() == {f"x@{digest}": image.id}
    forged = oci_files({"linux/amd64": image}, f"docker.io/library/x:1@sha256:{'f' * 64}", nested=nested, codec=None)
    refused = load(work / "root", oci_archive(forged), words=["--platform", "linux/amd64"], check=False)
    assert_refused(refused, f"x:1@sha256:{'f' * 64} is the name of a manifest {manifest['digest']}")
