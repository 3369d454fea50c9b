# SPDX-License-Identifier: Apache-2.0
"""Input that is small and means much: time and memory are bounded, the root is as before, and nothing outside it is touched.

STRATA_BOMB_MIB says how large the bombs become (default 256; 10240 for the full run).
"""
import bz2
import gzip
import json
import lzma
import os
import random
import resource

import pytest

import archives
from archives import Image, compact, docker_2010, outer
from engine import MEASURED, assert_peak, is_sanitized, needs_strata_itself, strata
from hostile_registry import HostileRegistry
from procs import run
from roots import Root, problems
from seeds import count
from tars import Tar, header, octal, pax_record
from verbs import assert_holds, assert_refused, plain_layer, root_with, unchanged

pytestmark = [pytest.mark.as_root, needs_strata_itself("a daemon's memory is its own matter")]

HELD = Image([plain_layer("held")], ["held:1"])
PEAK_MIB = 64
LIMIT_SECONDS = 60


@pytest.fixture
def root(work):
    return root_with(work / "root", HELD)


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def bounded(root, *words, peak_mib=PEAK_MIB, seconds=LIMIT_SECONDS, stdin=None, **more):
    """Runs strata, and holds it to its memory and to its time: the processors', which a busy machine does not stretch."""
    before = processor_seconds()
    result = strata(root, *words, check=False, stdin=stdin, prefix=MEASURED, timeout=6 * seconds, **more)
    assert processor_seconds() - before < seconds or is_sanitized()
    assert result.code in (0, 1), result.err[-2000:]
    assert_peak(result, peak_mib)
    return result


def load_bounded(root, data, *how, **more):
    file = root.parent / "bomb.tar"
    file.write_bytes(data)
    return bounded(root, "load", "-q", "-i", file, *how, **more)


def refused(root, canary, data, *texts, **more):
    with unchanged(root):
        assert_refused(load_bounded(root, data, **more), *texts)
    canary.assert_alive()
    assert problems(root) == []


# ---- that unpack to much ---------------------------------------------------------------------------------------

PACKERS = {"gzip": "gzip -1", "zstd": "zstd -q -1", "xz": "xz -0 -T1", "bzip2": "bzip2 -1"}


@pytest.mark.parametrize("packer", PACKERS)
def test_a_stream_of_zeros(root, canary, packer, work):
    """As a layer (what follows the end of its tar), and around the archive. bzip2 is slow, and gets a tenth."""
    size = count("STRATA_BOMB_MIB", 256) // (10 if packer == "bzip2" else 2 if packer == "xz" else 1)
    (work / "tar").write_bytes(plain_layer())
    run("sh", "-c", f"(cat {work}/tar; head -c {size}M /dev/zero) | {PACKERS[packer]} > {work}/packed")
    image = Image([plain_layer()], ["x:1"])
    refused(root, canary, docker_2010(image, layer=lambda _: (work / "packed").read_bytes()), "diffID")
    run("sh", "-c", f"head -c {size}M /dev/zero | {PACKERS[packer]} > {work}/packed")
    with unchanged(root):
        assert_refused(bounded(root, "load", "-q", stdin=work / "packed"), "manifest")


def test_bombs_within_bombs(root, canary):
    """What comes out of one compression is not unpacked again."""
    data = plain_layer()
    for _ in range(9):
        data = gzip.compress(data)
    refused(root, canary, docker_2010(Image([plain_layer()], ["x:1"]), layer=lambda _: data))
    result = load_bounded(root, gzip.compress(gzip.compress(docker_2010(Image([plain_layer()], ["x:1"])))))
    assert result.code == 1


@pytest.mark.parametrize("stream", [
    b"\x1f\x8b\x08\x00\0\0\0\0\0\xff" * 100_000, gzip.compress(b"") * 100_000, lzma.compress(b"") * 20_000, bz2.compress(b"") * 50_000,
    b"\x1f\x8b\x08\x10\0\0\0\0\0\xff" + b"name" * 4_000_000, b"\x28\xb5\x2f\xfd\xa4\xff\xff\xff\xff" + b"\0" * 100,
    b"\x28\xb5\x2f\xfd\x00\xff" + bytes(1000), b"\x50\x2a\x4d\x18\xff\xff\xff\xff" + b"x" * 1000, b"\xfd7zXZ\0" + b"\xff" * 1000, b"BZh9" + b"\xff" * 1000],
    ids=range(10))
