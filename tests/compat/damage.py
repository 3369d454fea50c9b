# SPDX-License-Identifier: Apache-2.0
"""Damage to a data root: DAMAGES is a table, name -> function(Victim), which does it and returns what a check must find.

    victim = Victim(root, seed=1)               # a copy of doctor_root() that belongs to the test; its daemon has stopped
    expected = DAMAGES["cache-id empty"](victim)
    assert found_by_check(root) == baseline | set(expected)

An Expected is (severity, kind, path), the path below the root as `strata check` prints it. Each function asks the victim for what it
damages (`victim.layer()`, `.image()`, `.container()`), chosen by the seed; what was chosen is not chosen again, so that two damages of
one victim meet different things. can_be_paired tells which two can be told side by side.

HEALED_BY_COPY names those that only a second copy of something mends; all others can be mended from what the root still holds.
"""
import json
import os
import random
import shutil
from typing import NamedTuple

import images
from archives import compact
from peers import Daemon
from roots import Root, bare

IM = "image/overlay2"
LAYERS, MOUNTS = f"{IM}/layerdb/sha256", f"{IM}/layerdb/mounts"
CONFIGS, METADATA = f"{IM}/imagedb/content/sha256", f"{IM}/imagedb/metadata/sha256"
REPOSITORIES = f"{IM}/repositories.json"


class Expected(NamedTuple):
    severity: str
    kind: str
    path: str


def error(kind, path):
    return Expected("error", kind, path)


def warning(kind, path):
    return Expected("warning", kind, path)


def note(kind, path):
    return Expected("note", kind, path)


def make_doctor_root(root):
    """What images.make_images makes, and a container that ran when its dockerd was killed."""
    daemon = Daemon(root).start()
    try:
        images.make_images(daemon)
        daemon("run", "-d", "--network", "none", "--name", "running", "busy:1", "/bin/sleep", "1000")
        daemon.kill()
    finally:
        daemon.stop()
    return root


class Victim:
    """A root, and what of it has been chosen to be damaged."""

    def __init__(self, path, seed=0):
        self.path, self.seen = path, Root(path)
        self.random = random.Random(seed)
        self.taken = set()
        self.references = self.seen.references()
        # In an order that does not hang on digests and names by chance, which are others in every run.
        self.images = sorted(self.seen.images(), key=lambda i: (self.seen.config(i).get("created"), sorted(self.seen.chain(i))))
        self.chains = {image: self.seen.chain(image) for image in self.images}
        self.children = {}  # image -> those that name it as their parent
        for image in self.images:
            self.children.setdefault(self.seen.parent_of(image), []).append(image)
        containers = {c: json.loads((path / "containers" / c / "config.v2.json").read_text())
                      for c in os.listdir(path / "containers")}
        self.containers = dict(sorted(containers.items(), key=lambda c: c[1]["Name"]))
        in_order = dict.fromkeys(c for i in self.images for c in self.chains[i])
        self.records = {c: {n: self.seen.layer_file(c, n) for n in ("cache-id", "diff", "parent", "size")}
                        for c in [*in_order, *sorted(self.seen.layers() - in_order.keys())]}
        self.links = {c: (self.seen.overlay / r["cache-id"] / "link").read_text() for c, r in self.records.items()}

    # ---- choosing

    def choose(self, candidates):
        candidates = [c for c in candidates if c not in self.taken]
        assert candidates, "nothing is left to be damaged"
        chosen = self.random.choice(candidates)
        self.taken.add(chosen)
        return chosen

    def layer(self, base=None):
        """A layer of an image. `base`: without a parent, with one."""
        used = {c for chain in self.chains.values() for c in chain}
        return self.choose(c for c in self.records if c in used and base in (None, self.records[c]["parent"] is None))

    def image(self, wanted=lambda image: True):
        return self.choose(i for i in self.images if wanted(i))

    def container(self):
        return self.choose(self.containers)

    def tags_of(self, image):
        return sorted(k for k, v in self.references.items() if v == image)

    # ---- paths below the root

    def record(self, chain, name=""):
        return f"{LAYERS}/{bare(chain)}" + (f"/{name}" if name else "")

    def folder(self, chain, name=""):
        return f"overlay2/{self.records[chain]['cache-id']}" + (f"/{name}" if name else "")

    def mount_folder(self, container, name="", init=False):
        mount = self.seen.mount_file(container, "init-id" if init else "mount-id")
        return f"overlay2/{mount}" + (f"/{name}" if name else "")

    # ---- damaging

    def write(self, path, data):
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data if isinstance(data, bytes) else data.encode())

    def read(self, path):
        return (self.path / path).read_bytes()

    def remove(self, path):
        target = self.path / path
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink()

    def put_fifo(self, path):
        self.remove(path)
        os.mkfifo(self.path / path)

    def put_folder(self, path):
        self.remove(path)
        (self.path / path).mkdir()

    def set_references(self, change):
        data = json.loads(self.read(REPOSITORIES))
        change(data["Repositories"])
        self.write(REPOSITORIES, compact(data))


