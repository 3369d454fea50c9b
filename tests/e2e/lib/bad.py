# SPDX-License-Identifier: Apache-2.0
"""Bad archives: {name: (bytes, words that the message must hold)}. The sound image in most of them must not be left behind."""
import gzip
import random

from archives import COMPRESSORS, Image, compact, docker_2010, entry, oci_archive, oci_files, outer, sha
from tars import Tar, header
from verbs import plain_layer

GOOD = Image([plain_layer("good")], ["good:1"])
VICTIM = Image([plain_layer("one"), plain_layer("two")], ["bad:1"])


def archive(config=None, manifest=None, image=VICTIM, drop=(), replace=None, **item):
    """The archive of GOOD and `image`, with parts replaced: the config's bytes, the manifest's, fields of its item, members."""
    config = image.config_bytes if config is None else config if isinstance(config, bytes) else compact(config)
    names = {g: f"{sha(g)}.tar" for g in GOOD.layers + image.layers}
    members = {names[g]: g for g in GOOD.layers + image.layers}
    members |= {"good.json": GOOD.config_bytes, "bad.json": config}
    entries = [entry(GOOD, lambda i: names[GOOD.layers[i]], "good.json"),
               entry(image, lambda i: names[image.layers[i]], "bad.json") | item]
    members["manifest.json"] = compact(entries) + b"\n" if manifest is None else manifest
    members |= replace or {}
    return outer([(n, d) for n, d in members.items() if n not in drop])


def with_layer(layer):
    """An archive whose only trouble is in this layer; its diffID is right."""
    return archive(image=Image([plain_layer(), layer], ["bad:1"]))


def config(**changed):
    return archive({k: v for k, v in (VICTIM.config | changed).items() if v is not None})


WHOLE = docker_2010(GOOD, VICTIM, bare=True)  # with `repositories` it would still be an archive from before 1.10 when cut
ONE, TWO = (f"{sha(layer)}.tar" for layer in VICTIM.layers)
OTHER = plain_layer("other")
NOISE = random.Random(1).randbytes(100_000)



