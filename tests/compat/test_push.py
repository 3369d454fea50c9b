# SPDX-License-Identifier: Apache-2.0
"""push to the real docker-registry: skopeo, podman and dockerd pull what strata pushed, and dockerd's own push beside it."""
import hashlib
import json
import random
import re
import subprocess
import time

import pytest

import archives
import registries
from engine import binary, needs_strata_itself, strata
from images import build, hand_made, load_bytes, runnable
from peers import dockerd, podman, raw_manifest, skopeo_copy
from procs import clean_env, run
from registries import put_nested
from roots import Root, problems
from secured import secured, token_server
from tars import Tar
from verbs import load

pytestmark = [needs_strata_itself("docker's own push is what it is compared with"),
              pytest.mark.skipif(registries.cannot_run() is not None, reason=str(registries.cannot_run()))]

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture(scope="module")
def server():
    with secured() as one:
        yield one


@pytest.fixture
def env(work):
    return registries.no_configuration(work)


def pulled_by_podman(work, name):
    """The ID of the image that podman pulls."""
    (work / "auth.json").write_text("{}")
    with podman() as pod:
        pod("pull", "--tls-verify=false", "--authfile", work / "auth.json", name)
        return "sha256:" + pod("inspect", "--format", "{{.ID}}", name).out.strip()


def digest_line(out):
    match = re.search(r"^(\S+): digest: (sha256:[0-9a-f]{64}) size: (\d+)$", out, re.M)
    return match.group(2), int(match.group(3))


def statuses(out):
    """{short diffID: last status}, and their order."""
    found = {}
    for line in out.splitlines():
        match = re.match(r"^([0-9a-f]{12}): (.*)$", line)
        if match:
            found.pop(match.group(1), None)
            found[match.group(1)] = match.group(2)
    return found


def with_images(work, *names):
    """A root with one image of several layers, odd names among them, under all of `names`."""
    image = hand_made(*names, extra=work.name.encode())
    load(work / "root", archives.docker_2010(image), work=work)
    return work / "root", image


def test_what_we_push_all_others_pull(server, work, env):
    name = f"{server.host}/all/pull:1"
    image = runnable(name)
    load(work / "root", archives.docker_2010(image), work=work)
    pushed = strata(work / "root", "push", name, env=env)
    digest, size = digest_line(pushed.out)
    raw = raw_manifest(f"docker://{name}")
    assert (digest, size) == ("sha256:" + hashlib.sha256(raw).hexdigest(), len(raw))
    skopeo_copy(f"docker://{name}", f"docker-archive:{work}/out.tar:{name}", "--src-tls-verify=false")
    for layer in json.loads(raw)["layers"]:
        assert layer["mediaType"] == "application/vnd.docker.image.rootfs.diff.tar.gzip"
    assert pulled_by_podman(work, name) == image.id
    with dockerd(work / "docker") as docker:
        out = docker("pull", name).out
        assert f"Digest: {digest}" in out
        assert docker("inspect", "-f", "{{.Id}}", name).out.strip() == image.id
        assert docker("run", "--rm", "--network", "none", name).out == "runs\n"
    assert problems(work / "root") == []


def test_json_is_the_stream_of_docker_s_api(server, work, env):
    """Without the lines of bytes under way, and what docker's own manifest says of itself. The pull is of what is here."""
    name = f"{server.host}/json"

    def lines(text):
        objects = [json.loads(line) for line in text.splitlines()]
        return sorted(re.sub(r"sha256:[0-9a-f]{64}|size: [0-9]+|\"Size\": [0-9]+", "_", json.dumps(each, sort_keys=True))
                      for each in objects if each.get("status") != "Pushing")

    load(work / "root", archives.docker_2010(runnable(f"{name}:1")), work=work)
    ours = [strata(work / "root", *words, "--progress", "json", f"{name}:1", env=env).out for words in (["push"], ["push"], ["pull"])]
    with dockerd(work / "docker") as docker:
        def api(path):
            return run("curl", "-sf", "--unix-socket", docker.socket.removeprefix("unix://"), "-X", "POST", "-H", "X-Registry-Auth: e30=",
                       f"http://x/v1.41/images/{path}").out

        load_bytes(docker, archives.docker_2010(runnable(f"{name}/docker:1")))
        docker("tag", f"{name}/docker:1", f"{name}:1")
        theirs = [api(f"{name}/push?tag=1"), api(f"{name}/push?tag=1"), api(f"create?fromImage={name}&tag=1")]
    for our, their in zip(ours[1:], theirs[1:]):
        assert lines(our) == lines(their)
    assert {"status", "progressDetail", "progress", "id"} in [set(json.loads(line)) for line in ours[0].splitlines()]


