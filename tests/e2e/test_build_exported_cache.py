# SPDX-License-Identifier: Apache-2.0
"""`strata build --cache-to` and `--cache-from`: a cache goes to another root, by a folder or a registry, and a bad one does no harm."""
import contextlib
import gzip
import hashlib
import io
import json
import pathlib
import shutil
import tarfile
from typing import NamedTuple

import pytest

import registries
from engine import needs_strata_itself, strata
from registries import no_configuration, registry
from roots import Root, problems

pytestmark = [pytest.mark.as_root, needs_strata_itself("a build without a daemon")]

TEXT = """FROM scratch AS base
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
FROM base AS side
RUN cat /proc/sys/kernel/random/uuid > /side
RUN echo more >> /side
FROM base
ENV A=1
WORKDIR /w
COPY a.txt .
COPY --from=side /side /x
RUN cat a.txt > b; cat /proc/sys/kernel/random/uuid > stamp
CMD ["sh"]
"""
STEPS = 10  # that leave an image


class Built(NamedTuple):
    code: int
    out: str
    err: str
    runs: int    # RUNs that were executed
    cached: int  # steps
    image: str


@pytest.fixture
def context(work):
    folder = work / "context"
    folder.mkdir()
    shutil.copy("/bin/busybox", folder / "busybox")
    (folder / "a.txt").write_text("hello\n")
    (folder / "Dockerfile").write_text(TEXT)
    return folder


@pytest.fixture
def build(work, context):
    """Builds on the root of that name."""
    log = work / "log"
    runtime = work / "runtime"
    runtime.write_text(f'#!/bin/sh\nfor word; do [ "$word" = run ] && echo "$@" >> {log}; done\nexec crun "$@"\n')
    runtime.chmod(0o755)

    def build(root, *words, check=True):
        log.write_text("")
        result = strata(work / root, "build", "--runtime", runtime, "-t", "t:1", *words, context, check=check, env=no_configuration(work))
        assert problems(work / root) == []
        image = json.loads(strata(work / root, "inspect", "t:1").out)[0]["Id"] if result.code == 0 else ""
        return Built(result.code, result.out, result.err, len(log.read_text().splitlines()), result.out.count("Using cache"), image)
    return build


@contextlib.contextmanager
def place_of(kind, work):
    """What --cache-to and --cache-from say for that kind."""
    if kind == "local":
        yield f"type=local,dest={work}/cache", f"type=local,src={work}/cache"
        return
    if registries.cannot_run():
        pytest.skip(registries.cannot_run())
    with registry() as server:
        place = f"type=registry,ref={server.host}/team/cache:main"
        yield place, place


@pytest.mark.parametrize("kind", ["local", "registry"])
def test_a_build_elsewhere_finds_every_step(work, context, build, kind):
    with place_of(kind, work) as (target, source):
        first = build("a", "--cache-to", target + ",mode=max")
        assert first.runs == 4 and first.cached == 0 and f"Exported {STEPS} steps, 8 layers, 0 of which were there" in first.out
        second = build("b", "--cache-from", source)
        assert (second.runs, second.cached, second.image) == (0, STEPS, first.image), second
        assert second.err == ""
    for layer, other in zip(Root(work / "a").chain(first.image), Root(work / "b").chain(first.image), strict=True):
        assert Root(work / "a").layer_tar(layer) == Root(work / "b").layer_tar(other)
    # What was fetched is as if it had been built there.
    third = build("b")
    assert (third.runs, third.cached, third.image) == (0, STEPS, first.image)
    assert len(strata(work / "b", "history", "-q", "t:1").lines) == 8
    assert "<missing>" not in strata(work / "b", "history", "-q", "t:1").out


def test_what_changed_is_done_from_there_on(work, context, build):
    with place_of("local", work) as (target, source):
        build("a", "--cache-to", target + ",mode=max")
        (context / "a.txt").write_text("other\n")
        result = build("b", "--cache-from", source)
        assert (result.runs, result.cached) == (1, 6), result.out
        assert result.out.index("COPY a.txt") > result.out.rindex("Using cache")


def test_mode_min_has_the_steps_of_the_image_alone(work, context, build):
    with place_of("local", work) as (target, source):
        first = build("a", "--cache-to", target)
        assert f"Exported {STEPS - 2} steps" in first.out
        result = build("b", "--cache-from", source)
        # The side stage is done again, with another time in its file: a COPY of that is a new one.
        assert (result.runs, result.cached) == (3, 5), result.out


