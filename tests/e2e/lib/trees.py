# SPDX-License-Identifier: Apache-2.0
"""Seeded random layers: real trees packed by GNU tar in all its formats, and tars made by hand with every quirk that is legal."""
import os
import stat

import tars
from procs import run
from tars import Tar

GNU_TAR = {
    "ustar": ["--format=ustar"],
    "gnu": ["--format=gnu"],
    "v7": ["--format=v7"],
    "pax": ["--format=pax"],
    "pax with times": ["--format=pax", "--pax-option=exthdr.name=%d/PaxHeaders/%f,globexthdr.name=/tmp/global"],
    "pax with xattrs": ["--format=pax", "--xattrs", "--xattrs-include=*"],
    "gnu sparse": ["--format=gnu", "--sparse"],
    "pax sparse 0.0": ["--format=pax", "--sparse", "--sparse-version=0.0"],
    "pax sparse 0.1": ["--format=pax", "--sparse", "--sparse-version=0.1"],
    "pax sparse 1.0": ["--format=pax", "--sparse", "--sparse-version=1.0"],
    "dots and blocks of 64 KiB": ["--format=gnu", "-b", "128"],
    "owner names": ["--format=gnu", "--owner=somebody:4000000", "--group=others:5000000"],
}
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-_. "
ODD_NAMES = [b"caf\xc3\xa9", b"latin\xe9", b"new\nline", b"tab\there", b"back\\slash", b"quote\"'", b"<html>&", b"\xe2\x80\xa8sep",
             b"-dash", b"~tilde", b"..double", b"trailing.", b" space ", b"\x01control", b"wh.", b".whatever"]


def random_name(choose, limit=60):
    if choose.random() < 0.2:
        return choose.choice(ODD_NAMES) + str(choose.randrange(99)).encode()
    size = choose.choice([1, 3, 8, 20, limit])
    return "".join(choose.choice(LETTERS) for _ in range(size)).strip(" .").encode() or b"x"


def random_data(choose):
    size = choose.choice([0, 0, 1, 5, 511, 512, 513, 4096, 70_000])
    return choose.randbytes(size)


SMALL_FIELDS = ("ustar", "v7")  # their headers hold no long names and no large owners


def tree_for(choose, form, top):
    return make_tree(choose, top, small=form in SMALL_FIELDS)


def make_tree(choose, top, entries=60, small=False):
    """A folder with files of all kinds below `top`; needs root."""
    os.makedirs(top, exist_ok=True)
    folders, files = [os.fsencode(top)], []
    for _ in range(entries):
        path = os.path.join(choose.choice(folders), random_name(choose, 20 if small else 120))
        if os.path.lexists(path) or len(path) - len(os.fsencode(top)) > (90 if small else 900):
            continue
        kind = choose.choice(["file"] * 6 + ["dir"] * 3 + ["hard", "link", "fifo", "device", "sparse"])
        _make(choose, kind, path, folders, files, small)
        _dress(choose, path, small)
    return top


def _make(choose, kind, path, folders, files, small):
    if kind == "dir":
        os.mkdir(path)
        folders.append(path)
    elif kind == "hard" and files:
        os.link(choose.choice(files), path, follow_symlinks=False)
    elif kind == "link":
        os.symlink(choose.choice([b"target", b"../up", b"/etc/passwd", b"t" * choose.choice([99, 100, 90 if small else 101])]), path)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        os.mknod(path, 0o600 | choose.choice([stat.S_IFCHR, stat.S_IFBLK]), os.makedev(choose.randrange(1, 200), choose.randrange(255)))
    else:
        with open(path, "wb") as f:
            f.write(random_data(choose))
            if kind == "sparse":
                f.seek(choose.choice([50_000, 1_000_000]), os.SEEK_CUR)
                f.write(b"after the hole")
                f.truncate(f.tell() + choose.choice([0, 200_000]))
        files.append(path)


