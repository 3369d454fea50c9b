# SPDX-License-Identifier: Apache-2.0
"""copy between registry, OCI folder, OCI archive, docker archive and root: skopeo, podman and dockerd are the judges."""
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tarfile
import time

import pytest

import archives
import registries
from engine import MEASURED, assert_peak, binary, needs_strata_itself, strata
from hostile_registry import HostileRegistry
from images import hand_made, load_bytes, runnable
from peers import dockerd, raw_manifest, skopeo_copy
from procs import clean_env, run
from roots import Root, problems
from secured import secured
from verbs import load

pytestmark = [needs_strata_itself("docker has no such command"),
              pytest.mark.skipif(registries.cannot_run() is not None, reason=str(registries.cannot_run()))]

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture(scope="module")
def server():
    with secured() as one:
        yield one


@pytest.fixture
def copy(work):
    (work / "tmp").mkdir()
    env = registries.no_configuration(work, TMPDIR=str(work / "tmp"))

    def call(*words, check=True, root=None, stdin=None):
        return strata(root or work / "root", "copy", *words, check=check, env=env, stdin=stdin)
    return call


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def told_digest(result):
    return re.search(r"digest: (sha256:[0-9a-f]{64}) size: \d+$", result.out, re.M).group(1)


def as_dir(place, folder):
    """{file: content} of what skopeo copies from there, byte for byte."""
    tls = ["--src-tls-verify=false"] if place.startswith("docker://") else []
    skopeo_copy(place, f"dir:{folder}", *tls)
    return {file.name: file.read_bytes() for file in pathlib.Path(folder).iterdir() if file.name != "version"}


def seed(work, server, name, form="v2s2", extra=None):
    """An image that skopeo pushed."""
    image = hand_made("x:1", extra=extra or work.name.encode())
    (work / "seed.tar").write_bytes(archives.docker_2010(image))
    skopeo_copy(f"docker-archive:{work}/seed.tar", f"docker://{server.host}/{name}", "--dest-tls-verify=false", "--format", form)
    return f"docker://{server.host}/{name}", image


def seed_index(work, server, name):
    """An index of two platforms, in a registry and as a folder."""
    images = {"linux/amd64": hand_made(extra=b"amd" + work.name.encode()), "linux/arm64": hand_made(extra=b"arm" + work.name.encode())}
    archives.unpack_to(work / "multi", archives.oci_files(images, name="docker.io/library/multi:1"))
    skopeo_copy(f"oci:{work}/multi:1", f"docker://{server.host}/{name}", "--dest-tls-verify=false", "--all")
    return f"docker://{server.host}/{name}", images


def layout_problems(folder):
    """What is wrong in an OCI layout: names that are not digests, half blobs, files that belong to nobody."""
    folder = pathlib.Path(folder)
    found = [f"{file.name} is {sha(file.read_bytes())}" for file in (folder / "blobs/sha256").iterdir()
             if sha(file.read_bytes()) != f"sha256:{file.name}"]
    if json.loads((folder / "oci-layout").read_text()) != {"imageLayoutVersion": "1.0.0"}:
        found.append("oci-layout")
    return found + [str(file) for file in folder.iterdir() if file.name not in ("blobs", "index.json", "oci-layout")]


def reached(folder):
    """Digests of all that index.json leads to; each of them is there with the size that was said."""
    folder, todo, seen = pathlib.Path(folder), json.loads((pathlib.Path(folder) / "index.json").read_text())["manifests"], set()
    while todo:
        one = todo.pop()
        data = (folder / "blobs/sha256" / one["digest"][7:]).read_bytes()
        assert len(data) == one["size"]
        seen.add(one["digest"])
        if one["mediaType"].endswith(("manifest.v1+json", "manifest.v2+json", "index.v1+json", "list.v2+json")):
            inner = json.loads(data)
            todo += inner.get("manifests", []) + inner.get("layers", []) + ([inner["config"]] if "config" in inner else [])
    return seen


@pytest.mark.parametrize("form", ["v2s2", "oci"])
def test_registry_to_folder_to_registry_keeps_every_byte(server, work, copy, form):
    source, image = seed(work, server, f"keep/{form}:1", form)
    before = raw_manifest(source)
    first = copy(source, f"oci:{work}/layout:one")
    assert told_digest(first) == sha(before)
    assert layout_problems(work / "layout") == []
    assert len(reached(work / "layout")) == len({d for d in image.diff_ids}) + 2
    there = f"docker://{server.host}/keep/{form}-again:2"
    second = copy(f"oci:{work}/layout:one", there)
    assert told_digest(second) == sha(before) and raw_manifest(there) == before
    assert as_dir(there, work / "dir-b") == as_dir(source, work / "dir-a")


