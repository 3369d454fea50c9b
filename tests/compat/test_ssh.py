# SPDX-License-Identifier: Apache-2.0
"""push and pull to ssh:// through a real sshd on loopback: only what is missing travels, interruptions, bootstrap, errors."""
import os
import random
import re
import signal
import subprocess
import time

import pytest

import sshd
from archives import Image
from engine import binary, needs_strata_itself, strata
from images import build, image_id, runnable
from peers import dockerd
from procs import clean_env
from roots import Root, problems, snapshot, staged_bytes
from seeds import count, seed
from verbs import SMALL_RECORDS, assert_holds, plain_layer, root_with, two_images

pytestmark = needs_strata_itself("docker has no ssh:// addresses")
WAYS = ["push", "pull"]
BIG = 3_000_000  # random bytes: compression changes nothing


@pytest.fixture(scope="module")
def host():
    if sshd.cannot_run():
        if os.environ.get("STRATA_MUST_RUN") == "1":
            pytest.fail(f"must run here, but cannot: {sshd.cannot_run()}", pytrace=False)
        pytest.skip(sshd.cannot_run())
    with sshd.sshd() as one:
        yield one


def transfer(host, what, here, there, *words, check=True, env=None, timeout=300):
    return strata(here, what, "--remote-program", binary(), host.url(there), *words, check=check,
                  env=env or host.env(), timeout=timeout)


def images(layers=3, size=BIG):
    """base:1 and app:1 on it, their layers of random bytes."""
    choose = random.Random(seed())
    tars = [plain_layer(f"l{i}", choose.randbytes(size)) for i in range(layers)]
    base = Image(tars, ["base:1"])
    return base, Image([*tars, plain_layer("app", choose.randbytes(size))], ["app:1", "app:latest"])


@pytest.mark.parametrize("what", WAYS)
def test_only_what_is_missing_travels(work, host, what):
    base, app = images()
    full, empty = root_with(work / "full", base, app), work / "empty"
    here, there = (full, empty) if what == "push" else (empty, full)

    def travelled():
        env = host.counted()
        result = transfer(host, what, here, there, *names, env=env)
        return result, host.sent() if what == "push" else host.received()

    names = ["base:1"]
    result, data = travelled()
    assert 3 * BIG < data < 3.1 * BIG, result
    assert result.out == f"{'Pushed' if what == 'push' else 'Pulled'} image: base:1\n"
    assert_holds(empty, base)
    names = ["app"]
    result, data = travelled()
    assert BIG < data < 1.1 * BIG, result
    assert len(re.findall("Layer already exists|Already exists", result.err)) == 3
    assert_holds(empty, base, app)
    names = ["base:1", "app:1"]
    result, data = travelled()
    assert data < 20_000, result
    assert_holds(empty, base, app)


@pytest.mark.parametrize("what", WAYS)
@pytest.mark.parametrize("compression", ["none", "zstd:1"])
def test_odd_images_arrive_as_they_are(work, host, what, compression):
    full, empty = root_with(work / "full", *two_images()), work / "empty"
    here, there = (full, empty) if what == "push" else (empty, full)
    transfer(host, what, here, there, "--wire-compression", compression, "first", "team/second:2")
    assert_holds(empty, *two_images())


@pytest.mark.parametrize("what", WAYS)
def test_the_same_layer_on_several_parents_travels_once(work, host, what):
    shared = plain_layer("shared", random.Random(seed()).randbytes(BIG))
    one, two = Image([plain_layer("one"), shared], ["one:1"]), Image([plain_layer("two"), shared, shared], ["two:1"])
    full, empty = root_with(work / "full", one, two), work / "empty"
    here, there = (full, empty) if what == "push" else (empty, full)
    transfer(host, what, here, there, "one:1", "two:1", env=host.counted())
    assert max(host.sent(), host.received()) < 1.1 * BIG
    assert_holds(empty, one, two)


@pytest.mark.parametrize("what", WAYS)
def test_build_steps_go_along_and_are_dockers_cache_there(work, root, host, what):
    """What dockerd built here, the dockerd there finds in its cache."""
    other = work / "other"
    here, there = (root, other) if what == "push" else (other, root)
    transfer(host, what, here, there, "child:1", "busy:1")
    image = Root(root).references()["child:1"]
    while image:
        assert Root(other).config_bytes(image) == Root(root).config_bytes(image)
        assert Root(other).parent_of(image) == Root(root).parent_of(image)
        image = Root(root).parent_of(image)
    assert set(Root(other).references()) == {"child:1", "busy:1"}
    assert problems(other) == []
    dockerfile = "FROM app:1\nUSER root\nLABEL role=child\nRUN echo child > /child\n"
    transfer(host, what, here, there, "app:1")
    with dockerd(other) as docker:
        assert "Running in" not in build(docker, dockerfile, "again:1").out
        assert image_id(docker, "again:1") == Root(root).references()["child:1"]
    transfer(host, what, here if what == "push" else work / "flat", there if what == "pull" else work / "flat",
             "--no-parents", "child:1")
    assert Root(work / "flat").images() == {Root(root).references()["child:1"]}


