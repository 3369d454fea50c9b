# SPDX-License-Identifier: Apache-2.0
"""What an image in a root is: its files, as they are seen when it runs, and its config, field by field."""
import hashlib
import os
import stat
import time

from procs import new_dir, remove_tree, run
from roots import Root, bare

KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "link", stat.S_IFIFO: "pipe", stat.S_IFCHR: "char", stat.S_IFBLK: "block",
         stat.S_IFSOCK: "socket"}
RUN_FIELDS = ("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal", "Healthcheck", "OnBuild", "Shell")
# What no two builds have in common, or what only says which program built.
MADE_UP = ("created", "container", "docker_version", "id", "parent")


def layer_folders(root, image):
    """The folders of the image's layers, top first, short and relative to overlay2/."""
    r = Root(root)
    return ["l/" + (r.layer_diff(chain).parent / "link").read_text() for chain in reversed(r.chain(image))]


def tree(root, image, times=True):
    """path -> facts of everything in the image's file system."""
    r = Root(root)
    if r.is_vfs:
        return folder_tree(r.layer_diff(r.chain(image)[-1]), times) if r.chain(image) else {}
    folders = layer_folders(root, image)
    if not folders:
        return {}
    place = new_dir("stv-")
    try:
        lower = ":".join(folders if len(folders) > 1 else folders + [_empty(place)])
        (place / "m").mkdir()
        run("mount", "-t", "overlay", "overlay", "-o", f"ro,lowerdir={lower}", place / "m", cwd=Root(root).overlay)
        try:
            return folder_tree(place / "m", times)
        finally:
            run("umount", place / "m")
    finally:
        remove_tree(place)


def _empty(place):
    (place / "empty").mkdir()
    return str(place / "empty")


def folder_tree(top, times=True):
    found, first_of = {}, {}
    begin = os.fsencode(top)
    for folder, names, files in os.walk(begin):
        for name in sorted(names + files):
            path = os.path.join(folder, name)
            shown = os.fsdecode(path[len(begin):])
            found[shown] = _facts(path, shown, first_of, times)
    return found


def _facts(path, shown, first_of, times):
    try:
        s = os.lstat(path)
    except FileNotFoundError:
        return {"type": "whiteout"}  # overlayfs lists the one of a folder that lies in one layer alone
    facts = {"type": KINDS[stat.S_IFMT(s.st_mode)], "mode": oct(stat.S_IMODE(s.st_mode)), "owner": (s.st_uid, s.st_gid)}
    names = [n for n in os.listxattr(path, follow_symlinks=False) if not n.startswith("trusted.overlay")]
    facts["xattrs"] = {n: os.getxattr(path, n, follow_symlinks=False).hex() for n in sorted(names)}
    if stat.S_ISREG(s.st_mode):
        facts["size"] = s.st_size
        facts["content"] = _sum(path)
        facts["hard link of"] = first_of.setdefault((s.st_dev, s.st_ino), shown) if s.st_nlink > 1 else shown
    if stat.S_ISLNK(s.st_mode):
        facts["target"] = os.fsdecode(os.readlink(path))
    if stat.S_ISCHR(s.st_mode) or stat.S_ISBLK(s.st_mode):
        facts["device"] = (os.major(s.st_rdev), os.minor(s.st_rdev))
    if times and not stat.S_ISDIR(s.st_mode):
        facts["time"] = int(s.st_mtime) if s.st_mtime < time.time() - 86400 else "now"
    return facts


def _sum(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def config_facts(root, image):
    """The whole config but for what is made up, and the same of each image on the way down to the base."""
    r = Root(root)
    steps = []
    while image:
        config = {k: v for k, v in r.config(image).items() if k not in MADE_UP}
        for part in ("config", "container_config"):
            for key in ("Hostname", "Image"):
                (config.get(part) or {}).pop(key, None)
        config["history"] = [{k: v for k, v in h.items() if k != "created"} for h in config.get("history") or []]
        config["rootfs"] = len((config.get("rootfs") or {}).get("diff_ids") or [])
        steps.append(config)
        image = r.parent_of(image)
    return steps


def run_facts(config):
    """What matters to a container, from any builder's config: empty values are as good as none."""
    inner = config.get("config") or {}
    return {key: inner[key] for key in RUN_FIELDS if inner.get(key) and (key, inner[key]) != ("WorkingDir", "/")}


def _is_place_of_mount(facts):
    return facts["type"] == "dir" or facts.get("size") == 0


def tree_differences(want, got, mounts_leave_places=False):
    """`mounts_leave_places`: `want` may have empty files and folders on which something was mounted (BuildKit before 0.11)."""
    lines = [f"missing: {p} {want[p]}" for p in sorted(want.keys() - got.keys())
             if not (mounts_leave_places and _is_place_of_mount(want[p]))]
    lines += [f"too much: {p} {got[p]}" for p in sorted(got.keys() - want.keys())]
    for path in sorted(want.keys() & got.keys()):
        for field in sorted(want[path].keys() | got[path].keys()):
            w, g = want[path].get(field), got[path].get(field)
            if w != g:
                lines.append(f"{path}: {field}: want {w!r}, got {g!r}")
    return lines


def short(image):
    return bare(image)[:12]
