# SPDX-License-Identifier: Apache-2.0
"""Bad archives: exit code 1, a message that names what is wrong, and a root as it was; nothing outside it is ever touched.

The stand-in shows that docker refuses the same (it may leave sound images of a bad archive; strata may not).
"""
import contextlib

import pytest

import bad
from archives import Image, docker_2010, outer
from engine import docker_stands_in, needs_strata_itself, strata
from roots import changes, problems, snapshot
from tars import Tar, octal
from verbs import assert_holds, assert_refused, load, plain_layer, root_with, unchanged

pytestmark = pytest.mark.as_root
HELD = Image([plain_layer("held")], ["held:1"])


@pytest.fixture
def root(work):
    """A root that already holds an image."""
    return root_with(work / "root", HELD)


def must_refuse(root, data, words, how="file"):
    if docker_stands_in():
        assert load(root, data, how, check=False).code == 1
        return
    with unchanged(root):
        result = load(root, data, how, check=False)
    assert_refused(result, *words)
    assert problems(root) == []


ARCHIVES = {k: v for table in (bad.STREAMS, bad.MANIFESTS, bad.CONFIGS, bad.LAYERS) for k, v in table.items()}


@pytest.mark.parametrize("how", ["file", "pipe"])
@pytest.mark.parametrize("name", ARCHIVES)
def test_archive(root, name, how):
    must_refuse(root, *ARCHIVES[name], how)


@pytest.mark.parametrize("name", bad.INSIDE)
def test_inside_a_layer(root, name):
    must_refuse(root, *bad.inside(name))


@needs_strata_itself("docker 20.10 loads no OCI archives")
@pytest.mark.parametrize("how", ["file", "pipe"])
@pytest.mark.parametrize("name", bad.OCI)
def test_oci(root, name, how):
    must_refuse(root, *bad.OCI[name], how)


@needs_strata_itself("docker 20.10 accepts it")
@pytest.mark.parametrize("how", ["file", "pipe"])
def test_null_manifest(root, how):
    must_refuse(root, bad.archive(manifest=b"null"), ["manifest", "null"], how)


@needs_strata_itself("docker 20.10 panics")
def test_foreign_system(root):
    must_refuse(root, bad.config(os="plan9"), ["plan9"])


@needs_strata_itself("a daemon reads the stream of its client")
def test_every_truncation_of_a_small_archive(root):
    """Cut at each block and in its middle. An archive without its end marker is whole if all members are there."""
    data = docker_2010(bad.GOOD, bare=True)
    for size in range(0, len(data) - 1024 - 512, 256):
        with unchanged(root):
            result = load(root, data[:size], check=False)
        assert result.code == 1, f"cut to {size} bytes: {result}"


@pytest.mark.parametrize("data", [b"[]", b'[] trailing text'])
def test_an_empty_manifest_is_fine(root, data):
    with contextlib.nullcontext() if docker_stands_in() else unchanged(root):
        assert load(root, outer([("manifest.json", data)]), words=["-q"]).out.strip() == ""


def with_canary(tar, canary):
    """The layer with `{canary}` replaced in all names, and header checksums made again."""
    path = str(canary).encode()
    out, at = bytearray(), 0
    while at < len(tar.out):
        block = bytearray(tar.out[at:at + 512])
        size = int(block[124:135] or b"0", 8)
        for start, width in ((0, 100), (157, 100)):
            name = bytes(block[start:start + width]).rstrip(b"\0")
            name = name.replace(b"up/{canary}", b"up" + path).replace(b"{canary}", path)
            assert len(name) <= width
            block[start:start + width] = name.ljust(width, b"\0")
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        body = -(-size // 512) * 512
        out += block + tar.out[at + 512:at + 512 + body]
        at += 512 + body
    return bytes(out) + bytes(1024)


@pytest.mark.parametrize("name", bad.ESCAPES)
def test_a_layer_never_reaches_outside(root, work, name):
    """Refused or clamped to the layer: either way nothing outside the layer changes."""
    canary = work / "canary"
    canary.mkdir()
    (canary / "kept").write_text("kept")
    before = snapshot(canary), canary.stat().st_mode, (root.stat().st_mode, (root / "overlay2").stat().st_mode)
    image = Image([with_canary(bad.ESCAPES[name], canary)], ["escape:1"])
    done = load(root, docker_2010(image), check=False)
    assert done.code in (0, 1), done
    assert (snapshot(canary), canary.stat().st_mode, (root.stat().st_mode, (root / "overlay2").stat().st_mode)) == before
    assert not [p for p in snapshot(root) if "escaped" in p and "/diff/" not in p]
    if done.code == 1:
        assert done.err
        if not docker_stands_in():
            assert_holds(root, HELD)
    elif not docker_stands_in():
        strata(root, "save", "--format", "docker-legacy", "-o", work / "out.tar", "escape:1")
        assert image.layers[0] in (work / "out.tar").read_bytes()


@needs_strata_itself("the daemon unpacks the archive into a folder of its own")
def test_an_archive_never_reaches_outside(root, work):
    """Outer names with `..` and absolute paths: no such file appears."""
    outside = work / "outside"
    data = Tar().file(f"../../../../../..{outside}", b"x").file(str(outside), b"x").symlink("l", str(work)).file("l/outside", b"x")
    load(root, data.raw(docker_2010(bad.GOOD)).bytes(end=0), check=False)
    assert not outside.exists()
    assert problems(root) == []


@needs_strata_itself("docker cuts owners to 32 bits")
@pytest.mark.parametrize("value", [1 << 31, 1 << 40, 1 << 62])
def test_owner_too_large(root, value):
    """Larger owners than the system has: refused, never cut to another owner."""
    layer = Tar().add("x", b"x", fields={108: octal(value, 8)}).bytes() if value < 1 << 56 else Tar().pax(
        {"uid": str(value)}).file("x", b"x").bytes()
    if value < 1 << 32:
        owned = Image([layer], ["owner:1"])
        load(root, docker_2010(owned))
        assert_holds(root, HELD, owned)
    else:
        must_refuse(root, bad.with_layer(layer), [])


def test_no_such_file(root, work):
    refused = strata(root, "load", "-i", work / "nothing.tar", check=False)
    assert_refused(refused, "nothing.tar", "no such file")


def test_names_of_images(root):
    before = snapshot(root)
    for words, message in ((["inspect", "nope:1"], "nope"), (["history", "nope"], "nope"), (["rmi", "nope:1"], "nope"),
                           (["tag", "nope", "x"], "nope"), (["save", "nope"], "nope"), (["tag", "held:1", "Bad:1"], "Bad|invalid ref"),
                           (["rmi", "held:1:2"], "invalid reference")):
        result = strata(root, *words, check=False)
        assert result.code == 1, result
        assert_refused(result, message)
    if not docker_stands_in():
        assert changes(before, snapshot(root)) == []
