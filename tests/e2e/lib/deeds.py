# SPDX-License-Identifier: Apache-2.0
"""Commands that change a root, each with the place it starts from, and what the root may be when it was disturbed.

A place is a folder with `root` and whatever else the command reads or writes; it is copied for each try.
"""
import os
import pathlib
import re
import tempfile
from typing import NamedTuple

import pytest

import boxes
import registries
from archives import Image, docker_2010, docker_25
from engine import binary, strata
from procs import clean_env, copy_tree, remove_tree, run
from roots import Root, problems
from tars import Tar
from verbs import load, plain_layer

# What a run that was stopped may leave for the next one to clear: things that nothing names yet, or any more.
LEFTOVER = ("belongs to nothing", "used by nothing", "nobody knows", "leads nowhere", "metadata of unknown")


def layer(name, files=3):
    tar = Tar().dir("d/")
    for i in range(files):
        tar.file(f"d/{name}-{i}", f"{name} {i}\n".encode() * 50, uid=1000)
    return tar.symlink(f"d/link-{name}", name).bytes()


BASE = layer("base")
KEPT = Image([BASE, plain_layer("kept")], ["kept:1", "kept:2"])
NEW = [Image([BASE, layer("one")], ["new:1"]), Image([BASE, layer("one"), layer("two")], ["new:2", "n:3"]), Image([layer("alone")], ["kept:2"])]


class State(NamedTuple):
    references: dict
    images: set
    containers: set


def state_of(root):
    r = Root(root)
    names = os.listdir(root / "containers") if (root / "containers").is_dir() else []
    return State(r.references(), r.images(), set(names))


class Command:
    """strata's words for a place that begins as `start`; they may hold {place}. `codes`: its exit codes for errors."""

    def __init__(self, name, start, words, stdin=None, env=None, codes=(1,)):
        self.name, self.start, self.codes = name, start, codes
        self._words, self._stdin, self.env = words, stdin, env or {}

    def words(self, place):
        return ["--root", place / "root", *(str(w).replace("{place}", str(place)) for w in self._words)]

    def how(self):
        """How it is run, for strike()."""
        return {"stdin": self._stdin, "env": self.env}

    def place(self, work):
        return copy_tree(self.start, work / "place")

    def do(self, place, check=True):
        return run(binary(), *self.words(place), check=check, stdin=self._stdin, env=clean_env(**self.env))


class Deed(Command):
    """A command that gives images, names or containers. Options:

    fixed     it always gives the same IDs
    steps     it is several deeds in a row (an image after the other, create and start): some may be done and others not
    runs      it leaves things in strata/run, which go with the next command for containers
    once      what it says when there is nothing left to do
    """

    def __init__(self, name, start, words, fixed=True, steps=False, runs=False, once=None, **more):
        super().__init__(name, start, words, **more)
        self.fixed, self.steps, self.runs, self.once = fixed, steps, runs, once
        self.before = state_of(start / "root")
        self.after = None

    def learn(self, work):
        """What it is when nothing disturbs it."""
        place = self.place(work)
        self.do(place)
        self.after = state_of(place / "root")
        assert problems(place / "root") == []
        remove_tree(place)

    # ---- judging -----------------------------------------------------------------------------------------------

    def is_after(self, state):
        if self.fixed:
            return state == self.after
        old = self.before.references.items() & self.after.references.items()
        return (state.references.keys() == self.after.references.keys() and old <= state.references.items()
                and len(state.images) == len(self.after.images) and len(state.containers) == len(self.after.containers))

    def is_between(self, state):
        """Some steps are done: nothing is lost that it keeps, nothing is there that it does not make."""
        if not self.steps:
            return False
        before, after = self.before, self.after
        kept = before.references.items() & after.references.items()
        names = before.references.keys() | after.references.keys()
        few = len(before.images | after.images) + len(after.containers) + 1
        return (kept <= state.references.items() and state.references.keys() <= names
                and before.images & after.images <= state.images and before.containers & after.containers <= state.containers
                and len(state.images) + len(state.containers) <= few)

    @staticmethod
    def state(place):
        return state_of(place / "root")

    def check_state(self, place):
        state = self.state(place)
        assert state == self.before or self.is_after(state) or self.is_between(state), (state, self.before, self.after)

    def check_struck(self, place):
        """Right after the blow: nothing that was there is lost, whoever looks."""
        root = place / "root"
        serious = [line for line in problems(root, deep=False) if not any(word in line for word in LEFTOVER)]
        assert serious == []
        now, before, after = (state.references for state in (state_of(root), self.before, self.after))
        assert now in (before, after) or (not self.fixed and now.keys() == after.keys()) or self.is_between(state_of(root)), (now, before, after)
        if root.exists():
            strata(root, "images", "-a")

    def check_cleared(self, place):
        """The next run that writes leaves nothing over."""
        root = place / "root"
        strata(root, "load", "-q", "-i", place / "any.tar")
        if self.runs:
            strata(root, "create", "--name", "cleaner", "any:1", "/none")
            strata(root, "rm", "cleaner")
        strata(root, "rmi", "any:1")
        assert problems(root) == []
        assert_no_leftovers(place)

    def check_done_again(self, place, deep=True):
        """What was disturbed can be done now, and ends as if nothing had been."""
        was_done = self.is_after(state_of(place / "root"))
        again = self.do(place, check=False)
        if self.once and was_done:
            assert again.code in (0, 1) and re.search(self.once, again.err), again
        else:
            assert again.code == 0, again
        assert problems(place / "root", deep=deep) == []
        if deep:
            assert_clean(place / "root")
        kept = place / "root/strata/blobs"
        assert not kept.is_dir() or os.listdir(kept) == []
        state = state_of(place / "root")
        if self.fixed and not self.steps:
            assert state == self.after, (state, self.after)
        assert state.references.keys() == self.after.references.keys()