def test_skopeo_reads_our_folder_and_our_archive(server, work, copy):
    source, _ = seed(work, server, "read/oci:1", "oci")
    before = raw_manifest(source)
    copy(source, f"oci:{work}/layout:t")
    copy(source, f"oci-archive:{work}/layout.tar:t")
    assert raw_manifest(f"oci:{work}/layout:t") == before
    assert raw_manifest(f"oci-archive:{work}/layout.tar:t") == before
    expected = as_dir(source, work / "dir")
    assert as_dir(f"oci:{work}/layout:t", work / "dir-folder") == expected
    assert as_dir(f"oci-archive:{work}/layout.tar:t", work / "dir-archive") == expected


def test_we_read_the_folders_and_archives_of_skopeo(server, work, copy):
    source, _ = seed(work, server, "read/theirs:1", "oci")
    before = raw_manifest(source)
    skopeo_copy(source, f"oci:{work}/theirs:a", "--src-tls-verify=false")
    skopeo_copy(source, f"oci-archive:{work}/theirs.tar:a", "--src-tls-verify=false")
    for number, place in enumerate((f"oci:{work}/theirs:a", f"oci:{work}/theirs", f"oci-archive:{work}/theirs.tar:a")):
        there = f"docker://{server.host}/read/back{number}:1"
        copy(place, there)
        assert raw_manifest(there) == before


def test_registry_to_registry_mounts_and_sends_nothing(server, work, copy):
    source, image = seed(work, server, "mount/from:1")
    before = raw_manifest(source)
    server.forget_requests()
    there = f"docker://{server.host}/mount/to:1"
    said = copy("--progress", "plain", source, there)
    assert said.err.count("Mounted from mount/from") == len(set(image.diff_ids)) + 1
    time.sleep(0.2)
    assert not [r for r in server.requests() if r.method == "PATCH" or (r.method == "PUT" and "/blobs/" in r.path)]
    assert server.fetched_bytes() == 0
    assert raw_manifest(there) == before
    server.forget_requests()
    assert copy("--progress", "plain", source, there).err.count("Already exists") == len(set(image.diff_ids)) + 1
    time.sleep(0.2)
    assert not [r for r in server.requests() if r.method in ("POST", "PATCH")]


def test_another_registry_gets_the_same_bytes(server, work, copy):
    source, _ = seed(work, server, "two/servers:1")
    with secured() as other:
        there = f"docker://{other.host}/x/y:2"
        copy(source, there)
        assert as_dir(there, work / "b") == as_dir(source, work / "a")


def test_by_digest_and_quiet(server, work, copy):
    source, _ = seed(work, server, "by/digest:1")
    digest = sha(raw_manifest(source))
    quiet = copy("-q", source.removesuffix(":1") + "@" + digest, f"oci:{work}/layout")
    assert (quiet.out, quiet.err) == (digest + "\n", "")
    pinned = f"docker://{server.host}/by/copy@{digest}"
    copy(f"oci:{work}/layout", pinned)
    assert sha(raw_manifest(pinned)) == digest
    wrong = copy(f"oci:{work}/layout", pinned[:-1] + ("0" if pinned[-1] != "0" else "1"), check=False)
    assert wrong.code == 1 and f"what is copied has digest {digest}" in wrong.err


def test_an_index_whole_or_one_platform(server, work, copy):
    source, images = seed_index(work, server, "multi/x:1")
    index = raw_manifest(source)
    assert json.loads(index)["mediaType"] == OCI_INDEX
    whole = copy("--all", source, f"oci:{work}/whole:1")
    assert told_digest(whole) == sha(index)
    assert len(reached(work / "whole")) == 1 + 2 * 2 + len({d for i in images.values() for d in i.diff_ids})
    there = f"docker://{server.host}/multi/there:1"
    assert told_digest(copy("--all", f"oci:{work}/whole:1", there)) == sha(index) == sha(raw_manifest(there))
    for machine in ("amd64", "arm64"):
        wanted = next(m["digest"] for m in json.loads(index)["manifests"] if m["platform"]["architecture"] == machine)
        assert told_digest(copy("--platform", f"linux/{machine}", source, f"oci-archive:{work}/{machine}.tar:1")) == wanted
        assert sha(raw_manifest(f"oci-archive:{work}/{machine}.tar:1")) == wanted
    none = copy("--platform", "linux/s390x", source, f"oci:{work}/none", check=False)
    assert none.code == 1 and "no matching manifest for linux/s390x" in none.err


