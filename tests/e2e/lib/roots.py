# SPDX-License-Identifier: Apache-2.0
"""A data root seen from outside: its image of itself (snapshot), what is wrong in it (problems), what nobody knows (strangers).

Written from the description of Docker's format alone, so it is a second opinion on what any engine leaves behind.
"""
import base64
import gzip
import hashlib
import json
import os
import pathlib
import re
import stat

HEX64 = re.compile(r"[0-9a-f]{64}")
LINK_ID = re.compile(r"[A-Z2-7]{26}")
BUILDKIT_ID = re.compile(r"[0-9a-z]{25}")  # its snapshots share overlay2/; sizes and lowers there follow its own rules


# ---- what is there ---------------------------------------------------------------------------------------------

def snapshot(root, skip=("strata",)):
    """Every path below `root`: type, mode, owner, xattrs, and content hash, link target or device. Times are left out."""
    root = os.fsencode(root)
    seen = {}
    for folder, dirs, files in os.walk(root):
        if folder == root:
            dirs[:] = [d for d in dirs if os.fsdecode(d) not in skip]
        for name in dirs + files:
            path = os.path.join(folder, name)
            seen[os.fsdecode(os.path.relpath(path, root))] = _describe(path)
    return seen


def _describe(path):
    info = os.lstat(path)
    kind = stat.S_IFMT(info.st_mode)
    what = ""
    if kind == stat.S_IFREG:
        what = _sha256_of_file(path)
    elif kind == stat.S_IFLNK:
        what = os.fsdecode(os.readlink(path))
    elif kind in (stat.S_IFCHR, stat.S_IFBLK):
        what = f"{os.major(info.st_rdev)}:{os.minor(info.st_rdev)}"
    xattrs = {}
    try:
        for name in os.listxattr(path, follow_symlinks=False):
            xattrs[name] = os.getxattr(path, name, follow_symlinks=False).hex()
    except OSError:
        pass
    return (stat.filemode(info.st_mode), info.st_uid, info.st_gid, what, tuple(sorted(xattrs.items())))


