#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Archives that no tool makes on purpose: one feature or one fault each, header by header."""

import os


def number(value, size):
    if value < 0 or value >= 8 ** (size - 1):  # base-256
        return bytes([0xFF if value < 0 else 0x80]) + (value % 256 ** (size - 1)).to_bytes(size - 1, "big")
    return b"%0*o\0" % (size - 1, value)


def header(name, kind=b"0", size=0, mode=0o644, uid=0, gid=0, mtime=1600000000, link=b"", magic=b"ustar\x0000",
           prefix=b"", raw=None, checksum=None):
    block = bytearray(512)

    def put(at, data):
        block[at:at + len(data)] = data

    put(0, name)
    put(100, number(mode, 8))
    put(108, number(uid, 8))
    put(116, number(gid, 8))
    put(124, number(size, 12))
    put(136, number(mtime, 12))
    put(156, kind)
    put(157, link)
    put(257, magic)
    put(329, number(0, 8))
    put(337, number(0, 8))
    put(345, prefix)
    for at, data in (raw or {}).items():
        put(at, data)
    put(148, b" " * 8)
    total = sum(block)
    if checksum == "signed":
        total = sum(b - 256 if b > 127 else b for b in block)
    put(148, b"%06o\0 " % total if checksum != "wrong" else b"0012345\0")
    return bytes(block)


def pad(data):
    return data + b"\0" * (-len(data) % 512)


def member(name, data=b"", kind=b"0", **kw):
    return header(name, kind, len(data), **kw) + pad(data)


def record(key, value):
    rest = len(key) + len(value) + 3
    size = rest
    while len(str(size)) + rest != size:
        size = len(str(size)) + rest
    return b"%d %s=%s\n" % (size, key, value)


def pax(*records, kind=b"x", name=b"PaxHeaders.0/f"):
    return member(name, b"".join(record(k, v) for k, v in records), kind)


END = b"\0" * 1024
GNU = b"ustar  \0"
F = member(b"file", b"content")

