# SPDX-License-Identifier: Apache-2.0
"""What stands behind the last member of a gzip stream, beside a dockerd with its unpigz, which passes over all of it, and without, where
Go's reader refuses even zeros. strata takes zeros, as gzip(1) does, and nothing else, on every host and with every number of jobs.
"""
import gzip
import json
import random
import urllib.request

import pytest

import archives
import registries
from engine import have, needs_strata_itself, strata
from peers import dockerd
from roots import Root, problems
from seeds import seed
from tars import Tar

pytestmark = [needs_strata_itself("docker is what it is compared with"),
              pytest.mark.skipif(registries.cannot_run() is not None, reason=str(registries.cannot_run()))]

LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
# Behind the stream, and what strata says of it.
ENDS = {"zero": (bytes(1), None),
        "zeros": (bytes(300_000), None),
        "a member without content": (gzip.compress(b"", mtime=0), None),
        "garbage": (b"garbage", "expected another member or the end at byte {at}, found no gzip header"),
        "much garbage": (b"\1" * 300_000, "expected another member or the end at byte {at}, found no gzip header"),
        "garbage behind zeros": (bytes(512) + b"x", "expected only zero bytes behind the last member, which ends at byte {at}"),
        "a member behind zeros": (bytes(512) + gzip.compress(b"", mtime=0), "expected only zero bytes behind the last member"),
        "half a header": (b"\x1f\x8b\x08", "unexpected EOF")}
GO_TAKES = {"a member without content"}


def put(server, path, data, kind):
    url = path if path.startswith("http") else f"http://{server.host}/v2/t/gz{path}"
    return urllib.request.urlopen(urllib.request.Request(url, data=data, method="POST" if path.endswith("/") else "PUT",
                                                         headers={"Content-Type": kind}))


def push(server, image, tag, end):
    def descriptor(kind, data):
        where = put(server, "/blobs/uploads/", b"", "application/octet-stream").headers["Location"]
        digest = "sha256:" + archives.sha(data)
        put(server, f"{where}&digest={digest}", data, "application/octet-stream").close()
        return {"mediaType": kind, "size": len(data), "digest": digest}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE,
                "config": descriptor("application/vnd.docker.container.image.v1+json", image.config_bytes),
                "layers": [descriptor(LAYER_TYPE, gzip.compress(layer, mtime=0) + end) for layer in image.layers]}
    put(server, f"/manifests/{tag}", json.dumps(manifest).encode(), MANIFEST_TYPE).close()


@pytest.fixture(scope="module")
def image():
    """Large enough for the parallel decoder."""
    return archives.Image([Tar().file("random", random.Random(seed()).randbytes(3 << 20)).bytes()], ["ends:1"])


@pytest.fixture(scope="module")
def pushed(image):
    """The image with each end behind its layers."""
    with registries.registry() as server:
        for number, (end, _) in enumerate(ENDS.values()):
            push(server, image, f"e{number}", end)
        yield server


def all_ways(server, image, number, end):
    """Arguments and input of the commands that read such a stream, and where its last member ends."""
    packed, layer = (gzip.compress(data, mtime=0) for data in (archives.docker_2010(image), image.layers[0]))
    return {"archive": (["load"], packed + end, len(packed)),
            "layer": (["load"], archives.docker_2010(image, layer=lambda tar: layer + end), len(layer)),
            "import": (["import", "-"], layer + end, len(layer)),
            "pull": (["pull", f"{server.host}/t/gz:e{number}"], None, len(layer))}


@pytest.mark.parametrize("name", ENDS)
def test_strata_takes_zeros_and_nothing_else(pushed, image, work, name):
    number, (end, refusal) = list(ENDS).index(name), ENDS[name]
    for way, (words, stdin, at) in all_ways(pushed, image, number, end).items():
        for jobs in (1, 4):
            root = work / f"{way}{jobs}"
            result = strata(root, "--jobs", jobs, *words, stdin=stdin, check=False, env=registries.no_configuration(work))
            if refusal is None:
                assert result.code == 0, (way, result)
                (found,) = Root(root).images()
                assert [Root(root).layer_tar(chain) for chain in Root(root).chain(found)] == image.layers
                assert problems(root) == []
            else:
                assert result.code == 1 and f"gzip: {refusal.format(at=at)}" in result.err, (way, result)
                assert Root(root).images() == set()


@pytest.mark.parametrize("env", [{}, {"MOBY_DISABLE_PIGZ": "1"}], ids=["unpigz", "go"])
def test_docker_takes_all_or_nothing(pushed, image, work, env):
    """What docs/differences.md says of it."""
    if not env and not have("unpigz"):
        pytest.skip("unpigz is not installed (Debian: pigz)")
    with dockerd(work / "root", env=env) as docker:
        for number, (name, (end, _)) in enumerate(ENDS.items()):
            for way, (words, stdin, _) in all_ways(pushed, image, number, end).items():
                result = docker(*words, stdin=stdin, check=False)
                assert (result.code == 0) == (not env or name in GO_TAKES), (name, way, result)
                if result.code != 0:
                    assert "gzip: invalid header" in result.err or "unexpected EOF" in result.err, (name, way, result)
                docker("image", "prune", "-a", "-f")
