# SPDX-License-Identifier: Apache-2.0
"""pull from the real docker-registry: what docker and skopeo pushed, beside docker's own pull of the same.

STRATA_PULL_KILLS says how often a pull is killed with kill -9 (default 20).
"""
import json
import random
import re
import subprocess
import time
import urllib.request

import pytest

import archives
import registries
from beside import field_differences
from engine import binary, needs_strata_itself, strata
from images import build, load_bytes, runnable
from peers import dockerd, skopeo_copy
from procs import clean_env, new_dir, remove_tree
from registries import push_bytes, put_index, put_nested
from roots import Root, problems
from seeds import count, seed
from tars import Tar, odd_layer

pytestmark = [needs_strata_itself("docker's own pull is what it is compared with"),
              pytest.mark.skipif(registries.cannot_run() is not None, reason=str(registries.cannot_run()))]

DIGEST_LINE = re.compile(r"^Digest: (sha256:[0-9a-f]{64})$", re.M)
NOT_COMPARED = {"GraphDriver", "Metadata"}  # random names; the time of tagging


def big_layer(name, megabytes, rng):
    """Bytes that do not compress, so that a pull takes a while."""
    tar = Tar().dir(f"{name}/")
    for i in range(megabytes):
        tar.file(f"{name}/{i}", rng.randbytes(1 << 20))
    return tar.bytes()


@pytest.fixture(scope="module")
def server():
    with registries.registry() as one:
        yield one


@pytest.fixture(scope="module")
def pushed(server, tmp_path_factory):
    """What the tests pull: a folder of a docker root that pushed it, and the names."""
    home = tmp_path_factory.mktemp("pushed")
    host = server.host
    with dockerd(home / "root") as docker:
        load_bytes(docker, archives.docker_2010(runnable(f"{host}/t/run:1", f"{host}/t/run:2")))
        build(docker, f"FROM {host}/t/run:1\nRUN echo hello > /hello && rm /etc/removed\nLABEL a=b\nENV X=y\n",
              f"{host}/t/built:1")
        docker("import", "-", f"{host}/t/odd:1", stdin=odd_layer())
        for name in ("t/run:1", "t/run:2", "t/built:1", "t/odd:1"):
            docker("push", f"{host}/{name}")
    return [f"{host}/{name}" for name in ("t/run:1", "t/built:1", "t/odd:1")]


def docker_pulls(folder, *names):
    """What a new dockerd makes of it: outputs of pull, and inspect of each."""
    with dockerd(folder) as docker:
        outputs = [docker("pull", name) for name in names]
        inspected = json.loads(docker("inspect", "--type", "image", *names).out)
    return outputs, inspected


ENDS = ("Pull complete", "Already exists")


def layer_lines(output):
    """Lines of layers, without the order among layers, and those that docker drops or adds by the moment."""
    return sorted(line for line in output.lines if re.match(r"^[0-9a-f]{12}: ", line) and not line.endswith(("Waiting", "Verifying Checksum")))


def last_lines(output):
    return [line for line in layer_lines(output) if line.endswith(ENDS)]


def other_lines(output):
    return [line for line in output.lines if not re.match(r"^[0-9a-f]{12}: ", line)]


# ---- what docker pushed ----------------------------------------------------------------------------------------

def test_output_and_inspect_are_those_of_docker(pushed, work):
    outputs, inspected = docker_pulls(work / "docker", *pushed)
    for name, want in zip(pushed, outputs):
        got = strata(work / "root", "pull", name)
        assert other_lines(got) == other_lines(want)
        assert last_lines(got) == last_lines(want)
        assert set(layer_lines(want)) <= set(layer_lines(got))  # a busy dockerd leaves out more of them
        assert got.err == ""
    mine = json.loads(strata(work / "root", "inspect", *pushed).out)
    drop = lambda image: {k: v for k, v in image.items() if k not in NOT_COMPARED}
    for want, got in zip(inspected, mine):
        assert field_differences(drop(want), drop(got)) == []
    assert problems(work / "root") == []