def test_what_is_there_is_not_brought_again(work, context, build):
    with place_of("local", work) as (target, source):
        build("a", "--cache-to", target)
        blobs = {file: file.stat().st_ino for file in (work / "cache/blobs/sha256").iterdir()}
        (context / "a.txt").write_text("other\n")
        # New are a.txt, and what the last RUN made of it.
        assert "Exported 8 steps, 6 layers, 4 of which were there" in build("a", "--cache-to", target).out
        assert {file: file.stat().st_ino for file in blobs if file.exists()} == blobs
        assert build("b", "--cache-from", source).cached == 5


def test_what_a_registry_has_is_not_uploaded_again(work, context, build):
    if registries.cannot_run():
        pytest.skip(registries.cannot_run())
    with registry() as server:
        target = f"type=registry,ref={server.host}/team/cache:main"
        build("a", "--cache-to", target)
        server.forget_requests()
        assert "Exported 8 steps, 6 layers, 6 of which were there" in build("a", "--cache-to", target).out
        assert [r for r in server.requests() if r.method in ("POST", "PATCH")] == []


def test_a_cache_on_a_base_image_leaves_its_layers_out(work, context, build):
    build("a")
    strata(work / "a", "save", "-o", work / "base.tar", "t:1")
    (context / "Dockerfile").write_text("FROM t:1\nRUN echo 1 > /one\nRUN cat /proc/sys/kernel/random/uuid > /two\n")
    for root in ("b", "c"):
        strata(work / root, "load", "-i", work / "base.tar")
    first = build("b", "--cache-to", f"type=local,dest={work}/cache")
    assert "Exported 2 steps, 2 layers" in first.out
    second = build("c", "--cache-from", f"type=local,src={work}/cache")
    assert (second.runs, second.cached, second.image) == (0, 2, first.image)


def test_compression_and_tags(work, context, build):
    build("a", "--cache-to", f"type=local,dest={work}/cache,tag=one,compression=zstd,mode=max",
          "--cache-to", f"type=local,dest={work}/cache,tag=two,compression=uncompressed,mode=min")
    index = json.loads((work / "cache/index.json").read_text())
    names = {entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"] for entry in index["manifests"]}
    assert set(names) == {"one", "two"}
    types = {name: {layer["mediaType"] for layer in Cache(work / "cache", name).manifest["layers"]} for name in names}
    assert types == {"one": {"application/vnd.oci.image.layer.v1.tar+zstd"}, "two": {"application/vnd.oci.image.layer.v1.tar"}}
    assert build("b", "--cache-from", f"type=local,src={work}/cache,tag=one").cached == STEPS
    assert build("c", "--cache-from", f"type=local,src={work}/cache,tag=two").cached == STEPS - 5


# Caches that are not what they say.

class Cache:
    """An exported cache in a folder, to be changed with all digests right."""

    def __init__(self, folder, tag="latest"):
        self.folder = pathlib.Path(folder)
        self.index = json.loads((self.folder / "index.json").read_text())
        self.entry = next(e for e in self.index["manifests"] if e["annotations"]["org.opencontainers.image.ref.name"] == tag)
        self.manifest = json.loads(self.blob(self.entry).read_text())
        self.listing = json.loads(self.blob(self.manifest["config"]).read_text())

    def blob(self, descriptor):
        return self.folder / "blobs/sha256" / descriptor["digest"].removeprefix("sha256:")

    def put(self, data):
        digest = hashlib.sha256(data).hexdigest()
        (self.folder / "blobs/sha256" / digest).write_bytes(data)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    def write(self, listing=None):
        text = json.dumps(self.listing).encode() if listing is None else listing
        self.manifest["config"].update(self.put(text))
        self.entry.update(self.put(json.dumps(self.manifest).encode()))
        (self.folder / "index.json").write_text(json.dumps(self.index))

    def step(self, words):
        """The listed step whose instruction has these words, and its config."""
        for step in self.listing["steps"]:
            config = json.loads(step["config"])
            if words in config["history"][-1]["created_by"]:
                return step, config
        raise KeyError(words)

    def change(self, words, change):
        step, config = self.step(words)
        before = "sha256:" + hashlib.sha256(step["config"].encode()).hexdigest()
        change(config)
        step["config"] = json.dumps(config)
        after = "sha256:" + hashlib.sha256(step["config"].encode()).hexdigest()
        for other in self.listing["steps"]:
            if other.get("parent") == before:
                other["parent"] = after


def evil_layer():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("evil")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"evil"))
    return out.getvalue()


