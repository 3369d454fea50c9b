#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Small copies of what dockerd wrote.
usage: make_docker.py SAVE-20.10.tar SAVE-28.5.tar UNPACKED-ROOT-OF-20.10

docker-*-save.tar: the outer archive with the sizes and bytes as they were, but for contents of more than
4 KiB, which are cut to their first bytes (with the size in the header made to fit).
docker-20.10-layer-*.tar and .json: a layer, and the tar-split that dockerd made of it."""

import base64
import gzip
import hashlib
import json
import pathlib
import sys

KEEP = 4096


def blocks(path):
    """Yields (header block, payload) of a tar without pax headers."""
    data = pathlib.Path(path).read_bytes()
    at = 0
    while data[at:at + 512].strip(b"\0"):
        header = data[at:at + 512]
        size = int(header[124:135], 8)
        yield header, data[at + 512:at + 512 + size]
        at += 512 + (size + 511) // 512 * 512


def cut(header, payload):
    if len(payload) <= KEEP:
        return header, payload
    block = bytearray(header)
    block[124:136] = b"%011o\0" % 700
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block), payload[:700]


def save(source, target):
    with open(target, "wb") as out:
        for header, payload in blocks(source):
            header, payload = cut(header, payload)
            out.write(header + payload + b"\0" * (-len(payload) % 512))
        out.write(b"\0" * 1024)


def layers(root):
    """Puts together the tars of the small layers of a root from their tar-splits and files."""
    for folder in sorted(root.glob("image/overlay2/layerdb/sha256/*")):
        split = gzip.decompress((folder / "tar-split.json.gz").read_bytes())
        files = root / "overlay2" / (folder / "cache-id").read_text() / "diff"
        data = b""
        for line in split.splitlines():
            entry = json.loads(line)
            if entry["type"] == 2:
                data += base64.b64decode(entry["payload"])
            elif entry.get("size"):
                data += (files / entry["name"]).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        assert "sha256:" + digest == (folder / "diff").read_text()
        if len(data) < 65536:
            pathlib.Path(f"docker-20.10-layer-{digest[:8]}.tar").write_bytes(data)
            pathlib.Path(f"docker-20.10-layer-{digest[:8]}.json").write_bytes(split)


save(sys.argv[1], "docker-20.10-save.tar")
save(sys.argv[2], "docker-28.5-save.tar")
layers(pathlib.Path(sys.argv[3]))