@pytest.mark.parametrize("words", [["pull", "{0}"], ["pull", "{0}@DIGEST"], ["pull", "{0}@TOO"], ["pull", "-a", "{repo}"], ["pull", "-q", "{0}"],
                                   ["pull", "{repo}"], ["pull", "{repo}:nope"], ["pull", "-a", "{0}"]])
def test_second_pull_says_what_docker_says(pushed, work, words):
    name = pushed[0]
    repo = name.rpartition(":")[0]
    with dockerd(work / "docker") as docker:
        digest = DIGEST_LINE.search(docker("pull", name).out)[1]
        args = [w.format(name, repo=repo).replace(":1@DIGEST", f"@{digest}").replace("TOO", digest) for w in words]
        want = docker(*args, check=False)
    strata(work / "root", "pull", name)
    got = strata(work / "root", *args, check=False)
    assert got.code == want.code
    if want.code == 0:
        assert sorted(got.lines) == sorted(want.lines)
        assert got.lines[-1] == want.lines[-1]
    else:
        assert got.lines == want.lines
        assert got.err.replace("Error: ", "") == want.err.replace("Error response from daemon: ", "")


def test_names_and_records_are_those_of_docker(pushed, work):
    docker_pulls(work / "docker", *pushed)
    strata(work / "root", "pull", *pushed)
    assert Root(work / "root").references() == Root(work / "docker").references()
    distribution = "image/overlay2/distribution"
    for want in sorted((work / "docker" / distribution).rglob("*")):
        got = work / "root" / want.relative_to(work / "docker")
        assert got.exists(), got
        assert got.lstat().st_mode == want.lstat().st_mode
        if want.is_file():
            assert got.read_bytes() == want.read_bytes()


def test_dockerd_opens_the_root_runs_and_pushes_without_sending_layers(pushed, server, work):
    strata(work / "root", "pull", *pushed)
    with dockerd(work / "root") as docker:
        assert "hello" in docker("run", "--rm", "--network", "none", pushed[1], "/bin/cat", "/hello").out
        again = docker("pull", pushed[1]).out
        assert "Image is up to date" in again
        output = docker("push", pushed[1]).out
    assert "Pushed" not in output
    assert output.count("Layer already exists") == 2


def test_pull_of_what_is_here_is_one_request(pushed, server, work):
    strata(work / "root", "pull", pushed[0])
    server.forget_requests()
    strata(work / "root", "pull", pushed[0])
    time.sleep(0.1)
    asked = [r for r in server.requests("/v2/") if "/manifests/" in r.path or "/blobs/" in r.path]
    assert [(r.method, r.status) for r in asked] == [("HEAD", 200)]


def test_layers_that_are_here_are_not_fetched(pushed, server, work):
    strata(work / "root", "pull", pushed[0])
    server.forget_requests()
    output = strata(work / "root", "pull", pushed[1])
    assert sum("Already exists" in line for line in output.lines) == 1
    blobs = [r for r in server.requests("/blobs/") if r.method == "GET"]
    assert len(blobs) == 2  # the config and one layer


def test_policies(pushed, server, work):
    root, name = work / "root", pushed[0]
    never = strata(root, "pull", "--policy", "never", name, check=False)
    assert never.code == 1 and f"No such image: {name}" in never.err
    strata(root, "pull", "--policy", "missing", name)
    server.forget_requests()
    for policy in ("missing", "never"):
        assert strata(root, "pull", "--policy", policy, name).lines[-1] == name
    time.sleep(0.1)
    assert server.requests("/t/run/") == []
    strata(root, "tag", name, "localhost:1/not/there:1")
    assert strata(root, "pull", "localhost:1/not/there:1", check=False).code == 1
    newer = strata(root, "pull", "--policy", "newer", "localhost:1/not/there:1", env={"STRATA_RETRY_MS": "1"})
    assert newer.code == 0 and "WARNING" in newer.err