def test_streams_of_headers(root, canary, stream):
    """Members without content, endless names, windows of exabytes."""
    refused(root, canary, docker_2010(Image([plain_layer()], ["x:1"]), layer=lambda _: stream))
    assert load_bounded(root, stream).code == 1


# ---- many, deep, long ------------------------------------------------------------------------------------------

def test_many_entries(root):
    """A million by STRATA_BOMB_ENTRIES; names that come twice are remembered, and have a limit of their own."""
    number = count("STRATA_BOMB_ENTRIES", 30_000)
    tar = Tar()
    for i in range(number):
        tar.file(f"f{i}")
    image = Image([tar.bytes()], ["many:1"])
    assert load_bounded(root, docker_2010(image), seconds=LIMIT_SECONDS + number // 5000).code == 0
    assert_holds(root, HELD, image)


def test_the_same_name_again_and_again(root, canary):
    tar = Tar()
    entry = header("f")
    for _ in range(150_000):
        tar.raw(entry)
    refused(root, canary, docker_2010(Image([tar.bytes()], ["x:1"])), "too many names occur twice")


def test_deep_folders(root, work):
    """As deep as a path can be; deeper; and step by step through links."""
    tar, here = Tar().dir("d0/").symlink("l0", "d0"), "l0"
    for i in range(1, 10_000):
        tar.dir(f"{here}/d/").symlink(f"l{i}", f"{here}/d")
        here = f"l{i}"
    with unchanged(root):
        assert_refused(load_bounded(root, docker_2010(Image([tar.bytes()], ["x:1"]))), "symbolic links|name too long")
    tar, path = Tar(), "d/" * 9
    for _ in range(2030):
        tar.pax({"path": path}).dir("x/")
        path += "d/"
    assert load_bounded(root, docker_2010(Image([tar.bytes()], ["deep:1"]))).code == 0
    out = work / "out.tar"
    bounded(root, "save", "--format", "docker-legacy", "-o", out, "deep:1")
    assert tar.bytes() in out.read_bytes()
    tar.pax({"path": "d/" * 10_000}).dir("x/")
    assert_refused(load_bounded(root, docker_2010(Image([tar.bytes()], ["deep:2"]))), "name too long")
    strata(root, "rmi", "deep:1")
    assert os.listdir(root / "strata/staging") == []
    assert_holds(root, HELD)


@pytest.mark.parametrize("name", ["n" * (1 << 20), "d/" * (1 << 19), "/" * (1 << 20), "../" * 300_000, "./" * 500_000 + "f"], ids=range(5))
@pytest.mark.parametrize("kind, member", [("pax", "file"), ("gnu", "file"), ("pax", "hard"), ("pax", "target")])
def test_names_of_a_megabyte(root, canary, name, kind, member):
    tar = Tar()
    name = name[:(1 << 20) - 100]
    if member in ("file", "hard"):
        tar.pax({"path": name}) if kind == "pax" else tar.gnu_long(name)
    else:
        tar.pax({"linkpath": name}) if kind == "pax" else tar.gnu_long(name, kind=b"K")
    {"file": lambda: tar.file("x", b"x"), "hard": lambda: tar.hardlink("x", "y"),
     "target": lambda: tar.symlink("x", "y")}[member]()
    result = load_bounded(root, docker_2010(Image([tar.bytes()], ["x:1"])))
    assert len(result.err) < 1 << 16, len(result.err)


GIANT = 1 << 62


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K", b"V", b"0"])
def test_sizes_that_are_claimed(root, canary, kind):
    for size in (1 << 30, 1 << 40, GIANT):
        layer = Tar().raw(header("x", kind=kind, size=size)).raw(pax_record("path", "y").ljust(512, b"\0")).file("after", b"x").bytes()
        refused(root, canary, docker_2010(Image([layer], ["x:1"])))
        assert_refused(load_bounded(root, header("x", kind=kind, size=size) + outer([])))


@pytest.mark.parametrize("record", [b"99999999999999999999 path=x\n", b"1073741824 path=x\n", b"0000000000000000000000000012 path=x\n", b"-5 a=b\n",
                                    b"12 " + b"\0" * 9, b"9 a=b", b"3 =\n" * 1000, b"1" * 600, b""], ids=range(9))
def test_records_of_pax(root, canary, record):
    layer = Tar().add("p", record, kind=b"x").file("f", b"x").bytes()
    result = load_bounded(root, docker_2010(Image([layer], ["x:1"])))
    assert result.code == 1 or record == b"", result


# ---- sparse ----------------------------------------------------------------------------------------------------

def old_sparse(real, extents, extended=b"\0"):
    fields = {482: extended, 483: octal(real, 12)}
    for i, (offset, size) in enumerate(extents[:4]):
        fields |= {386 + 24 * i: octal(offset, 12), 398 + 24 * i: octal(size, 12)}
    return Tar().raw(header("s", kind=b"S", size=sum(size for _, size in extents), magic=b"ustar  \0", fields=fields)).raw(b"x" * 512)


def pax_sparse(version, real, data=b"x" * 512, text=None):
    tar = Tar()
    if version == "1.0":
        text = b"1\n0\n512\n" if text is None else text
        tar.pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s", "GNU.sparse.realsize": str(real)})
        return tar.file("x", text.ljust(512, b"\0") + data)
    if version == "0.1":
        tar.pax({"GNU.sparse.size": str(real), "GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,512" if text is None else text, "GNU.sparse.name": "s"})
        return tar.file("x", data)
    tar.pax({"GNU.sparse.size": str(real), "GNU.sparse.numblocks": "1", "GNU.sparse.offset": "0", "GNU.sparse.numbytes": "512"})
    return tar.file("s", data)


@pytest.mark.parametrize("real", [1 << 40, 1 << 60, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
@pytest.mark.parametrize("kind", ["old", "0.0", "0.1", "1.0"])
def test_sparse_files_of_exabytes(root, canary, kind, real):
    """A file that large, if the file system can have it, takes the room of what is in it; else an error, and nothing of it."""
    tar = old_sparse(real, [(0, 512)]) if kind == "old" else pax_sparse(kind, real)
    image = Image([tar.bytes()], ["x:1"])
    result = load_bounded(root, docker_2010(image))
    canary.assert_alive()
    if result.code == 0:
        file = next((root / "overlay2").glob("*/diff/s"))
        assert file.stat().st_size == real and file.stat().st_blocks * 512 < 1 << 20
        # What strata says of it, and what it saves, is bounded, too.
        bounded(root, "inspect", "x:1")
        out = root.parent / "out.tar"
        bounded(root, "save", "--format", "docker-legacy", "-o", out, "x:1")
        assert image.layers[0] in out.read_bytes()
    else:
        assert_refused(result)
        assert_holds(root, HELD)


@pytest.mark.parametrize("how", ["file", "pipe"])
@pytest.mark.parametrize("real", [1 << 40, 1 << 60, (1 << 63) - 1])
@pytest.mark.parametrize("kind", ["old", "0.0", "0.1", "1.0"])
def test_archives_with_holes_of_exabytes(root, canary, kind, real, how):
    """Zeros that somebody would have to hash: refused, in a file and in a pipe."""
    tar = old_sparse(real, [(0, 512)]) if kind == "old" else pax_sparse(kind, real)
    layer = Tar().file("a", b"1").bytes()
    data = tar.file("l.tar", layer).bytes(end=0) + docker_2010(Image([layer], ["x:1"]))
    result = load_bounded(root, data) if how == "file" else bounded(root, "load", "-q", stdin=data)
    assert_refused(result, "is a sparse file of")
    assert_holds(root, HELD)


@pytest.mark.parametrize("text", [b"99999999999999999999\n", b"1000000\n0\n512\n", b"2\n0\n512\n0\n512\n", b"1\n18446744073709551615\n512\n", b"1\n-1\n512\n", b"x" * 512,
                                  b"1\n0\n", b"0\n" * 200, b"1\n" + b"0" * 490], ids=range(9))
def test_maps_of_sparse_files(root, canary, text):
    for version in ("1.0", "0.1"):
        layer = pax_sparse(version, 512, text=text if version == "1.0" else text.replace(b"\n", b",")).bytes()
        result = load_bounded(root, docker_2010(Image([layer], ["x:1"])))
        canary.assert_alive()
        assert result.code == 1, (version, result)


def test_many_extents(root, canary):
    """An old sparse header goes on in block after block."""
    more = b"".join(octal(0, 12) * 2 for _ in range(21)) + b"\x01" + bytes(7)
    layer = header("s", kind=b"S", size=0, magic=b"ustar  \0", fields={482: b"\x01", 483: octal(1 << 40, 12)}) + more * 40_000
    refused(root, canary, docker_2010(Image([layer], ["x:1"])))


# ---- JSON ------------------------------------------------------------------------------------------------------

JSONS = {
    "deep arrays": b"[" * 1_000_000, "deep objects": b'{"a":' * 1_000_000, "deep and closed": b"[" * 200_000 + b"]" * 200_000,
    "a long number": b"9" * 1_000_000, "a long exponent": b"1e" + b"9" * 100_000, "a long string": b'"' + b"x" * 8_000_000 + b'"',
    "many empty": b"[" + b"{}," * 1_000_000 + b"{}]", "many nulls": b"[" + b"null," * 1_000_000 + b"null]",
    "many items": b"[" + b'{"Config":"c","Layers":["l"]},' * 1_000_000 + b"{}]", "the same key": b"{" + b'"Config":"x",' * 500_000 + b'"Config":"y"}',
    "escapes": b'["' + b"\\u0000" * 1_000_000 + b'"]', "half a surrogate": b'["\\ud800"]', "not UTF-8": b'["\xff\xfe"]', "too large": b"[" + b" " * (17 << 20) + b"]",
}


@pytest.mark.parametrize("name, where", [(name, where) for name in JSONS for where in ("manifest.json", "config", "index.json")] +
                         [(name, where) for name in ("deep arrays", "the same key", "too large") for where in ("repositories", "v1")])
def test_texts(root, canary, name, where):
    text, layer = JSONS[name], plain_layer()
    members = {"manifest.json": [("manifest.json", text)],
               "config": [("c", text), ("l", layer), ("manifest.json", compact([{"Config": "c", "RepoTags": ["x:1"], "Layers": ["l"]}]))],
               "repositories": [("repositories", text), ("a/json", b"{}"), ("a/layer.tar", layer)],
               "index.json": [("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'), ("index.json", text)],
               "v1": [("repositories", b'{"x":{"1":"a"}}'), ("a/json", text), ("a/VERSION", b"1.0"), ("a/layer.tar", layer)]}[where]
    result = load_bounded(root, outer(members), peak_mib=256)
    canary.assert_alive()
    assert result.code == 1 or where == "repositories", result.err[:500]
    assert len(result.err) < 1 << 16
    assert_holds(root, HELD)


@pytest.mark.parametrize("layers", [126, 5000, 100_000])
def test_many_layers_in_texts(root, canary, layers):
    """In a docker manifest, a config, an OCI manifest and a registry's: refused before anything is read or fetched."""
    digests = ["sha256:%064x" % i for i in range(layers)]
    config = compact({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": digests}})
    item = {"Config": "c", "RepoTags": ["x:1"], "Layers": ["l"] * layers}
    refused(root, canary, outer([("c", config), ("l", plain_layer()), ("manifest.json", compact([item]))]), peak_mib=128)
    descriptors = [{"mediaType": f"{archives.OCI}.layer.v1.tar", "digest": d, "size": 1} for d in digests]
    manifest = compact({"schemaVersion": 2, "mediaType": f"{archives.OCI}.manifest.v1+json", "layers": descriptors,
                        "config": {"mediaType": f"{archives.OCI}.config.v1+json", "digest": "sha256:" + archives.sha(config), "size": len(config)}})
    asked = []
    with HostileRegistry({"x/one:1": HELD}, lambda r: asked.append(r.path), random.Random(1)) as server:
        server.served_files.manifests["/v2/x/one/manifests/1"] = manifest
        server.served_files.blobs["sha256:" + archives.sha(config)] = config
        with unchanged(root):
            assert_refused(bounded(root, "pull", f"{server.host}/x/one:1", peak_mib=128))
    assert not [path for path in asked if path.rpartition("/")[2] in digests], asked[:9]


# ---- Dockerfiles -----------------------------------------------------------------------------------------------

def stages(number):
    return "".join(f"FROM scratch AS s{i}\n" for i in range(number))


DOCKERFILES = {
    "a hundred megabytes": "FROM scratch\n" + "# comment\n" * 10_000_000, "a million stages": stages(1_000_000), "ten thousand stages": stages(10_000),
    "one long line": "FROM scratch\nLABEL a=" + "x" * 3_000_000, "continued for ever": "FROM scratch\nRUN a \\\n" + "\\\n" * 1_000_000,
    "doubled by ENV": "FROM scratch\nENV A=xxxxxxxxxx\n" + "ENV A=$A$A\n" * 60, "doubled by ARG": "FROM scratch\nARG A=xxxxxxxxxx\n" + "ARG A=$A$A\nLABEL a=$A\n" * 60,
    "doubled in words": "FROM scratch\nENV A=0123456789\n" + "ENV A=$A$A$A$A$A$A$A$A$A$A B=$A$A$A$A$A$A$A$A$A$A\n" * 12,
    "nested defaults": "FROM scratch\nENV A=" + "${A:-" * 100_000 + "}" * 100_000 + "\n", "heredoc without end": "FROM scratch\nRUN <<EOF\n" + "x\n" * 100_000,
    "many heredocs": "FROM scratch\nCOPY " + " ".join(f"<<E{i}" for i in range(10_000)) + " /x/\n", "many labels": "FROM scratch\n" + "LABEL a=b\n" * 20_000,
    "many words": "FROM scratch\nENV " + "a=b " * 500_000, "patterns": "FROM scratch\nENV A=" + "a" * 5000 + "\nENV B=${A##" + "*a" * 500 + "b}\n",
    "stages in a ring": "FROM b AS a\nCOPY --from=b / /\nFROM a AS b\nCOPY --from=a / /\n", "JSON": 'FROM scratch\nCMD ' + "[" * 1_000_000 + "\n",
    "zero bytes": "FROM scratch\n" + "\0" * 1_000_000, "a flag of a megabyte": "FROM scratch\nCOPY --from=" + "x" * (1 << 20) + " / /\n",
}


@pytest.mark.parametrize("name", DOCKERFILES)
def test_dockerfiles(root, canary, work, name):
    (work / "context").mkdir()
    (work / "context/Dockerfile").write_text(DOCKERFILES[name])
    result = bounded(root, *(["build", "--check"] if name == "many labels" else ["build", "-q"]), work / "context", peak_mib=256)
    assert len(result.err) < 1 << 20, len(result.err)
    assert result.code == 1 or name in ("continued for ever", "nested defaults", "patterns", "many words", "one long line", "ten thousand stages", "many labels", "JSON"), \
        result.err[:300]
    assert problems(root) == []


@pytest.mark.parametrize("pattern", ["*a" * 30 + "b", "**/" * 30 + "b", "**" * 50 + "b", "[a-" * 1000, "a" * 1_000_000, "!" * 1000, "?*" * 40 + "b", "*/" * 60 + "b"], ids=range(8))
def test_patterns_of_ignored_files(root, work, pattern):
    """Against names that nearly match."""
    context = work / "context"
    deep = context / "/".join(["a" * 8] * 40)
    deep.mkdir(parents=True)
    (deep / ("a" * 200)).write_text("x")
    (context / ("a" * 250)).write_text("x")
    (context / ".dockerignore").write_text((pattern + "\n") * 3)
    (context / "Dockerfile").write_text(f"FROM scratch\nCOPY . /x\nCOPY --exclude={pattern[:2000]} . /y\nCOPY {pattern[:2000]} /z/\n")
    bounded(root, "build", "-q", context)


def test_an_ignore_file_of_a_hundred_thousand_lines(root, work):
    context = work / "context"
    context.mkdir()
    for i in range(200):
        (context / f"f{i}").write_text("x")
    (context / ".dockerignore").write_text("".join(f"a{i}*b\n" for i in range(100_000)))
    (context / "Dockerfile").write_text("FROM scratch\nCOPY . /x\n")
    bounded(root, "build", "-q", context, peak_mib=256)


# ---- what was found stays found --------------------------------------------------------------------------------

def test_a_name_of_nothing_but_slashes_is_the_root(root):
    assert load_bounded(root, docker_2010(Image([Tar().dir("////").file("f", b"x").bytes()], ["x:1"]))).code == 0
    assert json.loads(strata(root, "inspect", "x:1").out)[0]["RootFS"]["Layers"]
    assert os.listdir(root / "strata/staging") == [] and Root(root).layers()
