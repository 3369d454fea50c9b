# SPDX-License-Identifier: Apache-2.0
"""Build contexts and base images with everything that COPY and ADD can meet, by hand and by seed."""
import bz2
import gzip
import io
import lzma
import os
import pathlib
import random
import tarfile

from tars import Tar

OLD = 1_000_000_000
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")  # cap_net_raw+ep


def base_tar():
    """What COPY's destinations meet: links to folders, folders with content, a folder that hands its group on, users."""
    tar = Tar().dir("etc/", mtime=OLD)
    tar.file("etc/passwd", b"root:x:0:0::/:/bin/sh\nbob:x:1000:1001::/:/bin/sh\nalone:x:77:78::/:\n", mtime=OLD)
    tar.file("etc/group", b"root:x:0:\nbob:x:2000:\nstaff:x:50:\n", mtime=OLD)
    tar.dir("usr/", mtime=OLD).dir("usr/lib/", mtime=OLD)
    tar.symlink("lib", "usr/lib", mtime=OLD).symlink("abs", "/usr/lib", mtime=OLD).symlink("up", "../../../../etc", mtime=OLD)
    tar.dir("full/", mtime=OLD).dir("full/d/", mtime=OLD).dir("full/d/in/", mtime=OLD).file("full/d/in/f", b"old", mtime=OLD)
    tar.file("full/file", b"old", mtime=OLD).symlink("full/link", "file", mtime=OLD).symlink("full/gone", "nowhere/x", mtime=OLD)
    tar.dir("sgid/", mode=0o2775, uid=5, gid=66, mtime=OLD)
    tar.dir("deep/", mtime=OLD).dir("deep/b/", mode=0o700, mtime=OLD).dir("deep/b/sub/", mtime=OLD)
    tar.file("deep/a.txt", b"old", mtime=OLD).hardlink("deep/hard", "deep/a.txt", mtime=OLD)
    tar.dir("deep/sub/", uid=9, gid=9, mtime=OLD).file("deep/sub/keep", b"", mtime=OLD).symlink("deep/dl", "sub", mtime=OLD)
    return tar.dir("deep/node/", mtime=OLD).bytes()


def set_times(top):
    for folder, dirs, files in os.walk(top):
        for name in dirs + files:
            os.utime(os.path.join(folder, name), ns=(OLD * 10**9, OLD * 10**9 + 5), follow_symlinks=False)


def odd_context(top):
    """Files of every kind; names that clash with those of base_tar() in every way."""
    top = pathlib.Path(top)
    (top / "d/sub").mkdir(parents=True)
    (top / "a.txt").write_text("hello\n")
    (top / "d/b").write_text("b")
    os.chown(top / "d/b", 5, 6)
    (top / "d/b").chmod(0o6755)
    (top / "d/g").write_text("")
    (top / "d/g").chmod(0o2644)
    os.link(top / "a.txt", top / "d/sub/hard")
    for name, target in (("dangling", "nope"), ("to-folder", "sub"), ("to-file", "/a.txt"), ("to-top", "/"), ("loop", "loop"),
                         ("out", "../../../../etc/passwd")):
        os.symlink(target, top / "d" / name)
    (top / "capable").write_text("x")
    os.setxattr(top / "capable", "security.capability", CAPABILITY)
    (top / "d/capable").write_text("y")
    os.setxattr(top / "d/capable", "security.capability", CAPABILITY)
    os.link(top / "d/capable", top / "d/sub/capable")
    os.mkfifo(top / "d/fifo")
    os.mknod(top / "d/device", 0o60640, os.makedev(7, 3))
    (top / "d/sub").chmod(0o2750)
    (top / "deep/b").mkdir(parents=True)
    (top / "deep/b/new").write_text("n")
    (top / "deep/dl").write_text("a file over a link")
    (top / "deep/a.txt").mkdir()
    (top / "deep/a.txt/inner").write_text("")
    (top / "deep/node").write_text("a file over a folder")
    (top / "deep/sub").mkdir(mode=0o711)
    os.symlink("x", top / "deep/hard")
    (top / "lib").mkdir()
    (top / "lib/l.so").write_text("l")
    (top / "empty").mkdir()
    (top / "caf\u00e9 and space").write_text("odd name")
    (top / "[x]").write_text("brackets")
    (top / "Dockerfile").write_text("")
    set_times(top)
    return top


def stage_tar():
    """The tree of a stage: many owners, capabilities, links that leave."""
    out = io.BytesIO()
    tar = tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT)

    def add(name, data=b"", **fields):
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.mode = len(data), OLD, 0o644
        for key, value in fields.items():
            setattr(member, key, value)
        tar.addfile(member, io.BytesIO(data))

    folder, link, hard = {"type": tarfile.DIRTYPE, "mode": 0o755}, {"type": tarfile.SYMTYPE}, {"type": tarfile.LNKTYPE}
    capable = {"pax_headers": {"SCHILY.xattr.security.capability": CAPABILITY.decode("latin-1")}}
    add("a.txt", b"hello\n", uid=33, gid=33)
    add("capable", b"x", uid=1, gid=5, **capable)
    add("d", **{**folder, "uid": 1000, "gid": 1000, "mode": 0o2750})
    add("d/b", b"b", uid=2, gid=4242, mode=0o6755)
    add("d/unknown", b"u", uid=54321, gid=54322)
    add("d/to-file", linkname="/a.txt", uid=7, **link)
    add("d/to-folder", linkname="sub", **link)
    add("d/loop", linkname="loop", **link)
    add("d/sub", **folder)
    add("d/sub/hard", linkname="a.txt", **hard)
    add("d/device", type=tarfile.BLKTYPE, devmajor=7, devminor=3, mode=0o640)
    add("x", **folder)
    add("x/capable", b"y", uid=3, mode=0o4755, **capable)
    add("x/gone", linkname="/not/../there", **link)
    add("x/to-top", linkname="/", **link)
    add("x/out", linkname="../../../../a.txt", **link)
    tar.close()
    return out.getvalue()