def test_lines_are_docker_s(server, work, env):
    with dockerd(work / "docker") as docker:
        load_bytes(docker, archives.docker_2010(runnable(f"{server.host}/lines/docker:1"), hand_made(f"{server.host}/lines/docker:2")))
        expected = [docker("push", f"{server.host}/lines/docker:{tag}").lines for tag in ("1", "2", "2")]
    load(work / "root", archives.docker_2010(runnable(f"{server.host}/lines/strata:1"), hand_made(f"{server.host}/lines/strata:2")),
         work=work)
    ours = [strata(work / "root", "push", f"{server.host}/lines/strata:{tag}", env=env).lines for tag in ("1", "2", "2")]
    for docker_lines, our_lines in zip(expected, ours):
        assert sorted(without_digest(docker_lines)) == sorted(without_digest(our_lines))
        digests = [line for line in our_lines if "digest:" in line]
        assert len(digests) == 1 and re.match(r"^[12]: digest: sha256:[0-9a-f]{64} size: \d+$", digests[0])


def without_digest(lines):
    """Without what differs: the digest (another compressor), the name, and docker's `Waiting`."""
    return [re.sub(r"lines/(docker|strata)", "lines", line) for line in lines
            if "digest:" not in line and not line.endswith(": Waiting")]


def test_the_second_push_sends_nothing(server, work, env):
    name = f"{server.host}/second/push:1"
    root, image = with_images(work, name)
    first = strata(root, "push", name, env=env).out
    assert set(statuses(first).values()) == {"Pushed"}
    server.forget_requests()
    second = strata(root, "push", name, env=env).out
    assert set(statuses(second).values()) == {"Layer already exists"}
    assert digest_line(first) == digest_line(second)
    time.sleep(0.2)
    assert not [r for r in server.requests() if r.method in ("POST", "PATCH")]
    assert list(statuses(second)) == [d.removeprefix("sha256:")[:12] for d in reversed(image.diff_ids)]


def test_another_repository_mounts(server, work, env):
    names = [f"{server.host}/mount/{which}:1" for which in ("from", "to")]
    root, image = with_images(work, *names)
    strata(root, "push", names[0], env=env)
    server.forget_requests()
    out = strata(root, "push", names[1], env=env).out
    assert set(statuses(out).values()) == {"Mounted from mount/from"}
    assert raw_manifest(f"docker://{names[0]}") == raw_manifest(f"docker://{names[1]}")


def test_records_serve_dockerd_and_dockerd_s_serve_us(server, work, env):
    names = [f"{server.host}/records/{which}:1" for which in ("a", "b", "c")]
    root, image = with_images(work, *names)
    first = digest_line(strata(root, "push", names[0], env=env).out)
    with dockerd(root) as docker:
        again = docker("push", names[0])
        assert set(statuses(again.out).values()) == {"Layer already exists"}
        other = docker("push", names[1])
        assert set(statuses(other.out).values()) == {"Mounted from records/a"}
        assert digest_line(again.out) == digest_line(other.out) == first
        digests = json.loads(docker("inspect", "-f", "{{json .RepoDigests}}", names[0]).out)
        assert sorted(digests) == sorted(f"{server.host}/records/{w}@{first[0]}" for w in ("a", "b"))
    third = strata(root, "push", names[2], env=env)
    assert all(status.startswith("Mounted from records/") for status in statuses(third.out).values())
    assert digest_line(third.out) == first


def test_hmacs_are_docker_s(server, work, env):
    """The records that both write of the same push with the same (no) credentials are the same bytes but for the blob."""
    name = f"{server.host}/hmac/of:1"
    root, image = with_images(work, name)
    strata(root, "push", name, env=env)
    files = sorted((root / "image/overlay2/distribution/v2metadata-by-diffid/sha256").iterdir())
    ours = {file.name: file.read_bytes() for file in files}
    for file in files:  # dockerd finds the blobs by the other records, and writes these anew
        file.write_bytes(file.read_bytes().replace(json.loads(ours[file.name])[0]["HMAC"].encode(), b"0" * 64))
    with dockerd(root) as docker:
        docker("push", name)
    for file in files:
        assert json.loads(file.read_bytes())[-1] == json.loads(ours[file.name])[-1]


