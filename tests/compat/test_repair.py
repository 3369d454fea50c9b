# SPDX-License-Identifier: Apache-2.0
"""A root that dockerd made, with containers and steps of builds, is damaged and repaired.

Judges: what the root was before (every path, byte for byte, but for times), `strata check`, the checker of roots.py, and dockerd,
which starts on it, lists, runs and saves.

STRATA_DAMAGES=all tries every damage singly, STRATA_DAMAGE_PAIRS (12) is the number of pairs, STRATA_DAMAGE_DOCKERDS (5) of roots with many
damages that a dockerd judges, STRATA_REPAIR_KILLS (12) of repairs that are killed and begun again.
"""
import collections
import contextlib
import fcntl
import hashlib
import itertools
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import time

import pytest

import boxes
import mending
from archives import docker_2010
from damage import DAMAGES, GROUPS, HEALED_BY_COPY, Victim, can_be_paired, make_doctor_root
from engine import binary, needs_strata_itself, strata
from peers import dockerd
from procs import clean_env, copy_tree, new_dir, remove_tree, run
from registries import registry
from roots import Root, changes, problems, snapshot
from seeds import count

pytestmark = needs_strata_itself("it has no repair")
CLEAN, MENDED, LEFT, COULD_NOT, USAGE = 0, 1, 4, 8, 16
SEED = count("STRATA_TEST_SEED", 1)
PAIRS = count("STRATA_DAMAGE_PAIRS", 12)
DOCKERDS = count("STRATA_DAMAGE_DOCKERDS", 5)
KILLS = count("STRATA_REPAIR_KILLS", 12)


def times(root):
    """mtime and ctime of every path: what a dry run leaves as they are."""
    seen = {}
    for folder, dirs, files in os.walk(os.fsencode(root)):
        for name in dirs + files + [b"."]:
            info = os.lstat(os.path.join(folder, name))
            seen[os.path.join(folder, name)] = (info.st_mtime_ns, info.st_ctime_ns, info.st_size)
    return seen


def findings(root, *words):
    report = json.loads(strata(root, "check", "--format", "json", *words, check=False).out)
    return [(f["Kind"], f["Path"], f["Found"]) for f in report["Findings"]]


def repair(root, *words):
    result = strata(root, "repair", "--format", "json", *words, check=False)
    assert result.code in (CLEAN, MENDED, LEFT), result
    return result.code, json.loads(result.out)


def texts(report, state):
    return [f"{r['Findings'][0]['Kind']} {r['Findings'][0]['Path']}: {r['Actions']} {r['Reason']}"
            for r in report["Remedies"] if r["State"] == state]


def assert_mended(root, sound, words=(), same=True):
    """Dry run, then the repair; afterwards nothing is wrong, and (`same`) every byte is as it was."""
    before = times(root)
    code, plan = repair(root, *words)
    only_notes = all(f["Severity"] == "note" for r in plan["Remedies"] for f in r["Findings"])
    assert code == (CLEAN if only_notes else LEFT) and texts(plan, "planned"), plan
    assert times(root) == before
    code, report = repair(root, "--yes", *words)
    assert_as_planned(plan, report)
    assert (code, texts(report, "left")) == (MENDED, []), (texts(report, "mended"), texts(report, "left"))
    assert findings(root, *[w for w in words if w == "--content"]) == []
    assert problems(root) == []
    if same:
        assert changes(snapshot(sound), snapshot(root)) == []
    assert repair(root, "--yes")[0] == CLEAN


def healed(report, state):
    """What the remedies of that state are for: the kind and path of each cause, and how often."""
    return collections.Counter((r["Findings"][0]["Kind"], r["Findings"][0]["Path"]) for r in report["Remedies"] if r["State"] == state)


def assert_as_planned(plan, report):
    """The repair did what the dry run said, and more only where the dry run said so."""
    planned, mended = healed(plan, "planned"), healed(report, "mended")
    assert planned <= mended, planned - mended
    said, done = ({a for r in p["Remedies"] if r["State"] == state for a in r["Actions"]} for p, state in ((plan, "planned"), (report, "mended")))
    strangers = said - done
    # A layer whose folder nobody knows gets one with a new name, every time.
    assert all(re.search(r"cache-id: [0-9a-f]{64}$|/[0-9a-f]{64}/link|^(write|link|make folder) overlay2/", a) for a in strangers), strangers
    assert (mended != planned) == plan["MoreMayFollow"], mended - planned


