# SPDX-License-Identifier: Apache-2.0
"""strata check on roots of dockerd: sound ones, and ones that were damaged in every way we know of (damage.py), singly and in pairs.

STRATA_DOCTOR_PAIRS pairs are tried (default 40), and dockerd is started on the damaged roots where it must refuse; with
STRATA_DOCTOR_STARTS=all it is started on every one.
"""
import base64
import itertools
import json
import os
import random
import re
import subprocess
import threading
import time

import pytest

import archives
import damage
import images
from damage import DAMAGES, FATAL, Victim, can_be_paired, make_doctor_root
from engine import REPO, binary, needs_strata_itself, strata
from peers import dockerd
from procs import ProgramFailed, copy_tree, new_dir, remove_tree, run
from roots import changes, snapshot
from seeds import count
from verbs import plain_layer, two_images

pytestmark = needs_strata_itself("it has no check")
PAIRS = count("STRATA_DOCTOR_PAIRS", 40)
STARTS = os.environ.get("STRATA_DOCTOR_STARTS", "")
BESIDE_SECONDS = count("STRATA_DOCTOR_BESIDE", 15)
SEED = count("STRATA_TEST_SEED", 1)


@pytest.fixture(scope="session")
def doctor_root():
    folder = new_dir("std-")
    yield make_doctor_root(folder / "root")
    remove_tree(folder)


@pytest.fixture
def root(doctor_root, work):
    return copy_tree(doctor_root, work / "root")


def check(root, *words):
    result = strata(root, "check", "--format", "json", *words, check=False, timeout=60)
    assert result.code in (0, 4), result
    report = json.loads(result.out)
    bad = report["Fatal"] + report["Errors"] + report["Warnings"]
    assert result.code == (4 if bad else 0), result
    return report


def found(root, *words):
    return sorted((f["Severity"], f["Kind"], f["Path"]) for f in check(root, *words)["Findings"])


def assert_finds(root, names):
    victim = Victim(root, seed=f"{SEED} {names}")
    expected = [tuple(e) for name in names for e in DAMAGES[name](victim)]
    assert found(root) == sorted(expected), names


def test_a_sound_root_has_no_findings(root):
    before = snapshot(root, skip=())
    report = check(root, "--content")
    assert report["Findings"] == []
    assert report["Images"] > 20 and report["Layers"] > 10 and report["Containers"] == 3
    assert changes(before, snapshot(root, skip=())) == []


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found_and_nothing_else(root, name):
    assert_finds(root, [name])
    if name.endswith(("a fifo", "huge")):
        return  # a dockerd that opens one waits for ever, or fills the memory
    if STARTS == "all" or name in FATAL:
        assert starts(root) == (name not in FATAL)


@pytest.mark.parametrize("number", range(PAIRS))
def test_two_damages_are_found_and_nothing_else(root, number):
    pairs = [p for p in itertools.combinations(sorted(DAMAGES), 2) if can_be_paired(*p)]
    assert_finds(root, random.Random(f"{SEED} {number}").choice(pairs))


# ---- contents --------------------------------------------------------------------------------------------------

def test_changed_contents_are_found(root):
    """One of each kind, and the times of what was written meanwhile."""
    victim = Victim(root)
    image = victim.references["hand:1"]
    diff = victim.folder(victim.chains[image][0], "diff")
    victim.write(f"{diff}/d/b", b"X")
    victim.write(f"{diff}/more", b"")
    victim.remove(f"{diff}/o/old")
    os.chmod(root / diff / "d", 0o711)
    assert found(root) == []
    findings = {(f["Kind"], f["Path"]): f for f in check(root, "--content")["Findings"]}
    assert findings.keys() == {("file-changed", f"{diff}/d/b"), ("file-extra", f"{diff}/more"),
                               ("file-missing", f"{diff}/o/old"),
                               *(("file-metadata", f"{diff}/{name}") for name in ("d", "d/b", "o"))}
    for finding in findings.values():
        assert finding["Subject"] == victim.chains[image][0] and "hand:1" in finding["Affected"]