def last_layer(cache):
    """The position of the layer that the last RUN made."""
    return cache.listing["diff_ids"].index(cache.step("cat a.txt")[1]["rootfs"]["diff_ids"][-1])


def damage(cache):
    file = cache.blob(cache.manifest["layers"][last_layer(cache)])
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def lose(cache):
    cache.blob(cache.manifest["layers"][last_layer(cache)]).unlink()


def swap_the_blob(cache):
    cache.manifest["layers"][last_layer(cache)].update(cache.put(gzip.compress(evil_layer())))
    cache.write()


def not_a_tar(cache):
    cache.manifest["layers"][last_layer(cache)].update(cache.put(b"no tar" * 1000))
    cache.write()


def no_such_layer(cache):
    at = last_layer(cache)
    del cache.manifest["layers"][at], cache.listing["diff_ids"][at]
    cache.write()


def other_config(cache):
    cache.change("cat a.txt", lambda config: config["config"].update(Env=["LD_PRELOAD=/evil"]))
    cache.write()


def layer_of_an_env(cache):
    evil = evil_layer()
    cache.manifest["layers"].append({**cache.manifest["layers"][0], **cache.put(evil)})
    cache.listing["diff_ids"].append("sha256:" + hashlib.sha256(evil).hexdigest())

    def change(config):
        config["rootfs"]["diff_ids"].append("sha256:" + hashlib.sha256(evil).hexdigest())
        del config["history"][-1]["empty_layer"]
    cache.change("ENV A=1", change)
    cache.write()


def two_layers(cache):
    evil = evil_layer()
    cache.manifest["layers"].append({**cache.manifest["layers"][0], **cache.put(evil)})
    cache.listing["diff_ids"].append("sha256:" + hashlib.sha256(evil).hexdigest())
    cache.change("cat a.txt", lambda config: config["rootfs"]["diff_ids"].insert(-1, cache.listing["diff_ids"][-1]))
    cache.write()


@pytest.mark.parametrize("harm,words", [
    (damage, "gzip: "), (lose, "is not in it"), (swap_the_blob, "expected diffID sha256:"), (not_a_tar, ""),
    (no_such_layer, "the cache has no such layer"), (other_config, "is not what the step makes"),
    (layer_of_an_env, "is not what the step makes"), (two_layers, "is not what the step makes")])
def test_a_step_that_is_not_what_it_says_is_done_here(work, context, build, harm, words):
    with place_of("local", work) as (target, source):
        build("a", "--cache-to", target + ",mode=max")
        harm(Cache(work / "cache"))
        result = build("b", "--cache-from", source)
        assert f"[Warning] cache-from {source}: " in result.out and words in result.out, result.out
        assert result.runs >= 1 and result.cached < STEPS
        root = Root(work / "b")
        assert not any(b"evil" in root.layer_tar(layer) for layer in root.layers())
        config = json.loads(root.config_bytes(result.image))
        assert config["config"]["Env"][1:] == ["A=1"] and len(config["rootfs"]["diff_ids"]) == 6
        # Nothing of it is in the cache of the root either.
        assert build("b").image == result.image


def test_another_parent_is_no_hit(work, context, build):
    with place_of("local", work) as (target, source):
        build("a", "--cache-to", target + ",mode=max")
        cache = Cache(work / "cache")
        step, _ = cache.step("cat a.txt")
        step["parent"] = "sha256:" + "1" * 64
        cache.write()
        result = build("b", "--cache-from", source)
        assert (result.runs, result.cached) == (1, STEPS - 2) and "Warning" not in result.out


@pytest.mark.parametrize("listing,words", [
    (b"{", "unexpected end of JSON input"), (b"[]", "cannot unmarshal array"), (b'{"format":2}', "format 2, expected 1"),
    (b'{"format":1,"diff_ids":["x"]}', "diff_ids"), (b'{"format":1,"diff_ids":[],"steps":[]}', "0 diff_ids, but 8 layers"),
    (b'{"format":1,"diff_ids":[],"steps":[{"parent":"x","config":"y"}]}', "parent of a step")])
