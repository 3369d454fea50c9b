# SPDX-License-Identifier: Apache-2.0
"""The commands that docker has no words for, and what holds for all: abbreviations, global options, exit codes, templates."""
import fcntl
import json
import os
import re
import signal
import subprocess
import time

import pytest

from archives import Image, docker_2010
from engine import binary, needs_strata_itself, strata
from procs import clean_env, mounts_below, run
from roots import Root, chain_ids
from tars import Tar
from verbs import assert_holds, assert_refused, load, plain_layer, root_with, two_images, unchanged

pytestmark = [pytest.mark.as_root, needs_strata_itself("docker has no such commands")]


@pytest.fixture
def root(work):
    return root_with(work / "root", *two_images())


def test_a_new_root_is_empty(work):
    assert strata(work / "new", "images", "-q").out == ""
    assert strata(work / "new", "images").lines[0].split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]


def test_version_and_info(root):
    assert re.search(r"\d+\.\d+", strata(root, "version").out)
    told = strata(root, "info").out
    assert "overlay2" in told and str(root) in told


@pytest.mark.parametrize("words", [["--help"], ["load", "--help"], ["image", "--help"], ["save", "--help"], ["help"]])
def test_help(root, words):
    assert "sage" in strata(root, *words).out


@pytest.mark.parametrize("words", [["nothing"], ["load", "--nothing"], ["image", "nothing"], ["rmi"], ["tag", "a"]])
def test_words_that_it_does_not_know(root, words):
    result = strata(root, *words, check=False)
    assert result.code != 0 and result.err and not result.out


@pytest.mark.parametrize("words", [["images", "-h"], ["image", "rm", "-h"], ["load", "-qh"]])
def test_the_old_short_form_of_help(root, words):
    assert "\nUsage:  strata " in strata(root, *words).out


def test_a_command_may_have_an_h_of_its_own(root):
    assert "flag needs an argument: 'h' in -h" in strata(root, "run", "-h", check=False).err


@pytest.mark.parametrize("words", [["images"], ["ps", "-a"], ["system", "df"]])
def test_a_root_that_is_not_there_is_told(work, words):
    result = strata(work / "misspelled", *words)
    assert result.out and result.err == f"WARNING: {work}/misspelled: the folder does not exist\n"


# What is closed must not become a file of the store, into which messages would go.
@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&-", "0<&- 1>&- 2>&-", "1>&- 2>&-"])
def test_closed_standard_descriptors(work, closed):
    archive = work / "a.tar"
    archive.write_bytes(docker_2010(Image([plain_layer()], ["first:1"])))
    command = f'"$0" --root "$1" load -i "$2" {closed}; "$0" --root "$1" tag first:1 second:1 {closed}'
    run("sh", "-c", command, binary(), work / "root", archive, check=False)
    assert (work / "root/volumes/metadata.db").read_bytes() == b""
    assert len(strata(work / "root", "images", "-q").lines) == 2


@pytest.mark.parametrize("words", [["images"], ["save", "first:1"], ["export", "--image", "first:1"], ["layers", "first:1"]])
def test_what_could_not_be_written_is_named(root, words):
    result = run("sh", "-c", 'exec "$@" >/dev/full', "sh", binary(), "--root", root, *words, check=False)
    assert result.code == 1 and "write to standard output: No space left on device\n" in result.err
    if words[0] in ("save", "export"):
        assert "write to /dev/full: No space left on device\n" in strata(root, *words, "-o", "/dev/full", check=False).err


@pytest.mark.parametrize("words", [["save", "first:1"], ["export", "--image", "first:1"]])
def test_an_output_folder_that_is_not_there(root, work, words):
    assert_refused(strata(root, *words, "-o", work / "none/a.tar", check=False),
                   f'invalid output path: directory "{work}/none" does not exist')


def test_a_read_only_root_is_named(root):
    run("mount", "--bind", root, root)
    try:
        run("mount", "-o", "remount,bind,ro", root)
        for words in (["tag", "first:1", "new:1"], ["repair", "--yes"], ["mount", "first:1"]):
            result = strata(root, *words, check=False)
            assert result.code != 0 and result.err.startswith(f"Error: {root}: ") and "Read-only file system" in result.err
    finally:
        run("umount", root)


def test_an_image_of_a_read_only_root_is_mounted_at_a_target(root, work):
    (work / "target").mkdir()
    run("mount", "--bind", root, root)
    try:
        run("mount", "-o", "remount,bind,ro", root)
        with unchanged(root):
            assert "Read-only file system; name a folder to mount it at\n" in strata(root, "mount", "first:1", check=False).err
            strata(root, "mount", "first:1", work / "target")
            assert sorted(os.listdir(work / "target/d"))[:2] == ["base", "link-base"]
            strata(root, "umount", work / "target")
            assert os.listdir(work / "target") == [] and mounts_below(work / "target") == []
            assert_refused(strata(root, "mount", "first:1", work / "none", check=False), "none: No such file or directory")
    finally:
        run("umount", root)