DAMAGES = {}
HEALED_BY_COPY = set()
GROUPS = {}  # name -> groups; two of one group are apart


def damage(name, groups=(), by_copy=False):
    def add(function):
        DAMAGES[name] = function
        GROUPS[name] = set(groups)
        if by_copy:
            HEALED_BY_COPY.add(name)
        return function
    return add


NO_RECORDS = "layerdb/sha256 is a file"  # it leaves none that could be damaged


def can_be_paired(one, other):
    return one != other and NO_RECORDS not in (one, other) and not GROUPS[one] & GROUPS[other]


def spoil_file(name, path_of, severity, kind, ways, groups=(), by_copy=False):
    """A damage for each way to spoil one file: `path_of(victim)` chooses it."""
    def add(way, do):
        @damage(f"{name} {way}", groups, by_copy)
        def _(victim):
            path = path_of(victim)
            do(victim, path)
            return [Expected(severity, kind, path)]
    for way in ways:
        add(way, WAYS[way])


WAYS = {
    "empty": lambda v, p: v.write(p, b""),
    "garbled": lambda v, p: v.write(p, bytes(range(200, 240)) + b"\n\0"),
    "missing": lambda v, p: v.remove(p),
    "cut": lambda v, p: v.write(p, v.read(p)[:-10]),
    "with a newline": lambda v, p: v.write(p, v.read(p) + b"\n"),
    "a fifo": lambda v, p: v.put_fifo(p),
    "a folder": lambda v, p: v.put_folder(p),
    "huge": lambda v, p: os.truncate(v.path / p, 1 << 40),
    "a symlink": lambda v, p: (v.remove(p), os.symlink("/etc/passwd", v.path / p)),
    "another digest": lambda v, p: v.write(p, "sha256:" + "ab" * 32),
    "of another layer": lambda v, p: v.write(p, _another(v, p)),
}


def _another(victim, path):
    """What stands in the file of that name of some other layer."""
    name = path.rpartition("/")[2]
    return victim.read(victim.folder(victim.layer(base=False), name))


# ---- names -----------------------------------------------------------------------------------------------------

spoil_file("repositories.json", lambda v: REPOSITORIES, "fatal", "references-damaged",
           ("empty", "cut", "garbled", "a folder", "a fifo"), groups=("names",))
spoil_file("repositories.json", lambda v: REPOSITORIES, "warning", "references-damaged", ("missing",), groups=("names",))


@damage("repositories.json null", groups=("names",))
def _(victim):
    victim.write(REPOSITORIES, "null")
    return [Expected("fatal", "references-damaged", REPOSITORIES)]


@damage("repositories.json of other types", groups=("names",))
def _(victim):
    victim.write(REPOSITORIES, '{"Repositories":[]}')
    return [Expected("fatal", "references-damaged", REPOSITORIES)]