@pytest.mark.parametrize("form,other", [("oci", "v2s2"), ("v2s2", "oci")])
def test_the_other_language_is_what_skopeo_makes(server, work, copy, form, other):
    source, image = seed(work, server, f"convert/{form}:1", form)
    ours, theirs = (f"docker://{server.host}/convert/{who}-{form}:1" for who in ("ours", "theirs"))
    said = copy("--format", "docker" if other == "v2s2" else other, source, ours)
    skopeo_copy(source, theirs, "--src-tls-verify=false", "--dest-tls-verify=false", "--format", other)
    assert told_digest(said) == sha(raw_manifest(ours))
    mine, skopeos = (json.loads(raw_manifest(place)) | {"mediaType": ""} for place in (ours, theirs))
    if other == "oci":  # skopeo writes the config anew, which makes it another image
        skopeos["config"] |= {"digest": image.id, "size": len(image.config_bytes)}
    assert mine == skopeos
    copy("--format", form, source, f"docker://{server.host}/convert/same-{form}:1")
    assert raw_manifest(f"docker://{server.host}/convert/same-{form}:1") == raw_manifest(source)
    copy("--format", "oci", source, f"oci:{work}/layout:t")
    as_dir(f"oci:{work}/layout:t", work / "dir")


def test_an_index_in_docker_s_language(server, work, copy):
    source, images = seed_index(work, server, "convert/multi:1")
    there = f"docker://{server.host}/convert/list:1"
    said = copy("--all", "--format", "docker", source, there)
    listed = json.loads(raw_manifest(there))
    assert listed["mediaType"] == "application/vnd.docker.distribution.manifest.list.v2+json" and told_digest(said) == sha(raw_manifest(there))
    assert [m["platform"]["architecture"] for m in listed["manifests"]] == ["amd64", "arm64"]
    back = f"docker://{server.host}/convert/back:1"
    copy("--all", "--format", "oci", there, back)
    assert json.loads(raw_manifest(back))["mediaType"] == OCI_INDEX
    with dockerd(work / "docker") as docker:
        docker("pull", there.removeprefix("docker://"))
        assert docker("inspect", "-f", "{{.Id}}", there.removeprefix("docker://")).out.strip() == images["linux/amd64"].id


def test_a_folder_is_added_to(server, work, copy):
    first, _ = seed(work, server, "add/x:1", "oci", b"one")
    second, _ = seed(work, server, "add/x:2", "oci", b"two")
    copy(first, f"oci:{work}/layout:a")
    index = json.loads((work / "layout/index.json").read_text())
    index["annotations"], index["strange"] = {"of": "somebody"}, [1]
    (work / "layout/index.json").write_text(json.dumps(index))
    said = copy("--progress", "plain", second, f"oci:{work}/layout:b")
    assert "Already exists" in said.err  # they share a layer
    for tag, place in (("a", first), ("b", second)):
        assert raw_manifest(f"oci:{work}/layout:{tag}") == raw_manifest(place)
    copy(second, f"oci:{work}/layout:a")  # the name moves; what had it stays, nameless
    assert raw_manifest(f"oci:{work}/layout:a") == raw_manifest(second)
    index = json.loads((work / "layout/index.json").read_text())
    assert index["strange"] == [1] and index["annotations"] == {"of": "somebody"}
    assert sha(raw_manifest(first)) in {m["digest"] for m in index["manifests"]}
    assert layout_problems(work / "layout") == []
    several = copy(f"oci:{work}/layout", f"oci:{work}/other", check=False)
    assert several.code == 1 and "say which by a tag" in several.err
    missing = copy(f"oci:{work}/layout:zzz", f"oci:{work}/other", check=False)
    assert missing.code == 1 and 'no image has the tag "zzz"' in missing.err


