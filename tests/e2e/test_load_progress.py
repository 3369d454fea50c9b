# SPDX-License-Identifier: Apache-2.0
"""What load shows while it works: the sizes of layers whatever way they come, and of a stream how far it is."""
import json
import os
import pty
import re
import select
import subprocess
import time

import pytest

from archives import COMPRESSORS, Image, docker_2010
from engine import binary, needs_strata_itself, strata
from procs import clean_env
from verbs import assert_holds, plain_layer

pytestmark = [pytest.mark.as_root, needs_strata_itself("docker shows progress on a terminal only")]
LARGE = os.urandom(3 << 20)


def image():
    """Two layers that a stream unpacks while they pass by, and one that it keeps."""
    return Image([plain_layer("a", LARGE), plain_layer("b", LARGE[::-1]), plain_layer("small")], ["x:1"])


def sizes(text):
    return sorted(re.findall(r"^[0-9a-f]{12}: Loading layer +(\S+)$", text, re.M))


@pytest.mark.parametrize("packing", [None, "gzip", "zstd"])
@pytest.mark.parametrize("how", ["file", "pipe"])
def test_every_layer_has_its_size(work, how, packing):
    data = docker_2010(image())
    data = COMPRESSORS[packing](data) if packing else data
    (work / "in.tar").write_bytes(data)
    said = strata(work / "root", "load", *(["-i", work / "in.tar"] if how == "file" else []), stdin=data if how == "pipe" else None)
    assert sizes(said.err) == ["3.072kB/3.072kB", "3.148MB/3.148MB", "3.148MB/3.148MB"], said
    assert "Reading archive" not in said.err
    assert_holds(work / "root", image())


@pytest.mark.parametrize("how", ["file", "pipe"])
def test_a_packed_layer_counts_as_it_lies_in_the_archive(work, how):
    packed = Image([plain_layer("a", b"zeros" * 800_000)], ["x:1"])
    layer = COMPRESSORS["gzip"](packed.layers[0])
    assert len(layer) < len(packed.layers[0]) / 100
    data = docker_2010(packed, layer=lambda _: layer)
    (work / "in.tar").write_bytes(data)
    said = strata(work / "root", "--progress", "json", "load", *(["-i", work / "in.tar"] if how == "file" else []),
                  stdin=data if how == "pipe" else None)
    counts = [json.loads(line)["progressDetail"] for line in said.err.splitlines() if "Loading layer" in line]
    assert counts[-1] == {"current": len(layer), "total": len(layer)}
    assert all(count["current"] <= len(layer) for count in counts)


def test_json_tells_how_far_a_stream_is(work):
    data = docker_2010(image())
    said = strata(work / "root", "--progress", "json", "load", stdin=data)
    lines = [json.loads(line) for line in said.err.splitlines()]
    reading = [line["progressDetail"] for line in lines if line["status"] == "Reading archive"]
    assert reading and all(0 < detail["current"] <= len(data) and detail["total"] == 0 for detail in reading)
    loaded = [line["progressDetail"] for line in lines if line["status"] == "Loading layer"]
    assert {detail["total"] for detail in loaded} == {len(layer) for layer in image().layers}
    assert loaded[-1]["current"] == loaded[-1]["total"]


def read_until(screen, wanted, seconds=30):
    text, end = "", time.monotonic() + seconds
    while wanted not in text and select.select([screen], [], [], max(0, end - time.monotonic()))[0]:
        try:
            text += os.read(screen, 65536).decode()
        except OSError:  # the program has closed the terminal
            break
    return text


def test_a_terminal_shows_a_stream_that_has_not_ended(work):
    data = docker_2010(image())
    screen, terminal = pty.openpty()
    load = subprocess.Popen([binary(), "--root", work / "root", "load"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                            stderr=terminal, env=clean_env())
    os.close(terminal)
    load.stdin.write(data[:len(data) // 2])
    load.stdin.flush()
    assert re.search(r"Reading archive +[0-9.]+[kM]B\r", read_until(screen, "B\r"))
    load.stdin.write(data[len(data) // 2:])
    load.stdin.close()
    rest = read_until(screen, "never")
    assert load.wait() == 0
    assert "Reading archive" not in rest.rpartition("\x1b[1A")[2], "it stays on the screen"
    for layer in image().diff_ids:
        assert f"{layer[7:19]}: Loading layer" in rest