@damage("repositories.json with text behind it", groups=("names",))
def _(victim):
    victim.write(REPOSITORIES, victim.read(REPOSITORIES) + b"xx")
    return [error("references-damaged", REPOSITORIES)]


@damage("name of no image", groups=("names",))
def _(victim):
    victim.set_references(lambda all: all.update({"gone": {"gone:1": "sha256:" + "12" * 32}}))
    return [error("reference-dangling", REPOSITORIES)]


@damage("name that is no reference", groups=("names",))
def _(victim):
    victim.set_references(lambda all: all.update({"Bad Name": {"Bad Name:1": victim.images[0]}}))
    return [warning("reference-invalid", REPOSITORIES)]


@damage("name of no image ID", groups=("names",))
def _(victim):
    victim.set_references(lambda all: all.update({"bad": {"bad:1": "nothing"}}))
    return [warning("reference-invalid", REPOSITORIES)]


@damage("name in another repository", groups=("names",))
def _(victim):
    victim.set_references(lambda all: all.update({"here": {"there:1": victim.images[0]}}))
    return [warning("reference-invalid", REPOSITORIES)]


# ---- images ----------------------------------------------------------------------------------------------------

spoil_file("config", lambda v: f"{CONFIGS}/{bare(v.image())}", "error", "config-damaged",
           ("empty", "cut", "garbled", "a folder", "a fifo", "huge"), groups=("configs",), by_copy=True)


@damage("config that is none", groups=("configs",))
def _(victim):
    import hashlib
    text = b'{"architecture":"amd64"}'
    path = f"{CONFIGS}/{hashlib.sha256(text).hexdigest()}"
    victim.write(path, text)
    return [error("config-invalid", path)]


@damage("config missing", groups=("names", "configs"), by_copy=True)
def _(victim):
    in_use = {c["Image"] for c in victim.containers.values()}
    image = victim.image(lambda i: victim.tags_of(i) and i not in victim.children and i not in in_use)
    victim.remove(f"{CONFIGS}/{bare(image)}")
    expected = [error("reference-dangling", REPOSITORIES)] * len(victim.tags_of(image))
    if (victim.path / METADATA / bare(image)).exists():
        expected.append(note("metadata-orphaned", f"{METADATA}/{bare(image)}"))
    return expected


def _with_parent(victim):
    return f"{METADATA}/{bare(victim.image(victim.seen.parent_of))}/parent"


spoil_file("image's parent", _with_parent, "warning", "parent-damaged", ("empty", "garbled", "with a newline", "a folder"),
           groups=("parents", "configs"))
spoil_file("image's parent", _with_parent, "warning", "parent-dangling", ("another digest",), groups=("parents", "configs"))


def _with_time(victim):
    image = victim.image(lambda i: (victim.path / METADATA / bare(i) / "lastUpdated").exists())
    return f"{METADATA}/{bare(image)}/lastUpdated"


spoil_file("lastUpdated", _with_time, "warning", "metadata-damaged", ("empty", "garbled", "a fifo"), groups=("configs",))


@damage("metadata of no image")
def _(victim):
    path = f"{METADATA}/{'34' * 32}"
    victim.write(f"{path}/lastUpdated", "2024-01-01T00:00:00Z")
    return [note("metadata-orphaned", path)]


# ---- records of layers -----------------------------------------------------------------------------------------

spoil_file("cache-id", lambda v: v.record(v.layer(), "cache-id"), "error", "record-damaged",
           ("empty", "garbled", "missing", "a folder", "a fifo"), groups=("files",))
spoil_file("diff", lambda v: v.record(v.layer(), "diff"), "error", "record-damaged",
           ("empty", "garbled", "missing", "cut", "another digest"))
spoil_file("size", lambda v: v.record(v.layer(), "size"), "error", "record-damaged",
           ("empty", "garbled", "missing", "with a newline", "a symlink"))