def half(data):
    return data[:len(data) // 2]


STREAMS = {
    "empty": (b"", ["it is empty, expected an image archive"]),
    "empty gzip": (gzip.compress(b""), ["it is empty, expected an image archive"]),
    "zeros": (bytes(10240), ["manifest"]),
    "noise": (NOISE, ["Error: [^:]+: not a tar archive"]),
    "text": (b"hello, this is not an archive\n" * 100, ["Error: [^:]+: not a tar archive: archive/tar: invalid tar header"]),
    "short text": (b"hello", ["Error: [^:]+: not a tar archive: unexpected EOF after 5 bytes"]),
    "packed text": (gzip.compress(b"hello\n" * 1000), ["Error: [^:]+: not a tar archive"]),
    "lz4": (b"\x04\x22\x4d\x18" + NOISE, ["Error: [^:]+: not a tar archive"]),
    "cut in a header": (WHOLE[:700], []),
    "cut in a layer": (WHOLE[:3 * 512 + 100], []),
    "cut before the manifest": (WHOLE[:WHOLE.index(b"manifest.json")], []),
    "cut in the manifest": (WHOLE[:WHOLE.index(b"manifest.json") + 530], []),
    "half of a gzip": (half(gzip.compress(WHOLE)), []),
    "gzip with a wrong checksum": (gzip.compress(WHOLE)[:-8] + bytes(8), []),
    "half of an xz": (half(COMPRESSORS["xz"](WHOLE)), []),
    "half of a bzip2": (half(COMPRESSORS["bzip2"](WHOLE)), []),
    "half of a zstd": (half(COMPRESSORS["zstd"](WHOLE)), []),
    "header with a wrong checksum": (header("x", checksum=b"000000\0 ") + WHOLE, []),
    "no manifest": (archive(drop=["manifest.json"]), ["manifest.json"]),
}

MANIFESTS = {
    "manifest is an object": (archive(manifest=b"{}"), ["manifest"]),
    "manifest is empty": (archive(manifest=b""), ["manifest"]),
    "manifest is cut": (archive(manifest=b'[{"Config":"bad.js'), ["manifest"]),
    "manifest is text": (archive(manifest=b"hello"), ["manifest"]),
    "manifest is a number": (archive(manifest=b"7"), ["manifest"]),
    "item is a number": (archive(manifest=b"[7]"), ["manifest"]),
    "item is empty": (archive(manifest=b"[{}]"), ['manifest.json: item 1 of 1 has no "Config"']),
    "item is null": (archive(manifest=b'[{"Config":"good.json","Layers":[]},null]'), ['manifest.json: item 2 of 2 has no "Config"']),
    "layer is null": (archive(Layers=[ONE, None]), ["manifest.json: item 2 of 2: its layer 2 has no name"]),
    "Layers is a string": (archive(Layers=ONE), ["Layers"]),
    "Layers holds a number": (archive(Layers=[1, 2]), ["Layers"]),
    "Config is a number": (archive(Config=7), ["Config"]),
    "RepoTags is a string": (archive(RepoTags="bad:1"), ["RepoTags"]),
    "nested too deeply": (archive(manifest=b"[" * 200_000), ["manifest"]),
    "tag without a colon": (archive(RepoTags=["bad"]), ["bad"]),
    "tag with capitals": (archive(RepoTags=["BAD:1"]), ["BAD"]),
    "tag with a digest": (archive(RepoTags=["bad@sha256:" + "0" * 64]), ["bad@sha256"]),
}

CONFIGS = {
    "config is missing": (archive(drop=["bad.json"]), ["bad.json"]),
    "config is not JSON": (archive(b"hello"), ["bad.json"]),
    "config is null": (archive(b"null"), []),
    "config is cut": (archive(VICTIM.config_bytes[:100]), ["bad.json"]),
    "no rootfs": (config(rootfs=None), ["rootfs"]),
    "rootfs is a string": (config(rootfs="layers"), ["rootfs"]),
    "diff_ids is a number": (config(rootfs={"type": "layers", "diff_ids": 7}), ["diff_ids"]),
    "diff_ids holds a number": (config(rootfs={"type": "layers", "diff_ids": [1, 2]}), ["diff_ids"]),
    "diffID is no digest": (config(rootfs={"type": "layers", "diff_ids": ["sha256:xyz", "sha256:abc"]}), []),
    "history is a string": (config(history="long"), ["history"]),
    "more history than layers": (config(history=[{"created_by": "x"}] * 3), ["history|History"]),
    "fewer diff_ids than layers": (config(rootfs={"type": "layers", "diff_ids": VICTIM.diff_ids[:1]}, history=[]), ["2", "1"]),
    "more diff_ids than layers": (archive(Layers=[ONE]), ["1", "2"]),
    "layer listed too often": (archive(Layers=[ONE, TWO, TWO]), ["3", "2"]),
    "for windows": (config(os="windows"), ["windows"]),
}

LAYERS = {
    "layer is missing": (archive(drop=[TWO]), [TWO]),
    "layer has another digest": (archive(replace={TWO: OTHER}), [VICTIM.diff_ids[1], sha(OTHER)]),
    "layers in the wrong order": (archive(Layers=[TWO, ONE]), VICTIM.diff_ids),
    "layer is cut": (archive(replace={TWO: VICTIM.layers[1][:700]}), [TWO + "|" + VICTIM.diff_ids[1]]),
    "layer is noise": (archive(replace={TWO: NOISE}), [TWO + "|" + VICTIM.diff_ids[1]]),
    "layer is an empty file": (archive(replace={TWO: b""}), [VICTIM.diff_ids[1]]),
    "packed layer is cut": (archive(replace={TWO: gzip.compress(VICTIM.layers[1])[:60]}), [TWO + "|" + VICTIM.diff_ids[1]]),
    "layer leads out of the archive": (archive(Layers=[ONE, "../../../../etc/passwd"]), []),
    "layer is an absolute path": (archive(Layers=[ONE, "/etc/passwd"]), []),
    "layer is a symlink to outside": (archive(replace={TWO: "-> /etc/passwd"}), []),
    "layer is a symlink far up": (archive(replace={TWO: "-> ../../../../../../etc/passwd"}), []),
    "layer is a symlink to itself": (archive(replace={TWO: f"-> {TWO}"}), []),
    "config leads out of the archive": (archive(Config="../../../../etc/passwd"), []),
    "config is a symlink to outside": (archive(replace={"bad.json": "-> /etc/passwd"}), []),
    "126 layers": (docker_2010(GOOD, Image([plain_layer(f"n{i}") for i in range(126)], ["deep:1"])), ["depth|125|layers"]),
}


def member(name="x", after=b"", **fields):
    return Tar().raw(header(name, **fields)).raw(after).bytes()


INSIDE = {
    "bad checksum": (Tar().file("a", b"a").raw(header("b", checksum=b"000000\0 ")).bytes(), []),
    "cut in a file": (header("a", size=5000) + b"short", []),
    "cut in a header": (plain_layer()[:900] + b"x", []),
    "junk after one zero block": (Tar().file("a", b"a").raw(bytes(512)).file("b", b"b").bytes(), []),
    "size is not octal": (member(fields={124: b"99999999999\0"}), []),
    "size is negative": (member(fields={124: b"\xff" * 12}), []),
    "size overflows": (member(fields={124: b"\x80" + b"\x7f" * 11}), []),
    "size is larger than the layer": (member(fields={124: b"77777777777\0"}), []),
    "pax size overflows": (Tar().pax({"size": "99999999999999999999"}).file("a", b"a").bytes(), []),
    "pax size is a word": (Tar().pax({"size": "many"}).file("a", b"a").bytes(), []),
    "pax length is too long": (Tar().add("p", b"999 path=x\n", kind=b"x").file("a", b"a").bytes(), []),
    "pax length is zero": (Tar().add("p", b"0 path=x\n", kind=b"x").file("a", b"a").bytes(), []),
    "pax mtime is a word": (Tar().pax({"mtime": "yesterday"}).file("a", b"a").bytes(), []),
    "pax header of a gigabyte": (member("p", kind=b"x", size=1 << 30), []),
    "long name of a gigabyte": (member("././@LongLink", kind=b"L", size=1 << 30), []),
    "name component of 300 bytes": (Tar().pax({"path": "d/" + "n" * 300}).file("x", b"x").bytes(), ["n" * 20]),
    "name of 5000 bytes": (Tar().pax({"path": "/".join(["dir"] * 1250)}).file("x", b"x").bytes(), ["dir/dir"]),
    "link target of 5000 bytes": (Tar().pax({"linkpath": "t" * 5000}).symlink("link", "t").bytes(), ["link"]),
    "hard link to nothing": (Tar().hardlink("hard", "nothing").bytes(), ["hard"]),
    "hard link to outside": (Tar().hardlink("hard", "../../../../../../etc/passwd").bytes(), ["hard"]),
    "hard link to an absolute path": (Tar().hardlink("hard", "/etc/hostname").bytes(), ["hard"]),
    "hard link to a folder": (Tar().dir("d/").hardlink("hard", "d").bytes(), ["hard"]),
    "hard link to a later file": (Tar().hardlink("hard", "later").file("later", b"l").bytes(), ["hard"]),
    "whiteout of nothing": (Tar().file(".wh.", b"").bytes(), [r"\.wh\."]),
    "whiteout of a dot": (Tar().dir("d/").file("d/.wh..", b"").bytes(), [r"\.wh\."]),
    "folder expected, file found": (Tar().file("a", b"a").file("a/b", b"b").bytes(), ["a/b"]),
    "through a loop of symlinks": (Tar().symlink("l", "l").file("l/x", b"x").bytes(), ["l/x"]),
}


def inside(name):
    layer, words = INSIDE[name]
    return with_layer(layer), words


def oci_case(change):
    files = oci_files({"linux/amd64": VICTIM, "linux/arm64": VICTIM}, nested=False, codec=None)
    change(files)
    return oci_archive(files)


def _blob(files, layer):
    return f"blobs/sha256/{sha(layer)}"


OCI = {
    "blob is missing": (oci_case(lambda f: f.pop(_blob(f, VICTIM.layers[1]))), [sha(VICTIM.layers[1])]),
    "blob has another digest": (oci_case(lambda f: f.update({_blob(f, VICTIM.layers[1]): OTHER})), [sha(VICTIM.layers[1])]),
    "config has another digest": (oci_case(lambda f: f.update({_blob(f, VICTIM.config_bytes): GOOD.config_bytes})), [VICTIM.id]),
    "index is not JSON": (oci_case(lambda f: f.update({"index.json": b"hello"})), ["index.json"]),
    "index has no manifests": (oci_case(lambda f: f.update({"index.json": b'{"schemaVersion":2}'})), ["index.json|manifest"]),
    "digest leads out of the folder": (oci_case(lambda f: f.update({"index.json": compact({"schemaVersion": 2, "manifests": [
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:../../../etc/passwd", "size": 1}]})})), []),
}


def index_in_itself():
    """Not really possible with digests; an index that names a blob which names the index again by a wrong digest."""
    files = oci_files({"linux/amd64": VICTIM}, codec=None)
    kind = "application/vnd.oci.image.index.v1+json"
    name = "0" * 64
    files[f"blobs/sha256/{name}"] = compact({"schemaVersion": 2, "manifests": [{"mediaType": kind, "digest": f"sha256:{name}", "size": 9}]})
    files["index.json"] = files[f"blobs/sha256/{name}"]
    return oci_archive(files)


OCI["index within itself"] = (index_in_itself(), [])

ESCAPES = {
    "dots": Tar().file("../escaped", b"x").file("a/../../escaped2", b"x"),
    "absolute": Tar().file("/escaped", b"x"),
    "through a symlink up": Tar().symlink("up", "../../../../../..").file("up/{canary}/escaped", b"x"),
    "through an absolute symlink": Tar().symlink("abs", "{canary}").file("abs/escaped", b"x"),
    "symlink then folder": Tar().symlink("d", "{canary}").dir("d/", mode=0o777),
    "whiteout outside": Tar().symlink("d", "{canary}").file("d/.wh.kept", b""),
    "hard link outside": Tar().symlink("d", "{canary}").hardlink("got", "d/kept"),
    "dot dot itself": Tar().dir("..", mode=0o777),
}
