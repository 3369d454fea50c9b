# SPDX-License-Identifier: Apache-2.0
"""The transfer protocol of docs/formats/transfer.md, written from that page: sessions as bytes, and other ends that lie.

`local_ssh(folder)` makes a program that stands in for ssh and runs the command on this machine.
"""
import json
import struct
import subprocess

from archives import compact, sha, zstd
from engine import binary
from procs import clean_env

GREETING = b"strata-transfer 1 test\n"


def frame(kind, payload=b""):
    return kind.encode() + struct.pack(">I", len(payload)) + payload


def frames(data):
    """[(type, payload)] of what a side wrote behind its greeting."""
    found = []
    while data:
        (size,) = struct.unpack(">I", data[1:5])
        found.append((chr(data[0]), data[5:5 + size]))
        data = data[5 + size:]
    return found


def chains(image):
    found = []
    for diff in image.diff_ids:
        found.append(f"sha256:{sha(f'{found[-1]} {diff}'.encode())}" if found else diff)
    return found


def offer(*images, parents=None):
    out = b""
    for image in images:
        head = {"id": image.id, "tags": image.tags, "configBytes": len(image.config_bytes)}
        head |= {"parent": parents[image.id]} if parents and image.id in parents else {}
        out += frame("I", compact(head)) + frame("J", image.config_bytes)
    return out + frame("O")


def layer(chain, data, compression="none"):
    packed = zstd(data) if compression == "zstd" else data
    parts = [packed[i:i + 5000] for i in range(0, len(packed), 5000)]
    head = compact({"chainID": chain, "size": len(data), "compression": compression})
    return frame("L", head) + b"".join(frame("D", part) for part in parts) + frame("E")


def layers(*images, compression="none"):
    """The layers of images that share none."""
    return b"".join(layer(c, d, compression) for i in images for c, d in zip(chains(i), i.layers))


def request(**members):
    return frame("R", compact(members))


def sending(*images, compression="none"):
    """A whole session of a caller that sends to a root that has none of the layers."""
    return GREETING + request(do="receive") + offer(*images) + layers(*images, compression=compression) + frame("C")


def serve(root, data, timeout=60):
    """Gives a session to strata as the other side would; returns (exit code, frames that came back)."""
    done = subprocess.run([binary(), "--root", str(root), "system", "serve-stdio"], input=data, capture_output=True,
                          env=clean_env(), timeout=timeout)
    greeting, _, rest = done.stdout.partition(b"\n")
    assert greeting.startswith(b"strata-transfer 1 "), done
    return done.returncode, frames(rest)


def error_of(answer):
    return json.loads(answer[-1][1])["message"] if answer and answer[-1][0] == "X" else None


def local_ssh(folder, setup=""):
    """`setup` is shell text that runs first, as the other host's start-up files would."""
    script = folder / "local-ssh"
    script.write_text(f'#!/bin/sh\nwhile [ "$1" = -p ]; do shift 2; done\nshift\n{setup}\nexec /bin/sh -c "$*"\n')
    script.chmod(0o755)
    return {"STRATA_SSH": str(script)}


def liar(folder, data):
    """A program that says these bytes, whatever it is told, and reads to the end."""
    (folder / "lies").write_bytes(data)
    program = folder / "liar"
    program.write_text(f"#!/bin/sh\ncat {folder}/lies\ncat >/dev/null\n")
    program.chmod(0o755)
    return str(program)