def test_a_damaged_blob_in_the_folder_is_replaced(server, work, copy):
    source, image = seed(work, server, "mend/x:1", "oci")
    copy(source, f"oci:{work}/layout:a")
    layer = work / "layout/blobs/sha256" / json.loads(raw_manifest(source))["layers"][0]["digest"][7:]
    good = layer.read_bytes()
    layer.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    refused = copy(f"oci:{work}/layout:a", f"docker://{server.host}/mend/never:1", check=False)
    assert refused.code == 1 and "expected sha256:" in refused.err
    archive = copy(f"oci:{work}/layout:a", f"oci-archive:{work}/never.tar", check=False)
    assert archive.code == 1 and not (work / "never.tar").exists()
    copy(source, f"oci:{work}/layout:a")
    assert layer.read_bytes() == good


def tar_names(file):
    with tarfile.open(file) as tar:
        return {m.name: m for m in tar}


@pytest.mark.parametrize("where", ["registry", "oci", "oci-archive", "root"])
def test_anything_to_docker_archive(server, work, copy, where):
    source, image = seed(work, server, f"unpack/{where}:1")
    place = {"registry": source, "oci": f"oci:{work}/layout", "oci-archive": f"oci-archive:{work}/layout.tar", "root": "root:x:1"}[where]
    if where == "root":
        load(work / "root", archives.docker_2010(image), work=work)
    elif where != "registry":
        copy(source, place)
    out = work / "out.tar"
    said = copy(place, f"docker-archive:{out}:other/name:7")
    assert image.id in said.out
    item = json.loads(tarfile.open(out).extractfile("manifest.json").read())[0]
    assert item["RepoTags"] == ["other/name:7"]
    tar = tarfile.open(out)
    assert [sha(tar.extractfile(name).read()) for name in item["Layers"]] == image.diff_ids
    strata(work / "saved", "load", "-i", out)
    strata(work / "saved", "save", "-o", work / "saved.tar", "other/name:7")
    ours, theirs = tar_names(out), tar_names(work / "saved.tar")
    assert {n: (m.size, m.mode, m.mtime, m.type) for n, m in ours.items()} == {n: (m.size, m.mode, m.mtime, m.type) for n, m in theirs.items()}
    skopeo_copy(f"docker-archive:{out}:other/name:7", f"dir:{work}/dir")
    with dockerd(work / "docker") as docker:
        docker("load", "-i", out)
        assert docker("inspect", "-f", "{{.Id}}", "other/name:7").out.strip() == image.id


@pytest.mark.parametrize("compression,kind", [(None, "gzip"), ("gzip:9", "gzip"), ("zstd", "zstd"), ("none", "tar")])
def test_docker_archive_to_folder(work, copy, compression, kind):
    image = hand_made("x:1", "x:2")
    (work / "in.tar").write_bytes(archives.docker_2010(image))
    words = ["--compression", compression] if compression else []
    said = copy(*words, f"docker-archive:{work}/in.tar:x:2", f"oci:{work}/layout:t")
    assert layout_problems(work / "layout") == []
    manifest = json.loads(raw_manifest(f"oci:{work}/layout:t"))
    assert told_digest(said) == sha(raw_manifest(f"oci:{work}/layout:t"))
    assert manifest["mediaType"] == OCI_MANIFEST
    assert all(layer["mediaType"].endswith(kind) for layer in manifest["layers"])
    assert manifest["config"]["digest"] == image.id
    unpack = {"gzip": ["gzip", "-dc"], "zstd": ["zstd", "-dcq"], "tar": ["cat"]}[kind]
    blobs = [work / "layout/blobs/sha256" / layer["digest"][7:] for layer in manifest["layers"]]
    assert [sha(subprocess.run([*unpack, blob], capture_output=True, check=True).stdout) for blob in blobs] == image.diff_ids
    skopeo_copy(f"oci:{work}/layout:t", f"dir:{work}/dir")
    archive = copy(*words, f"docker-archive:{work}/in.tar:x:1", f"oci-archive:{work}/same.tar:t")
    assert told_digest(archive) == told_digest(said)
    assert raw_manifest(f"oci-archive:{work}/same.tar:t") == raw_manifest(f"oci:{work}/layout:t")


