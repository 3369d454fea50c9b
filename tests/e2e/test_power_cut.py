# SPDX-License-Identifier: Apache-2.0
"""The power goes at any moment: a real file system on a disk that forgets. What had been reported stays, the rest is as before or after.

Commands run one after the other on the disk; afterwards the power is cut at moments of that history, and of the writes since the
disk's last flush none, all, some, or torn ones are kept. STRATA_POWER_CUTS says how many (default 30 for each file system), half of them in a long history,
half during single commands that read, fetch, make or mend images.
"""
import os
import random
from typing import NamedTuple

import pytest

import boxes
import deeds
import forgetful
import mending
import peers
import registries
from archives import Image, docker_2010
from deeds import KEPT, LEFTOVER, NEW, assert_clean, assert_no_leftovers, keep, layer, registry_host, state_of  # noqa: F401
from engine import needs_strata_itself, strata
from forgetful import forgetful_disk, mounted
from procs import copy_tree, run
from roots import Root, problems
from seeds import count, seed
from verbs import plain_layer

pytestmark = [pytest.mark.as_root, needs_strata_itself("a daemon keeps its state in memory"), pytest.mark.needs(why_not=forgetful.cannot_run)]
OTHER_BOOT = "00000000-0000-4000-8000-000000000000"
HOW = ["none", "all", "some", "torn", "some"]
OTHER = Image([layer("base"), layer("other", 12)], ["other:1"])
ANY = Image([plain_layer("any")], ["any:1"])


class History:
    """What was done on the disk: after each command, how far the disk's log was, and what the root was then."""

    def __init__(self, work, disk):
        self.work, self.disk, self.root = work, disk, disk.path / "root"
        self.moments, self.archives = [], {}
        for name, images in {"kept": [KEPT], "new": NEW, "other": [OTHER], "any": [ANY]}.items():
            self.archives[name] = work / f"{name}.tar"
            self.archives[name].write_bytes(docker_2010(*images))
        (work / "tree.tar").write_bytes(layer("tree"))

    def note(self, what):
        self.moments.append((self.disk.position(), what, state_of(self.root)))

    def do(self, *words, settle=False):
        strata(self.root, *words)
        self.note(" ".join(map(str, words)))
        if settle:  # the system writes on its own, some seconds later
            run("sync", "-f", self.root)
            self.note("sync")

    def around(self, position):
        """What the root may be after a power cut: as after the last command that had ended, or as after the next."""
        ended = max(i for i, (at, _, _) in enumerate(self.moments) if at <= position)
        following = self.moments[min(ended + 1, len(self.moments) - 1)]
        return self.moments[ended][2], following[2], f"after {self.moments[ended][1]!r}, before the end of {following[1]!r}"


def live(work, disk):
    """A root's life: quick and synced loads, tags, an import, removals. Some of it reaches the disk by itself, most does not."""
    history = History(work, disk)
    history.do("--sync", "load", "-q", "-i", history.archives["kept"])
    history.do("load", "-q", "-i", history.archives["new"])
    history.do("tag", "kept:1", "moved:1")
    history.do("rmi", "new:1", settle=True)
    history.do("import", work / "tree.tar", "tree:1")
    history.do("rmi", "-f", NEW[1].id)
    history.do("--sync", "load", "-q", "-i", history.archives["other"])
    history.do("load", "-q", "-i", history.archives["new"], settle=True)
    history.do("image", "prune", "-a", "-f")
    history.do("load", "-q", "-i", history.archives["other"])
    history.do("tag", "other:1", "kept:2")
    return history


def other_boot(root):
    """The records of this boot become those of one that has ended."""
    folder = root / "strata/unsynced"
    for file in list(folder.iterdir()) if folder.is_dir() else []:
        os.rename(file, folder / file.name.replace(file.name[:36], OTHER_BOOT))


def suspects(root):
    """chainIDs and cache-ids of layers that may not be whole."""
    file = root / "strata/unsynced" / OTHER_BOOT
    lines = file.read_text(errors="replace").splitlines() if file.exists() else []
    return {word for line in lines if line.startswith("layer ") and len(line.split()) == 3 for word in line.split()[1:]}