def test_all_tags(server, work, env):
    names = [f"{server.host}/all/tags:{tag}" for tag in ("1", "2", "latest")]
    root, image = with_images(work, *names)
    out = strata(root, "push", "-a", f"{server.host}/all/tags", env=env).out
    assert out.startswith(f"The push refers to repository [{server.host}/all/tags]\n")
    assert [line.split(":")[0] for line in out.splitlines() if "digest:" in line] == ["1", "2", "latest"]
    assert strata(root, "tags", f"{server.host}/all/tags", env=env).lines == ["1", "2", "latest"]
    quiet = strata(root, "push", "-q", names[0], env=env)
    assert quiet.out == names[0] + "\n"


@pytest.mark.parametrize("words, message", [
    (["nowhere/x:1"], "An image does not exist locally with the tag: {host}/nowhere/x"),
    (["here/x:2"], "tag does not exist: {host}/here/x:2"),
    (["here/x@sha256:" + "0" * 64], "cannot push a digest reference"),
])
def test_refusals_are_docker_s(server, work, env, words, message):
    root, image = with_images(work, f"{server.host}/here/x:1")
    refused = strata(root, "push", f"{server.host}/{words[0]}", check=False, env=env)
    assert refused.code == 1 and refused.err.startswith("Error: " + message.format(host=server.host))
    with dockerd(root) as docker:
        theirs = docker("push", f"{server.host}/{words[0]}", check=False)
    assert message.format(host=server.host) in theirs.err


def test_zstd(server, work, env):
    name = f"{server.host}/zstd/x:1"
    root, image = with_images(work, name)
    strata(root, "push", "--compression", "zstd", name, env=env)
    manifest = json.loads(raw_manifest(f"docker://{name}"))
    assert manifest["mediaType"] == OCI_MANIFEST
    assert {layer["mediaType"] for layer in manifest["layers"]} == {"application/vnd.oci.image.layer.v1.tar+zstd"}
    assert pulled_by_podman(work, name) == image.id
    # gzip again, when it is asked for; the zstd blobs when nothing is.
    kept = digest_line(strata(root, "push", name, env=env).out)
    assert kept[0] == "sha256:" + hashlib.sha256(raw_manifest(f"docker://{name}")).hexdigest()
    strata(root, "push", "--compression", "gzip", name, env=env)
    assert json.loads(raw_manifest(f"docker://{name}"))["mediaType"] == DOCKER_MANIFEST


def test_a_digest_survives_the_way_to_another_registry(work, env):
    """An OCI image that skopeo pushed is pulled, pushed elsewhere, and is the same manifest there."""
    (work / "in.tar").write_bytes(archives.docker_2010(hand_made("x:1", extra=b"survives")))
    with secured() as one, secured() as other:  # of its own: skopeo would use again blobs that strata made
        source, target = f"{one.host}/survives/x:1", f"{other.host}/survives/there:1"
        skopeo_copy(f"docker-archive:{work}/in.tar", f"docker://{source}", "--dest-tls-verify=false", "--format", "oci")
        with dockerd(work / "root") as docker:
            docker("pull", source)
        strata(work / "root", "tag", source, target, env=env)
        pushed = strata(work / "root", "push", target, env=env)
        assert raw_manifest(f"docker://{target}") == raw_manifest(f"docker://{source}")
        assert "NOTE" not in pushed.err


def test_a_digest_that_cannot_survive_is_told(work, env):
    with secured() as gone:
        source = f"{gone.host}/gone/x:1"
        root, image = with_images(work, source)
        strata(root, "push", "--compression", "gzip:1", source, env=env)
    with secured() as other:
        target = f"{other.host}/gone/x:1"
        strata(root, "tag", source, target, env=env)
        pushed = strata(root, "push", target, env=env)
        assert pushed.code == 0 and "NOTE: the digest differs from" in pushed.err