def assert_clean(root):
    """strata's own doctor agrees."""
    checked = strata(root, "check", "--content", check=False)
    assert checked.code == 0, checked


def assert_no_leftovers(place):
    staging = place / "root/strata/staging"
    assert not staging.is_dir() or os.listdir(staging) == []
    run_folder = place / "root/strata/run"
    assert not run_folder.is_dir() or os.listdir(run_folder) == []
    ours = {"refs.lock", "layers.lock", "records.lock", "containers.lock"}
    for name in os.listdir(place / "root/strata"):
        assert name in ours or (place / "root/strata" / name).is_dir() or name == "summaries", name
    if (place / "out").is_dir():
        assert [name for name in os.listdir(place / "out") if name.startswith(".")] == []


# ---- the places ------------------------------------------------------------------------------------------------

def _place(work, name, *images):
    place = work / f"start-{name}"
    place.mkdir()
    (place / "new.tar").write_bytes(docker_2010(*NEW))
    (place / "any.tar").write_bytes(docker_25(Image([plain_layer("any")], ["any:1"])))
    if images:
        load(place / "root", docker_2010(*images), work=work)
    return place


def _context(place):
    folder = place / "context"
    folder.mkdir()
    (folder / "a").write_text("a\n")
    (folder / "Dockerfile").write_text("FROM box:1\nCOPY a /a\nENV X=1\nRUN echo b >/b; rm /a\n")


def _box_place(work, name):
    place = _place(work, name, KEPT, boxes.box())
    _context(place)
    return place


def _with_container(work, name):
    place = _box_place(work, name)
    strata(place / "root", "run", "--name", "one", "box:1", "sh", "-c", "echo new >/new; rm /etc/group")
    return place


def _plain_build(work, name):
    """A build whose every step strata does itself."""
    place = _box_place(work, name)
    (place / "context/Dockerfile").write_text("FROM box:1\nCOPY a /a\nWORKDIR /w\nCOPY Dockerfile /w/\nENV X=1\n")
    return place


def _over(place):
    """Where the archive is to be, an older one is."""
    (place / "out/new.tar").write_bytes((place / "any.tar").read_bytes())
    return place


def _registry_place(work, name, host):
    place = _place(work, name, KEPT, *NEW[:2])
    strata(place / "root", "tag", "new:2", f"{host}/new:2")
    return place