def test_a_tar_split_that_ends_early_is_found(root):
    victim = Victim(root)
    path = victim.record(victim.chains[victim.references["app:1"]][0], "tar-split.json.gz")
    victim.write(path, victim.read(path)[:-20])
    assert found(root) == []
    assert ("error", "record-damaged", path) in found(root, "--content")


# ---- other roots -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("fixture", ["docker-20.10-root", "docker-28.5-root"])
def test_roots_of_the_fixtures_are_sound(fixture, work):
    run("tar", "--xattrs", "--xattrs-include=*", "-I", "zstd", "-C", work, "-xf", REPO / f"tests/data/fixtures/{fixture}.tar.zst")
    assert found(work / "root", "--content") == []


@pytest.mark.parametrize("driver", ["overlay2", "vfs"])
def test_roots_that_strata_wrote_are_sound(driver, work):
    root, context = work / "root", work / "context"
    (context / "files").mkdir(parents=True)
    (context / "files/a").write_text("a")
    (context / "Dockerfile").write_text("FROM busy:1\nCOPY files /files\nENV A=b\n")
    strata(root, "--storage-driver", driver, "import", "-", "busy:1", stdin=images.busybox_layer())
    strata(root, "load", stdin=archives.docker_2010(*two_images()))
    if driver == "overlay2":
        strata(root, "build", "-t", "built:1", context)
        strata(root, "create", "--name", "kept", "built:1", "/bin/true")
        strata(root, "run", "--name", "ran", "busy:1", "/bin/sh", "-c", "echo x > /x")
        strata(root, "commit", "ran", "committed:1")
    strata(root, "tag", "busy:1", "again:1")
    strata(root, "rmi", "team/second:2")
    assert found(root, "--content") == []
    victim = Victim(root) if driver == "overlay2" else None
    if victim:
        path = victim.folder(victim.chains[victim.references["built:1"]][-1], "lower")
        victim.write(path, b"")
        assert found(root) == [("error", "lower-damaged", path)]


def test_a_buildkit_cache_is_not_judged(root):
    with dockerd(root) as docker:
        context = root.parent / "bk"
        context.mkdir()
        (context / "Dockerfile").write_text("FROM busy:1\nRUN echo buildkit > /b\nRUN echo more > /c\n")
        docker.env = {"DOCKER_BUILDKIT": "1"}
        built = docker("build", "--network", "none", "-t", "bk:1", context, check=False)
        if built.code != 0:
            pytest.skip(f"no BuildKit here: {built.err[-300:]}")
        docker.env = {}
        docker("rmi", "bk:1")
    report = check(root, "--content")
    assert report["Findings"] == []
    assert any("BuildKit" in other for other in report["NotJudged"])


# ---- the program -----------------------------------------------------------------------------------------------

def test_exit_codes_are_those_of_fsck(root, work):
    assert strata(root, "check").code == 0
    assert strata(work / "none", "check", check=False).code == 8
    for words in (["check", "extra"], ["check", "--bad"], ["repair", "extra"], ["repair", "--yes", "--dry-run"], ["recover", root]):
        assert strata(root, *words, check=False).code == 16
    (work / "empty").mkdir()
    assert strata(work / "empty", "check", check=False).code == 8
    (work / "foreign/image/btrfs").mkdir(parents=True)
    foreign = strata(work / "foreign", "check", check=False)
    assert foreign.code == 8 and "btrfs" in foreign.err
    os.chmod(work, 0o755)
    nobody = strata(root, "check", check=False, prefix=["setpriv", "--reuid=65534", "--clear-groups"])
    assert nobody.code == 8 and "ermission" in nobody.err
    victim = Victim(root)
    DAMAGES["link to nowhere"](victim)
    noted = strata(root, "check")
    assert noted.code == 0 and "1 note" in noted.out
    assert strata(root, "repair").code == 0, "what check takes for no problem is none for repair"
    DAMAGES["repositories.json empty"](victim)
    broken = strata(root, "check", check=False)
    assert broken.code == 4 and "1 fatal error" in broken.out
    assert broken.out.startswith("fatal: ") and "strata repair" in broken.out
    assert strata(root, "check", "-q", check=False).lines == [
        f"fatal references-damaged {damage.REPOSITORIES}", f"note link-extra overlay2/l/{'A' * 26}"]