spoil_file("layer's parent", lambda v: v.record(v.layer(base=False), "parent"), "error", "record-damaged",
           ("empty", "garbled", "missing", "another digest", "huge"))
spoil_file("tar-split", lambda v: v.record(v.layer(), "tar-split.json.gz"), "error", "record-damaged",
           ("empty", "garbled", "missing", "a fifo"), by_copy=True)


@damage("parent of a base layer")
def _(victim):
    chain, other = victim.layer(base=True), victim.layer()
    victim.write(victim.record(chain, "parent"), other)
    return [error("record-damaged", victim.record(chain, "parent"))]


@damage("newlines that dockerd trims")
def _(victim):
    chain = victim.layer(base=False)
    for name in ("cache-id", "diff", "parent"):
        victim.write(victim.record(chain, name), victim.read(victim.record(chain, name)) + b"\n")
    return []


@damage("record missing", groups=("files",))
def _(victim):
    chain = victim.layer()
    victim.remove(victim.record(chain))
    return [error("image-layer-missing", victim.record(chain))]


@damage("record that is a file", groups=("files",))
def _(victim):
    chain = victim.layer()
    victim.remove(victim.record(chain))
    victim.write(victim.record(chain), b"")
    return [error("record-damaged", victim.record(chain))]


@damage("cache-id of another layer", groups=("files", "links"))
def _(victim):
    """One that lies on other layers, so that it can be told whose files they are."""
    chain = victim.layer(base=False)
    other = victim.choose(c for c, r in victim.records.items() if r["parent"] not in (victim.records[chain]["parent"], None))
    victim.write(victim.record(chain, "cache-id"), victim.records[other]["cache-id"])
    return [error("record-shared", victim.record(chain, "cache-id"))]


@damage("cache-id of nothing", groups=("files",))
def _(victim):
    chain = victim.layer(base=False)
    victim.write(victim.record(chain, "cache-id"), "56" * 32)
    return [error("record-folder-missing", victim.record(chain, "cache-id"))]


@damage("removal that was stopped")
def _(victim):
    path = f"{LAYERS}/{'78' * 32}-{'9a' * 32}-removing"
    cache = "78" * 32
    victim.write(f"{path}/cache-id", cache)
    victim.write(f"overlay2/{cache}/diff/file", b"x" * 1000)
    return [note("removal-unfinished", path)]


@damage("layers of an image that is gone", groups=("names", "configs", "files"))
def _(victim):
    used = {}
    for chain in victim.chains.values():
        for layer in chain:
            used[layer] = used.get(layer, 0) + 1
    image = victim.image(lambda i: i not in victim.children and victim.tags_of(i) and used[victim.chains[i][-1]] == 1
                         and i not in {c["Image"] for c in victim.containers.values()})
    tags = victim.tags_of(image)
    victim.set_references(lambda all: [keys.pop(t, None) for keys in all.values() for t in tags])
    victim.remove(f"{CONFIGS}/{bare(image)}")
    if (victim.path / METADATA / bare(image)).exists():
        victim.remove(f"{METADATA}/{bare(image)}")
    gone = [c for c in victim.chains[image] if used[c] == 1]
    victim.taken.update(gone)
    return [note("record-unused", victim.record(c)) for c in gone]


# ---- the driver's home -----------------------------------------------------------------------------------------

@damage("folder missing", groups=("files",), by_copy=True)
def _(victim):
    chain = victim.layer()
    victim.remove(victim.folder(chain))
    return [error("record-folder-missing", victim.record(chain, "cache-id"))]


@damage("files missing", groups=("files",), by_copy=True)
def _(victim):
    chain = victim.layer()
    victim.remove(victim.folder(chain, "diff"))
    return [error("files-missing", victim.folder(chain, "diff"))]


spoil_file("link file", lambda v: v.folder(v.layer(), "link"), "error", "link-file-damaged",
           ("empty", "garbled", "missing", "with a newline", "of another layer", "a fifo"), groups=("links",))