@pytest.fixture(scope="module")
def sound():
    folder = new_dir("strep-")
    yield make_doctor_root(folder / "root")
    remove_tree(folder)


@pytest.fixture
def root(sound, work):
    return copy_tree(sound, work / "root")


def facts(docker):
    """What dockerd says of images and containers, and the digests of what it saves."""
    rows = docker("images", "-a", "--no-trunc", "--digests", "--format", "{{.Repository}} {{.Tag}} {{.Digest}} {{.ID}} {{.Size}}").lines
    saved = {}
    for name in ("app:1", "hand:1"):
        saved[name] = hashlib.sha256(subprocess.run(["/usr/bin/docker", "-H", docker.socket, "save", name], capture_output=True,
                                                    env=clean_env(), check=True).stdout).hexdigest()
    ran = docker("run", "--rm", "--network", "none", "--entrypoint", "/bin/ls", "app:1", "/srv/files").out
    containers = docker("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.Image}}").lines
    changed = docker("diff", "stopped").lines
    return {"images": sorted(rows), "saved": saved, "ran": ran, "containers": sorted(containers), "diff": sorted(changed)}


@pytest.fixture(scope="module")
def known(sound):
    folder = new_dir("strep-")
    with dockerd(copy_tree(sound, folder / "root")) as docker:
        found = facts(docker)
    yield found
    remove_tree(folder)


# Nobody else knows what a container's config said.
LEFT_AS_IT_IS = {name for name in DAMAGES if name.startswith("container's config")}
# No damage, or one that cannot be told from what a user may have done: only set aside.
NO_DAMAGE = {"newlines that dockerd trims", "absolute link that dockerd takes"}
# Mended, but not byte for byte as it was: a tar-split or a layer from a copy, what a container wrote, an unknown time.
DIFFERS = {name for name in DAMAGES if name.startswith((
    "tar-split", "record ", "folder missing", "files missing", "container's layer missing", "container's hostconfig", "work missing",
    "container's work missing", "mount of no container", "lastUpdated", "layers of an image", "layerdb/sha256 is a file",
    "name in another repository", "config missing", "diffid-by-digest", "v2metadata-by-diffid"))}
# Which of the damages are tried singly: in the long run all, else some, another set for each seed.
ALL = os.environ.get("STRATA_DAMAGES") == "all"


def some(names, count):
    return names if ALL else sorted(random.Random(SEED).sample(names, min(count, len(names))))


MENDABLE = [name for name in DAMAGES if name not in LEFT_AS_IT_IS | NO_DAMAGE]


def content_damage(victim, kind):
    """Of a plain file that is no hard link, in a layer of an image."""
    files = []
    for chain in victim.chains[victim.references["child:1"]]:
        top = victim.path / victim.folder(chain, "diff")
        files += [p for p in top.rglob("*") if p.is_file() and not p.is_symlink() and p.stat().st_nlink == 1 and p.stat().st_size]
    file = victim.choose(sorted(files))
    if kind == "changed":
        file.write_bytes(b"!" + file.read_bytes()[1:])
    elif kind == "missing":
        file.unlink()
    elif kind == "mode":
        file.chmod(file.stat().st_mode ^ 0o111)
    else:
        (file.parent / "too-many").write_bytes(b"x")


@pytest.mark.parametrize("name", some(MENDABLE, 40))
def test_one_damage(name, root, sound):
    DAMAGES[name](Victim(root, seed=f"{SEED} {name}"))
    assert_mended(root, sound, ("--from", f"root:{sound}"), same=name not in DIFFERS)


@pytest.mark.parametrize("name", some([n for n in MENDABLE if n not in HEALED_BY_COPY and GROUPS[n] != {"names"}], 20))
def test_one_damage_without_a_copy(name, root, sound):
    """All of it is still in the root."""
    DAMAGES[name](Victim(root, seed=f"{SEED} {name}"))
    if name in ("record missing", "record that is a file", "layerdb/sha256 is a file"):  # a tar-split cannot be made for every layer
        assert repair(root, "--yes")[0] in (MENDED, LEFT)
        return
    assert_mended(root, sound, same=name not in DIFFERS)

# ---- whose folder it is ------------------------------------------------------------------------------------------

def without_contents(victim):
    """Layers of folders only: their tar-split makes their diffID of any folder."""
    return [c for c in victim.records if not any(p.is_file() for p in (victim.path / victim.folder(c, "diff")).rglob("*"))]