@pytest.mark.parametrize("words", [["check"], ["check", "-q"], ["check", "--format", "json"], ["repair"]])
def test_a_report_that_could_not_be_written_is_no_answer(root, words):
    DAMAGES["repositories.json empty"](Victim(root))
    command = [binary(), "--root", root, *words]
    with open("/dev/full", "w") as full:
        assert subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False).returncode == 8
    closed = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *command], stderr=subprocess.PIPE, text=True, check=False)
    assert closed.returncode == 8 and "Bad file descriptor" in closed.stderr


def test_what_may_not_be_read_is_no_damage(root, work):
    """Of a user's own root, a file and then a folder."""
    run("chown", "-R", "65534", root)
    os.chmod(work, 0o755)
    victim = Victim(root)
    config = root / damage.CONFIGS / victim.image()[7:]
    for path in (config, root / "image"):
        path.chmod(0)
        for words in (["check"], ["repair"]):
            result = strata(root, *words, check=False, prefix=["setpriv", "--reuid=65534", "--clear-groups"])
            assert result.code == 8 and result.err.startswith(f"Error: {root}: ") and path.name in result.err
            assert "Permission denied: run strata as root" in result.err and result.out == ""


def test_both_texts_of_a_container(root):
    victim = Victim(root)
    folder = f"containers/{victim.container()}"
    for name in ("config.v2.json", "hostconfig.json"):
        victim.write(f"{folder}/{name}", b"{")
    assert [(kind, path) for _, kind, path in found(root)] == [("container-damaged", f"{folder}/{n}") for n in ("config.v2.json", "hostconfig.json")]


# ---- names that are no words -----------------------------------------------------------------------------------------

def test_names_cannot_write_on_the_terminal(root):
    """Nor break lines; in JSON the bytes of a path can be found again."""
    name = b"bad\xff\xfe\x1b[31mred\nnewline\xc2\x9b2J\xe2\x80\xae"
    shown = r"bad\xff\xfe\x1b[31mred\nnewline\u009b2J\u202e"
    victim = Victim(root)
    top = victim.folder(victim.chains[victim.references["hand:1"]][0], "diff")
    for folder in (top, "overlay2"):
        os.mkdir(os.fsencode(root / folder) + b"/" + name)
    os.mkdir(os.fsencode(root) + b"/" + name)  # not judged
    quiet = strata(root, "check", "--content", "-q", check=False).out
    assert sorted(quiet.splitlines()) == sorted(f"{w} {p}/{shown}" for w, p in (("warning file-extra", top), ("note folder-unused", "overlay2")))
    texts = [strata(root, *words, "--content", check=False).out for words in (["check"], ["repair"], ["repair", "--yes"])]
    for text in texts:
        assert f"{top}/{shown}\n" in text and not re.search(r"[^\n -~\u00a1-\ud7ff]", text)
    assert shown in texts[0].partition("Not looked at")[2] and f"set aside {top}/{shown}\n" in texts[1]
    (kept,) = (root / "strata/lost+found").iterdir()
    paths = {base64.b64decode(json.loads(line)["pathBytes"]) for line in (kept / "index.jsonl").read_text().splitlines()}
    assert paths == {os.fsencode(folder) + b"/" + name for folder in (top, "overlay2")}
    assert all(os.path.isdir(os.path.join(os.fsencode(kept), path)) for path in paths)


def test_bytes_of_a_path_in_json(root):
    os.mkdir(os.fsencode(root / "overlay2") + b"/we\xff")
    (root / "overlay2/\u00fcber").mkdir()
    by_path = {f["Path"]: f for f in check(root)["Findings"]}
    assert base64.b64decode(by_path["overlay2/we\ufffd"]["PathBytes"]) == b"overlay2/we\xff"
    assert "PathBytes" not in by_path["overlay2/\u00fcber"]


# ---- databases of dockerd's ------------------------------------------------------------------------------------------

DATABASES = ["volumes/metadata.db", "network/files/local-kv.db", "buildkit/cache.db", "buildkit/snapshots.db", "buildkit/metadata_v2.db",
             "buildkit/containerdmeta.db"]