def test_docker_archive_and_root_to_registry(server, work, copy):
    image = runnable("x:1")
    (work / "in.tar").write_bytes(archives.docker_2010(image))
    load(work / "root", archives.docker_2010(image), work=work)
    digests = set()
    for place, name in ((f"docker-archive:{work}/in.tar", "pack/archive:1"), ("root:x:1", "pack/root:1"),
                        (f"root:{work}/root:x:1", "pack/path:1"), ("docker-daemon:x:1", "pack/daemon:1")):
        said = copy(place, f"docker://{server.host}/{name}")
        raw = raw_manifest(f"docker://{server.host}/{name}")
        assert told_digest(said) == sha(raw) and json.loads(raw)["mediaType"] == DOCKER_MANIFEST
        digests.add(sha(raw))
    assert len(digests) == 1
    with dockerd(work / "docker") as docker:
        docker("pull", f"{server.host}/pack/archive:1")
        assert docker("run", "--rm", "--network", "none", f"{server.host}/pack/archive:1").out == "runs\n"


@pytest.mark.parametrize("where", ["registry", "oci", "oci-archive", "docker-archive", "root"])
def test_anything_to_root(server, work, copy, where):
    source, image = seed(work, server, f"unroot/{where}:1")
    place = {"registry": source, "oci": f"oci:{work}/layout", "oci-archive": f"oci-archive:{work}/layout.tar",
             "docker-archive": f"docker-archive:{work}/seed.tar", "root": f"root:{work}/first:x:1"}[where]
    if where == "root":
        load(work / "first", archives.docker_2010(image), work=work)
    elif where.startswith("oci"):
        copy(source, place)
    said = copy("-q", place, "root:some/name:3")
    assert (said.out, said.err) == (image.id + "\n", "")
    root = Root(work / "root")
    assert root.images() == {image.id}
    assert root.references()["some/name:3"] == image.id
    assert [root.layer_tar(c) for c in root.chain(image.id)] == image.layers
    assert problems(work / "root") == []
    again = copy("-q", place, f"root:{work}/root:some/name:4")
    assert again.out == said.out and Root(work / "root").references()["some/name:4"] == image.id


@pytest.mark.parametrize("words,message", [
    (["x:1", "oci:y"], 'invalid image name "x:1": expected docker://, root:'),
    (["docker:x", "oci:y"], 'expected docker://NAME, found no "//"'),
    (["docker://X", "oci:y"], "repository name must be lowercase"),
    (["dir:x", "oci:y"], 'transport "dir" is not known here'),
    (["containers-storage:x", "oci:y"], 'transport "containers-storage" is not known here'),
    (["oci:", "oci:y"], "oci:: expected a path"),
    (["docker-archive:x:y@sha256:" + "0" * 64, "oci:y"], "a docker archive knows tags only"),
    (["--compression", "gzip", "oci:x", "oci:y"], "blobs stay as they are"),
    (["--all", "oci:x", "docker-archive:y"], "cannot hold an index with several platforms"),
    (["--all", "--platform", "linux/arm64", "oci:x", "oci:y"], "exclude each other"),
    (["oci:/nowhere", "oci:y"], "no such file or directory"),
    (["root:nothing:1", "oci:y"], "nothing:1"),
    (["docker://localhost:1/x:1", "oci:y"], "localhost:1"),
    (["--format", "v1", "oci:x", "oci:y"], 'unknown manifest format "v1": expected docker or oci'),
    (["--format", "oci", "oci:x", "root:y"], "has no manifest of either kind"),
])
def test_refusals(work, copy, words, message):
    load(work / "root", archives.docker_2010(hand_made("x:1")), work=work)
    refused = copy(*words, check=False)
    assert refused.code == 1 and message.lower() in refused.err.lower(), refused.err
    assert not pathlib.Path("y").exists()


