# SPDX-License-Identifier: Apache-2.0
"""Tar bytes by hand: every field can be said, right or wrong. Source: POSIX.1-2017 pax, GNU tar manual."""
FILE, HARD, LINK, CHAR, BLOCK, DIR, FIFO = b"0", b"1", b"2", b"3", b"4", b"5", b"6"
ENTRY_TIME = 1_500_000_000


def octal(value, width):
    """An octal field; larger values in GNU's base-256."""
    text = b"%0*o" % (width - 1, value) if value >= 0 else b""
    if value >= 0 and len(text) < width:
        return text + b"\0"
    return (value & ((1 << (8 * width)) - 1) | (1 << (8 * width - 1))).to_bytes(width, "big")


def header(name, kind=FILE, size=0, mode=0o644, uid=0, gid=0, mtime=ENTRY_TIME, link=b"", uname=b"", gname=b"",
           major=0, minor=0, prefix=b"", magic=b"ustar\x0000", fields=None, checksum=None):
    """One block. `fields` overwrites raw places {offset: bytes} before the checksum is made."""
    block = bytearray(512)

    def put(at, data, width):
        block[at:at + width] = data[:width].ljust(width, b"\0")

    put(0, _bytes(name), 100)
    put(100, octal(mode, 8), 8)
    put(108, octal(uid, 8), 8)
    put(116, octal(gid, 8), 8)
    put(124, octal(size, 12), 12)
    put(136, octal(mtime, 12), 12)
    put(156, kind, 1)
    put(157, _bytes(link), 100)
    put(257, magic, 8)
    put(265, _bytes(uname), 32)
    put(297, _bytes(gname), 32)
    put(329, octal(major, 8), 8)
    put(337, octal(minor, 8), 8)
    put(345, _bytes(prefix), 155)
    for at, data in (fields or {}).items():
        block[at:at + len(data)] = data
    block[148:156] = b" " * 8
    put(148, checksum if checksum is not None else b"%06o\0 " % sum(block), 8)
    return bytes(block)


def pax_record(key, value):
    body = b" " + _bytes(key) + b"=" + _bytes(value) + b"\n"
    size = len(body) + 1
    while len(str(size)) + len(body) != size:
        size = len(str(size)) + len(body)
    return str(size).encode() + body


def padded(data, fill=b"\0"):
    return data + fill * (-len(data) % 512)


class Tar:
    """Members in order; `bytes()` closes the archive. Every method returns the Tar."""

    def __init__(self):
        self.out = bytearray()

    def raw(self, data):
        self.out += data
        return self

    def add(self, name, data=b"", kind=FILE, pad=b"\0", **fields):
        fields.setdefault("size", len(data))
        return self.raw(header(name, kind, **fields) + padded(data, pad))

    def dir(self, name, **fields):
        return self.add(name, kind=DIR, **{"mode": 0o755, **fields})

    def file(self, name, data=b"", **fields):
        return self.add(name, data, **fields)

    def symlink(self, name, target, **fields):
        return self.add(name, kind=LINK, link=target, **{"mode": 0o777, **fields})

    def hardlink(self, name, target, **fields):
        return self.add(name, kind=HARD, link=target, **fields)

    def fifo(self, name, **fields):
        return self.add(name, kind=FIFO, **fields)

    def device(self, name, major, minor, kind=CHAR, **fields):
        return self.add(name, kind=kind, major=major, minor=minor, **fields)

    def whiteout(self, folder, name):
        return self.add(f"{folder}/.wh.{name}" if folder else f".wh.{name}", mode=0)

    def opaque(self, folder):
        return self.add(f"{folder}/.wh..wh..opq", mode=0)

    def pax(self, records, kind=b"x", name="PaxHeaders.0/x"):
        data = b"".join(pax_record(k, v) for k, v in records.items())
        return self.add(name, data, kind=kind)

    def gnu_long(self, name, kind=b"L"):
        return self.add("././@LongLink", _bytes(name) + b"\0", kind=kind, magic=b"ustar  \0", mtime=0)

    def bytes(self, end=2, trailing=b""):
        """`end`: how many zero blocks close it; `trailing`: what follows them."""
        return bytes(self.out) + bytes(512 * end) + trailing


def _bytes(text):
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


# CAP_NET_RAW, effective: the 20 bytes of security.capability, version 2
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")


def odd_layer():
    """One of everything that real layers hold."""
    long_dir = "usr/share/" + "deep-" * 18 + "dir"
    tar = Tar().dir("etc/").file("etc/plain", b"plain\n").file("etc/empty")
    tar.dir("data/").file("data/one", b"one\n", uid=1000, gid=1000).hardlink("data/hard", "data/one")
    tar.symlink("data/soft", "one").symlink("data/absolute", "/etc/plain").symlink("data/dangling", "nowhere")
    tar.fifo("data/fifo").dir("tmp/", mode=0o1777).file("data/setuid", b"#!x\n", mode=0o4755)
    tar.dir("dev/").device("dev/null", 1, 3, mode=0o666).device("dev/sda", 8, 0, kind=BLOCK)
    tar.whiteout("etc", "removed").dir("opaque/").opaque("opaque").file("opaque/new", b"new\n")
    tar.file("data/caf\u00e9", b"utf-8\n").file(b"data/latin\xe9", b"not utf-8\n").file("data/a<b>&c", b"json\n")
    tar.dir("usr/").dir("usr/share/").file("share/prefixed", b"p\n", prefix="usr")
    tar.pax({"path": long_dir + "/" + "n" * 180, "mtime": "1500000000.123456789"}).file("long", b"long name\n")
    tar.gnu_long("usr/share/" + "g" * 200).file("g" * 100, b"gnu long\n", magic=b"ustar  \0")
    tar.pax({"SCHILY.xattr.security.capability": CAPABILITY}).file("data/ping", b"cap\n", mode=0o755)
    tar.pax({"SCHILY.xattr.trusted.note": "kept"}).file("data/xattr", b"xattr\n")
    tar.file("data/padded", b"odd padding", pad=b"x").file("late/file", b"before its folder\n").dir("late/", mode=0o700)
    return tar.bytes(end=20)