def put_leftover(victim):
    """What a killed pull leaves, and it comes before all others."""
    name = "0" * 64
    victim.write(f"overlay2/{name}/diff/etc/passwd", "evil")
    victim.write(f"overlay2/{name}/link", "A" * 26)
    os.symlink(f"../{name}/diff", victim.path / "overlay2/l" / ("A" * 26))
    return name


def test_layer_without_contents_gets_its_own_folder(root, sound):
    victim = Victim(root)
    chain = without_contents(victim)[0]
    put_leftover(victim)
    victim.write(victim.record(chain, "cache-id"), "")
    assert_mended(root, sound)


@pytest.mark.parametrize("more", [(), ("lower",), ("link",)])
def test_no_layer_knows_its_folder(root, sound, more):
    """As after a power cut. Each gets back the one that it had, or its twin; no container's, and no leftover."""
    victim = Victim(root)
    put_leftover(victim)
    for chain in victim.records:
        victim.write(victim.record(chain, "cache-id"), "")
        for name in more:
            if (root / victim.folder(chain, name)).exists() and victim.records[chain]["parent"]:
                victim.write(victim.folder(chain, name), "")
    repair(root, "--yes")
    given = {c: Root(root).layer_file(c, "cache-id") for c in victim.records}
    files = {c: snapshot(sound / victim.folder(c, "diff")) for c in victim.records}
    wrong = {c: g for c, g in given.items() if g and changes(files[c], snapshot(root / "overlay2" / g / "diff"))}
    assert wrong == {}
    if not more:
        assert "" not in given.values() and changes(snapshot(sound), snapshot(root)) == []


# ---- what is perhaps elsewhere -----------------------------------------------------------------------------------

def test_folder_of_a_layer_that_is_a_symlink(root, sound, work):
    """dockerd follows it, so it is no damage, and nothing to be mended."""
    victim = Victim(root)
    folder = root / victim.folder(victim.chains[victim.references["child:1"]][-1])
    shutil.move(folder, work / "elsewhere")
    folder.symlink_to(work / "elsewhere")
    with dockerd(root) as docker:
        assert docker("run", "--rm", "--network", "none", "child:1", "/bin/true").code == 0
    for words in ((), ("--content",)):
        assert [f[0] for f in findings(root, *words)] == ["folder-elsewhere"]
        code, report = repair(root, "--yes", *words)
        assert code == LEFT and "mount --bind" in texts(report, "left")[0]
        assert folder.is_symlink()
    (work / "elsewhere/diff").rename(work / "elsewhere/not-mounted")
    assert "files-missing" in {f[0] for f in findings(root)}
    code, report = repair(root, "--yes", "--from", f"root:{sound}")
    assert code == LEFT and folder.is_symlink() and "a disk?" in texts(report, "left")[0]
    folder.unlink()
    (work / "elsewhere/not-mounted").rename(work / "elsewhere/diff")
    shutil.move(work / "elsewhere", folder)
    assert findings(root) == []


EMPTIED = {"image": "image/overlay2/layerdb/sha256", "containers": "containers", "overlay2": "overlay2",
           "image/overlay2/layerdb/sha256": "image/overlay2/layerdb/sha256",
           "image/overlay2/imagedb/content/sha256": "image/overlay2/imagedb/content/sha256"}


@pytest.mark.parametrize("way", ["missing", "empty"])
@pytest.mark.parametrize("place", EMPTIED)
def test_an_empty_folder_is_no_proof(root, sound, work, place, way):
    """A disk that is not mounted: nothing is taken away for being of no use, and nothing is made anew."""
    (root / place).rename(work / "away")
    if way == "empty":
        (root / place).mkdir()
    told = dict((path, found) for kind, path, found in findings(root) if kind == "folder-emptied")
    assert EMPTIED[place] in told and "not mounted" in told[EMPTIED[place]]
    code, report = repair(root, "--yes")
    assert (code, texts(report, "mended")) == (LEFT, [])
    assert any("--lost" in text for text in texts(report, "left"))
    if way == "empty":
        (root / place).rmdir()
    (work / "away").rename(root / place)
    assert findings(root) == [] and changes(snapshot(sound), snapshot(root)) == []


def test_what_is_gone_for_good(root):
    shutil.rmtree(root / "containers")
    code, report = repair(root, "--yes", "--lost", "containers")
    assert code == MENDED and len(texts(report, "mended")) >= 3
    assert findings(root) == []
    with dockerd(root) as docker:
        assert docker("ps", "-aq").lines == [] and docker("run", "--rm", "--network", "none", "child:1", "/bin/true").code == 0