def test_targets_that_cannot_be(server, work, copy):
    source, image = seed(work, server, "targets/x:1")
    (work / "full").mkdir()
    (work / "full/file").write_text("mine")
    os.mkfifo(work / "fifo")
    with open(work / "packed.tar.gz", "wb") as file:
        file.write(gzip.compress((work / "seed.tar").read_bytes())[:-30])
    with open(work / "cut.tar", "wb") as file:
        file.write((work / "seed.tar").read_bytes()[:-20000])
    reader = os.open(work / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    for words, message in (([source, f"oci:{work}/full"], "expected an OCI layout or an empty folder"),
                           ([source, f"oci-archive:{work}/fifo"], "expected a file, found a pipe"),
                           ([source, f"docker-archive:{work}/full"], "it is a directory"),
                           ([f"docker-archive:{work}/packed.tar.gz", f"oci:{work}/x"], "gzip: unexpected EOF"),
                           (["docker-archive:/dev/null", f"oci:{work}/x"], "/dev/null: expected a file or a pipe, found a device"),
                           ([f"docker-archive:{work}/cut.tar", f"oci:{work}/x"], "cut.tar"),
                           ([f"docker-archive:{work}/seed.tar:no/such:1", f"oci:{work}/x"], "no image is called no/such:1; names are: x:1"),
                           ([f"docker-archive:{work}/seed.tar:@1", f"oci:{work}/x"], "there is no image number 1; it holds 1")):
        refused = copy(*words, check=False)
        assert refused.code == 1 and message in refused.err, refused.err
    os.close(reader)
    assert not (work / "x/index.json").exists()
    copy(f"docker-archive:{work}/seed.tar:@0", f"oci:{work}/number")


@pytest.mark.parametrize("pack", [None, *archives.COMPRESSORS])
@pytest.mark.parametrize("how", ["file", "pipe"])
def test_archives_may_be_compressed_and_come_through_a_pipe(work, copy, pack, how):
    image = hand_made("x:1")
    plain = archives.docker_2010(image)
    (work / "in.tar").write_bytes(plain)
    wanted = told_digest(copy(f"docker-archive:{work}/in.tar:x:1", f"oci:{work}/plain:t"))
    packed = archives.COMPRESSORS[pack](plain) if pack else plain
    (work / "packed").write_bytes(packed)
    place, stdin = (f"{work}/packed", None) if how == "file" else ("/dev/stdin", packed)
    assert told_digest(copy(f"docker-archive:{place}:x:1", f"oci:{work}/layout:t", stdin=stdin)) == wanted
    assert list(pathlib.Path(work / "tmp").iterdir()) == []


def test_an_archive_whose_layer_is_another_is_refused(work, copy):
    image = hand_made("x:1")
    wrong = archives.docker_2010(image).replace(b"a" * 5000, b"b" * 5000)
    (work / "wrong.tar").write_bytes(wrong)
    for target in (f"oci:{work}/layout", f"oci-archive:{work}/layout.tar", f"docker-archive:{work}/docker.tar", "root:y:1"):
        refused = copy(f"docker-archive:{work}/wrong.tar", target, check=False)
        assert refused.code == 1 and image.diff_ids[0] in refused.err, refused.err
    assert not (work / "layout.tar").exists() and not (work / "docker.tar").exists()
    assert not (work / "layout/index.json").exists() and list((work / "layout/blobs/sha256").iterdir()) == []


def test_the_same_input_gives_the_same_archive(server, work, copy):
    source, _ = seed(work, server, "same/x:1")
    for target in ("oci-archive", "docker-archive"):
        for jobs in ("1", "4"):
            copy("--jobs", jobs, source, f"{target}:{work}/{target}-{jobs}.tar")
        assert (work / f"{target}-1.tar").read_bytes() == (work / f"{target}-4.tar").read_bytes()


def test_killed_in_the_middle_nothing_half_is_named(server, work, copy):
    noise = os.urandom(24 << 20)
    big = archives.Image([archives_tar(noise[:12 << 20]), archives_tar(noise[12 << 20:])], ["big:1"])
    (work / "big.tar").write_bytes(archives.docker_2010(big))
    skopeo_copy(f"docker-archive:{work}/big.tar", f"docker://{server.host}/big/x:1", "--dest-tls-verify=false", "--dest-compress-level", "1")
    source = f"docker://{server.host}/big/x:1"
    for delay in (0.02, 0.05, 0.08, 0.12):
        process = subprocess.Popen([binary(), "--root", work / "root", "copy", "-q", source, f"oci:{work}/layout:a"], env=clean_env())
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        folder = work / "layout/blobs/sha256"
        assert all(sha(f.read_bytes()) == f"sha256:{f.name}" for f in folder.iterdir()) if folder.exists() else True
    copy(source, f"oci:{work}/layout:a")
    assert layout_problems(work / "layout") == [] and len(reached(work / "layout")) == 4


def archives_tar(data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo("noise")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def test_memory_stays_small(server, work, copy):
    noise = os.urandom(160 << 20)
    big = archives.Image([archives_tar(noise[: 80 << 20]), archives_tar(noise[80 << 20:])], ["big:1"])
    (work / "big.tar").write_bytes(archives.docker_2010(big))
    places = [f"docker-archive:{work}/big.tar", f"docker://{server.host}/memory/x:1", f"oci:{work}/layout", f"oci-archive:{work}/oci.tar",
              f"docker-archive:{work}/out.tar", "root:memory:1"]
    for source, target in zip(places, places[1:]):
        if target.startswith("root"):
            shutil.rmtree(work / "layout")
        assert_peak(strata(work / "root", "copy", "-q", source, target, prefix=MEASURED), 64)


# ---- layers that are to be had elsewhere (`urls`) ----------------------------------------------------------------

@pytest.fixture
def foreign(work):
    """(registry without the second layer of x:1, its digest, the image); the layer's bytes are at another server."""
    image = hand_made("x:1", extra=b"foreign")
    with HostileRegistry({"x:1": image}, lambda _: None, None) as server, HostileRegistry({}, lambda _: None, None) as other:
        served = server.served_files
        served.kind = DOCKER_MANIFEST
        manifest = json.loads(served.manifests["/v2/x/manifests/1"])
        for layer in manifest["layers"]:
            layer["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip"
        layer = manifest["layers"][1]
        layer |= {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "urls": [f"http://{other.host}/elsewhere/{layer['digest']}"]}
        manifest["mediaType"] = DOCKER_MANIFEST
        manifest["config"]["mediaType"] = "application/vnd.docker.container.image.v1+json"
        other.served_files.elsewhere[layer["digest"]] = served.blobs.pop(layer["digest"])
        text = archives.compact(manifest)
        served.manifests = {f"/v2/x/manifests/{name}": text for name in ("1", sha(text))}
        yield server, layer["digest"], image


def blobs_of(folder):
    return {file.name for file in (folder / "blobs/sha256").iterdir()}


def test_a_foreign_layer_is_left_out_of_a_layout_as_by_skopeo(work, foreign, copy):
    server, digest, image = foreign
    layers = {archives.sha(archives.COMPRESSORS["gzip"](layer)) for layer in image.layers}
    skopeo_copy(f"docker://{server.host}/x:1", f"oci:{work}/theirs:1", "--src-tls-verify=false", "--format", "oci")
    result = copy("--format", "oci", f"docker://{server.host}/x:1", f"oci:{work}/ours:1")
    assert f"{digest[7:19]}: Skipped foreign layer" in result.err + result.out
    assert blobs_of(work / "ours") & layers == blobs_of(work / "theirs") & layers == layers - {digest[7:]}

    refused = copy(f"oci:{work}/ours:1", f"root:{work}/root:x:1", check=False)
    assert refused.code == 1 and re.search(f"ours: foreign layer {digest} is not in it: it is to be had from http", refused.err), refused
    assert Root(work / "root").images() == set() and problems(work / "root") == []


@pytest.mark.parametrize("damage,words", [(lambda file: file.unlink(), "ours: blob sha256:{} is not in it"),
                                          (lambda file: file.write_bytes(b"x"), "blobs/sha256/{}: expected [0-9]+ bytes, found 1")])
def test_a_layout_without_a_layer_is_refused_by_its_blob(work, server, copy, damage, words):
    place, image = seed(work, server, "whole:1")
    copy(place, f"oci:{work}/ours:1")
    blob = max((work / "ours/blobs/sha256").iterdir(), key=lambda file: file.stat().st_size)
    damage(blob)
    refused = copy(f"oci:{work}/ours:1", f"root:{work}/root:x:1", check=False)
    assert refused.code == 1 and re.search(words.format(blob.name), refused.err), refused
    assert Root(work / "root").images() == set()


def test_a_foreign_layer_is_fetched_for_an_archive_as_by_skopeo(work, foreign, copy):
    server, _, image = foreign
    skopeo_copy(f"docker://{server.host}/x:1", f"docker-archive:{work}/theirs.tar:x:1", "--src-tls-verify=false")
    copy(f"docker://{server.host}/x:1", f"docker-archive:{work}/ours.tar:x:1")
    for name in ("theirs", "ours"):
        load(work / name, (work / f"{name}.tar").read_bytes())
        root = Root(work / name)
        assert root.references() == {"x:1": image.id} and [root.layer_tar(c) for c in root.chain(image.id)] == image.layers