def assert_none(lines):
    if lines:
        raise AssertionError("\n".join(lines))


def check_before_recovery(root, before, after):
    """As the disk is: all that names something, names something that is there; but for layers that are known to be unsynced."""
    unsure = suspects(root)
    serious = [line for line in problems(root, deep=True) if not any(word in line for word in LEFTOVER)
               and not any(name in line for name in unsure)]
    assert_none(serious)
    references = Root(root).references()
    assert references in (before.references, after.references), (references, before.references, after.references)


def check_after_recovery(root, before, after, history):
    strata(root, "images", "-a")
    strata(root, "load", "-q", "-i", history.archives["any"])
    strata(root, "rmi", "any:1")
    state = state_of(root)
    assert state.references in (before.references, after.references)
    assert state.images in (before.images, after.images), (state.images, before.images, after.images)
    assert os.listdir(root / "strata/staging") == []
    # What was not on the disk comes back with the next load of it, and all is well.
    names = {"kept:1": "kept", "new:2": "new", "other:1": "other"}
    for reference in sorted(names.keys() & state.references.keys()):
        strata(root, "load", "-q", "-i", history.archives[names[reference]])
    tree = Root(root).references().get("tree:1")
    if tree and strata(root, "save", "-o", "/dev/null", "tree:1", check=False).code != 0:
        strata(root, "rmi", "tree:1")  # nobody has it any more: it had never been on the disk
    strata(root, "tag", "kept:1", "again:1") if "kept:1" in state.references else None
    assert_none(problems(root, deep=True))
    assert_clean(root)