@pytest.mark.parametrize("what", WAYS)
def test_a_name_that_moves_is_told(work, host, what):
    old, new = Image([plain_layer("old")], ["name:1"]), Image([plain_layer("new")], ["name:1"])
    source, target = root_with(work / "source", new), root_with(work / "target", old)
    here, there = (source, target) if what == "push" else (target, source)
    result = transfer(host, what, here, there, "name:1")
    assert f"The image name:1 already exists, renaming the old one with ID {old.id} to empty string" in result.out
    assert Root(target).references() == {"name:1": new.id}


@pytest.mark.parametrize("what", WAYS)
def test_killed_at_random_moments_it_goes_on_where_it_stopped(work, host, what):
    choose = random.Random(seed())
    base, app = images(layers=6, size=1_000_000)
    full = root_with(work / "full", base, app)
    kills = max(2, count("STRATA_KILLS", 40) // 5)
    for number in range(kills):
        empty = work / f"empty{number}"
        here, there = (full, empty) if what == "push" else (empty, full)
        process = subprocess.Popen([binary(), "--root", str(here), what, "--remote-program", binary(), host.url(there), "app"],
                                   env=clean_env(**host.env()), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(choose.uniform(0, 0.6))
        victim = choose.choice(["here", "there"])
        for pid in [process.pid] if victim == "here" else sshd.serving(there):
            os.kill(pid, signal.SIGKILL)
        process.wait(60)
        wait_until_gone(host)
        transfer(host, what, here, there, "app")
        assert_holds(empty, app)
        assert staged_bytes(empty) < SMALL_RECORDS


def wait_until_gone(host):
    """Not only until none can be seen: a process that ends loses its name before its locks."""
    deadline = time.monotonic() + 20
    while host.has_sessions():
        assert time.monotonic() < deadline, "the program over there lives on"
        time.sleep(0.02)


@pytest.mark.parametrize("what", WAYS)
@pytest.mark.parametrize("victim", ["here", "there"])
def test_layers_that_had_arrived_are_not_sent_again(work, host, what, victim):
    """The line is cut after about four of seven layers."""
    base, app = images(layers=6)
    full, empty = root_with(work / "full", base, app), work / "empty"
    here, there = (full, empty) if what == "push" else (empty, full)
    env = host.counted()
    process = subprocess.Popen([binary(), "--root", str(here), what, "--remote-program", binary(), host.url(there), "app"],
                               env=clean_env(**env), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    blobs = empty / "strata/blobs"
    deadline = time.monotonic() + 60
    while len([f for f in blobs.glob("*.journal") if f.stat().st_size > 0] if blobs.exists() else []) < 4:
        assert time.monotonic() < deadline and process.poll() is None, "it was over too soon"
    for pid in [process.pid] if victim == "here" else sshd.serving(there):
        os.kill(pid, signal.SIGKILL)
    process.wait(60)
    wait_until_gone(host)
    assert Root(empty).images() == set() and Root(empty).layers() == set()
    complete = len([f for f in blobs.glob("*.journal") if f.stat().st_size > 0])
    assert complete >= 4
    transfer(host, what, here, there, "app", env=host.counted())
    sent = host.sent() if what == "push" else host.received()
    assert sent < (7 - complete) * 1.05 * BIG + 20_000
    assert_holds(empty, app)
    assert not list(blobs.iterdir())


def test_a_layer_that_was_kept_and_is_damaged_is_sent_again(work, host):
    base, app = images(layers=3, size=500_000)
    full, empty = root_with(work / "full", base, app), work / "empty"
    process = subprocess.Popen([binary(), "--root", str(full), "push", "--remote-program", binary(), host.url(empty), "app:1"],
                               env=clean_env(**host.env()), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    blobs = empty / "strata/blobs"
    while not (blobs.exists() and [f for f in blobs.glob("*.journal") if f.stat().st_size > 0]):
        assert process.poll() is None
    process.kill()
    process.wait()
    wait_until_gone(host)
    for journal in blobs.glob("*.journal"):
        blob = journal.with_suffix("")
        data = bytearray(blob.read_bytes())
        if data:
            data[len(data) // 2] ^= 1
            blob.write_bytes(data)
    transfer(host, "push", full, empty, "app")
    assert_holds(empty, app)


@pytest.mark.parametrize("what", WAYS)
def test_no_strata_over_there(work, host, what):
    full, other = root_with(work / "full", *two_images()), work / "other"
    here, there = (full, other) if what == "push" else (other, full)
    result = strata(here, what, host.url(there), "first:1", env=host.env(), check=False)
    assert result.code == 1 and 'no program "strata" on there' in result.err and "--bootstrap" in result.err, result
    assert not other.exists() or Root(other).images() == set()


@pytest.mark.parametrize("what", WAYS)
def test_bootstrap_copies_the_program_and_leaves_nothing(work, host, what):
    full, other = root_with(work / "full", *two_images()), work / "other"
    here, there = (full, other) if what == "push" else (other, full)
    before = set(os.listdir("/tmp"))
    strata(here, what, "--bootstrap", host.url(there), "first", "team/second:2", env=host.env())
    assert_holds(other, *two_images())
    assert [n for n in set(os.listdir("/tmp")) - before if re.fullmatch(r"strata-\w{10}", n)] == []


def test_wrong_hosts(work, host):
    root = root_with(work / "root", *two_images())
    (host.home / "closed_config").write_text(f"Host there\n HostName 127.0.0.1\n Port {sshd.free_port()}\n BatchMode yes\n")
    closed = {"STRATA_SSH": f"ssh -F {host.home}/closed_config"}
    for url, env, words in ((host.url(), closed, "no connection to there"),
                            ("ssh://no.such.host.invalid", host.env(), "no connection to no.such.host.invalid"),
                            (host.url(), {"STRATA_SSH": "/nonexistent/ssh"}, 'no program "strata" on there|cannot start ssh'),
                            ("ssh://-oProxyCommand=touch", host.env(), "invalid address"),
                            ("ssh://there:99999", host.env(), "invalid address")):
        result = strata(root, "push", url, "first:1", env=env, check=False)
        assert result.code == 1 and re.search(words, result.err), result


def test_wrong_roots_and_images(work, host):
    root = root_with(work / "root", *two_images())
    (work / "file").write_text("")
    before = snapshot(root)
    for what, there, names, words in (("push", work / "file", ["first:1"], "there: "),
                                      ("pull", work / "nowhere", ["first:1"], "there: no image store at .*nowhere"),
                                      ("pull", root, ["nope:1"], "there: No such image: nope:1"),
                                      ("push", work / "other", ["nope:1"], "No such image: nope:1"),
                                      ("push", work / "other", [], "name the images")):
        result = transfer(host, what, work / "mine" if what == "pull" else root, there, *names, check=False)
        assert result.code == 1 and re.search(words, result.err), result
    assert snapshot(root) == before and not (work / "nowhere").exists()


def test_beside_a_running_dockerd_the_error_comes_through(work, host):
    root = root_with(work / "root", *two_images())
    base, app = images(size=1000)
    full = root_with(work / "full", base, app)
    with dockerd(root):
        result = transfer(host, "push", full, root, "app:1", check=False)
        assert result.code == 1 and "there: " in result.err and "a dockerd is running on this root" in result.err, result
        transfer(host, "pull", work / "mine", root, "first")  # reading is fine
    assert_holds(root, *two_images())
    assert set(Root(work / "mine").references()) == {"first:1", "first:latest"}


def test_docker_runs_what_was_pushed(work, host):
    image = runnable("run:1")
    transfer(host, "push", root_with(work / "full", image), work / "other", "run:1")
    with dockerd(work / "other") as docker:
        assert docker("run", "--rm", "--network", "none", "run:1").out == "runs\n"


def test_two_at_once_into_one_root(work, host):
    """Both end well, and one of them keeps what arrives."""
    base, app = images(layers=3, size=1_000_000)
    full, empty = root_with(work / "full", base, app), work / "empty"
    command = [binary(), "--root", str(full), "push", "--remote-program", binary(), host.url(empty), "app", "base:1"]
    both = [subprocess.Popen(command, env=clean_env(**host.env()), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            for _ in range(2)]
    for one in both:
        _, err = one.communicate(timeout=120)
        assert one.returncode == 0, err.decode()
    assert_holds(empty, base, app)
    assert not list((empty / "strata/blobs").iterdir())


def test_interrupted_by_the_user(work, host):
    base, app = images(layers=6)
    full, empty = root_with(work / "full", base, app), work / "empty"
    process = subprocess.Popen([binary(), "--root", str(full), "push", "--remote-program", binary(), host.url(empty), "app"],
                               env=clean_env(**host.env()), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list((empty / "strata/blobs").glob("*")):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    wait_until_gone(host)
    assert Root(empty).images() == set()
    transfer(host, "push", full, empty, "app")
    assert_holds(empty, app)
