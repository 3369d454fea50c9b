# SPDX-License-Identifier: Apache-2.0
"""What `save` writes, judged by docker 28's own archive, by tar, gzip, zstd and jq, and by what loads it again."""
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import time

import pytest

import samples
from archives import Image, docker_2010
from engine import binary, needs_strata_itself, strata
from procs import clean_env, run
from roots import Root
from verbs import assert_holds, assert_refused, load, plain_layer, root_with, two_images, unchanged

pytestmark = [pytest.mark.as_root, needs_strata_itself("docker 20.10 has one format only")]
FORMATS = ["docker", "docker-legacy", "oci"]


@pytest.fixture
def root(work):
    return root_with(work / "root", *two_images())


def members(file):
    """name -> (type, mode, owner, names, mtime, link, bytes). blobs/sha256/ has the time of saving in docker 28.5."""
    with tarfile.open(file) as tar:
        return {m.name: (m.type, m.mode, m.uid, m.gid, m.uname, m.gname, m.mtime if m.name != "blobs/sha256" else 0,
                         m.linkname, tar.extractfile(m).read() if m.isreg() else b"") for m in tar}


@pytest.mark.parametrize("name", ["docker-28.5-overlay2", "docker-28.5-buildkit-image"])
def test_the_default_is_the_archive_of_docker_28(work, name):
    theirs = samples.archive(name, work)
    strata(work / "root", "load", "-i", theirs)
    strata(work / "root", "save", "-o", work / "ours.tar", *Root(work / "root").references())
    want, got = members(theirs), members(work / "ours.tar")
    assert list(got) == list(want)
    assert {n: g for n, g in got.items() if g != want[n]} == {}
    assert (work / "ours.tar").stat().st_size == theirs.stat().st_size


def stalled_save(root, *words, command="save"):
    """A save into a pipe that is not read, somewhere in the first layer."""
    process = subprocess.Popen([binary(), "--root", root, command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_env())
    process.beginning = b""
    while len(process.beginning) < 100_000:
        process.beginning += os.read(process.stdout.fileno(), 100_000)
    time.sleep(0.3)
    return process


LARGE = Image([plain_layer("large", os.urandom(1 << 20) * 16), plain_layer("top")], ["large:1"])


REMOVALS = [["rmi", "large:1"], ["rmi", "-f", LARGE.id], ["image", "prune", "-af"]]


@pytest.mark.parametrize("words", REMOVALS, ids=" ".join)
@pytest.mark.parametrize("meanwhile", ["", "loaded again", "killed"])
def test_an_image_that_is_removed_meanwhile(work, words, meanwhile):
    """Docker's save holds its layers as well."""
    root = root_with(work / "root", LARGE)
    process = stalled_save(root, "large:1")
    assert "large:1" in strata(root, *words).out
    assert strata(root, "images", "-aq").out == ""
    check = strata(root, "check", "--content", check=False)
    assert check.code == 0 and "1 note" in check.out and "still read" in check.out, check
    repair = strata(root, "repair", "--yes", check=False)
    assert repair.code == 4 and "still reads layer" in repair.out, repair
    if meanwhile == "loaded again":
        load(root, docker_2010(LARGE))
    if meanwhile == "killed":
        process.kill()
        process.wait()
    else:
        rest, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, b"")
        (work / "saved.tar").write_bytes(process.beginning + rest)
        strata(work / "again", "load", "-i", work / "saved.tar")
        assert_holds(work / "again", LARGE)
    strata(root, "rmi", "other:1", check=False)  # whoever writes next clears up
    assert os.listdir(root / "strata/staging") == []
    assert_holds(root, *([LARGE] if meanwhile == "loaded again" else []))


def test_an_image_that_is_removed_while_it_is_exported(work):
    root = root_with(work / "root", LARGE)
    process = stalled_save(root, "--image", "large:1", command="export")
    strata(root, "rmi", "large:1")
    rest, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    with tarfile.open(fileobj=io.BytesIO(process.beginning + rest)) as tar:
        assert {"d/large", "d/top"} <= set(tar.getnames())