GOOD = {
    "empty": b"",
    "zeros": END,
    "one-zero-block": F + b"\0" * 512,
    "no-end": F,
    "no-padding": header(b"file", size=7) + b"content",
    "part-padding": header(b"file", size=7) + b"content" + b"\0" * 9,
    "garbage-after-end": F + END + b"garbage, not a block",
    "nul-types": member(b"file", b"content", b"\0") + member(b"dir/", b"", b"\0") + END,
    "nul-type-dir-with-size": header(b"dir/", b"\0", 700) + F + END,
    "link-with-size": header(b"l", b"1", 700, link=b"file") + F + END,
    "negative-size-of-dir": header(b"dir/", b"5", -5) + F + END,
    "unknown-type": member(b"seven", b"7777", b"7") + member(b"volume", b"", b"V") + F + END,
    "prefix": member(b"name", b"x", prefix=b"some/prefix") + END,
    "gnu-prefix-of-old-go": member(b"name", b"x", magic=GNU, prefix=b"some/prefix") + END,
    "gnu-times": member(b"name", b"x", magic=GNU, raw={345: number(1500000000, 12), 357: number(-7, 12)}) + END,
    "star": member(b"name", b"x", prefix=b"p" * 131, raw={476: number(1, 12), 488: number(2, 12), 508: b"tar\0"}) + END,
    "signed-checksum": member("caf\u00e9".encode("latin-1") * 9, b"x", checksum="signed") + END,
    "spaces-in-numbers": member(b"name", b"x", raw={100: b"   644 \0", 108: b" 12\0 \0\0\0", 116: b"\0\0 7\0x\0\0"}) + END,
    "base256": member(b"name", b"x", uid=-2, gid=2 ** 33 + 5, mtime=-2 ** 40) + END,
    "x-replaces-x": pax((b"path", b"first"), (b"uid", b"7")) + pax((b"path", b"second")) + F + END,
    "x-then-end": F + pax((b"path", b"first")) + END,
    "x-of-nothing": header(b"x", b"x") + F + END,
    "x-last-of-equal-keys": pax((b"path", b"one"), (b"path", b"two"), (b"uid", b"+12"), (b"uid", b"")) + F + END,
    "x-empty-value-keeps": pax((b"path", b""), (b"mtime", b"")) + F + END,
    "x-times": pax((b"mtime", b"-1.5"), (b"atime", b"3."), (b"ctime", b"4.1234567899")) + F + END,
    "x-size": pax((b"size", b"3")) + header(b"file", size=0) + pad(b"abc") + END,
    "x-xattrs": pax((b"SCHILY.xattr.user.a", b"v\0w"), (b"SCHILY.xattr.user.b", b"=\n"), (b"LIBARCHIVE.xattr.c", b"d")) + F + END,
    "names-in-order": member(b"././@LongLink", b"gnu-long\0more", b"L") + pax((b"path", b"pax-path")) + F
                      + member(b"././@LongLink", b"target", b"K") + pax((b"linkpath", b"pax")) + header(b"l", b"2") + END,
    "g": pax((b"path", b"named"), (b"uid", b"9"), kind=b"g", name=b"pax_global_header") + F + END,
    "g-forgets-metas": member(b"L", b"long", b"L") + pax((b"comment", b"c"), kind=b"g", name=b"g1") + F + END,
    "g-with-bad-number": pax((b"uid", b"nine"), kind=b"g", name=b"pax_global_header") + F + END,
    "sparse-1.0-empty": pax((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.name", b"real"),
                            (b"GNU.sparse.realsize", b"700")) + member(b"s", pad(b"0\n")) + END,
    "sparse-unknown-version": pax((b"GNU.sparse.major", b"2"), (b"GNU.sparse.minor", b"0")) + F + END,
}


def sparse(map_, count, size, data, kind=b"0"):
    return pax((b"GNU.sparse.map", map_), (b"GNU.sparse.numblocks", count), (b"GNU.sparse.size", size)) + member(
        b"s", data, kind) + END


def sparse10(text, data=b""):
    return pax((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.realsize", b"700")) + member(
        b"s", text + data) + END


BAD = {
    "checksum": header(b"file", checksum="wrong") + END,
    "text": b"this is not a tar, but it is longer than a block. " * 20,
    "zero-block-then-header": F + b"\0" * 512 + F + END,
    "zero-block-then-part": F + b"\0" * 512 + b"x" * 100,
    "short-header": F + F[:100],
    "short-payload": F[:515],
    "size-letters": header(b"f", raw={124: b"00000000xyz\0"}) + END,
    "size-overflow": header(b"f", raw={124: b"\x80" + b"\x7f" * 11}) + END,
    "size-negative": header(b"f", size=-1) + END,
    "mode-letters": header(b"f", raw={100: b"rwxr-xr\0"}) + END,
    "devmajor-letters": header(b"f", b"3", raw={329: b"abc\0"}) + END,
    "x-no-length": member(b"x", b"path=value\n", b"x") + F + END,
    "x-length-too-long": member(b"x", b"99 path=value\n", b"x") + F + END,
    "x-length-too-short": member(b"x", b"4 a=b\n", b"x") + F + END,
    "x-no-newline": member(b"x", b"14 path=value;", b"x") + F + END,
    "x-no-equals": member(b"x", b"10 path_a\n", b"x") + F + END,
    "x-no-key": member(b"x", b"9 =value\n", b"x") + F + END,
    "x-nul-in-path": pax((b"path", b"a\0b")) + F + END,
    "x-nul-in-key": pax((b"a\0b", b"c")) + F + END,
    "x-uid-letters": pax((b"uid", b"nine")) + F + END,
    "x-uid-overflow": pax((b"uid", b"9223372036854775808")) + F + END,
    "x-mtime-letters": pax((b"mtime", b"1.5x")) + F + END,
    "x-size-negative": pax((b"size", b"-1")) + F + END,
    "l-cut": header(b"L", b"L", 700) + b"x" * 600,
    "sparse-overlap": sparse(b"0,5,4,2", b"2", b"100", b"1234567"),
    "sparse-outside": sparse(b"0,5,99,2", b"2", b"100", b"1234567"),
    "sparse-negative": sparse(b"-5,5", b"1", b"100", b"12345"),
    "sparse-count": sparse(b"0,5", b"2", b"100", b"12345"),
    "sparse-odd": sparse(b"0,5,7", b"1", b"100", b"12345"),
    "sparse-missing-data": sparse(b"0,5,10,5", b"2", b"100", b"12345"),
    "sparse-unreferenced-data": sparse(b"0,5", b"1", b"100", b"1234567"),
    "sparse-dir": sparse(b"0,0", b"1", b"100", b"", b"5"),
    "sparse-0.0-order": pax((b"GNU.sparse.numbytes", b"5"), (b"GNU.sparse.offset", b"5")) + F + END,
    "sparse-1.0-cut": sparse10(b"1\n0\n"),
    "sparse-1.0-count": sparse10(pad(b"-1\n")),
    "sparse-1.0-large-count": sparse10(pad(b"5000\n1\n1\n")),
    "sparse-old-not-gnu": member(b"s", b"", b"S") + END,
    "sparse-old-realsize": member(b"s", b"", b"S", magic=GNU, raw={483: b"letters"}) + END,
}

os.makedirs("bad", exist_ok=True)
for name, data in GOOD.items():
    open("odd-" + name + ".tar", "wb").write(data)
for name, data in BAD.items():
    open("bad/" + name + ".tar", "wb").write(data)