@pytest.mark.parametrize("words", [["image", "prune", "-a"], ["container", "prune"]])
def test_an_interrupted_question_is_no_answer(root, words):
    with unchanged(root):
        process = subprocess.Popen([binary(), "--root", root, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_env())
        while b"[y/N]" not in process.stdout.read1():
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130 and b"reclaimed" not in process.stdout.read()
        process.stdin.close()


def test_sizes_are_those_of_containers(root):
    inspected = strata(root, "inspect", "-s", "first:1")
    assert inspected.err == "WARNING: --size ignored for image\n" and inspected.out == strata(root, "inspect", "first:1").out


def test_a_stop_timeout_of_nothing_is_one(work):
    root = root_with(work / "root", Image([plain_layer()], ["now:1"], config={"StopTimeout": 0}))
    assert json.loads(strata(root, "inspect", "now:1").out)[0]["Config"]["StopTimeout"] == 0
    assert strata(root, "inspect", "-f", "{{if .Config.StopTimeout}}{{.Config.StopTimeout}}{{end}}", "now:1").out == "0\n"


def test_the_root_may_stand_behind_the_command_or_in_the_environment(root, work):
    want = strata(root, "images", "-q").out
    assert len(want.splitlines()) == 3
    assert run(binary(), "images", "-q", "--root", root).out == want
    assert run(binary(), "images", "-q", env=clean_env(STRATA_ROOT=str(root))).out == want


def test_layers(root):
    first = two_images()[0]
    told = strata(root, "layers", "--no-trunc", "first:1", check=False)
    told = told if told.code == 0 else strata(root, "layers", "first:1")
    for diff, chain in zip(first.diff_ids, chain_ids(first.diff_ids)):
        assert diff[7:19] in told.out and chain[7:19] in told.out
        assert Root(root).layer_file(chain, "cache-id")[:12] in told.out
    assert "second" in told.out  # who else has the base


def test_an_ambiguous_id_lists_the_candidates(work):
    images = [Image([plain_layer()], [f"n{i}:1"], comment=str(i)) for i in range(40)]
    load(work / "root", docker_2010(*images, links=True))
    ids = sorted(i.id[7:] for i in images)
    a, b = next((a, b) for a, b in zip(ids, ids[1:]) if a[0] == b[0])
    result = strata(work / "root", "inspect", a[0], check=False)
    assert_refused(result, "ambiguous", a[:12], b[:12])
    unique = next(n for n in range(1, 64) if sum(i.startswith(a[:n]) for i in ids) == 1)
    assert json.loads(strata(work / "root", "inspect", a[:unique]).out)[0]["Id"] == "sha256:" + a
    assert json.loads(strata(work / "root", "inspect", "sha256:" + a[:unique]).out)[0]["Id"] == "sha256:" + a


def test_a_name_that_looks_like_an_id_is_a_name(work):
    first, second = two_images()
    second.tags = [f"{first.id[7:19]}:latest"]
    load(work / "root", docker_2010(first, second))
    assert json.loads(strata(work / "root", "inspect", first.id[7:19]).out)[0]["Id"] == second.id


@pytest.mark.parametrize("key", ["created", "size", "repository"])
def test_sort(root, key):
    lines = strata(root, "images", "--sort", key, "--format", "{{.Repository}}").lines
    assert sorted(lines) == ["first", "first", "team/second"]
    if key == "repository":
        assert lines == sorted(lines)


def test_results_do_not_depend_on_jobs(work):
    images = [Image([plain_layer("base"), plain_layer(f"n{i}", os.urandom(2000))], [f"many:{i}"]) for i in range(30)]
    (work / "in.tar").write_bytes(docker_2010(*images, links=True))
    said = {strata(work / f"root{jobs}", "--jobs", str(jobs), "load", "-q", "-i", work / "in.tar").out for jobs in (1, 2, 64)}
    assert len(said) == 1
    for jobs in (1, 2, 64):
        assert_holds(work / f"root{jobs}", *images)


def test_quiet_list_formats(root):
    assert strata(root, "images", "--format", "json").lines
    for line in strata(root, "images", "--format", "json").lines:
        assert json.loads(line)["Repository"]


@pytest.mark.parametrize("template", ["{{.Nope}}", "{{", "{{.Id", "{{nope .Id}}", "{{if}}", "{{range .RepoTags}}"])
def test_templates_that_cannot_be(root, template):
    result = strata(root, "inspect", "-f", template, "first:1", check=False)
    assert result.code != 0 and "template" in result.err.lower()


# ---- mount -----------------------------------------------------------------------------------------------------

def mounted(root, work, name="first:1"):
    """Mounts an image at a folder; returns it."""
    (work / "mnt").mkdir(exist_ok=True)
    strata(root, "mount", name, work / "mnt")
    return work / "mnt"


def test_mount_shows_the_files_of_all_layers(work):
    lower = Tar().dir("d/").file("d/a", b"a").file("d/b", b"b").dir("o/").file("o/old", b"old").bytes()
    upper = Tar().dir("d/").whiteout("d", "a").dir("o/").opaque("o").file("o/new", b"new").bytes()
    load(work / "root", docker_2010(Image([lower, upper], ["first:1"]), Image([lower], ["one:1"])))
    with unchanged(work / "root"):
        place = mounted(work / "root", work)
        assert sorted(run("find", ".", "-type", "f", cwd=place).lines) == ["./d/b", "./o/new"]
        assert run("touch", place / "new", check=False).code != 0  # read-only
        strata(work / "root", "umount", place)
        assert mounts_below(work) == []
        place = mounted(work / "root", work, "one:1")
        assert (place / "o/old").read_text() == "old"
        assert run("touch", place / "new", check=False).code != 0
        strata(work / "root", "umount", place)
    assert mounts_below(work) == []


def test_mount_of_an_unknown_image(root, work):
    (work / "mnt").mkdir()
    assert_refused(strata(root, "mount", "nope:1", work / "mnt", check=False), "nope")
    assert mounts_below(work) == []


def test_umount_of_what_is_not_mounted(root, work):
    (work / "mnt").mkdir()
    result = strata(root, "umount", work / "mnt", check=False)
    assert result.code == 1 and result.err
    assert_refused(strata(root, "umount", work / "none", check=False), f"open {work}/none: No such file or directory")


def test_mount_with_a_hundred_layers(work):
    """The option string is longer than a page."""
    load(work / "root", docker_2010(Image([plain_layer(f"n{i}") for i in range(120)], ["deep:1"])))
    place = mounted(work / "root", work, "deep:1")
    assert len(os.listdir(place / "d")) == 240
    strata(work / "root", "umount", place)
    assert mounts_below(work) == []


def test_df_counts_and_prune_removes_what_interrupted_pulls_have_left(root):
    """One blob that a running pull works with, one that the next pull goes on with, one that nobody has wanted for a day."""
    def downloads():
        rows = [json.loads(line) for line in strata(root, "system", "df", "--format", "json").lines]
        return [row for row in rows if row["Type"] == "Downloads"]

    assert downloads() == []
    blobs = root / "strata/blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    for name, size in ("a" * 64, 1_000_000), ("b" * 64, 2_000_000), ("c" * 64, 4_000_000):
        (blobs / name).write_bytes(os.urandom(size))
        os.sync()
    os.utime(blobs / ("c" * 64), (1e9, 1e9))
    with open(blobs / ("a" * 64)) as claimed:
        fcntl.flock(claimed, fcntl.LOCK_SH)
        [row] = downloads()
    assert (row["TotalCount"], row["Active"]) == ("3", "1")
    assert re.fullmatch(r"7(\.0\d*)?MB", row["Size"]) and re.fullmatch(r"6(\.0\d*)?MB \(85%\)", row["Reclaimable"]), row
    strata(root, "image", "prune", "-f")
    assert downloads()[0]["TotalCount"] == "2"
    for filters in (["until=1h"], ["label=x"], ["label!=x"]):
        strata(root, "image", "prune", "-a", "-f", *(word for each in filters for word in ("--filter", each)))
        assert downloads()[0]["TotalCount"] == "2", filters
    now = time.time()
    os.utime(blobs / ("b" * 64), (now - 7200, now - 7200))
    with open(blobs / ("a" * 64)) as claimed:
        fcntl.flock(claimed, fcntl.LOCK_SH)
        for words in (["--dry-run", "--filter", "until=1h"], ["-f", "--filter", "until=1h"]):
            assert re.search(r"^Total .*: 2(\.0\d*)?MB$", strata(root, "image", "prune", "-a", *words).out, re.M)
        assert downloads()[0]["TotalCount"] == "1"
        assert strata(root, "image", "prune", "-af").out == "Total reclaimed space: 0B\n"
    assert re.search(r"^Total reclaimed space: 1(\.0\d*)?MB$", strata(root, "image", "prune", "-af").out, re.M)
    assert downloads() == []


@pytest.mark.parametrize("words,message", [
    (["--storage-driver", "btrfs", "load", "-i", "/dev/null"], 'storage driver "btrfs" is not supported: expected overlay2 or vfs'),
    (["copy", "docker-archive:/nowhere.tar", "root:x:1"], "/nowhere.tar: No such file or directory"),
    (["copy", "oci:/nowhere", "root:x:1"], "/nowhere: No such file or directory"),
    (["copy", "docker-archive:/dev/null", "root:BAD"], "root:BAD: invalid reference format"),
])
def test_words_that_cannot_be_leave_no_new_root(work, words, message):
    result = strata(work / "new", *words, check=False)
    assert result.code == 1 and message in result.err, result
    assert not (work / "new").exists()
