# SPDX-License-Identifier: Apache-2.0
"""pull from a registry that drops, stalls, truncates, corrupts and lies at every step, half of the time.

A pull ends right, or with an error, soon; the root is never damaged, and nothing that was not verified is in it.
STRATA_HOSTILE_PULLS says how many (default 30), STRATA_TEST_SEED repeats a run.
"""
import json
import pathlib
import random
import time

import pytest

import archives
import hostile_registry
from archives import Image
from engine import needs_strata_itself, strata
from hostile_registry import FAULTS, HARMLESS, HostileRegistry
from procs import remove_tree
from roots import Root, problems
from seeds import count, seed
from tars import Tar, odd_layer
from verbs import plain_layer

pytestmark = [pytest.mark.as_root, needs_strata_itself("its own downloads are under test")]

IMPATIENT = {"STRATA_RETRY_MS": "2", "STRATA_STALL_SECONDS": "1", "STRATA_CONNECT_SECONDS": "2", "no_proxy": "*"}
LIMIT_SECONDS = 60


def noise(name, size, rng):
    """A layer that does not compress; one of them is fetched in pieces."""
    return Tar().dir("n/").file(f"n/{name}", rng.randbytes(size)).bytes()


@pytest.fixture(scope="module")
def images():
    rng = random.Random(5)
    base = plain_layer("base", b"base" * 3000)
    return {"x/small:1": Image([base, odd_layer(), plain_layer("top")]),
            "x/large:1": Image([base, noise("large", 20 << 20, rng), noise("other", 300_000, rng)]),
            "x/twice:1": Image([base, plain_layer("b"), base])}


def no_fault(_request):
    return None


def pull(root, server, name, check=False):
    started = time.monotonic()
    result = strata(root, "pull", "-q", f"{server.host}/{name}", check=check, env=IMPATIENT, timeout=LIMIT_SECONDS + 30)
    assert time.monotonic() - started < LIMIT_SECONDS
    return result


def assert_right(root, server, images, *names):
    found = Root(root)
    for name in names:
        image = images[name]
        assert found.references()[f"{server.host}/{name}"] == image.id
        assert found.config_bytes(image.id) == image.config_bytes
        assert [found.layer_tar(c) for c in found.chain(image.id)] == image.layers


def assert_undamaged(root, images):
    """Whatever is there is whole and was meant."""
    if not pathlib.Path(root).exists():
        return
    assert problems(root) == []
    assert Root(root).images() <= {image.id for image in images.values()}
    assert list((pathlib.Path(root) / "strata/staging").iterdir()) == []


# ---- at every step, by chance ------------------------------------------------------------------------------------

