# SPDX-License-Identifier: Apache-2.0
"""Thin archives: what the receiver has is left out of them, and `load` takes it from the store. Judged by tar and sha256."""
import hashlib
import json
import os
import re
import subprocess
import tarfile

import pytest

import archives
from archives import Image
from engine import binary, needs_strata_itself, strata
from procs import clean_env, run
from roots import Root, problems, snapshot
from verbs import assert_holds, assert_refused, plain_layer, root_with, unchanged

pytestmark = [pytest.mark.as_root, needs_strata_itself("docker has no thin archives")]
FORMATS = ["docker", "docker-legacy", "oci"]
BIG = os.urandom(300_000)


def base_image(*tags):
    return Image([plain_layer("base", BIG), plain_layer("second", b"2" * 9000)], tags or ["base:1"])


def app_image(*tags, base=None, data=b"app"):
    return Image([*(base or base_image()).layers, plain_layer("app", data)], tags or ["app:1"])


@pytest.fixture
def sender(work):
    return root_with(work / "sender", base_image(), app_image())


@pytest.fixture
def receiver(work):
    return root_with(work / "receiver", base_image())


def blobs(file):
    """The sha256 of every regular member of an archive, how often each occurs."""
    found = {}
    with tarfile.open(file) as tar:
        for member in tar:
            if member.isreg():
                digest = hashlib.sha256(tar.extractfile(member).read()).hexdigest()
                found[digest] = found.get(digest, 0) + 1
    return found


def layer_digests(*images):
    return {archives.sha(layer) for image in images for layer in image.layers}


def assert_thin(file, present, absent):
    """The archive holds these layers, each once, and not those; its record names those."""
    found = blobs(file)
    assert {d: found.get(d, 0) for d in present} == {d: 1 for d in present}
    assert [d for d in absent if d in found] == []
    with tarfile.open(file) as tar:
        record = json.load(tar.extractfile("strata.json"))
    assert record["formatVersion"] == 1
    assert {r["diffID"] for r in record["leftOut"]} == {f"sha256:{d}" for d in absent}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("how", ["since", "exclude", "have", "exclude-file", "exclude-packed-file", "exclude-folder"])
def test_the_receivers_layers_are_left_out_and_taken_from_its_store(work, sender, receiver, form, how):
    words = {"since": ["--since", "base:1"], "exclude": ["--exclude", "base:1"],
             "have": ["--have", work / "list"], "exclude-file": ["--exclude", work / "base.tar"],
             "exclude-packed-file": ["--exclude", work / "base.tar.gz"], "exclude-folder": ["--exclude", work / "oci"]}[how]
    (work / "list").write_text(strata(receiver, "layers", "--export").out)
    strata(receiver, "save", "--format", form, "-o", work / "base.tar", "base:1")
    strata(receiver, "save", "--format", form, "-o", work / "base.tar.gz", "base:1")
    (work / "oci").mkdir()
    run("tar", "-xf", work / "base.tar", "-C", work / "oci")

    result = strata(sender, "save", "--format", form, *words, "-o", work / "thin.tar", "app:1")
    assert re.search(r"^Left out 2 layers \(3\d\d(\.\d+)?kB\) that the receiver has$", result.err, re.M), result
    assert "WARNING" not in result.err
    assert_thin(work / "thin.tar", layer_digests(app_image()) - layer_digests(base_image()), layer_digests(base_image()))
    strata(receiver, "load", "-i", work / "thin.tar")
    assert_holds(receiver, base_image(), app_image())


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("packed", [[], ["--compress", "zstd"], ["--compress", "gzip:1"]])
def test_through_a_pipe_it_is_the_same(work, sender, receiver, form, packed):
    (work / "list").write_bytes(strata(receiver, "layers", "--export").out.encode())
    with open(work / "list", "rb") as have, open(work / "piped", "wb") as out:
        subprocess.run([binary(), "--root", sender, "save", "--have", "-", "--format", form, *packed, "app:1"],
                       stdin=have, stdout=out, stderr=subprocess.DEVNULL, env=clean_env(), check=True)
    strata(sender, "save", "--have", work / "list", "--format", form, *packed, "-o", work / "file", "app:1")
    run("cmp", work / "piped", work / "file")
    strata(receiver, "load", stdin=(work / "piped").read_bytes())
    assert_holds(receiver, base_image(), app_image())


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("how", ["file", "pipe"])
def test_what_is_missing_is_named_and_nothing_happens(work, sender, form, how):
    strata(sender, "save", "--format", form, "--since", "base:1", "-o", work / "thin.tar", "app:1")
    other = root_with(work / "other", Image([plain_layer("base", BIG)], ["half:1"]))
    with unchanged(other):
        words = {"stdin": (work / "thin.tar").read_bytes()} if how == "pipe" else {}
        result = strata(other, "load", *([] if words else ["-i", work / "thin.tar"]), check=False, **words)
        base, second = base_image().diff_ids
        chain = archives.sha(f"{base} {second}".encode())
        assert_refused(result, rf"{second} \(chain sha256:{chain}\) of image {app_image().id}", "--have", "1 of them is not in")
        assert base not in result.err