MAKERS = {
    "load": lambda w, h: Deed("load", _place(w, "load", KEPT), ["load", "-i", "{place}/new.tar"]),
    "load-first": lambda w, h: Deed("load-first", _place(w, "first"), ["load", "-i", "{place}/new.tar"]),
    "load-pipe": lambda w, h: Deed("load-pipe", _place(w, "pipe", KEPT), ["load"], stdin=docker_25(*NEW)),
    "load-sync": lambda w, h: Deed("load-sync", _place(w, "sync", KEPT), ["--sync", "load", "-i", "{place}/new.tar"]),
    "tag": lambda w, h: Deed("tag", _place(w, "tag", KEPT), ["tag", "kept:1", "moved:1"]),
    "rmi": lambda w, h: Deed("rmi", _place(w, "rmi", *NEW, KEPT), ["rmi", "-f", NEW[1].id], once="No such image"),
    "prune": lambda w, h: Deed("prune", _place(w, "prune", *NEW, KEPT), ["image", "prune", "-a", "-f"], steps=True),
    "save": lambda w, h: Deed("save", _out(_place(w, "save", KEPT, *NEW)), ["save", "-o", "{place}/out/new.tar", "kept:1", "new:2"]),
    "pull": lambda w, h: Deed("pull", _pushed(w, h), ["pull", f"{h}/new:2"], env=registries.no_configuration(w)),
    "push": lambda w, h: Deed("push", _registry_place(w, "push", h), ["push", f"{h}/new:2"], env=registries.no_configuration(w)),
    "import": lambda w, h: Deed("import", _with_tree(_place(w, "import", KEPT)), ["import", "{place}/tree.tar", "tree:1"], fixed=False),
    "commit": lambda w, h: Deed("commit", _with_container(w, "commit"), ["commit", "one", "done:1"], fixed=False, runs=True),
    "build": lambda w, h: Deed("build", _box_place(w, "build"), ["build", "-t", "built:1", "{place}/context"], fixed=False, steps=True, runs=True),
    "create": lambda w, h: Deed("create", _box_place(w, "create"), ["create", "--name", "two", "box:1"], fixed=False, runs=True,
                                once="already in use"),
    "run": lambda w, h: Deed("run", _box_place(w, "run"), ["run", "--rm", "box:1", "sh", "-c", "echo >/x"], steps=True, runs=True,
                             codes=(1, 125, 126, 127)),
    "rm": lambda w, h: Deed("rm", _with_container(w, "rm"), ["rm", "one"], runs=True, once="No such container"),
}

# The same commands with other words: what test_power_cut.py adds.
VARIANTS = {
    "save-over": lambda w, h: Deed("save-over", _over(_out(_place(w, "over", KEPT, *NEW))), ["save", "-o", "{place}/out/new.tar", "kept:1", "new:2"]),
    "save-sync": lambda w, h: Deed("save-sync", _out(_place(w, "synced", KEPT, *NEW)), ["--sync", "save", "-o", "{place}/out/new.tar", "kept:1", "new:2"]),
    "build-plain": lambda w, h: Deed("build-plain", _plain_build(w, "plain"), ["build", "-t", "built:1", "{place}/context"], fixed=False, steps=True),
}


def _out(place):
    (place / "out").mkdir()
    return place


def _with_tree(place):
    (place / "tree.tar").write_bytes(layer("tree"))
    return place


def _pushed(work, host):
    """A root without the image that the registry has."""
    source = _registry_place(work, "source", host)
    strata(source / "root", "push", f"{host}/new:2", env=registries.no_configuration(work))
    return _place(work, "pull", KEPT)


def make(name, work, host=None):
    deed = (MAKERS | VARIANTS)[name](pathlib.Path(work), host)
    deed.learn(work)
    return deed


def names():
    """Of all deeds, as parameters of a test; those that need a registry or an OCI runtime say so."""
    needs = {name: registries.cannot_run for name in ("pull", "push")}
    needs |= {name: boxes.why_not for name in ("build", "run", "commit", "rm", "create")}
    return [pytest.param(name, marks=[pytest.mark.needs(why_not=needs[name])] if name in needs else []) for name in MAKERS]


def host_for(name, request):
    """The address of a registry, for deeds that need one."""
    return request.getfixturevalue("registry_host") if name in ("pull", "push") else None


@pytest.fixture(scope="module")
def registry_host():
    with registries.registry() as server:
        yield server.host


def keep(place):
    """STRATA_KEEP=folder keeps what is not as it should be. Says where."""
    if "STRATA_KEEP" not in os.environ:
        return "not kept (STRATA_KEEP=folder keeps it)"
    return str(copy_tree(place, pathlib.Path(tempfile.mkdtemp(dir=os.environ["STRATA_KEEP"])) / "place"))