def odd_tar(form=tarfile.PAX_FORMAT):
    """What ADD unpacks: names that leave, links, members that come again, folders that are only implied."""
    out = io.BytesIO()
    tar = tarfile.open(fileobj=out, mode="w", format=form)

    def add(name, data=b"", **fields):
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.mode = len(data), 12345, 0o644
        for key, value in fields.items():
            setattr(member, key, value)
        tar.addfile(member, io.BytesIO(data))

    folder, link, hard = {"type": tarfile.DIRTYPE, "mode": 0o755}, {"type": tarfile.SYMTYPE}, {"type": tarfile.LNKTYPE}
    add("./", **{**folder, "mode": 0o700, "uid": 3})
    add("top", b"top", uid=1000, gid=1001, uname="bob")
    add("d/", **{**folder, "mode": 0o2755, "uid": 7, "gid": 8})
    add("d/f", b"x" * 70000, mode=0o4755, uid=7)
    add("d/hard", linkname="d/f", mode=0o600, uid=9, **hard)
    add("link", linkname="/d", **link)
    add("link/through", b"t")
    add("implied/folder/file", b"i", uid=4)
    add("../out", b"o")
    add("/absolute", b"a")
    add("d/../dots", b"d")
    add("escape", linkname="../../../../etc", **link)
    add("fifo", type=tarfile.FIFOTYPE)
    add("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666)
    add("twice", b"1")
    add("twice", b"22", mode=0o600)
    add("file-to-folder", b"f")
    add("file-to-folder", **{**folder, "mode": 0o711})
    add("file-to-folder/in", b"in")
    add("folder-to-file", **folder)
    add("folder-to-file/x")
    add("folder-to-file", b"now a file")
    add("hard-to-absolute", linkname="/top", **hard)
    add("hard-to-link", linkname="link", **hard)
    add("link-to-folder", linkname="d", **link)
    add("link-to-folder", **{**folder, "mode": 0o750})
    tar.close()
    return out.getvalue()


def add_archives(top):
    """Tars in all their wrappings, and what only looks like one."""
    plain = odd_tar()
    files = {"t.tar": plain, "t.tgz": gzip.compress(plain, mtime=0), "t.tar.bz2": bz2.compress(plain), "t.tar.xz": lzma.compress(plain),
             "gnu.tar": odd_tar(tarfile.GNU_FORMAT), "text.gz": gzip.compress(b"no tar", mtime=0), "no-members.tar": b"\0" * 10240,
             "nothing": b"", "cut.tar": plain[:30000], "cut.tgz": gzip.compress(plain, mtime=0)[:200]}
    for name, data in files.items():
        (pathlib.Path(top) / name).write_bytes(data)


NAMES = ["a", "b", "c", "dd", "e.txt", "f.md", "node_modules", "\u00fc", "x y", ".h", "A", "a-b"]
TARGETS = ["a", "../b", "/c", "dd/a", "../../..", "/", ".", "gone/x", "/a/../b", "e.txt", "node_modules"]
PATTERNS = ["a", "*", "**", "b", "a/b", "**/a", "*.md", "dd/*", "node_modules", "!a", "!*.md", "!dd/a", "!node_modules/a", "a/**", "?",
            "[a-c]", "**/node_modules/**", "!b", "# c", "", "/a", "./b", "a/../b"]
SOURCES = [".", "a", "b", "*", "dd", "e*", "/", "c/..", "[a-d]*", "node_modules", "nope*"]
TARGET_FOLDERS = ["/n/", "/n", "/full/d/", "/deep/", "/", "/lib/", "/sgid/"]


def random_context(seed, top):
    """A small tree, an ignore file, and a COPY that names some of it. Returns the words of the COPY."""
    choose = random.Random(seed)
    folders, files = [pathlib.Path(top)], []
    for _ in range(choose.randint(1, 14)):
        path = choose.choice(folders) / choose.choice(NAMES)
        if os.path.lexists(path):
            continue
        kind = choose.random()
        if kind < 0.35:
            path.mkdir()
            folders.append(path)
            path.chmod(choose.choice([0o755, 0o700, 0o2755, 0o1777, 0o777]))
        elif kind < 0.65 or not files:
            path.write_bytes(b"x" * choose.choice([0, 1, 10, 5000, 70000]))
            files.append(path)
            path.chmod(choose.choice([0o644, 0o600, 0o755, 0o4755, 0o2711, 0o2644, 0]))
        elif kind < 0.85:
            path.symlink_to(choose.choice(TARGETS))
        else:
            os.link(choose.choice(files), path)
    for path in files:
        if choose.random() < 0.3:
            os.chown(path, choose.randint(0, 5), choose.randint(0, 5))
        if choose.random() < 0.2:
            os.setxattr(path, "security.capability", CAPABILITY)
    if choose.random() < 0.6:
        lines = [choose.choice(PATTERNS) for _ in range(choose.randint(0, 4))]
        (pathlib.Path(top) / ".dockerignore").write_text("".join(line + "\n" for line in lines))
    set_times(top)
    return choose.sample(SOURCES, choose.choice([1, 1, 1, 2])) + [choose.choice(TARGET_FOLDERS)]