def test_copy_says_that_the_archive_lacks_layers(work, sender):
    strata(sender, "save", "--since", "base:1", "-o", work / "thin.tar", "app:1")
    result = strata(work / "none", "copy", f"docker-archive:{work}/thin.tar", f"oci:{work}/layout", check=False)
    base = "sha256:" + hashlib.sha256(base_image().layers[0]).hexdigest()
    assert_refused(result, f"{work}/thin.tar: the archive was saved without layers that its receiver should have, {base} among them")
    assert not (work / "layout").exists()


def test_a_layer_on_other_parents_is_no_reason_to_leave_it_out(work, sender):
    """The receiver has the same upper layer, but on another base."""
    other = Image([plain_layer("otherbase"), plain_layer("second", b"2" * 9000), plain_layer("app", b"app")], ["twisted:1"])
    receiver = root_with(work / "receiver", other)
    (work / "list").write_text(strata(receiver, "layers", "--export").out)
    result = strata(sender, "save", "--have", work / "list", "-o", work / "full.tar", "app:1")
    assert "no layer in common" in result.err and "Left out" not in result.err
    assert set(blobs(work / "full.tar")) >= layer_digests(app_image())
    strata(receiver, "load", "-i", work / "full.tar")
    assert_holds(receiver, other, app_image())


@pytest.mark.parametrize("form", FORMATS)
def test_a_layer_left_out_once_is_there_for_its_other_parents(work, form):
    """The same layer lies on two bases, and the receiver has one of them only."""
    upper = plain_layer("upper", b"u" * 5000)
    one = Image([plain_layer("one"), upper], ["one:1"])
    two = Image([plain_layer("two"), upper], ["two:1"])
    sender, receiver = root_with(work / "s", one, two), root_with(work / "r", one)
    strata(sender, "save", "--format", form, "--since", "one:1", "-o", work / "thin.tar", "one:1", "two:1")
    assert blobs(work / "thin.tar").get(archives.sha(upper)) == 1
    strata(receiver, "load", "-i", work / "thin.tar")
    assert_holds(receiver, one, two)


def test_thin_archives_build_on_each_other(work):
    chain = [Image([plain_layer(f"l{i}", BIG) for i in range(n)], [f"v:{n}"]) for n in (1, 2, 3)]
    sender = root_with(work / "s", *chain)
    receiver = root_with(work / "r", chain[0])
    strata(sender, "save", "--since", "v:1", "-o", work / "2.tar", "v:2")
    strata(sender, "save", "--exclude", work / "2.tar", "-o", work / "3.tar", "v:3")
    assert_thin(work / "3.tar", layer_digests(chain[2]) - layer_digests(chain[1]), layer_digests(chain[1]))
    for number in (2, 3):
        strata(receiver, "load", "-i", work / f"{number}.tar")
    assert_holds(receiver, *chain)


def test_an_image_that_is_there_is_only_named(work, receiver):
    strata(receiver, "tag", "base:1", "again:1")
    strata(receiver, "save", "--since", "base:1", "-o", work / "thin.tar", "again:1")
    assert_thin(work / "thin.tar", set(), layer_digests(base_image()))
    strata(receiver, "rmi", "again:1")
    strata(receiver, "load", "-i", work / "thin.tar")
    assert set(Root(receiver).references()) == {"again:1", "base:1"}


def damage(root, name):
    for file in (Root(root).overlay).glob(f"*/diff/d/{name}"):
        file.write_bytes(b"x" * file.stat().st_size)