@pytest.mark.parametrize("names", [("mount-id",), ("mount-id", "init-id")])
def test_two_containers_name_one_layer(root, sound, names):
    """Where one file still tells, it is mended; else both keep what they have."""
    mounts = root / "image/overlay2/layerdb/mounts"
    one, other = sorted(os.listdir(mounts))[:2]
    for name in names:
        shutil.copyfile(mounts / one / name, mounts / other / name)
    if len(names) == 1:
        return assert_mended(root, sound)
    before = snapshot(root)
    code, report = repair(root, "--yes")
    assert code == LEFT and other in texts(report, "left")[0] and one in texts(report, "left")[0]
    assert [c for c in changes(before, snapshot(root)) if "lost+found" not in str(c)] == []


@pytest.mark.parametrize("kind", ["changed", "missing", "mode", "extra"])
def test_contents(kind, root, sound):
    content_damage(Victim(root, seed=f"{SEED} {kind}"), kind)
    assert findings(root, "--content") and not findings(root)
    _, report = repair(root, "--content")
    assert any(r["Unsure"] for r in report["Remedies"]) == (kind in ("changed", "missing"))
    if kind in ("changed", "missing"):
        code, report = repair(root, "--yes", "--content")
        assert code == LEFT and any("--from" in text for text in texts(report, "left")), report
    assert_mended(root, sound, ("--content", "--from", f"root:{sound}"))


@pytest.mark.parametrize("name", some(sorted(HEALED_BY_COPY), 6))
def test_without_a_copy_it_says_what_is_needed(name, root):
    """An image whose config is lost is given up; a layer is left, unless its tar-split can be made of its files."""
    DAMAGES[name](Victim(root, seed=f"{SEED} {name}"))
    code, report = repair(root, "--yes")
    if code == LEFT:
        assert any("--from" in text for text in texts(report, "left")), report
    else:
        from_itself = any(f"from root:{root}" in text for text in texts(report, "mended"))  # the same diffID elsewhere in it
        assert from_itself or name.startswith(("config", "tar-split")), report
        if name.startswith("config"):
            assert any("--from" in text for text in texts(report, "mended")), report
    assert repair(root, "--yes")[0] in ((LEFT,) if code == LEFT else (CLEAN, MENDED))


@pytest.mark.parametrize("name", sorted(LEFT_AS_IT_IS))
def test_what_cannot_be_mended_is_left_as_it_is(name, root):
    DAMAGES[name](Victim(root, seed=f"{SEED} {name}"))
    before = snapshot(root)
    code, report = repair(root, "--yes")
    assert code == LEFT and "overlay2/" in texts(report, "left")[0], report
    assert changes(before, snapshot(root)) == []


@pytest.mark.parametrize("number", range(PAIRS))
def test_two_damages(number, root, sound):
    pairs = [p for p in itertools.combinations(sorted(MENDABLE), 2) if can_be_paired(*p)]
    pair = random.Random(f"{SEED} {number}").choice(pairs)
    print(f"seed {SEED}, {number}: {pair}")
    victim = Victim(root, seed=f"{SEED} {number}")
    for name in pair:
        DAMAGES[name](victim)
    assert_mended(root, sound, ("--from", f"root:{sound}"), same=not DIFFERS & set(pair))


GROUP = 10


def at_once(names, rng):
    """As many of the names as go together."""
    chosen = []
    for name in rng.sample(sorted(names), len(names)):
        if all(can_be_paired(name, other) for other in chosen):
            chosen.append(name)
    return chosen[:GROUP]


@pytest.mark.parametrize("number", range(DOCKERDS))
def test_dockerd_uses_what_was_mended(number, root, sound, known):
    """Several damages of different kinds at once, and dockerd as the judge: it lists, saves and runs what it did before."""
    rng = random.Random(f"{SEED} {number}")
    lossy = {n for n in MENDABLE if n.startswith(("container's", "mount of", "layers of", "name in another"))}
    chosen = at_once([n for n in MENDABLE if n not in lossy and n != "layerdb/sha256 is a file"], rng)
    print(f"seed {SEED}, {number}: {chosen}")
    victim = Victim(root, seed=f"{SEED} {number}")
    for name in chosen:
        try:
            DAMAGES[name](victim)
        except AssertionError:
            continue  # nothing is left to be damaged
    code, report = repair(root, "--yes", "--content", "--from", f"root:{sound}")
    assert (code, texts(report, "left")) == (MENDED, []), chosen
    with dockerd(root) as docker:
        assert facts(docker) == known
        docker("rm", "created")
        assert docker("start", "-a", "stopped", check=False).code in (0, 1)