def _dress(choose, path, small):
    os.lchown(path, choose.choice([0, 0, 1000, 65534, 2_000_000]), choose.choice([0, 50, 60 if small else 3_000_000]))
    if os.path.islink(path):
        return
    os.chmod(path, choose.choice([0o644, 0o755, 0o600, 0o4755, 0o2750, 0o1777, 0o000]))
    if os.path.isfile(path) and choose.random() < 0.2:
        os.setxattr(path, b"security.capability", tars.CAPABILITY)
    if os.path.isfile(path) and choose.random() < 0.2:
        os.setxattr(path, b"trusted.made" + str(choose.randrange(9)).encode(), choose.randbytes(choose.randrange(1, 50)))
    os.utime(path, ns=(choose.randrange(1 << 60), choose.randrange(1 << 60)))


def gnu_tar(tree, form, target):
    run("tar", *GNU_TAR[form], "-cf", target, "-C", tree, ".", check=form != "v7")  # v7 leaves out fifos and devices, and says so
    return target.read_bytes()


# ---- by hand: legal, but as no tool would write it ---------------------------------------------------------------

def random_tar(choose, members=40):
    """Members with odd but legal headers. Every name occurs once, parents may be missing or come later."""
    tar, files, used = Tar(), [], set()
    for i in range(members):
        name = choose.choice([b"", b"./", b"a/", b"a/b/", b"late/", b"x//"]) + random_name(choose).strip(b"/") + b"%d" % i
        fields = {"uid": choose.choice([0, 1, 70_000, 3_000_000]), "gid": choose.choice([0, 9, 2_500_000]),
                  "mode": choose.choice([0o644, 0o755, 0o100644, 0o4711, 0]), "mtime": choose.choice([0, 1, 1 << 31, 1 << 33, tars.ENTRY_TIME]),
                  "magic": choose.choice([b"ustar\x0000", b"ustar  \0"]), "uname": choose.choice([b"", b"root", b"caf\xc3\xa9"])}
        used.add(name)
        _prefix_member(choose, tar, fields)
        _random_member(choose, tar, name, fields, files)
    end, tail = choose.choice([(2, b""), (0, b""), (1, b""), (20, b""), (2, b"garbage after the end"), (2, choose.randbytes(3000))])
    return tar.bytes(end=end, trailing=tail)


def _prefix_member(choose, tar, fields):
    """Sometimes a pax header (with comments, times, xattrs, large numbers) or a GNU long name stands in front."""
    kind = choose.random()
    if kind < 0.15:
        records = {"comment": "as you like", "mtime": f"{choose.randrange(1 << 31)}.{choose.randrange(10 ** 9):09}",
                   "atime": "12.5", "uname": "pax\u00e9"}
        if choose.random() < 0.5:
            records["SCHILY.xattr.trusted.random"] = choose.randbytes(20)
        tar.pax(records)


def _random_member(choose, tar, name, fields, files):
    kind = choose.choice(["file"] * 6 + ["dir", "dir", "link", "hard", "fifo", "device", "old", "long", "whiteout"])
    if len(name) > 99 or kind == "long":
        tar.gnu_long(name + b".d/" + b"l" * choose.choice([100, 155, 200]))
        tar.add(name[:99], random_data(choose), **fields)
    elif kind == "dir":
        tar.dir(name + b"/", **fields)
    elif kind == "link":
        tar.symlink(name, choose.choice([b"t", b"../../up", b"/abs"]), **fields)
    elif kind == "hard" and files:
        tar.hardlink(name, choose.choice(files), **fields)
    elif kind == "fifo":
        tar.fifo(name, **fields)
    elif kind == "device":
        tar.device(name, choose.randrange(1, 255), choose.randrange(255), **fields)
    elif kind == "whiteout":
        folder, _, last = name.rpartition(b"/")
        tar.add((folder + b"/" if folder else b"") + b".wh." + last, **fields)
    elif kind == "old":
        tar.add(name, random_data(choose), kind=b"\0", **fields)
        files.append(name)
    else:
        tar.add(name, random_data(choose), pad=choose.choice([b"\0", b"x"]), **fields)
        files.append(name)