def test_a_digest_survives_from_within_an_index_in_an_index(work, env):
    image = hand_made(extra=b"nested")
    with secured() as one, secured() as other:
        source, target = f"{one.host}/nest/x:outer", f"{other.host}/nest/there:1"
        put_nested(one, "nest/x", image, "outer", depth=3)
        inner = json.loads(raw_manifest(f"docker://{one.host}/nest/x:inner"))["manifests"][0]["digest"]
        strata(work / "root", "pull", source, env=env)
        strata(work / "root", "tag", source, target, env=env)
        pushed = strata(work / "root", "push", target, env=env)
        assert digest_line(pushed.out)[0] == inner
        assert "NOTE" not in pushed.err


def test_a_digest_under_which_another_image_lies_is_told(server, work, env):
    """As where somebody edited repositories.json: what is found there is not the image."""
    repository = f"{server.host}/two/images"
    root, image = with_images(work, f"{repository}:a")
    load(root, archives.docker_2010(runnable(f"{repository}:b")), work=work)
    digests = [digest_line(strata(root, "push", "--compression", "gzip:1", f"{repository}:{tag}", env=env).out)[0] for tag in "ab"]
    file = Root(root).image / "repositories.json"
    names = json.loads(file.read_text())
    del names["Repositories"][repository][f"{repository}@{digests[0]}"]
    names["Repositories"][repository][f"{repository}@{digests[1]}"] = image.id
    file.write_text(json.dumps(names))
    strata(root, "tag", f"{repository}:a", f"{server.host}/third/a:1", env=env)
    pushed = strata(root, "push", f"{server.host}/third/a:1", env=env)
    assert "this image is not in what is there under that digest" in pushed.err, pushed


def test_push_with_tokens_and_passwords(work, env):
    users = {"joe": "secret"}
    with token_server(users) as auth:
        for kind in ({"tokens": auth}, {"users": users}):
            with secured(**kind) as server:
                names = [f"{server.host}/private/{which}:1" for which in ("a", "b")]
                root, image = with_images(work, *names)
                refused = strata(root, "push", names[0], check=False, env=env)
                assert refused.code == 1
                assert "no basic auth credentials" in refused.err or "denied: requested access to the resource is denied" in refused.err
                strata(root, "login", "-u", "joe", "--password-stdin", server.host, stdin=b"secret", env=env)
                assert set(statuses(strata(root, "push", names[0], env=env).out).values()) == {"Pushed"}
                assert set(statuses(strata(root, "push", names[1], env=env).out).values()) == {"Mounted from private/a"}
        scopes = [a.get("scope") for a in auth.asked if a.get("scope")]
        mounts = [s for s in scopes if "private/a:pull" in " ".join(s) and "private/b:push,pull" in " ".join(s)]
        assert mounts


def test_beside_a_running_dockerd_it_is_pushed_and_not_recorded(server, work, env):
    name = f"{server.host}/beside/x:1"
    with dockerd(work / "root") as docker:
        load_bytes(docker, archives.docker_2010(hand_made(name)))
        before = Root(work / "root").references()
        pushed = strata(work / "root", "push", name, env=env)
        assert "WARNING" in pushed.err
        assert Root(work / "root").references() == before
        assert f"Digest: {digest_line(pushed.out)[0]}" in docker("pull", name).out


def test_a_layer_that_is_damaged_is_not_pushed(server, work, env):
    name = f"{server.host}/damaged/x:1"
    root, image = with_images(work, name)
    victim = next(file for file in sorted((root / "overlay2").rglob("diff/d/a")) if file.is_file())
    victim.write_bytes(b"b" * victim.stat().st_size)
    failed = strata(root, "push", name, check=False, env=env)
    assert failed.code == 1 and "layer" in failed.err
    assert strata(root, "remote", "digest", name, check=False, env=env).code == 1


def test_killed_in_the_middle_it_goes_on_where_it_stopped(server, work, env):
    rng = random.Random(5)
    name = f"{server.host}/killed/x:1"
    layers = [Tar().file(f"f{i}", rng.randbytes(8 << 20)).bytes() for i in range(4)]
    load(work / "root", archives.docker_2010(archives.Image(layers, [name])), work=work)
    for i in range(6):
        process = subprocess.Popen([binary(), "--root", work / "root", "push", name], env=clean_env(**env),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.05 + 0.1 * rng.random())
        process.kill()
        process.wait()
        assert problems(work / "root") == []
    strata(work / "root", "push", name, env=env)
    assert problems(work / "root") == []
    skopeo_copy(f"docker://{name}", f"dir:{work}/out", "--src-tls-verify=false")