def test_a_damaged_layer_of_the_store_is_found(work, sender, receiver):
    strata(sender, "save", "--since", "base:1", "-o", work / "thin.tar", "app:1")
    damage(receiver, "base")
    before = snapshot(receiver)
    result = strata(receiver, "load", "-i", work / "thin.tar", check=False)
    assert_refused(result, base_image().diff_ids[0], "d/base", "archive relies on")
    assert snapshot(receiver) == before
    strata(receiver, "load", "--no-verify", "-i", work / "thin.tar")
    assert app_image().id in Root(receiver).images()


def test_a_file_that_claims_to_be_thin_in_another_version(work, receiver, sender):
    strata(sender, "save", "--since", "base:1", "-o", work / "thin.tar", "app:1")
    with tarfile.open(work / "thin.tar") as thin:  # GNU tar's --delete leaves a file that it cannot append to
        files = [(member, thin.extractfile(member)) for member in thin if member.isfile()]
        files = {member.name: file.read() for member, file in files}
    files["strata.json"] = b'{"formatVersion":7}'
    (work / "thin.tar").write_bytes(archives.outer(files.items()))
    with unchanged(receiver):
        assert_refused(strata(receiver, "load", "-i", work / "thin.tar", check=False), "strata.json: formatVersion 7")


def test_words_that_do_not_fit(work, sender):
    (work / "text").write_text("hello\n")
    (work / "future").write_text("strata-layers 2\n")
    (work / "old.tar").write_bytes(archives.pre_110(base_image()))
    for words, message in (
            (["--since", "nope:1"], "No such image: nope:1"),
            (["--exclude", "nope:1"], "neither an image of this root nor an archive file"),
            (["--exclude", work / "text"], "text"),
            (["--exclude", work / "old.tar"], "does not say which layers it holds"),
            (["--have", work / "text"], "text: not a list of layers"),
            (["--have", work / "future"], "version"),
            (["--have", work / "none"], "none"),
            (["--have", "-", "--have", "-"], "--have - can be given once")):
        result = strata(sender, "save", *words, "-o", work / "out.tar", "app:1", check=False)
        assert result.code == 1 and message in result.err, result
        assert not (work / "out.tar").exists()


def test_the_list_of_layers(work, sender):
    lines = strata(sender, "layers", "--export").lines
    assert lines[0] == "strata-layers 1"
    assert {line.split()[0] for line in lines[1:]} == Root(sender).layers()
    one = strata(sender, "layers", "--export", "base:1", "base:1").lines[1:]
    assert [line.split() for line in one] == [list(pair) for pair in zip(Root(sender).chain(base_image().id), base_image().diff_ids)]
    assert strata(work / "nothing", "layers", "--export").out == "strata-layers 1\n"
    assert not (work / "nothing").exists()
    for words in (["--export", "-q"], ["--export", "nope:1"], [], ["base:1", "app:1"]):
        assert strata(sender, "layers", *words, check=False).code == 1


def test_a_layer_whose_files_are_gone_is_not_listed(sender):
    chain = Root(sender).chain(base_image().id)[0]
    run("rm", "-r", Root(sender).layer_diff(chain))
    assert strata(sender, "layers", "--export").lines == ["strata-layers 1"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_bundle_holds_each_blob_once(work, form):
    shared = [plain_layer("base", BIG), plain_layer("mid")]
    images = [Image([*shared, plain_layer(f"app{i}")], [f"app:{i}"]) for i in range(5)]
    images += [Image([plain_layer("other"), *shared[1:]], ["moved:1"]), Image([*shared, shared[0]], ["twice:1"])]
    root = root_with(work / "root", *images)
    strata(root, "save", "--format", form, "-o", work / "all.tar", "app", "moved:1", "twice:1")
    found = blobs(work / "all.tar")
    assert {d: found.get(d, 0) for d in layer_digests(*images)} == {d: 1 for d in layer_digests(*images)}
    assert (work / "all.tar").stat().st_size < 2 * len(BIG)
    strata(work / "again", "load", "-i", work / "all.tar")
    assert_holds(work / "again", *images)


def test_other_programs_read_what_is_there(work, sender):
    """strata.json disturbs nobody: skopeo reads the image of a thin OCI archive; layers that are there can be had."""
    strata(sender, "save", "--format", "oci", "--since", "base:1", "-o", work / "thin.tar", "app:1")
    run("tar", "-xf", work / "thin.tar", "-C", work)
    shown = run("skopeo", "inspect", "--raw", f"oci:{work}:1")
    assert [layer["digest"] for layer in json.loads(shown.out)["layers"]] == app_image().diff_ids
    assert problems(sender) == []