def test_dry_run_fetches_no_layers_and_changes_nothing(pushed, server, work):
    server.forget_requests()
    output = strata(work / "root", "pull", "--dry-run", pushed[1]).out
    assert "2, 0 of them here" in output
    assert not (work / "root").exists()
    assert server.fetched_bytes() < 10000
    strata(work / "root", "pull", pushed[0])
    assert "2, 1 of them here" in strata(work / "root", "pull", "--dry-run", pushed[1]).out


def test_one_wrong_name_of_several_does_not_keep_the_others_away(pushed, work):
    result = strata(work / "root", "pull", pushed[0], pushed[0] + "-nope", pushed[2], check=False)
    assert result.code == 1 and "manifest unknown" in result.err
    assert {r for r in Root(work / "root").references() if "@" not in r} == {pushed[0], pushed[2]}


# ---- what skopeo pushed ----------------------------------------------------------------------------------------

def skopeo_push(server, image, name, *options):
    folder = new_dir("stk-")
    try:
        (folder / "a.tar").write_bytes(archives.docker_2010(image))
        skopeo_copy(f"docker-archive:{folder}/a.tar", f"docker://{server.host}/{name}", "--dest-tls-verify=false", *options)
    finally:
        remove_tree(folder)


@pytest.mark.parametrize("options", [["-f", "oci"], ["-f", "v2s2"], ["-f", "oci", "--dest-compress-format", "zstd", "--dest-compress"]],
                         ids=["oci", "docker", "oci zstd"])
def test_skopeo_pushes(server, work, options):
    # Layers of its own: skopeo would take a blob of the registry instead, whatever its compression.
    image = archives.Image([Tar().file("which", " ".join(options).encode() * 100).bytes(), odd_layer() + bytes(512 * len(options))],
                           ["skopeo:1"])
    name = f"k/{len(options)}{options[1]}:1"
    skopeo_push(server, image, name, *options)
    strata(work / "root", "pull", f"{server.host}/{name}")
    root = Root(work / "root")
    (pulled,) = root.images()  # skopeo writes the config anew when it makes an OCI image of it
    assert [root.layer_tar(c) for c in root.chain(pulled)] == image.layers
    assert root.config(pulled)["config"]["Cmd"] == image.config["config"]["Cmd"]
    assert problems(work / "root") == []
    assert manifest_text(server, name).count("+zstd") == (len(image.layers) if "zstd" in options else 0)


def manifest_text(server, name):
    repository, _, tag = name.rpartition(":")
    kinds = f"{archives.OCI}.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
    return urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{server.port}/v2/{repository}/manifests/{tag}",
                                                         headers={"Accept": kinds})).read().decode()


def test_index_gives_the_platform_that_docker_takes_and_its_own_digest(server, work):
    amd, arm = runnable(extra=[odd_layer()]), archives.Image([odd_layer()], architecture="arm64")
    digest = put_index(server, "t/multi", {"linux/amd64": amd, "linux/arm64": arm}, "1")
    name = f"{server.host}/t/multi:1"
    docker_pulls(work / "docker", name)
    output = strata(work / "root", "pull", name)
    assert f"Digest: {digest}" in output.lines
    assert Root(work / "root").references() == Root(work / "docker").references()
    strata(work / "root", "pull", "--platform", "linux/arm64", name)
    assert Root(work / "root").references()[name] == arm.id
    strata(work / "root", "pull", name)
    assert Root(work / "root").references()[name] == amd.id
    missing = strata(work / "root", "pull", "--platform", "linux/s390x", name, check=False)
    assert missing.code == 1 and "no matching manifest for linux/s390x in the manifest list entries" in missing.err


def test_nested_index(server, work):
    image = runnable(extra=[odd_layer()])
    put_nested(server, "t/nest", image, "outer")
    strata(work / "root", "pull", f"{server.host}/t/nest:outer")
    assert Root(work / "root").images() == {image.id}