def test_a_listing_that_cannot_be_read_is_no_cache(work, context, build, listing, words):
    with place_of("local", work) as (target, source):
        build("a", "--cache-to", target + ",mode=max")
        Cache(work / "cache").write(listing)
        result = build("b", "--cache-from", source)
        assert result.cached == 0 and f"cache-from {source}: " in result.err and words in result.err
        assert "going on without it" in result.err


@pytest.mark.parametrize("form", ["index", "manifest"])
def test_a_cache_of_buildkit_is_called_so(work, context, build, form):
    build("a", "--cache-to", f"type=local,dest={work}/cache")
    cache = Cache(work / "cache")
    cache.manifest["config"]["mediaType"] = "application/vnd.buildkit.cacheconfig.v0"
    if form == "index":
        cache.manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
                          "manifests": cache.manifest["layers"] + [cache.manifest["config"]], "config": cache.manifest["config"]}
        text = json.dumps({key: value for key, value in cache.manifest.items() if key != "config"}).encode()
        cache.entry.update(cache.put(text), mediaType=cache.manifest["mediaType"])
        (work / "cache/index.json").write_text(json.dumps(cache.index))
    else:
        cache.write()
    result = build("b", "--cache-from", f"type=local,src={work}/cache")
    assert result.cached == 0 and "a cache that BuildKit made" in result.err and "going on without it" in result.err


@pytest.mark.parametrize("source,words", [
    ("type=local,src=/nowhere", "/nowhere"), ("localhost:1/x:cache", "localhost:1"), ("type=registry,ref=localhost:1/x", "localhost:1")])
def test_a_cache_that_is_not_there_is_a_warning(work, context, build, source, words):
    result = build("a", "--cache-from", source)
    assert result.cached == 0 and f"cache-from {source}: " in result.err and words in result.err and "going on without it" in result.err


def test_a_cache_that_cannot_be_written_is_an_error_unless_it_may_be_ignored(work, context, build):
    (work / "cache").write_text("a file")
    result = build("a", "--cache-to", f"type=local,dest={work}/cache", check=False)
    assert result.code == 1 and f"cache-to type=local,dest={work}/cache: " in result.err
    result = build("a", "--cache-to", f"type=local,dest={work}/cache,ignore-error=true")
    assert "cache-to type=local" in result.err and result.cached == STEPS


@pytest.mark.parametrize("words,message", [
    (["--cache-to", "type=gha"], 'type is "gha", expected registry, local or inline'),
    (["--cache-to", "type=local"], "dest is missing"), (["--cache-from", "type=local,dest=x"], "src is missing"),
    (["--cache-to", "type=registry"], "ref is missing"), (["--cache-to", "type=local,dest=x,mode=most"], 'mode is "most", expected min or max'),
    (["--cache-to", "type=local,dest=x,colour=red"], "unexpected key 'colour'"),
    (["--cache-to", "type=registry,ref=UPPER"], "must be lowercase"),
    (["--cache-to", "type=local,dest=x,compression=lzma"], "lzma"),
    (["--cache-to", "type=local,dest=x,oci-mediatypes=false"], "oci-mediatypes cannot be false"),
    (["--cache-to", "type=local,dest=x,ignore-error=perhaps"], "expected true or false"),
    (["--cache-from", "type=s3,bucket=x"], 'type is "s3", expected registry, local')])
def test_what_is_not_well_formed_is_an_error_before_anything_is_built(work, context, words, message):
    result = strata(work / "a", "build", *words, context, check=False)
    assert result.code == 1 and message in result.err and result.out == ""
    assert not (work / "a").exists()


def test_inline_is_what_every_image_is(work, context, build):
    if registries.cannot_run():
        pytest.skip(registries.cannot_run())
    with registry() as server:
        first = build("a", "--cache-to", "type=inline")
        strata(work / "a", "tag", "t:1", f"{server.host}/x:1")
        strata(work / "a", "push", f"{server.host}/x:1", env=no_configuration(work))
        second = build("b", "--cache-from", f"type=registry,ref={server.host}/x:1")
        assert second.cached == 5 and second.image != first.image