def _sha256_of_file(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def changes(before, after):
    """Lines that say how two snapshots differ; none if they are the same."""
    lines = [f"new: {p}" for p in sorted(after.keys() - before.keys())]
    lines += [f"gone: {p}" for p in sorted(before.keys() - after.keys())]
    lines += [f"changed: {p}: {before[p]} -> {after[p]}"
              for p in sorted(before.keys() & after.keys()) if before[p] != after[p]]
    return lines


def staged_bytes(root):
    """Bytes that lie below strata's own folder. Locks and small records may stay there; layers may not."""
    total = 0
    for folder, _, files in os.walk(os.path.join(root, "strata")):
        total += sum(os.lstat(os.path.join(folder, f)).st_size for f in files)
    return total


# ---- reading it ------------------------------------------------------------------------------------------------

class Root:
    """The parts of a root that belong to images; of overlay2, or of vfs if it has nothing else."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.overlay = self.path / "overlay2"
        self.is_vfs = (self.path / "image/vfs").is_dir() and not (self.path / "image/overlay2").exists()
        self.image = self.path / "image" / ("vfs" if self.is_vfs else "overlay2")

    def references(self):
        """full reference -> image ID"""
        file = self.image / "repositories.json"
        if not file.exists():
            return {}
        repositories = json.loads(file.read_text())["Repositories"]
        return {ref: image for refs in repositories.values() for ref, image in refs.items()}

    def images(self):
        return {f"sha256:{n}" for n in _names(self.image / "imagedb/content/sha256") if HEX64.fullmatch(n)}

    def config_bytes(self, image):
        return (self.image / "imagedb/content/sha256" / bare(image)).read_bytes()

    def config(self, image):
        return json.loads(self.config_bytes(image))

    def parent_of(self, image):
        file = self.image / "imagedb/metadata/sha256" / bare(image) / "parent"
        return file.read_text() if file.exists() else None

    def layers(self):
        return {f"sha256:{n}" for n in _names(self.image / "layerdb/sha256") if HEX64.fullmatch(n)}

    def layer_file(self, chain, name):
        file = self.image / "layerdb/sha256" / bare(chain) / name
        return file.read_text() if file.exists() else None

    def layer_diff(self, chain):
        """The folder in which the layer's files lie; with vfs all those of the layers below, too."""
        cache = self.layer_file(chain, "cache-id")
        return self.path / "vfs/dir" / cache if self.is_vfs else self.overlay / cache / "diff"

    def chain(self, image):
        """chainIDs of an image, base first"""
        return chain_ids(self.config(image).get("rootfs", {}).get("diff_ids") or [])

    def mounts(self):
        return _names(self.image / "layerdb/mounts")

    def mount_file(self, container, name):
        file = self.image / "layerdb/mounts" / container / name
        return file.read_text() if file.exists() else None

    def layer_tar(self, chain):
        """The layer's tar, put together from tar-split and files."""
        packed = (self.image / "layerdb/sha256" / bare(chain) / "tar-split.json.gz").read_bytes()
        diff = os.fsencode(self.layer_diff(chain))
        out = bytearray()
        for entry in json_stream(gzip.decompress(packed).decode("utf-8")):
            if entry["type"] == 2:
                out += base64.b64decode(entry["payload"] or "")
            elif entry.get("size"):
                name = base64.b64decode(entry["name_raw"]) if "name_raw" in entry else entry["name"].encode()
                out += _read_inside(diff, name)
        return bytes(out)


def _read_inside(top, name):
    """Reads `name` below `top`; symlinks on the way are resolved as if `top` were `/`."""
    fd = os.open(top, os.O_PATH)
    try:
        here, todo, hops = b"/", name.split(b"/"), 0
        while todo:
            part = todo.pop(0)
            if part in (b"", b"."):
                continue
            if part == b"..":
                here = os.path.dirname(here)
                continue
            path = os.path.join(here, part)
            if todo and os.path.islink(top + path):
                hops += 1
                assert hops < 40, name
                target = os.readlink(top + path)
                here = b"/" if target.startswith(b"/") else here
                todo = target.split(b"/") + todo
                continue
            here = path
        assert not os.path.islink(top + here), f"{name!r} is a symlink"
        with open(top + here, "rb") as f:
            return f.read()
    finally:
        os.close(fd)


def bare(digest):
    return digest.removeprefix("sha256:")


def chain_ids(diff_ids):
    chains = []
    for diff in diff_ids:
        text = f"{chains[-1]} {diff}" if chains else None
        chains.append("sha256:" + hashlib.sha256(text.encode()).hexdigest() if text else diff)
    return chains


def json_stream(text):
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        if text[at] in " \n\r\t":
            at += 1
            continue
        value, at = decoder.raw_decode(text, at)
        yield value


def _names(folder):
    return sorted(os.listdir(folder)) if folder.exists() else []


# ---- what is wrong ---------------------------------------------------------------------------------------------

def problems(path, deep=True):
    """Everything in the root that breaks its own rules. `deep` also rebuilds every layer's tar and hashes it."""
    root = Root(path)
    found = []
    try:
        references = root.references()
    except (ValueError, KeyError) as e:
        return [f"repositories.json cannot be read: {e!r}"]
    images, layers = root.images(), root.layers()
    found += [f"reference {ref} names unknown {image}" for ref, image in references.items() if image not in images]
    used = set()
    for image in sorted(images):
        used |= set(_image_problems(root, image, images, layers, found))
    for container in root.mounts():
        top = root.mount_file(container, "parent")
        used |= set(_with_parents(root, top)) if top else set()
    for chain in sorted(layers):
        _layer_problems(root, chain, layers, found, deep)
    found += [f"layer {c} is used by nothing" for c in sorted(layers - used)]
    for image in _names(root.image / "imagedb/metadata/sha256"):
        if f"sha256:{image}" not in images:
            found.append(f"metadata of unknown image {image}")
    return found + _overlay_problems(root, layers) + strangers(path)


def _image_problems(root, image, images, layers, found):
    data = root.config_bytes(image)
    if hashlib.sha256(data).hexdigest() != bare(image):
        found.append(f"config of {image} has another digest")
        return []
    parent = root.parent_of(image)
    if parent is not None and parent not in images:
        found.append(f"image {image} has unknown parent {parent!r}")
    chain = root.chain(image)
    found += [f"image {image} misses layer {c}" for c in chain if c not in layers]
    return chain


def _with_parents(root, chain):
    while chain:
        yield chain
        chain = root.layer_file(chain, "parent")


def _layer_problems(root, chain, layers, found, deep):
    def bad(text):
        found.append(f"layer {chain}: {text}")

    diff, cache, size = (root.layer_file(chain, n) for n in ("diff", "cache-id", "size"))
    parent = root.layer_file(chain, "parent")
    if not (diff and cache and size):
        return bad("incomplete record")
    if chain_ids([parent, diff] if parent else [diff])[-1] != chain:
        bad(f"diff {diff!r} on parent {parent!r} gives another chainID")
    if parent and parent not in layers:
        bad(f"unknown parent {parent}")
    folder = root.overlay / cache
    if not (folder / "diff").is_dir():
        return bad(f"no folder {folder}/diff")
    by_buildkit = BUILDKIT_ID.fullmatch(cache)
    if not by_buildkit and str(disk_size(folder / "diff")) != size:
        bad(f"size says {size!r}, the files have {disk_size(folder / 'diff')}")
    link = (folder / "link").read_text() if (folder / "link").exists() else ""
    if not LINK_ID.fullmatch(link) or not (root.overlay / "l" / link).is_symlink():
        bad(f"link {link!r} is not in l/")
    elif os.readlink(root.overlay / "l" / link) != f"../{cache}/diff":
        bad(f"l/{link} leads to {os.readlink(root.overlay / 'l' / link)}")
    if not by_buildkit:
        _lower_problems(root, folder, parent, bad)
    if not deep:
        return None
    try:
        digest = "sha256:" + hashlib.sha256(root.layer_tar(chain)).hexdigest()
    except (OSError, ValueError, KeyError) as e:
        return bad(f"cannot be put together: {e!r}")
    return None if digest == diff else bad(f"put together it is {digest}, not {diff}")


def _lower_problems(root, folder, parent, bad):
    lower = (folder / "lower").read_text() if (folder / "lower").exists() else None
    if parent is None:
        if lower is not None:
            bad("a base layer with a lower file")
        return
    above = root.overlay / (root.layer_file(parent, "cache-id") or "?")
    if not (above / "link").exists():
        return
    want = "l/" + (above / "link").read_text()
    if (above / "lower").exists():
        want += ":" + (above / "lower").read_text()
    if lower != want:
        bad(f"lower is {lower!r}, not {want!r}")
    if not (folder / "work").is_dir() and not (folder / "committed").exists():
        bad("neither work nor committed: dockerd could not save it")


def disk_size(folder):
    """The number in layerdb/size: lstat sizes of all but folders, each inode once."""
    total, seen = 0, set()
    for top, dirs, files in os.walk(os.fsencode(folder)):
        for name in dirs + files:
            info = os.lstat(os.path.join(top, name))
            if not stat.S_ISDIR(info.st_mode) and info.st_ino not in seen:
                seen.add(info.st_ino)
                total += info.st_size
    return total


def _overlay_problems(root, layers):
    owned = {root.layer_file(c, "cache-id"): c for c in layers}
    for container in root.mounts():
        owned[root.mount_file(container, "mount-id")] = container
        owned[root.mount_file(container, "init-id")] = container
    found = [f"overlay2/{n} belongs to nothing" for n in _names(root.overlay)
             if n not in ("l", "backingFsBlockDev") and n not in owned and not BUILDKIT_ID.fullmatch(n)]
    for link in _names(root.overlay / "l"):
        target = root.overlay / "l" / os.readlink(root.overlay / "l" / link)
        file = target.parent / "link"
        if not target.is_dir():
            found.append(f"l/{link} leads nowhere")
        elif not file.exists() or file.read_text() != link:
            found.append(f"l/{link} is not the link of {target.parent.name}")
    return found


# ---- what nobody knows -----------------------------------------------------------------------------------------

_ID = "[0-9a-f]{64}"
_KNOWN = [re.compile(p, re.DOTALL) for p in (
    r"(containers|network|volumes|tmp|plugins|swarm|runtimes|trust|buildkit|containerd|builder|strata)(/.*)?",
    r"engine-id|image|image/overlay2|image/overlay2/repositories\.json",
    r"image/overlay2/distribution(/(diffid-by-digest|v2metadata-by-diffid)(/sha256(/" + _ID + r")?)?)?",
    r"image/overlay2/imagedb(/(content|metadata)(/sha256)?)?",
    r"image/overlay2/imagedb/content/sha256/" + _ID,
    r"image/overlay2/imagedb/metadata/sha256/" + _ID + r"(/(parent|lastUpdated|builtLocally))?",
    r"image/overlay2/layerdb(/(sha256|tmp|mounts))?",
    r"image/overlay2/layerdb/sha256/" + _ID + r"(/(cache-id|diff|size|parent|tar-split\.json\.gz|descriptor\.json))?",
    r"image/overlay2/layerdb/mounts/" + _ID + r"(/(mount-id|init-id|parent))?",
    r"overlay2(/l(/[A-Z2-7]{26})?|/backingFsBlockDev)?",
    r"overlay2/[0-9a-z]{25}(/.*)?",
    r"overlay2/" + _ID + r"(-init)?(/(link|lower|committed|merged|work(/.*)?|diff(/.*)?))?",
)]


def strangers(path, snap=None):
    """Files that neither docker nor strata would put there: staging left behind, unknown names."""
    snap = snap or snapshot(path)
    return [f"nobody knows {p}" for p in sorted(snap) if not any(k.fullmatch(p) for k in _KNOWN)]