def test_artifacts_are_refused(server, work):
    data = b"a chart"
    empty = b"{}"
    manifest = {"schemaVersion": 2, "mediaType": f"{archives.OCI}.manifest.v1+json", "artifactType": "application/x.chart",
                "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": "sha256:" + archives.sha(empty), "size": 2},
                "layers": [{"mediaType": "application/x.data", "digest": "sha256:" + archives.sha(data), "size": len(data)}]}
    push_bytes(server, "t/chart", {archives.sha(data): data, archives.sha(empty): empty},
               ("1", archives.compact(manifest), manifest["mediaType"]))
    result = strata(work / "root", "pull", f"{server.host}/t/chart:1", check=False)
    assert result.code == 1
    assert "is an OCI artifact of type application/x.chart, not an image" in result.err
    assert Root(work / "root").images() == set()


# ---- killed, and two at once -----------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def large(server):
    """Layers that take a while, one of them in pieces."""
    rng = random.Random(seed())
    image = archives.Image([big_layer("a", 40, rng), big_layer("b", 6, rng), big_layer("c", 3, rng)], ["large:1"])
    skopeo_push(server, image, "t/large:1")
    return f"{server.host}/t/large:1", image


def test_killed_pulls_go_on_where_they_stopped(server, large, work):
    name, image = large
    rng = random.Random(seed())
    total = sum(len(layer) for layer in image.layers)
    went_on = 0
    started = time.monotonic()
    strata(work / "whole", "pull", name)
    seconds = time.monotonic() - started
    remove_tree(work / "whole")
    for kill in range(count("STRATA_PULL_KILLS", 20)):
        root = work / f"root{kill}"
        server.forget_requests()
        killed = subprocess.Popen([binary(), "--root", root, "pull", name], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, env=clean_env())
        time.sleep(rng.uniform(0, seconds))
        killed.kill()
        killed.wait()
        kept = sum(f.stat().st_blocks * 512 for f in (root / "strata/blobs").glob("?" * 64)) if root.exists() else 0
        published = Root(root).references()
        assert set(published.values()) <= {image.id}
        server.forget_requests()
        strata(root, "pull", name)
        fetched = server.fetched_bytes()
        assert fetched < total + (1 << 20)
        if kept > 12 << 20:
            assert fetched < total - kept / 2, f"kill {kill}, seed {seed()}: {kept} bytes were here, {fetched} fetched"
            went_on += 1
        found = Root(root)
        assert found.images() == {image.id}
        assert problems(root) == []
        assert list((root / "strata/blobs").iterdir()) == []
        assert list((root / "strata/staging").iterdir()) == []
        remove_tree(root)
    assert went_on > 0, f"no kill hit a pull in the middle (seed {seed()})"


def test_two_pulls_at_once_fetch_each_blob_once(server, large, work):
    name, image = large
    strata(work / "root", "images")
    server.forget_requests()
    pulls = [subprocess.Popen([binary(), "--root", work / "root", "pull", name], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=clean_env()) for _ in range(3)]
    for pull in pulls:
        out, err = pull.communicate(timeout=120)
        assert pull.returncode == 0, err
    total = sum(len(layer) for layer in image.layers)
    # Range requests overlap nowhere; each config is small.
    assert server.fetched_bytes() < total + 100_000
    assert Root(work / "root").images() == {image.id}
    assert problems(work / "root") == []
    assert list((work / "root" / "strata/blobs").iterdir()) == []


def test_rmi_and_prune_beside_a_pull_harm_nothing(server, large, work):
    name, image = large
    root = work / "root"
    pull = subprocess.Popen([binary(), "--root", root, "pull", name], stdout=subprocess.DEVNULL, env=clean_env())
    while pull.poll() is None:
        strata(root, "image", "prune", "-a", "-f", check=False)
        strata(root, "images", check=False)
    assert pull.returncode == 0
    strata(root, "pull", name)
    assert Root(root).images() == {image.id}
    assert problems(root) == []