@pytest.mark.parametrize("share", [0.5, 0.15])
def test_pulls_end_right_or_with_an_error(images, work, share):
    rng = random.Random(seed())
    ends = {"right": 0, "error": 0}
    faults = {}
    for number in range(count("STRATA_HOSTILE_PULLS", 30) // 2):
        # One or a few kinds at a time, so that each is met often; stalls are slow, and come seldom.
        kinds = rng.sample(FAULTS if number % 6 == 0 else [f for f in FAULTS if "stall" not in f], rng.randrange(1, 5))
        mood = lambda _request: rng.choice(kinds) if rng.random() < share else None
        name = rng.choice(sorted(images))
        root = work / f"root{number}"
        with HostileRegistry(images, mood, rng, pack=rng.choice(["gzip", "zstd", None])) as server:
            for _ in range(2):
                result = pull(root, server, name)
                assert_undamaged(root, images)
                ends["right" if result.code == 0 else "error"] += 1
                faults |= server.met
                if result.code == 0:
                    assert_right(root, server, images, name)
                    break
                assert result.code == 1 and result.err.strip(), result
            # Then all is well again, and what was kept of the wrong does no harm.
            server.mood = no_fault
            result = pull(root, server, name)
            assert result.code == 0, f"{kinds}: {result}"
            assert_right(root, server, images, name)
            assert list((root / "strata/blobs").glob("*")) == []
        remove_tree(root)
    print(ends, faults)
    assert ends["right"] > 0 and ends["error"] > 0


# ---- one fault, always or once -----------------------------------------------------------------------------------

def is_blob(request):
    return "/blobs/" in request.path


def is_manifest(request):
    return "/manifests/" in request.path


@pytest.mark.parametrize("fault", [f for f in FAULTS if f not in ("no ranges", "long")])
@pytest.mark.parametrize("where", [is_blob, is_manifest], ids=["blobs", "manifests"])
def test_a_fault_that_stays_is_an_error(images, work, fault, where):
    tolerated = {is_blob: ("other digest", "wrong range", "other etag", "drop inside", "stall inside", "short"),
                 is_manifest: ("wrong range", "other etag", "drop inside", "stall inside")}
    rng = random.Random(seed())
    with HostileRegistry(images, lambda r: fault if where(r) else None, rng) as server:
        result = pull(work / "root", server, "x/small:1")
        assert_undamaged(work / "root", images)
        if fault in tolerated[where] and result.code == 0:
            assert_right(work / "root", server, images, "x/small:1")
            return
        assert result.code == 1 and result.err.startswith("Error: "), result
        assert Root(work / "root").images() == set()


@pytest.mark.parametrize("fault", HARMLESS)
def test_a_fault_that_passes_does_no_harm(images, work, fault):
    """Each path fails once, then never again."""
    met = set()

    def once(request):
        if request.path in met:
            return None
        met.add(request.path)
        return fault

    with HostileRegistry(images, once, random.Random(seed())) as server:
        pull(work / "root", server, "x/large:1", check=True)
        assert_right(work / "root", server, images, "x/large:1")
    assert problems(work / "root") == []


@pytest.mark.parametrize("fault, text", [("corrupt", "has digest sha256:"), ("other size", "bytes, the registry has"),
                                         ("not found", "not today"), ("short", "bytes, the registry has")])
def test_errors_say_what_and_where(images, work, fault, text):
    with HostileRegistry(images, lambda r: fault if is_blob(r) and r.path in layers else None, random.Random(seed()), pack=None) as server:
        image = images["x/large:1"]
        layers = {f"/v2/x/large/blobs/{d}" for d in image.diff_ids[1:2]}
        result = pull(work / "root", server, "x/large:1")
    assert result.code == 1
    assert text in result.err and image.diff_ids[1] in result.err, result.err


def test_a_lost_connection_costs_only_the_rest(images, work):
    rng = random.Random(seed())
    with HostileRegistry(images, lambda r: "drop inside" if is_blob(r) and rng.random() < 0.5 else None, rng, pack=None) as server:
        total = sum(len(layer) for layer in images["x/large:1"].layers)
        while pull(work / "root", server, "x/large:1").code != 0:
            pass
        assert server.served < total + 20_000
        assert server.met["drop inside"] > 0
        assert_right(work / "root", server, images, "x/large:1")


def test_a_manifest_that_lies_about_its_layers_publishes_nothing(images, work):
    """Sizes, digests and diffIDs that do not fit: each is named, and nothing of it is to be seen."""
    image = images["x/small:1"]
    with HostileRegistry(images, no_fault, random.Random(1), pack=None) as server:
        served = server.served_files
        right = next(m for p, m in served.manifests.items() if p == "/v2/x/small/manifests/1")
        swapped = json.loads(right)
        swapped["layers"].reverse()
        swapped = archives.compact(swapped)
        larger = right.replace(b'"size":%d' % len(image.layers[1]), b'"size":%d' % (len(image.layers[1]) + 1))
        fewer = right.replace(right[right.rindex(b",{"):right.rindex(b"}]") + 1], b"")
        for wrong, text in ((swapped, "invalid diffID for layer"), (larger, "bytes, the registry has"), (fewer, "layers length mismatch")):
            assert wrong != right
            served.manifests["/v2/x/small/manifests/wrong"] = wrong
            served.manifests[f"/v2/x/small/manifests/sha256:{archives.sha(wrong)}"] = wrong
            result = pull(work / "root", server, "x/small:wrong")
            assert result.code == 1 and text in result.err, result
            assert Root(work / "root").layers() == set() and Root(work / "root").references() == {}
            assert problems(work / "root") == []


def test_a_layer_that_the_registry_may_not_have_is_fetched_from_its_urls(images, work):
    image = images["x/large:1"]
    with HostileRegistry(images, no_fault, random.Random(1), pack=None) as server, \
            HostileRegistry(images, no_fault, random.Random(2), pack=None) as other:
        served = server.served_files
        manifest = json.loads(served.manifests["/v2/x/large/manifests/1"])
        foreign = manifest["layers"][1]
        foreign["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
        foreign["urls"] = [f"http://{other.host}/nothing", f"http://{other.host}/elsewhere/{foreign['digest']}"]
        other.served_files.elsewhere[foreign["digest"]] = served.blobs.pop(foreign["digest"])
        text = archives.compact(manifest)
        served.manifests["/v2/x/large/manifests/1"] = text
        pull(work / "root", server, "x/large:1", check=True)
        assert_right(work / "root", server, images, "x/large:1")
        assert other.served == len(image.layers[1])


@pytest.mark.parametrize("stalled", [1, 2])
@pytest.mark.parametrize("fault", ["stall before", "stall inside"])
def test_a_layer_that_fails_waits_for_no_other(images, work, monkeypatch, stalled, fault):
    """Whichever of the two is begun first: one fails, and the other says nothing for longer than anybody wants to wait."""
    monkeypatch.setattr(hostile_registry, "STALL_SECONDS", 300)
    monkeypatch.setitem(IMPATIENT, "STRATA_STALL_SECONDS", "120")
    with HostileRegistry(images, no_fault, random.Random(4)) as server:
        layers = [layer["digest"] for layer in json.loads(server.served_files.manifests["/v2/x/large/manifests/1"])["layers"]]
        server.mood = lambda request: next((kind for layer, kind in ((layers[stalled], fault), (layers[3 - stalled], "corrupt"))
                                            if request.path.endswith(layer)), None)
        started = time.monotonic()
        result = pull(work / "root", server, "x/large:1")
        assert time.monotonic() - started < 15
        assert result.code == 1 and layers[3 - stalled] in result.err and layers[stalled] not in result.err, result
    assert_undamaged(work / "root", images)


def test_a_stalled_registry_is_left_in_time(images, work):
    with HostileRegistry(images, lambda r: "stall before" if is_blob(r) else None, random.Random(3)) as server:
        started = time.monotonic()
        result = pull(work / "root", server, "x/small:1")
        assert result.code == 1
        assert time.monotonic() - started < 30