def check_synced(root, before, after):
    """What was loaded with --sync, and neither removed since nor being removed, is there to the last byte, without any help."""
    for image in (KEPT,) if KEPT.id in before.images and KEPT.id in after.images else ():
        assert [Root(root).layer_tar(chain) for chain in Root(root).chain(image.id)] == image.layers
        strata(root, "save", "-o", "/dev/null", image.id)


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_power_cut(work, kind):
    if forgetful.no_devices(kind):
        pytest.skip(forgetful.no_devices(kind))
    choose = random.Random(f"{seed()} {kind}")
    with forgetful_disk(work, kind) as disk:
        history = live(work, disk)
    first, last = history.moments[0][0], history.moments[-1][0]
    cuts = max(count("STRATA_POWER_CUTS", 30) // 2, len(history.moments))
    lost, flushes = 0, disk.before_flushes(first, last)
    for turn in range(cuts):
        # At each moment of a reported success; at random ones; just before a flush.
        at = choose.choice(flushes) if turn % 2 else choose.randint(first, last)
        if turn < len(history.moments):
            at = history.moments[turn][0]
        how = HOW[turn % len(HOW)]
        before, after, where = history.around(at)
        image = disk.state(at, choose, how)
        lost += len(disk.cuts(at)[1])
        with mounted(image, kind, work / "after") as path:
            try:
                other_boot(path / "root")
                check_before_recovery(path / "root", before, after)
                check_synced(path / "root", before, after)
                check_after_recovery(path / "root", before, after, history)
                if turn == cuts - 1 and not peers.cannot_run():
                    with peers.dockerd(path / "root") as docker:
                        assert set(docker("images", "-a", "-q", "--no-trunc").lines) == Root(path / "root").images()
            except AssertionError as e:
                raise AssertionError(f"{kind}, power cut {turn} at byte {at} of the log, {how} of the unsynced writes kept, {where}: {e}") from e
    print(f"{kind}: {len(disk.records(last))} writes and flushes, {cuts} power cuts, {lost} writes were in doubt")
    assert lost > 0 or cuts < 30, "the disk had nothing to forget"


# ---- commands that read, fetch, make and mend -----------------------------------------------------------------------

DEEDS = ("save", "save-over", "save-sync", "pull", "push", "commit", "build", "build-plain")


class Act(NamedTuple):
    """One command on the disk, and how far the log was: when it began, when it said that it was done, when the system had written everything."""
    name: str
    command: deeds.Command
    begun: int
    ended: int
    settled: int


def act(disk, name, command):
    place = copy_tree(command.start, disk.path / name)
    run("sync", "-f", place)
    begun = disk.position()
    done = command.do(place, check=False)
    assert done.code in ((0, 1) if isinstance(command, mending.Mend) else (0,)), done
    ended = disk.position()
    run("sync", "-f", place)
    return Act(name, command, begun, ended, disk.position())


def check_deed(done, place, at):
    """Of what was there nothing is lost; what had been reported is there; it can be done again."""
    deed, root = done.command, place / "root"
    unsure = suspects(root)
    assert_none([line for line in problems(root, deep=True) if not any(word in line for word in (*LEFTOVER, *unsure))])
    if (place / "out").is_dir():
        check_output(done, place, at)
    strata(root, "load", "-q", "-i", place / "any.tar")
    strata(root, "rmi", "any:1")
    assert_no_leftovers(place)
    state = deed.state(place)
    assert deed.is_after(state) or at < done.ended and (state == deed.before or deed.is_between(state)), (state, deed.before, deed.after)
    deed.do(place)
    assert deed.state(place).references.keys() == deed.after.references.keys()
    if not deed.fixed:  # what the first try had made stays without a name; not all of it need be on the disk
        for image in deed.state(place).images - deed.before.images - set(deed.state(place).references.values()):
            strata(root, "rmi", image, check=False)
    assert_none(problems(root, deep=True))
    assert_clean(root)


def check_output(done, place, at):
    """What save wrote under a new name is the user's to sync, as with cp; but --sync waits for it, and an older file is not lost for one that is not whole."""
    file, older = place / "out/new.tar", (place / "any.tar").read_bytes()
    assert os.listdir(place / "out") in ([], [file.name])
    must_be_whole = at >= (done.ended if done.name == "save-sync" else done.settled)
    if not file.exists():
        assert not must_be_whole and done.name != "save-over", "the archive is not there"
    elif done.name == "save-over" and file.read_bytes() == older:
        assert not must_be_whole, "the older archive is still there"
    else:
        loaded = strata(place / "loaded", "load", "-q", "-i", file, check=False)
        assert loaded.code == 0 or not must_be_whole and done.name == "save", loaded
        assert loaded.code != 0 or Root(place / "loaded").images() == {KEPT.id, NEW[1].id}


def check_mend(done, place, _at):
    done.command.check_struck(place)
    done.command.check_done_again(place)


@pytest.mark.needs(why_not=registries.cannot_run)
@pytest.mark.needs(why_not=boxes.why_not)
@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_power_cut_during_a_command(work, kind, registry_host):
    if forgetful.no_devices(kind):
        pytest.skip(forgetful.no_devices(kind))
    choose = random.Random(f"{seed()} {kind} command")
    commands = {name: deeds.make(name, work, registry_host) for name in DEEDS}
    for way in mending.NAMES:
        (work / way).mkdir()
        commands[f"repair-{way}"] = mending.make(way, work / way)
    with forgetful_disk(work, kind) as disk:
        acts = [act(disk, name, command) for name, command in commands.items()]
    cuts, lost = max(2, count("STRATA_POWER_CUTS", 30) // 2 // len(acts)), 0
    for done in acts:
        flushes = disk.before_flushes(done.begun, done.settled) or [done.ended]
        for turn in range(cuts):
            at = done.ended if turn == 0 else choose.choice((*flushes, *(choose.randint(done.begun, done.settled) for _ in flushes)))
            how = choose.choice(HOW)
            lost += len(disk.cuts(at)[1])
            with mounted(disk.state(at, choose, how), kind, disk.path) as path:
                place = path / done.name
                try:
                    other_boot(place / "root")
                    (check_mend if isinstance(done.command, mending.Mend) else check_deed)(done, place, at)
                except AssertionError as e:
                    raise AssertionError(f"{kind}, power cut {turn} during {done.name}, at byte {at} of the log ({done.begun} to {done.ended}, written by "
                                         f"{done.settled}), {how} of the unsynced writes kept, the place is {keep(place)}: {e}") from e
    print(f"{kind}: {len(acts)} commands, {cuts} power cuts each, {lost} writes were in doubt")
    assert lost > 0, "the disk had nothing to forget"
