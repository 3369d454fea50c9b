# SPDX-License-Identifier: Apache-2.0
"""Layers whose files cannot give back their tar. docker refuses them or can never save them; kept as raw segments, both can."""
from tars import LINK, Tar, header, padded

OLD_SPARSE = header("sparse", b"S", size=512, magic=b"ustar  \0",
                    fields={386: b"00000000000\0" + b"00000001000\0", 482: b"\0", 483: b"00000010000\0"}) + bytes(512)

QUIRKS = {
    "the same file twice": Tar().file("a", b"first").file("a", b"second, longer").bytes(),
    "the same file by another name": Tar().file("./a", b"first").file("a", b"second").file("x/../a", b"third").bytes(),
    "folder twice": Tar().dir("d/").file("d/a", b"a").dir("d/", mode=0o700).bytes(),
    "two global headers": Tar().pax({"comment": "one"}, b"g", "pax_global_header").file("a", b"a").pax(
        {"comment": "two"}, b"g", "pax_global_header").file("b", b"b").bytes(),
    "whiteout with content": Tar().dir("d/").file("d/.wh.gone", b"content").bytes(),
    "opaque mark with content": Tar().dir("d/").file("d/.wh..wh..opq", b"content").file("d/a", b"a").bytes(),
    "folder replaced by a file": Tar().dir("a/").file("a/b", b"below").file("a", b"now a file").bytes(),
    "folder replaced by a symlink": Tar().dir("a/").file("a/b", b"below").symlink("a", "/etc").bytes(),
    "file replaced by a folder": Tar().file("a", b"a file").dir("a/").file("a/b", b"below").bytes(),
    "file replaced by a fifo": Tar().file("a", b"a file").fifo("a").bytes(),
    "hard link, then the file again": Tar().file("a", b"one").hardlink("b", "a").file("a", b"two").bytes(),
    "pax sparse 1.0": Tar().pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "sparse",
                                 "GNU.sparse.realsize": "4096"}, name="PaxHeaders/sparse").add(
        "GNUSparseFile.0/sparse", padded(b"1\n0\n512\n") + b"d" * 512).bytes(),
    "old gnu sparse": Tar().file("a", b"a").raw(OLD_SPARSE).file("b", b"b").bytes(),
    "file, then whiteout of it": Tar().file("a", b"a").file(".wh.a", b"").bytes(),
    "whiteout, then the file": Tar().file(".wh.a", b"").file("a", b"a").bytes(),
}

# What tools agree on less: it may be refused, but if it is taken, it must come out again as it went in.
DOUBTFUL = {
    "name above the layer": Tar().file("../x", b"x").file("a/../../y", b"y").bytes(),
    "symlink header with a size": Tar().raw(header("l", LINK, link="t", size=5)).file("b", b"b").bytes(),
    "hard link header with a size": Tar().file("a", b"abcde").raw(header("h", b"1", link="a", size=5)).file("b", b"b").bytes(),
    "folder header with a size": Tar().raw(header("d/", b"5", size=512)).raw(bytes(512)).file("b", b"b").bytes(),
    "type 7": Tar().add("a", b"contiguous", kind=b"7").bytes(),
    "unknown type": Tar().add("a", b"?", kind=b"Z").bytes(),
    "folder of an incremental dump": Tar().add("d/", b"Ya\0\0", kind=b"D").file("d/a", b"a").bytes(),
    "volume label": Tar().add("label", kind=b"V").file("a", b"a").bytes(),
    "through a dangling symlink": Tar().symlink("l", "nowhere").file("l/x", b"x").bytes(),
    "through a symlink to a folder": Tar().dir("d/").symlink("l", "d").file("l/x", b"x").bytes(),
    "through an absolute symlink": Tar().dir("d/").symlink("l", "/d").file("l/x", b"x").bytes(),
    "empty name": Tar().add("", b"x").bytes(),
    "name that is only a slash": Tar().dir("/").file("/a", b"a").bytes(),
    "plnk": Tar().dir(".wh..wh.plnk/").file(".wh..wh.plnk/1.2", b"x").bytes(),
}