def test_archive_as_a_source(root, sound, work):
    """A layer and names come back from an archive, other names from containers."""
    strata(sound, "save", "-o", work / "x.tar", "app:1", "hand:1", "hand:2")
    top = Root(root).chain(Root(root).references()["app:1"])[-1]
    shutil.rmtree(Root(root).layer_diff(top))
    (Root(root).image / "repositories.json").write_bytes(b"")
    code, report = repair(root, "--yes", "--from", work / "x.tar")
    assert code == MENDED, report
    names = Root(root).references()
    assert {"app:1", "hand:1", "hand:2", "child:1", "busy:1"} <= names.keys()  # the last two are told by containers
    assert any("child:1 from container stopped" in text for text in texts(report, "mended")), report
    assert problems(root) == []


# ---- folders of docker's own that are gone, or are none ------------------------------------------------------------

def put_file(path):
    shutil.rmtree(path)
    path.write_text("in the way")


LAYERDB = "image/overlay2/layerdb"
# It is on no disk that could be mounted.
LOST = [word for folder in (f"{LAYERDB}/sha256", "image/overlay2/imagedb/content/sha256", "overlay2", "containers") for word in ("--lost", folder)]


@pytest.mark.parametrize("path", [f"{LAYERDB}/mounts", f"{LAYERDB}/sha256", LAYERDB, "overlay2", "overlay2/l"])
def test_a_folder_of_dockers_is_gone(path, root, sound):
    """It comes back with what was in it; of a container, what it wrote is not to be had."""
    shutil.rmtree(root / path)
    code, report = repair(root, "--yes", "--from", f"root:{sound}", *LOST)
    assert (code, texts(report, "left")) == (MENDED, [])
    assert findings(root, "--content") == [] and problems(root) == []
    assert (root / path).stat().st_mode == (sound / path).stat().st_mode


@pytest.mark.parametrize("path", ["containers", "image", "image/overlay2/imagedb/metadata/sha256"])
def test_a_file_stands_instead_of_a_folder(path, root, sound):
    put_file(root / path)
    _, report = repair(root, "--yes", "--from", f"root:{sound}", *LOST)
    assert [r["Findings"][0]["Kind"] for r in report["Remedies"] if r["State"] == "left" and r["Findings"][0]["Severity"] != "note"] == []
    assert (root / report["Kept"] / path).read_text() == "in the way"
    assert (root / path).stat().st_mode == (sound / path).stat().st_mode
    assert repair(root, "--yes", "--from", f"root:{sound}", *LOST)[0] in (CLEAN, MENDED) and problems(root) == []


def test_a_file_stands_instead_of_stratas_own_folder(root, sound):
    shutil.rmtree(root / "strata", ignore_errors=True)
    (root / "strata").write_text("in the way")
    assert findings(root) == [("folder-unreadable", "strata", "something that cannot be listed")]
    code, report = repair(root, "--yes")
    assert code == MENDED and (root / report["Kept"] / "strata").read_text() == "in the way"
    assert findings(root) == [] and changes(snapshot(sound), snapshot(root)) == []


# ---- other disks, full disks -----------------------------------------------------------------------------------------