spoil_file("lower", lambda v: v.folder(v.layer(base=False), "lower"), "error", "lower-damaged",
           ("empty", "garbled", "missing", "cut", "with a newline", "a folder"), groups=("files",))


@damage("lower of a base layer", groups=("files",))
def _(victim):
    chain = victim.layer(base=True)
    victim.write(victim.folder(chain, "lower"), "l/" + victim.links[victim.layer()])
    return [error("lower-damaged", victim.folder(chain, "lower")), error("work-missing", victim.folder(chain, "work"))] \
        if not (victim.path / victim.folder(chain, "committed")).exists() else [error("lower-damaged", victim.folder(chain, "lower"))]


@damage("link missing", groups=("links",))
def _(victim):
    path = f"overlay2/l/{victim.links[victim.layer()]}"
    victim.remove(path)
    return [error("link-missing", path)]


@damage("link that leads elsewhere", groups=("links",))
def _(victim):
    path = f"overlay2/l/{victim.links[victim.layer()]}"
    victim.remove(path)
    os.symlink(f"../{victim.records[victim.layer()]['cache-id']}/diff", victim.path / path)
    return [error("link-missing", path)]


@damage("link that is a file", groups=("links",))
def _(victim):
    path = f"overlay2/l/{victim.links[victim.layer()]}"
    victim.remove(path)
    victim.write(path, b"")
    return [error("link-missing", path)]


@damage("link to nowhere")
def _(victim):
    path = "overlay2/l/" + "A" * 26
    os.symlink(f"../{'bc' * 32}/diff", victim.path / path)
    return [note("link-extra", path)]


@damage("second link", groups=("links",))
def _(victim):
    path = "overlay2/l/" + "B" * 26
    os.symlink(f"../{victim.records[victim.layer()]['cache-id']}/diff", victim.path / path)
    return [note("link-extra", path)]


@damage("absolute link that dockerd takes", groups=("links",))
def _(victim):
    chain = victim.layer()
    path = f"overlay2/l/{victim.links[chain]}"
    victim.remove(path)
    os.symlink(f"{victim.path}/{victim.folder(chain, 'diff')}", victim.path / path)
    return []


@damage("work missing")
def _(victim):
    chain = victim.layer(base=False)
    victim.remove(victim.folder(chain, "work"))
    if (victim.path / victim.folder(chain, "committed")).exists():
        victim.remove(victim.folder(chain, "committed"))
    return [error("work-missing", victim.folder(chain, "work"))]


@damage("folder of nothing", groups=("files",))
def _(victim):
    path = f"overlay2/{'de' * 32}"
    victim.write(f"{path}/diff/file", b"x" * 5000)
    victim.write(f"{path}/lower", "l/" + "C" * 26)
    return [note("folder-unused", path)]


# ---- containers ------------------------------------------------------------------------------------------------

spoil_file("container's config", lambda v: f"containers/{v.container()}/config.v2.json", "error", "container-damaged",
           ("empty", "cut", "garbled", "missing", "a fifo", "a folder"), groups=("containers",))
spoil_file("container's hostconfig", lambda v: f"containers/{v.container()}/hostconfig.json", "error", "container-damaged",
           ("empty", "cut", "garbled", "a fifo"), groups=("containers",))
spoil_file("mount-id", lambda v: f"{MOUNTS}/{v.container()}/mount-id", "error", "mount-damaged",
           ("empty", "garbled", "missing", "a fifo"))
spoil_file("init-id", lambda v: f"{MOUNTS}/{v.container()}/init-id", "error", "mount-damaged", ("empty", "garbled"))
spoil_file("init-id", lambda v: f"{MOUNTS}/{v.container()}/init-id", "warning", "mount-damaged", ("missing",))
spoil_file("mount's parent", lambda v: f"{MOUNTS}/{v.container()}/parent", "error", "mount-damaged",
           ("empty", "garbled", "another digest"), groups=("configs",))
