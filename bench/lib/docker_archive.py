# SPDX-License-Identifier: Apache-2.0
"""Writes docker archives (config, layer tars, manifest.json) from a seed, in bounded memory.

The same arguments give the same bytes. `docker load` of any version accepts the result.
"""

import hashlib
import io
import json
import random
import tarfile

CREATED = "2024-01-01T00:00:00Z"
CREATED_UNIX_S = 1704067200
BLOCK = 512
CHUNK_BYTES = 1 << 20


def padded(size_bytes):
    return -(-size_bytes // BLOCK) * BLOCK


def header(name, size_bytes=0, kind=tarfile.REGTYPE):
    """One ustar header block."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.mtime = size_bytes, kind, CREATED_UNIX_S
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    info.uname = info.gname = "root"
    return info.tobuf(tarfile.USTAR_FORMAT)


class Layer:
    """A layer tar: directories and files of given sizes, whose contents come from the seed."""

    def __init__(self, seed):
        self._random = random.Random(seed)
        self._members = []

    def add_directory(self, name):
        self._members.append((name, 0, tarfile.DIRTYPE))

    def add_file(self, name, size_bytes):
        self._members.append((name, size_bytes, tarfile.REGTYPE))

    @property
    def size_bytes(self):
        return sum(BLOCK + padded(size) for _, size, _ in self._members) + 2 * BLOCK

    @property
    def unpacked_bytes(self):
        return sum(size for _, size, _ in self._members)

    @property
    def entries(self):
        return len(self._members)

    def stream(self):
        """The tar, piece by piece. May be consumed once."""
        for name, size, kind in self._members:
            yield header(name, size, kind)
            yield from content(self._random, size)
            yield bytes(padded(size) - size)
        yield bytes(2 * BLOCK)


def content(choose, size_bytes):
    """A file's bytes in pieces: half of each piece is random, half is text that compresses well."""
    while size_bytes > 0:
        piece = min(size_bytes, CHUNK_BYTES)
        noise = choose.randbytes(piece // 2)
        line = b"%08x " % choose.getrandbits(32) + b"the quick brown fox jumps over it\n"
        text = line * (1 + piece // len(line))
        yield noise + text[:piece - len(noise)]
        size_bytes -= piece


class DockerArchive:
    """An archive of one image. `add_layer` base first, then `finish`; use as a context manager."""

    def __init__(self, path, tag):
        self._file = open(path, "wb")
        self._tag = tag
        self._diff_ids = []
        self._names = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def add_layer(self, layer):
        name = f"layer-{len(self._names)}/layer.tar"
        self._file.write(header(name, layer.size_bytes))
        digest = hashlib.sha256()
        for piece in layer.stream():
            digest.update(piece)
            self._file.write(piece)
        self._names.append(name)
        self._diff_ids.append(f"sha256:{digest.hexdigest()}")

    def finish(self):
        """Writes config and manifest; returns the image ID."""
        config = compact(image_config(self._diff_ids, {"Cmd": ["/bin/sh"]}))
        image_id = hashlib.sha256(config).hexdigest()
        self._add_bytes(f"{image_id}.json", config)
        self._add_bytes("manifest.json", compact([{
            "Config": f"{image_id}.json", "RepoTags": [self._tag], "Layers": self._names}]))
        self._file.write(bytes(2 * BLOCK))
        return f"sha256:{image_id}"

    def _add_bytes(self, name, data):
        self._file.write(header(name, len(data)) + data + bytes(padded(len(data)) - len(data)))


def image_config(diff_ids, run_config, created=CREATED):
    """A config as the classic builder leaves it: one history item a layer."""
    return {
        "architecture": "amd64",
        "config": run_config,
        "created": created,
        "docker_version": "20.10.24",
        "history": [{"created": created, "created_by": f"/bin/sh -c generate layer {number}"}
                    for number in range(len(diff_ids))],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


def tar_bytes(layer):
    """A small layer's tar as one byte string."""
    out = io.BytesIO()
    for piece in layer.stream():
        out.write(piece)
    return out.getvalue()