@contextlib.contextmanager
def tmpfs(path, size="64m"):
    path.mkdir(exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", f"size={size}", "none", path)
    try:
        yield path
    finally:
        run("umount", path)


@contextlib.contextmanager
def layers_elsewhere(root, place, how):
    """overlay2 on another file system: mounted over it, or behind a link."""
    with tmpfs(place):
        run("cp", "-a", root / "overlay2", place / "overlay2")
        shutil.rmtree(root / "overlay2")
        if how == "a link":
            (root / "overlay2").symlink_to(place / "overlay2")
        else:
            (root / "overlay2").mkdir()
            run("mount", "--bind", place / "overlay2", root / "overlay2")
        try:
            yield
        finally:
            if how != "a link":
                run("umount", root / "overlay2")


@pytest.mark.parametrize("how", ["a mount", "a link"])
def test_layers_on_another_disk(how, root, sound, work):
    """Small things are mended there; what is not possible is not promised."""
    with layers_elsewhere(root, work / "disk", how):
        victim = Victim(root, seed=SEED)
        DAMAGES["link file garbled"](victim)
        DAMAGES["lower garbled"](victim)
        DAMAGES["link missing"](victim)
        code, plan = repair(root)
        assert code == LEFT
        code, report = repair(root, "--yes")
        assert (code, texts(report, "left")) == (MENDED, []) and healed(plan, "planned") == healed(report, "mended")
        assert findings(root, "--content") == []
        kept = [p for p in (root / report["Kept"]).rglob("*") if p.is_file() and p.name != "index.jsonl"]
        assert len(kept) == 2 and all(b"\xc8" in p.read_bytes() for p in kept)
        DAMAGES["files missing"](victim)
        (root / "overlay2" / ("e" * 64) / "diff").mkdir(parents=True)
        for words in ((), ("--yes",)):
            code, report = repair(root, "--from", f"root:{sound}", *words)
            assert code == LEFT and not texts(report, "planned") and not texts(report, "mended")
            assert all("another file system" in r["Reason"] for r in report["Remedies"]), report


def test_a_full_disk(sound, work):
    """Nothing is lost and nothing is left behind by the attempt, and it says what to do."""
    with tmpfs(work / "disk") as disk:
        root = copy_tree(sound, disk / "root")
        DAMAGES["repositories.json cut"](Victim(root, seed=SEED))
        with open(disk / "fill", "wb", buffering=0) as fill, contextlib.suppress(OSError):
            while True:
                fill.write(bytes(4096))
        before = snapshot(root)
        for _ in range(2):
            result = strata(root, "repair", "--yes", check=False)
            assert result.code == COULD_NOT and "No space left" in result.err and "Make room first" in result.err
        assert changes(before, snapshot(root)) == []
        home = root / "strata/lost+found"
        assert not home.exists() or os.listdir(home) == []
        (disk / "fill").unlink()
        assert repair(root, "--yes", "--from", f"root:{sound}")[0] == MENDED
        assert problems(root) == []


# ---- other places ----------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def place_of(kind, sound, work):
    """The image app:1 at a place of that kind, as --from names it."""
    if kind == "folder":
        strata(sound, "copy", f"root:{sound}:app:1", f"oci:{work / 'oci'}:1")
        yield work / "oci"
    else:
        with registry() as server:
            strata(sound, "copy", f"root:{sound}:app:1", f"docker://{server.host}/app:1")
            yield f"docker://{server.host}/app:1"


@pytest.mark.parametrize("kind", ["folder", "registry"])
def test_layers_and_configs_from_elsewhere(kind, root, sound, work):
    image = Root(root).references()["app:1"]
    shutil.rmtree(Root(root).layer_diff(Root(root).chain(image)[-1]))
    (root / "image/overlay2/imagedb/content/sha256" / image[7:]).write_bytes(b"{}")
    assert all("--from" in r["Reason"] for r in repair(root)[1]["Remedies"]), "nothing of it is in the root"
    with place_of(kind, sound, work) as place:
        code, report = repair(root, "--yes", "--content", "--from", place)
    assert (code, texts(report, "left")) == (MENDED, [])
    assert sum(f"from {place}" in text for text in texts(report, "mended")) == 2, texts(report, "mended")
    assert findings(root, "--content") == [] and problems(root) == []
    assert Root(root).references() == Root(sound).references()


@pytest.mark.parametrize("place", ["root:{work}/none", "root:{work}", "{work}/none.tar"])
def test_a_place_that_has_nothing_is_told(place, sound, work):
    result = strata(sound, "repair", "--from", place.format(work=work), check=False)
    assert result.code == COULD_NOT and str(work) in result.err


# ---- what to type next ---------------------------------------------------------------------------------------------

def command_in(text, mark):
    """What a reader would copy: the words behind the mark, up to what is no option any more."""
    return re.search(mark + r"(strata .*?)(?= shows what|$)", text, re.M)[1]


def typed(command):
    return subprocess.run(["sh", "-c", f'strata() {{ "{binary()}" "$@"; }}; {command}'], capture_output=True, text=True, check=False,
                          env=clean_env())


def test_the_commands_that_are_told_do_it(sound, work):
    """As they are printed, with every option that the finding needs, and names that a shell would take apart."""
    root, archive = copy_tree(sound, work / "it's a root"), work / "a copy.tar"
    strata(sound, "save", "-o", archive, *Root(sound).references())
    content_damage(Victim(root, seed=SEED), "changed")
    told = strata(root, "--storage-driver", "overlay2", "check", "--content", check=False)
    shown = typed(command_in(told.out, "What to do: "))
    assert shown.returncode == LEFT and "file-changed" in shown.stdout, shown
    told = strata(root, "repair", "--content", "--from", archive, check=False)
    assert told.code == LEFT
    done = typed(command_in(told.out, "To do it: "))
    assert done.returncode == MENDED, done
    told = strata(root, "repair", "--purge")
    assert typed(command_in(done.stdout, "until ")).returncode == CLEAN == typed(command_in(told.out, "To do it: ")).returncode
    assert changes(snapshot(sound), snapshot(root)) == []


def test_kept_until_purged(root, sound):
    DAMAGES["repositories.json cut"](Victim(root))
    garbled = (Root(root).image / "repositories.json").read_bytes()
    folder = Root(root).overlay / ("e" * 64)
    (folder / "diff").mkdir(parents=True)
    (folder / "diff/only-copy").write_text("mine")
    _, report = repair(root, "--yes", "--from", f"root:{sound}")
    kept = pathlib.Path(root) / report["Kept"]
    assert (kept / "image/overlay2/repositories.json").read_bytes() == garbled
    assert (kept / f"overlay2/{'e' * 64}/diff/only-copy").read_text() == "mine"
    index = [json.loads(line) for line in (kept / "index.jsonl").read_text().splitlines()]
    assert {line["path"] for line in index} >= {"image/overlay2/repositories.json", f"overlay2/{'e' * 64}"}
    assert all(line["finding"] and line["why"] for line in index)
    told = strata(root, "repair", "--purge")
    assert kept.exists() and told.out.startswith("Would remove ") and "of 1 repair" in told.out
    assert strata(root, "repair", "--purge", "--yes", "--content", check=False).code == USAGE
    told = strata(root, "repair", "--purge", "--yes")
    assert not kept.parent.exists() and told.out.startswith("Removed ")
    assert findings(root) == []


def test_beside_dockerd_it_only_looks(root):
    DAMAGES["link missing"](Victim(root))
    with dockerd(root):
        before = snapshot(root)
        assert repair(root)[0] == LEFT
        result = strata(root, "repair", "--yes", check=False)
        assert result.code == COULD_NOT
        assert "a dockerd is running on this root" in result.err and "systemctl stop docker" in result.err
        assert changes(before, snapshot(root)) == []


def test_no_dockerd_and_no_other_writer_meanwhile(root, sound):
    """A dockerd that holds the lock exclusively, a repair that does, and a strata that shares it, are told apart."""
    DAMAGES["link missing"](Victim(root))
    with open(pathlib.Path(root) / "volumes/metadata.db", "r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        result = strata(root, "repair", "--yes", check=False)
        assert result.code == COULD_NOT and "another strata" in result.err and str(os.getpid()) in result.err
        fcntl.flock(lock, fcntl.LOCK_EX)  # as a repair, and no dockerd's process
        result = strata(root, "repair", "--yes", check=False)
        assert result.code == COULD_NOT and "another repair" in result.err and str(os.getpid()) in result.err
        assert "dockerd" not in result.err


@pytest.mark.parametrize("number", range(KILLS))
def test_killed_at_any_moment(number, root, sound):
    """kill -9, then again: in the end all is as it was."""
    rng = random.Random(f"{SEED} {number}")
    victim = Victim(root, seed=f"{SEED} {number}")
    chosen = at_once([n for n in MENDABLE if n not in DIFFERS], rng)[:5]
    print(f"seed {SEED}, {number}: {chosen}")
    for name in chosen:
        DAMAGES[name](victim)
    command = [binary(), "--root", str(root), "repair", "--yes", "--content", "--from", f"root:{sound}"]
    for _ in range(4):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_env())
        time.sleep(rng.random() * 0.25)
        process.send_signal(signal.SIGKILL)
        process.wait()
    code, report = repair(root, "--yes", "--content", "--from", f"root:{sound}")
    assert code in (CLEAN, MENDED), report
    assert findings(root, "--content") == []
    assert changes(snapshot(sound), snapshot(root)) == []


# ---- vfs -------------------------------------------------------------------------------------------------------

VFS = ("--storage-driver", "vfs")


@pytest.fixture(scope="module")
def vfs_sound():
    """Made by dockerd: images that share layers, and a container that wrote."""
    folder = new_dir("strep-")
    (folder / "a.tar").write_bytes(docker_2010(mending.KEPT, *mending.NEW, boxes.box()))
    with dockerd(folder / "root", options=VFS) as docker:
        docker("load", "-i", folder / "a.tar")
        docker("run", "--network", "none", "--name", "one", "box:1", "sh", "-c", "echo new >/new; rm /etc/group")
    assert Root(folder / "root").is_vfs
    yield folder / "root"
    remove_tree(folder)


def vfs_layer(root, image, at):
    r = Root(root)
    chain = r.chain(image.id)[at]
    return r.image / "layerdb/sha256" / chain[7:], r.layer_diff(chain)


def _config(root, _record, _files):
    (Root(root).image / "imagedb/content/sha256" / mending.NEW[1].id[7:]).write_text("{}")


def _names(root, _record, _files):
    file = Root(root).image / "repositories.json"
    file.write_text(file.read_text()[:-30])


# name -> what is done to the record and the files of a layer in the middle; needs a copy; --content. Not here: files of the layers below, and
# files that are too many, which docs/doctor.md says are not compared.
VFS_DAMAGES = {
    "size": (lambda root, record, files: (record / "size").write_text(""), False, False),
    "diff": (lambda root, record, files: (record / "diff").unlink(), False, False),
    "parent": (lambda root, record, files: (record / "parent").write_text("sha256:" + "0" * 64), False, False),
    "cache-id": (lambda root, record, files: (record / "cache-id").write_bytes(bytes(64)), False, False),
    "tar-split": (lambda root, record, files: (record / "tar-split.json.gz").write_bytes(b"x"), True, False),
    "record": (lambda root, record, files: shutil.rmtree(record), True, False),
    "files": (lambda root, record, files: shutil.rmtree(files), True, False),
    "content": (lambda root, record, files: (files / "d/one-1").write_bytes(b"y" * (files / "d/one-1").stat().st_size), True, True),
    "missing": (lambda root, record, files: (files / "d/one-1").unlink(), True, True),
    "mode": (lambda root, record, files: (files / "d/one-2").chmod(0o600), False, True),
    "config": (_config, True, False),
    "names": (_names, True, False),
}


@pytest.mark.parametrize("name", VFS_DAMAGES)
def test_one_damage_of_vfs(name, vfs_sound, work):
    root = copy_tree(vfs_sound, work / "root")
    damage, by_copy, content = VFS_DAMAGES[name]
    damage(root, *vfs_layer(root, mending.NEW[1], 1))
    words = [*(["--content"] if content else []), *(["--from", f"root:{vfs_sound}"] if by_copy else [])]
    before = times(root)
    code, report = repair(root, *words)
    assert code == LEFT and texts(report, "planned"), report
    assert times(root) == before
    code, report = repair(root, "--yes", *words)
    assert (code, texts(report, "left")) == (MENDED, []), (texts(report, "mended"), texts(report, "left"))
    assert findings(root, "--content") == []
    if name not in ("tar-split", "record", "files"):
        assert changes(snapshot(vfs_sound), snapshot(root)) == []
    assert repair(root, "--yes")[0] == CLEAN


def test_dockerd_uses_a_mended_root_of_vfs(vfs_sound, work):
    """Several damages at once; it lists, saves and starts what it did before."""
    def facts_of(root):
        with dockerd(copy_tree(root, work / f"{root.name}-copy"), options=VFS) as docker:
            saved = [hashlib.sha256(subprocess.run(["/usr/bin/docker", "-H", docker.socket, "save", name], capture_output=True, env=clean_env(),
                                                   check=True).stdout).hexdigest() for name in ("kept:1", "new:2", "box:1")]
            return (saved, sorted(docker("images", "-a", "--no-trunc", "--format", "{{.Repository}} {{.Tag}} {{.ID}}").lines),
                    sorted(docker("diff", "one").lines), docker("run", "--rm", "--network", "none", "box:1", "cat", "/etc/group").out)

    root = copy_tree(vfs_sound, work / "mended")
    for name, image, at in (("files", mending.NEW[2], 0), ("content", mending.NEW[0], 1), ("diff", mending.NEW[1], 2), ("config", mending.NEW[1], 1), ("names", mending.NEW[1], 1)):
        place = vfs_layer(root, image, at) if name not in ("config", "names") else (None, None)
        VFS_DAMAGES[name][0](root, *place)
    code, report = repair(root, "--yes", "--content", "--from", f"root:{vfs_sound}")
    assert (code, texts(report, "left")) == (MENDED, []), texts(report, "left")
    assert facts_of(root) == facts_of(vfs_sound)