spoil_file("mount's parent", lambda v: f"{MOUNTS}/{v.container()}/parent", "warning", "mount-damaged", ("missing",),
           groups=("configs",))
spoil_file("container's lower", lambda v: v.mount_folder(v.container(), "lower", v.random.choice((True, False))), "error",
           "lower-damaged", ("empty", "garbled", "missing"), groups=("files", "links"))


@damage("container's layer missing", groups=("containers",))
def _(victim):
    path = victim.mount_folder(victim.container(), init=victim.random.choice((True, False)))
    victim.remove(path)
    return [error("container-mount-missing", path)]


@damage("mount missing", groups=("containers",))
def _(victim):
    path = f"{MOUNTS}/{victim.container()}"
    victim.remove(path)
    return [error("container-mount-missing", path)]


@damage("mount of no container", groups=("containers",))
def _(victim):
    container = victim.container()
    victim.remove(f"containers/{container}")
    return [note("mount-orphaned", f"{MOUNTS}/{container}")]


@damage("container's work missing")
def _(victim):
    path = victim.mount_folder(victim.container(), "work")
    victim.remove(path)
    return [error("work-missing", path)]


@damage("container's link missing", groups=("links",))
def _(victim):
    folder = victim.mount_folder(victim.container(), init=victim.random.choice((True, False)))
    path = f"overlay2/l/{victim.read(folder + '/link').decode()}"
    victim.remove(path)
    return [error("link-missing", path)]


# ---- the rest --------------------------------------------------------------------------------------------------

def _distribution(name, text):
    path = f"{IM}/distribution/{name}/sha256/{'f0' * 32}"

    @damage(f"{name} {'empty' if not text else 'garbled'}")
    def _(victim):
        victim.write(path, text)
        return [note("distribution-damaged", path)]


for _text in (b"", b"{]"):
    _distribution("diffid-by-digest", _text)
    _distribution("v2metadata-by-diffid", _text)

for _path in ("tmp/docker-import-1/x", "tmp/docker-export-2/x", "tmp/GetImageBlob3", "tmp/docker-builder4/x",
              f"{IM}/layerdb/tmp/write-set-5/diff", f"{IM}/.tmp-repositories.json6", f"{CONFIGS}/.tmp-7", "strata/staging/89/x",
              "containers/10", f"{LAYERS}/eleven"):
    def _add(path):
        top = path.rpartition("/")[0] if path.endswith(("/x", "/diff")) else path

        @damage(f"left over: {top}")
        def _(victim):
            if top.startswith("strata"):
                (victim.path / "strata").mkdir(0o700, exist_ok=True)
            victim.write(path, b"half")
            if top.startswith("strata"):
                victim.write(f"{top}.lock", b"")
            return [note("leftover", top)]
    _add(_path)


def _open_folder(name, paths, mode):
    @damage(f"{name} {mode:o}")
    def _(victim):
        path = victim.random.choice(paths)
        (victim.path / path).chmod(mode)
        return [warning("folder-open", path)]


_open_folder("docker's folder", ("image", IM, f"{IM}/imagedb/content", f"{IM}/imagedb/metadata", f"{IM}/layerdb", "overlay2/l"), 0o755)
_open_folder("folder of records", (LAYERS, MOUNTS, CONFIGS, METADATA), 0o777)
_open_folder("the driver's home", ("overlay2",), 0o755)
_open_folder("root", (".",), 0o770)
_open_folder("containers", ("containers",), 0o1777)


@damage(NO_RECORDS)
def _(victim):
    victim.taken.update(victim.records)
    victim.remove(LAYERS)
    victim.write(LAYERS, b"")
    return [Expected("fatal", "folder-unreadable", LAYERS)]


# What dockerd 20.10 does not start with; seen.
FATAL = ("repositories.json empty", "repositories.json cut", "repositories.json garbled", "repositories.json a folder",
         "repositories.json null", "repositories.json of other types", "layerdb/sha256 is a file")