def test_what_a_second_save_still_reads_stays(work):
    root = root_with(work / "root", LARGE)
    first, second = stalled_save(root, "large:1"), stalled_save(root, "large:1")
    strata(root, "rmi", "large:1")
    assert first.communicate(timeout=60)[1] == b"" and first.returncode == 0
    strata(root, "rmi", "other:1", check=False)
    assert len(os.listdir(root / "image/overlay2/layerdb/sha256")) == 2
    assert second.communicate(timeout=60)[1] == b"" and second.returncode == 0
    strata(root, "rmi", "other:1", check=False)
    assert_holds(root)


@pytest.mark.parametrize("name", ["large:1", LARGE.id[7:19]])
def test_an_image_that_a_dockerd_removes_meanwhile(work, name):
    """It does not know what strata reads. Its order: the tag, the config, the layers."""
    root = root_with(work / "root", LARGE)
    process = stalled_save(root, name)
    (root / "image/overlay2/repositories.json").write_text('{"Repositories":{}}')
    for place in ["imagedb/content/sha256", "layerdb/sha256"]:
        for entry in (root / "image/overlay2" / place).iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for diff in (root / "overlay2").glob("*/diff"):
        shutil.rmtree(diff.parent)
    err = process.communicate(timeout=60)[1].decode()
    assert (process.returncode, err) == (1, f"Error: image {name} was removed by another process while it was saved\n")


def test_a_reader_that_goes_away_is_no_fault_of_a_layer(work):
    process = stalled_save(root_with(work / "root", LARGE), "large:1")
    process.stdout.close()
    assert process.stderr.read() == b"Error: write to standard output: Broken pipe\n" and process.wait(60) == 1


@pytest.mark.parametrize("words", [[], ["--compress", "gzip:1"]], ids=" ".join)
def test_a_full_disk_is_no_fault_of_a_layer(work, words):
    (work / "small").mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=2m", "none", work / "small")
    result = strata(root_with(work / "root", LARGE), "save", *words, "-o", work / "small/x.tar", "large:1", check=False)
    assert result.code == 1 and os.listdir(work / "small") == []
    assert result.err == f"Error: write to a new file in {work}/small: No space left on device\n"


@pytest.mark.parametrize("form", FORMATS)
def test_saved_and_loaded_again(root, work, form):
    strata(root, "save", "--format", form, "-o", work / "out.tar", "first:1", "first:latest", "team/second:2")
    strata(work / "again", "load", "-i", work / "out.tar")
    assert_holds(work / "again", *two_images())


@pytest.mark.parametrize("form", FORMATS)
def test_twice_the_same_bytes(root, work, form):
    for jobs in ("1", "16"):
        strata(root, "--jobs", jobs, "save", "--format", form, "-o", work / f"{jobs}.tar", "first", "team/second:2")
    run("cmp", work / "1.tar", work / "16.tar")
    piped = strata(root, "save", "--format", form, "first", "team/second:2").out
    assert piped.encode("utf-8", "surrogateescape") == (work / "1.tar").read_bytes()


@pytest.mark.parametrize("form", FORMATS)
def test_gnu_tar_reads_it_without_a_word(root, work, form):
    strata(root, "save", "--format", form, "-o", work / "out.tar", "first:1")
    assert run("tar", "-tf", work / "out.tar").err == ""


@pytest.mark.parametrize("words, name, unpack", [
    (["--compress", "gzip"], "out.tar", ["gzip", "-dc"]), (["--compress", "gzip:9"], "out.tar", ["gzip", "-dc"]),
    (["--compress", "zstd"], "out.tar", ["zstd", "-dcq"]), (["--compress", "zstd:19"], "out.tar", ["zstd", "-dcq"]),
    ([], "out.tar.gz", ["gzip", "-dc"]), ([], "out.tgz", ["gzip", "-dc"]), ([], "out.tar.zst", ["zstd", "-dcq"])])
