# SPDX-License-Identifier: Apache-2.0
"""Two roots with the same layers: are the unpacked files the same, down to times, owners and xattrs?"""
import os
import stat
import time

from roots import Root, snapshot

NOW_SECONDS = 3600  # what was stamped with "now" while unpacking (folders that no member names)
# What the kernel notes in a layer that docker mounts to save it.
KERNEL_XATTRS = ("trusted.overlay.origin", "trusted.overlay.impure", "trusted.overlay.uuid")


def layer_tree(folder):
    """path -> description, with the time where the archive gave one."""
    limit = time.time() - NOW_SECONDS
    tree = {}
    for path, described in snapshot(folder, skip=()).items():
        info = os.lstat(os.path.join(os.fsencode(folder), os.fsencode(path)))
        xattrs = tuple(x for x in described[4] if x[0] not in KERNEL_XATTRS)
        whiteout = stat.S_ISCHR(info.st_mode) and info.st_rdev == 0
        tree[path] = (described[:4] + (xattrs,), info.st_nlink if not stat.S_ISDIR(info.st_mode) else 0,
                      info.st_mtime_ns if info.st_mtime < limit and not whiteout else "now")
    return tree


def tree_differences(theirs, ours):
    a, b = Root(theirs), Root(ours)
    lines = [f"layer {c} only in one root" for c in a.layers() ^ b.layers()]
    for chain in sorted(a.layers() & b.layers()):
        left, right = layer_tree(a.layer_diff(chain)), layer_tree(b.layer_diff(chain))
        for path in sorted(left.keys() | right.keys()):
            if left.get(path) != right.get(path):
                lines.append(f"{chain[7:19]} {path}: docker {left.get(path)}, strata {right.get(path)}")
        if a.layer_file(chain, "size") != b.layer_file(chain, "size"):
            lines.append(f"{chain[7:19]} size: docker {a.layer_file(chain, 'size')}, strata {b.layer_file(chain, 'size')}")
    return lines