SPOILT = {"random": lambda p: p.write_bytes(random.Random(SEED).randbytes(p.stat().st_size)),
          "100 bytes": lambda p: os.truncate(p, 100),
          "two pages": lambda p: os.truncate(p, 8192),
          "no checksum": lambda p: [overwrite(p, at + 16 + 30, b"??") for at in (0, 4096)],
          "empty": lambda p: os.truncate(p, 0),
          "one good page": lambda p: overwrite(p, 4096 if newest_page(p) == 0 else 0, bytes(4096))}


def overwrite(path, at, data):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


def newest_page(path):
    data = path.read_bytes()
    return max((0, 1), key=lambda page: int.from_bytes(data[page * 4096 + 64:page * 4096 + 72], "little"))


@pytest.mark.parametrize("path", DATABASES)
@pytest.mark.parametrize("how", SPOILT)
def test_a_database_that_dockerd_does_not_open(root, path, how):
    """One good page is enough for it, and an empty file is made anew. What was lost, nobody else knows."""
    SPOILT[how](root / path)
    is_fine = how in ("empty", "one good page")
    assert found(root) == ([] if is_fine else [("fatal", "database-damaged", path)])
    if how in ("random", "empty", "one good page") and path == DATABASES[0] or STARTS == "all" and how != "two pages":
        assert starts(root) == is_fine
    before = snapshot(root)
    assert strata(root, "repair", "--yes", check=False).code == (0 if is_fine else 4)
    assert changes(before, snapshot(root)) == []


# ---- beside a dockerd ------------------------------------------------------------------------------------------

def work_of(docker, archive, number, errors, ends):
    """A user of the daemon: loads, builds, runs, commits, removes, until it is told to end."""
    turn = 0
    while not ends.is_set():
        turn += 1
        name = f"work{number}:{turn}"
        for words in (["load", "-q", "-i", archive],
                      ["run", "--network", "none", "--name", f"c{number}-{turn}", "busy:1", "/bin/sh", "-c",
                       f"echo {name} > /x"],
                      ["commit", f"c{number}-{turn}", name], ["tag", name, f"{name}-again"],
                      ["rm", f"c{number}-{turn}"], ["rmi", name], ["rmi", f"{name}-again"],
                      ["rmi", "-f", f"big{number}:1"]):
            done = docker(*words, check=False)
            # Two that remove the same layers at the same time are told so; that is no finding of ours.
            if done.code != 0 and words[0] not in ("rmi", "load"):
                errors.append(done)


def build_of(docker, number, errors, ends):
    turn = 0
    while not ends.is_set():
        turn += 1
        name = f"built{number}:{turn}"
        try:
            images.build(docker, f"FROM busy:1\nLABEL n={name}\nRUN echo {name} > /a && sleep 0.2\nCOPY big /big\nVOLUME /bin\n", name,
                         files={"big": os.urandom(3_000_000)})
            docker("run", "--rm", "--network", "none", name, "/bin/true")
            docker("rmi", "-f", name)
        except ProgramFailed as e:
            errors.append(e)


def test_beside_a_working_dockerd_nothing_false_is_found(root, work):
    """What it is just making or removing looks like damage for a moment, or for as long as it pulls."""
    ends, errors = threading.Event(), []
    with dockerd(root) as docker:
        workers = [threading.Thread(target=build_of, args=(docker, 9, errors, ends))]
        for number in range(2):
            archive = work / f"big{number}.tar"
            layers = [plain_layer(f"f{number}{n}", os.urandom(4_000_000)) for n in range(4)]
            archive.write_bytes(archives.docker_2010(archives.Image(layers, [f"big{number}:1"])))
            workers.append(threading.Thread(target=work_of, args=(docker, archive, number, errors, ends)))
        for worker in workers:
            worker.start()
        until, looks, seen = time.monotonic() + BESIDE_SECONDS, 0, []
        while time.monotonic() < until:
            report = check(root)
            seen += report["Findings"]
            assert report["BesideDaemon"]
            looks += 1
        ends.set()
        for worker in workers:
            worker.join()
    assert seen == [] and errors == [] and looks > 2
    assert found(root, "--content") == []


def starts(root):
    try:
        with dockerd(root):
            return True
    except ProgramFailed:
        return False