def test_compressed(root, work, words, name, unpack):
    strata(root, "save", "-o", work / "plain.tar", "first:1")
    strata(root, "save", *words, "-o", work / name if words == [] else work / "packed", "first:1")
    with open(work / "unpacked.tar", "wb") as out:
        import subprocess
        subprocess.run([*unpack, work / (name if words == [] else "packed")], stdout=out, check=True)
    run("cmp", work / "plain.tar", work / "unpacked.tar")
    strata(work / "again", "load", "-i", work / (name if words == [] else "packed"))
    assert Root(work / "again").images() == {two_images()[0].id}


def test_oci_is_a_layout_by_its_specification(root, work):
    """Media types, digests and sizes fit; every blob is named by an index or a manifest. jq and sha256sum judge."""
    strata(root, "save", "--format", "oci", "-o", work / "out.tar", "first:1", "team/second:2")
    (work / "layout").mkdir()
    run("tar", "-xf", work / "out.tar", "-C", work / "layout")
    for line in run("sh", "-c", "cd blobs/sha256 && sha256sum *", cwd=work / "layout").lines:
        digest, name = line.split()
        assert digest == name
    assert json.loads((work / "layout/oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    tops = run("jq", "-r", ".manifests[].digest", work / "layout/index.json").lines
    named = {t[7:] for t in tops}
    for top in tops:
        blob = work / "layout/blobs/sha256" / top[7:]
        for digest, size in zip(run("jq", "-r", ".config.digest, .layers[].digest", blob).lines,
                                run("jq", "-r", ".config.size, .layers[].size", blob).lines):
            assert (work / "layout/blobs/sha256" / digest[7:]).stat().st_size == int(size)
            named.add(digest[7:])
    assert {p.name for p in (work / "layout/blobs/sha256").iterdir()} == named
    names = run("jq", "-r", '.manifests[].annotations["io.containerd.image.name"]', work / "layout/index.json").lines
    assert sorted(names) == ["docker.io/library/first:1", "docker.io/team/second:2"]


def test_saved_by_id_it_has_no_names(root, work):
    image = two_images()[0]
    strata(root, "save", "-o", work / "out.tar", image.id[7:19])
    with tarfile.open(work / "out.tar") as tar:
        assert json.load(tar.extractfile("manifest.json"))[0]["RepoTags"] is None
        assert "repositories" not in tar.getnames()


def test_an_existing_file_is_replaced_only_by_a_whole_one(root, work):
    (work / "out.tar").write_bytes(b"older")
    strata(root, "save", "-o", work / "out.tar", "first:1")
    assert tarfile.is_tarfile(work / "out.tar")
    assert_refused(strata(root, "save", "-o", work / "out.tar", "first:1", "nope:1", check=False), "nope")
    assert tarfile.is_tarfile(work / "out.tar")


@pytest.mark.parametrize("words", [["--format", "tar"], ["--compress", "lzw"], ["--compress", "gzip:77"], ["--compress", "zstd:x"]])
def test_unknown_choices(root, work, words):
    result = strata(root, "save", *words, "-o", work / "out.tar", "first:1", check=False)
    assert result.code != 0 and words[-1].split(":")[0] in result.err and not (work / "out.tar").exists()


def test_saving_changes_nothing(root, work):
    with unchanged(root):
        for form in FORMATS:
            strata(root, "save", "--format", form, "-o", work / "out.tar", "first:1")
            assert tarfile.is_tarfile(work / "out.tar")


def test_an_image_without_layers(work):
    load(work / "root", docker_2010(Image([], ["none:1"])))
    assert_refused(strata(work / "root", "save", "--format", "docker-legacy", "none:1", check=False), "empty export|no layers")


def test_gzip_of_another_tool_is_the_same_archive(root, work):
    """Compressed by us, unpacked by Python: the bytes of the plain archive."""
    strata(root, "save", "-o", work / "a.tar", "first:1")
    strata(root, "save", "-o", work / "a.tar.gz", "first:1")
    assert gzip.decompress((work / "a.tar.gz").read_bytes()) == (work / "a.tar").read_bytes()
    assert re.match(rb"\x1f\x8b", (work / "a.tar.gz").read_bytes())
    assert plain_layer("top") in (work / "a.tar").read_bytes()
