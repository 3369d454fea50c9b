# SPDX-License-Identifier: Apache-2.0
"""Transfers between hosts without a network: the other side is this suite, and it lies, stops and garbles at every step."""
import contextlib
import fcntl
import json
import os
import random
import re
import shutil
import time

import pytest

import transfer
from archives import Image, compact, docker_2010
from engine import binary, needs_strata_itself, strata
from procs import run
from roots import Root, problems, snapshot, staged_bytes
from seeds import count, seed
from tars import odd_layer
from transfer import GREETING, chains, error_of, frame, layer, layers, liar, local_ssh, offer, request, sending, serve
from verbs import assert_holds, load, plain_layer, root_with, two_images, unchanged

pytestmark = [pytest.mark.as_root, needs_strata_itself("docker has no transfers")]


def image(*tags, data=b"x" * 20_000, **config):
    return Image([plain_layer("a", data), plain_layer("b")], tags or ["app:1"], **config)


def push(work, program, *words, check=False, root=None, setup=""):
    root = root or root_with(work / "here", image())
    return strata(root, "push", "--remote-program", program, f"ssh://host{work}/there", *(words or ["app:1"]),
                  env=local_ssh(work, setup), check=check, timeout=60)


# ---- a good other side -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_a_session_by_the_description(work, compression):
    code, answer = serve(work / "root", sending(image(), compression=compression))
    assert code == 0, answer
    assert [kind for kind, _ in answer] == ["W", "V", "K", "K", "F"]
    assert answer[0][1] == compact(chains(image()))
    assert_holds(work / "root", image())
    assert not list((work / "root/strata/blobs").iterdir())


def test_what_is_sent_is_what_was_asked_for(work):
    root = root_with(work / "root", *two_images())
    wanted = chains(two_images()[0])
    code, answer = serve(root, GREETING + request(do="send", images=["first"], compression="none") +
                         frame("W", compact(wanted[1:])) + frame("V"))
    kinds = [kind for kind, _ in answer]
    assert kinds[:4] == ["I", "J", "O", "L"] and kinds.count("L") == 2 and kinds[-2:] == ["C", "X"], kinds
    assert code == 1  # nobody said that it is finished
    assert b"".join(data for kind, data in answer if kind == "D") == two_images()[0].layers[1] + two_images()[0].layers[2]


def test_parents_and_names(work):
    base = Image([plain_layer("a")], [])
    child = Image([plain_layer("a"), odd_layer()], ["child:1", "reg:5000/x/y:z"],
                  history=[*base.config["history"], {"created_by": "more"}])
    data = (GREETING + request(do="receive") + offer(child, base, parents={child.id: base.id}) + layers(child) + frame("C"))
    code, answer = serve(work / "root", data)
    assert code == 0, answer
    assert Root(work / "root").parent_of(child.id) == base.id
    assert_holds(work / "root", child, base)


# ---- one that does it wrong ------------------------------------------------------------------------------------

def wrong_sessions():
    good, other = image(), image("other:1", data=b"other")
    head = GREETING + request(do="receive")
    yield "no greeting", b"hello\n", None
    yield "another version", b"strata-transfer 2 9.9\n", None
    yield "no request", GREETING + frame("O"), "frame of type 'O', expected 'R'"
    yield "what nobody does", GREETING + request(do="dance"), "dance"
    yield "a long frame", GREETING + b"R\x7f\xff\xff\xff", "is none"
    yield "an unknown frame", GREETING + frame("?"), "is none"
    yield "no JSON", GREETING + frame("R", b"{"), "request"
    yield "compression", GREETING + request(do="send", images=["a"], compression="xz"), "compression|xz"
    yield "no such image", GREETING + request(do="send", images=["nope:1"]), "no image store|No such image"
    yield "another config", head + frame("I", compact({"id": good.id, "tags": [], "configBytes": 5})) + frame("J", b"12345"), "expected sha256"
    yield "a longer config", head + frame("I", compact({"id": good.id, "tags": [], "configBytes": 5})) + frame("J", b"123456"), "not 5 bytes"
    yield "an endless config", head + frame("I", compact({"id": good.id, "tags": [], "configBytes": 1 << 40})), "send them in parts"
    yield "a negative config", head + frame("I", compact({"id": good.id, "tags": [], "configBytes": -1})), "configBytes is -1"
    yield "an image twice", head + offer(good)[:-5] + offer(good), "twice"
    yield "a bad tag", head + offer(Image(good.layers, ["../x:1"])), "invalid"
    yield "a digest for a tag", head + offer(Image(good.layers, ["x@sha256:" + "1" * 64])), "invalid tag"
    yield "a parent that cannot be", head + offer(good, other, parents={good.id: other.id}), "not a valid parent"
    yield "too many layers", head + offer(Image([plain_layer("a")] * 126, ["x:1"])), "max depth"
    yield "windows", head + offer(image("w:1", os="windows")), "windows"
    yield "another layer", head + offer(good) + layer(chains(other)[1], other.layers[1]), "expected sha256"
    yield "wrong content", head + offer(good) + layer(chains(good)[0], other.layers[0]), "expected diffID"
    yield "no tar", head + offer(good) + layer(chains(good)[0], b"no tar" * 1000), "layer sha256"
    no_zstd = frame("L", compact({"chainID": chains(good)[0], "size": 1, "compression": "zstd"})) + frame("D", b"\x00" * 100)
    yield "no zstd", head + offer(good) + no_zstd + frame("E"), "zstd"
    yield "bytes behind the end", head + offer(good) + layer(chains(good)[0], good.layers[0] + b"x" * 9000), "expected diffID|behind"
    yield "no commit", sending(good)[:-5], "has ended"
    yield "an error", head + offer(good) + frame("X", compact({"code": "no-space", "message": "full\x1b[2J"})), "full"


@pytest.mark.parametrize("name,data,words", wrong_sessions(), ids=lambda v: v if isinstance(v, str) and len(v) < 25 else "")
def test_a_caller_that_does_it_wrong(work, name, data, words):
    (work / "root").mkdir()
    code, answer = serve(work / "root", data)
    assert code == 1, answer
    if words:
        assert answer and answer[-1][0] == "X" and re.search(words, error_of(answer)), answer
    root = Root(work / "root")
    assert root.images() == set() and root.layers() == set() and root.references() == {}
    assert problems(work / "root") == []


def test_every_truncation_changes_nothing(work):
    """The line ends anywhere; then the whole session is played again."""
    good = sending(image(data=b"x" * 3000), compression="zstd")
    choose = random.Random(seed())
    for size in sorted(choose.sample(range(len(good)), min(len(good), 60))):
        code, _ = serve(work / "root", good[:size])
        assert code == 1
        root = Root(work / "root")
        assert root.images() == set() and root.layers() == set(), size
    shutil.rmtree(work / "root/strata/blobs", ignore_errors=True)  # else it would ask for less
    assert serve(work / "root", good)[0] == 0
    assert_holds(work / "root", image(data=b"x" * 3000))


def test_garbled_sessions_end_right_or_with_an_error(work):
    good = sending(image(data=os.urandom(3000)))
    choose = random.Random(seed())
    for number in range(20 * count("STRATA_TREES", 3)):
        data = bytearray(good)
        for _ in range(choose.randint(1, 3)):
            data[choose.randrange(len(data))] = choose.randrange(256)
        root = work / f"root{number}"
        code, _ = serve(root, bytes(data))
        images = Root(root).images() if root.exists() else set()
        if code != 0:
            assert images == set(), f"seed {seed()}"
        assert not root.exists() or problems(root) == [], f"seed {seed()}"
        shutil.rmtree(root, ignore_errors=True)


def test_kept_layers_are_taken_and_not_asked_for(work):
    good = image()
    parts = GREETING + request(do="receive") + offer(good) + layer(chains(good)[0], good.layers[0], "zstd")
    assert serve(work / "root", parts)[0] == 1
    assert len(list((work / "root/strata/blobs").glob("*.journal"))) == 1
    code, answer = serve(work / "root", GREETING + request(do="receive") + offer(good) + layer(chains(good)[1], good.layers[1]) + frame("C"))
    assert code == 0 and answer[0] == ("W", compact([chains(good)[1]])), answer
    assert_holds(work / "root", good)
    assert not list((work / "root/strata/blobs").iterdir())


def test_what_is_kept_of_layers_that_are_there_goes(work):
    """As after a kill behind the moment at which the images appeared: nothing is asked for any more, and nothing stays."""
    good = image()
    assert serve(work / "root", GREETING + request(do="receive") + offer(good) + layer(chains(good)[0], good.layers[0]))[0] == 1
    load(work / "root", docker_2010(good))
    assert staged_bytes(work / "root") > 10_000 and len(list((work / "root/strata/blobs").iterdir())) == 2
    code, answer = serve(work / "root", GREETING + request(do="receive") + offer(good) + frame("C"))
    assert code == 0 and [kind for kind, _ in answer] == ["V", "F"], answer
    assert not list((work / "root/strata/blobs").iterdir())


def test_what_another_process_kept_while_it_was_dying_goes(work):
    """Its locks go one after the other: what it held of a layer then, nobody else does."""
    good = image()
    start = GREETING + request(do="receive") + offer(good)
    sent = layer(chains(good)[0], good.layers[0]) + layer(chains(good)[1], good.layers[1])
    assert serve(work / "root", start + sent)[0] == 1
    blobs = work / "root/strata/blobs"
    with contextlib.ExitStack() as held:
        for journal in blobs.glob("*.journal"):
            fcntl.flock(held.enter_context(open(journal, "rb")), fcntl.LOCK_EX)
        code, answer = serve(work / "root", start + sent + frame("C"))
        assert code == 0, answer
    assert_holds(work / "root", good)
    assert not list(blobs.iterdir())


# ---- push, and what is over there is no strata -----------------------------------------------------------------

@pytest.mark.parametrize("lie,words", [
    (b"Welcome to host!\n", "Welcome to host!.*start-up file"),
    (b"strata-transfer 7 8.9\n", r"host speaks version 7 of the transfer protocol \(strata 8.9\), this one speaks version 1"),
    (b"x" * 10_000, "expected a greeting"),
    (GREETING + b"W\xff\xff\xff\xff", "host sent a frame of type 87 and 4294967295 bytes"),
    (GREETING + frame("W", compact(["sha256:" + "1" * 64])) + frame("V"), "twice, or one not offered"),
    (GREETING + frame("W", compact(chains(image())[:1] * 2)) + frame("V"), "twice, or one not offered"),
    (GREETING + frame("W", b"[1]") + frame("V"), "want: expected chainIDs"),
    (GREETING + frame("V") + frame("K", b"junk"), "junk"),
    (GREETING + frame("V") + frame("F", b"[]"), "finished: expected an object"),
    (GREETING + frame("X", compact({"code": "busy", "message": "no\x1b[2Jway"})), r"host: no\?\[2Jway"),
    (GREETING + frame("X", b"?"), "failed without saying why"),
])
def test_push_to_something_that_lies(work, lie, words):
    result = push(work, liar(work, lie))
    assert result.code == 1 and re.search(words, result.err), result
    assert "Pushed" not in result.out


def test_the_reason_is_told_even_when_the_other_side_is_gone(work):
    """It says why and ends at once, while we have much to say: no offer fits into a pipe."""
    root = work / "here"
    images = [image(f"app:{i}", config={"Labels": {"long": "x" * 60_000}, "Number": i}) for i in range(20)]
    root_with(root, *images)
    (work / "lies").write_bytes(GREETING + frame("X", compact({"code": "busy", "message": "a dockerd is running"})))
    program = work / "brief"
    program.write_text(f"#!/bin/sh\ncat {work}/lies\n")
    program.chmod(0o755)
    for _ in range(5):
        result = push(work, str(program), "app", root=root)
        assert result.code == 1 and "host: a dockerd is running" in result.err, result


def unasked():
    good, other = image("app:1", "app:2"), image("debian:latest", data=b"evil")
    nameless = Image(other.layers, [])
    yield "another name", ["app:1"], offer(good), "app:2, which was not asked for"
    yield "another image too", ["app"], offer(good, other), "debian:latest, which was not asked for"
    yield "a nameless image", ["app"], offer(good, nameless), f"image {nameless.id}, which was not asked for"
    yield "another ID", [nameless.id[7:19]], offer(good), "app:1, which was not asked for"
    yield "instead of an ID", ["sha256:" + "1" * 64], offer(nameless), "which was not asked for"
    yield "a parent that cannot be", ["app"], offer(good, nameless, parents={good.id: nameless.id}), "not a valid parent"


@pytest.mark.parametrize("name,asked,lie,words", unasked(), ids=lambda v: v if isinstance(v, str) and len(v) < 25 else "")
def test_pull_takes_only_what_it_asked_for(work, name, asked, lie, words):
    program = liar(work, GREETING + lie + layers(image()) + frame("C"))
    root = root_with(work / "here", Image([plain_layer("mine")], ["debian:latest"]))
    before = snapshot(root)
    result = strata(root, "pull", "--remote-program", program, "ssh://host", *asked, env=local_ssh(work), check=False, timeout=60)
    assert result.code == 1 and words in result.err, result
    assert snapshot(root) == before


@pytest.mark.parametrize("asked", [["app"], ["app:1", "app:2"], [image().id, "app:2", "app:1"]])
def test_pull_of_what_was_asked_for(work, asked):
    good = image("app:1", "app:2")
    program = liar(work, GREETING + offer(good) + layers(good) + frame("C"))
    result = strata(work / "here", "pull", "--remote-program", program, "ssh://host", *asked, env=local_ssh(work), timeout=60)
    assert result.out == "Pulled image: app:1\nPulled image: app:2\n"
    assert_holds(work / "here", good)


@pytest.mark.parametrize("words,message", [
    (["--wire-compression", "gzip"], "--wire-compression must be zstd or none"),
    (["--wire-compression", "zstd:99"], "zstd"),
    ([], "name the images"),
])
def test_words_that_do_not_fit(work, words, message):
    result = strata(root_with(work / "here", image()), "push", *words, "ssh://host", *(["app:1"] if words else []),
                    env=local_ssh(work), check=False)
    assert result.code == 1 and message in result.err, result


def test_push_to_something_that_ends_early(work):
    script = work / "short"
    for size in (0, 5, len(GREETING), len(GREETING) + 3, len(GREETING) + 20):
        data = (GREETING + frame("W", compact(chains(image()))) + frame("V"))[:size]
        (work / "bytes").write_bytes(data)
        script.write_text(f"#!/bin/sh\ncat {work}/bytes\nexit 3\n")
        script.chmod(0o755)
        result = push(work, str(script), root=root_with(work / f"here{size}", image()))
        assert result.code == 1 and ("has ended" in result.err or "exit code 3" in result.err or "expected a greeting" in result.err), result


@pytest.mark.parametrize("words", [["push"], ["pull"], ["push", "--bootstrap"]])
def test_a_host_that_never_speaks_is_given_up(work, words):
    begun = time.monotonic()
    result = strata(root_with(work / "here", image()), *words, "ssh://host", "app:1", check=False, timeout=60,
                    env={**local_ssh(work, f"echo $$ >{work}/pid; exec sleep 600"), "STRATA_GREETING_SECONDS": "1"})
    assert result.code == 1 and "host has been silent for 1 seconds; expected the greeting of strata" in result.err, result
    assert time.monotonic() - begun < 20
    assert not os.path.exists(f"/proc/{(work / 'pid').read_text().strip()}")


def test_a_damaged_layer_is_named_and_stays_here(work):
    root = root_with(work / "here", image())
    for file in Root(root).overlay.glob("*/diff/d/b"):
        file.write_bytes(b"y" * file.stat().st_size)
    result = push(work, binary(), root=root)
    assert result.code == 1 and f"layer {image().diff_ids[1]}" in result.err and "d/b" in result.err, result
    assert Root(work / "there").images() == set()


def test_bootstrap_where_the_machine_or_a_library_does_not_fit(work):
    fake = work / "bin"
    fake.mkdir()

    def attempt():
        return strata(root_with(work / "here", image()), "push", "--bootstrap", f"ssh://host{work}/there", "app:1",
                      env=local_ssh(work, f"PATH={fake}:$PATH; export PATH"), check=False, timeout=60)

    (fake / "uname").write_text("#!/bin/sh\nif [ \"$1\" = -m ]; then echo riscv64; else echo Linux; fi\n")
    (fake / "uname").chmod(0o755)
    result = attempt()
    assert result.code == 1 and "host is a Linux riscv64 machine" in result.err, result
    (fake / "uname").unlink()
    (fake / "ldd").write_text("#!/bin/sh\nprintf '\\tlibfoo.so.1 => not found\\n\\tlibbar.so.2 => not found\\n\\tlibc.so.6 => /lib/libc.so.6\\n'\n")
    (fake / "ldd").chmod(0o755)
    result = attempt()
    assert result.code == 1 and "libfoo.so.1 => not found; libbar.so.2 => not found" in " ".join(result.err.split()), result
    assert "libc.so.6" not in result.err
    assert not (work / "there").exists()


def test_only_its_own_copy_removes_itself(work):
    (work / "precious").mkdir()
    done = run(binary(), "system", "serve-stdio", "--bootstrapped", work / "precious", stdin=b"", check=False)
    assert done.code == 1 and (work / "precious").exists(), done
    copy = work / "copy"
    copy.mkdir()
    shutil.copy2(binary(), copy / "strata")
    run(copy / "strata", "system", "serve-stdio", "--bootstrapped", copy, stdin=b"", check=False)
    assert not copy.exists()


def test_the_command_that_serves_is_in_no_help(work):
    assert "serve-stdio" not in strata(work, "system", "--help").out + strata(work, "--help").out
    assert snapshot(work) == {}


def test_options_of_registries_are_refused(work):
    root = root_with(work / "here", image())
    refused = strata(root, "push", "--compression", "gzip", "ssh://host/there", "app:1", check=False)
    assert refused.code == 1 and "for registries" in refused.err


# ---- --platform, --policy --------------------------------------------------------------------------------------

def pulls(work, *words, check=False, reachable=True):
    *options, names = words
    env = local_ssh(work) if reachable else {"STRATA_SSH": "false"}
    return strata(work / "here", "pull", "--remote-program", binary(), *options, f"ssh://host{work}/there", *names, env=env,
                  check=check, timeout=60)


def two_platforms():
    return (Image([plain_layer("amd", b"1" * 5000)], ["amd:1", "both:amd"]),
            Image([plain_layer("arm", b"2" * 5000)], ["arm:1", "both:arm"], architecture="arm64"))


@pytest.mark.parametrize("how", [[], ["--dry-run"]])
def test_pull_of_a_platform(work, how):
    amd, arm = two_platforms()
    root_with(work / "there", amd, arm)
    for platform, names, other in (("linux/arm64", ["amd:1"], "amd64"), ("linux/amd64", ["amd:1", "arm:1"], "arm64"),
                                   ("linux/amd64", ["both"], "arm64"), ("linux/s390x", [arm.id], "arm64")):
        refused = pulls(work, *how, "--platform", platform, names)
        assert refused.code == 1, refused
        assert re.search(rf"image with reference \S+ was found but does not match the specified platform: wanted {platform}, actual: linux/{other}",
                         " ".join(refused.err.split())), refused
        assert not (work / "here").exists() or Root(work / "here").images() == set()
    unknown = pulls(work, *how, "--platform", "ibm/", ["arm:1"])
    assert unknown.code == 1 and 'invalid platform "ibm/"' in unknown.err
    assert "arm:1" in pulls(work, *how, "--platform", "aarch64", ["arm:1"], check=True).out
    assert how or Root(work / "here").references() == {"arm:1": arm.id}


@pytest.mark.parametrize("how", [[], ["--dry-run"]])
def test_pull_by_policy(work, how):
    """What is here is found without ssh, which cannot be started here; what is not, is not."""
    amd, arm = two_platforms()
    root_with(work / "there", amd, arm)
    for policy in ("never", "newer", "missing"):  # of the last a new root is made
        fresh = pulls(work, "--policy", policy, ["amd:1"], reachable=policy == "missing")
        assert (fresh.code == 0) == (policy == "missing") and "WARNING" not in fresh.err, fresh
        assert (work / "here").exists() == (policy == "missing")
    here = "Image is up to date for amd:1\n"
    for policy in ("missing", "never", "newer"):
        found = pulls(work, *how, "--policy", policy, ["amd:1"], reachable=False, check=True)
        assert found.out == here and ("WARNING" in found.err) == (policy == "newer"), found
        assert pulls(work, *how, "--policy", policy, [amd.id], reachable=False).code == 0
        for names in (["arm:1"], ["amd:1", "arm:1"], ["amd"], [arm.id]):
            absent = pulls(work, *how, "--policy", policy, names, reachable=False)
            assert absent.code == 1 and "Error: " in absent.err, absent
            assert policy != "never" or f"No such image: {names[-1]}" in absent.err, absent
            assert (policy == "never" and names == ["amd"]) == ("which --policy never does not ask" in absent.err), absent
        assert pulls(work, *how, "--policy", policy, "--platform", "linux/arm64", ["amd:1"], reachable=False).code == 1
    assert pulls(work, *how, "--policy", "always", ["amd:1"], reachable=False).code == 1
    asked = pulls(work, *how, "--policy", "missing", ["amd:1", "arm:1"], check=True)
    assert asked.out.startswith(here) and "arm:1" in asked.out and "Pulled image: amd:1" not in asked.out
    assert "amd:1" in pulls(work, *how, "--policy", "newer", ["amd:1"], check=True).out
    assert how or Root(work / "here").images() == {amd.id, arm.id}


def test_pull_of_what_is_damaged_here_asks_for_it(work):
    amd, arm = two_platforms()
    root_with(work / "there", amd, arm)
    root_with(work / "here", amd)
    (files,) = (work / "here/overlay2").glob("*/diff")
    shutil.rmtree(files)
    assert pulls(work, "--policy", "never", ["amd:1"]).code == 1
    pulls(work, "--policy", "missing", ["amd:1"], check=True)
    assert_holds(work / "here", amd)


# ---- --all-tags, --dry-run -------------------------------------------------------------------------------------

@pytest.mark.parametrize("what", ["push", "pull"])
def test_all_tags_of_several_names(work, what):
    full, empty = root_with(work / "full", *two_images()), work / "empty"
    here, there = (full, empty) if what == "push" else (empty, full)
    for words in (["first:1"], ["first", "team/second:2"]):
        refused = strata(here, what, "-a", f"ssh://host{there}", *words, env=local_ssh(work), check=False)
        assert refused.code == 1 and "tag can't be used with --all-tags/-a" in refused.err
    assert not empty.exists()
    strata(here, what, "-a", "--remote-program", binary(), f"ssh://host{there}", "first", "team/second", env=local_ssh(work))
    assert_holds(empty, *two_images())


@pytest.mark.parametrize("what", ["push", "pull"])
def test_quiet_says_the_name_alone_as_beside_a_registry(work, what):
    there = work / "there"
    here = root_with(work / ("here" if what == "push" else "there"), *two_images())
    words = [what, "-q", "--remote-program", binary(), f"ssh://host{there}", "first:1", "team/second:2"]
    root = here if what == "push" else work / "here"
    assert strata(root, *words, env=local_ssh(work)).out == "docker.io/library/first:1\ndocker.io/team/second:2\n"
    if what == "pull":
        words[2:2] = ["--policy", "missing"]
        assert strata(root, *words, env=local_ssh(work)).out == "docker.io/library/first:1\ndocker.io/team/second:2\n"


def test_the_program_there_may_have_words_of_its_own(work):
    """As sudo -n; what a shell would make of them it does not make."""
    root = root_with(work / "here", *two_images())
    mark = work / "mark"
    wrapper = work / "wrapper"
    wrapper.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{work}/words\nshift 2; exec "$@"\n')
    wrapper.chmod(0o755)
    strata(root, "push", "--remote-program", f"{wrapper} -n  $(touch${{IFS}}{mark}) {binary()}", f"ssh://host{work}/there", "first:1",
           env=local_ssh(work))
    assert (work / "words").read_text().splitlines()[:3] == ["-n", f"$(touch${{IFS}}{mark})", str(binary())]
    assert not mark.exists()
    assert "first:1" in strata(work / "there", "images", "--format", "{{.Repository}}:{{.Tag}}").lines


def dry_run(work, here, program, *names, check=True):
    return strata(here, "pull", "--dry-run", "--remote-program", program, f"ssh://host{work}/there", *names,
                  env=local_ssh(work), check=check, timeout=60)


def forecast(names, layers, here, fetch, disk, steps=0):
    return (f"{names}\n  Build steps: {steps}\n  Layers:      {layers}, {here} of them here\n"
            f"  To fetch:    {fetch} before compression\n  Disk needed: at most about {disk}\n")


def size(count):
    return f"{count / 1000:.4g}kB"


def test_a_dry_run_says_what_would_travel_and_changes_nothing(work):
    first, second = two_images()
    there = root_with(work / "there", first, second)
    there_before = snapshot(there)
    all_bytes = sum(len(layer) for layer in {*first.layers, *second.layers})
    names = "first:1\nfirst:latest\nteam/second:2"
    said = dry_run(work, work / "here", binary(), "first", "team/second:2")
    assert said.out == forecast(names, 4, 0, size(all_bytes), size(2 * all_bytes))
    assert not (work / "here").exists()

    here = root_with(work / "here", first)
    rest = len(second.layers[1])
    with unchanged(here):
        assert dry_run(work, here, binary(), "team/second").out == forecast("team/second:2", 2, 1, size(rest), size(2 * rest))
        assert dry_run(work, here, binary(), first.id).out == forecast(first.id, 3, 3, "0B", "0B")
        assert "No such image" in dry_run(work, here, binary(), "nope", check=False).err
    assert snapshot(there) == there_before
    real = strata(here, "pull", "--remote-program", binary(), f"ssh://host{there}", "team/second", env=local_ssh(work))
    assert "Received 1 layer:" in real.err


def test_a_dry_run_knows_what_an_interruption_left(work):
    good = image()
    root_with(work / "there", good)
    parts = GREETING + request(do="receive") + offer(good) + layer(chains(good)[0], good.layers[0], "zstd")
    assert serve(work / "here", parts)[0] == 1
    said = dry_run(work, work / "here", binary(), "app:1").out
    assert "2, 0 of them here, 1 of them arrived before an interruption" in said
    assert f"To fetch:    {size(len(good.layers[1]))} before" in said


def sized(good, *sizes):
    head = {"id": good.id, "tags": good.tags, "configBytes": len(good.config_bytes), "layerBytes": list(sizes)}
    return frame("I", compact(head)) + frame("J", good.config_bytes) + frame("O")


@pytest.mark.parametrize("lie,words", [
    (offer(image()) + frame("C"), "To fetch:    0B before compression, and 2 layers of which the other side does not say the size"),
    (sized(image(), 1, 2) + frame("C"), "To fetch:    3B before"),
    (sized(image(), 1) + frame("C"), "has 2 layers, and sizes of 1"),
    (sized(image(), 1, -2) + frame("C"), "layerBytes: expected sizes"),
    (sized(image(), 1, 1 << 50) + frame("C"), "layerBytes: expected sizes"),
    (sized(image(), 1, 1 << 70) + frame("C"), "layerBytes: expected sizes"),
    (offer(image("other:1")) + frame("C"), "other:1, which was not asked for"),
], ids=lambda v: v[:20] if isinstance(v, str) else "")
def test_a_dry_run_beside_an_old_strata_or_one_that_lies(work, lie, words):
    said = dry_run(work, work / "here", liar(work, GREETING + lie), "app:1", check=False)
    assert words in said.out + said.err and said.code == (0 if "To fetch" in words else 1), said
    assert not (work / "here").exists()


def test_a_host_that_cannot_be_reached_leaves_no_root(work):
    for words in ([], ["--dry-run"]):
        failed = strata(work / "here", "pull", *words, "ssh://host/there", "app:1", env=local_ssh(work, "exit 255"), check=False)
        assert failed.code == 1 and not (work / "here").exists(), failed


# ---- RepoDigests -----------------------------------------------------------------------------------------------

def with_digests(root, *digests):
    """As if image() had been pulled from registries: name@digest of it. Returns what the root's references are then."""
    file = Root(root).image / "repositories.json"
    content = json.loads(file.read_text())
    for digest in digests:
        content["Repositories"].setdefault(digest.partition("@")[0], {})[digest] = image().id
    file.write_text(json.dumps(content))
    return Root(root).references()


ONE, TWO, OTHER = (f"{name}@sha256:{letter * 64}" for name, letter in (("app", "1"), ("app", "2"), ("reg:5000/mine", "3")))


@pytest.mark.parametrize("what", ["push", "pull"])
def test_digests_travel_when_they_are_asked_for(work, what):
    full = root_with(work / "full", image())
    with_digests(full, ONE, TWO, OTHER)
    for words, expected in (([], {}), (["--digests"], {ONE: image().id, TWO: image().id})):
        empty = work / f"empty{len(words)}"
        here, there = (full, empty) if what == "push" else (empty, full)
        strata(here, what, *words, "--remote-program", binary(), f"ssh://host{there}", "app:1", env=local_ssh(work))
        assert Root(empty).references() == {"app:1": image().id} | expected and problems(empty) == []
    listed = strata(work / "empty1", "images", "--digests", "--format", "{{.Repository}}@{{.Digest}}").lines
    assert sorted(listed) == [ONE, TWO]


def test_a_digest_that_is_known_keeps_its_image(work):
    full = root_with(work / "full", image())
    with_digests(full, ONE)
    mine = Image([plain_layer("mine")], ["mine:1"])
    here = root_with(work / "here", mine)
    file = Root(here).image / "repositories.json"
    file.write_text(json.dumps({"Repositories": {"mine": {"mine:1": mine.id}, "app": {ONE: mine.id}}}))
    strata(here, "pull", "--digests", "--remote-program", binary(), f"ssh://host{full}", "app:1", env=local_ssh(work))
    assert Root(here).references() == {"mine:1": mine.id, "app:1": image().id, ONE: mine.id}


@pytest.mark.parametrize("digests,words", [
    ([OTHER], "reg:5000/mine@sha256:3+, which was not asked for"),
    (["app:2"], "expected name@digest, found app:2"),
    (["app:1@sha256:" + "1" * 64], "expected name@digest, found app:1@"),
    (["app@sha256:123"], "invalid"),
    ([7], "digests"),
])
def test_digests_that_lie(work, digests, words):
    good = image()
    head = {"id": good.id, "tags": good.tags, "digests": digests, "configBytes": len(good.config_bytes)}
    lie = frame("I", compact(head)) + frame("J", good.config_bytes) + frame("O")
    program = liar(work, GREETING + lie + layers(good) + frame("C"))
    result = strata(work / "here", "pull", "--digests", "--remote-program", program, "ssh://host", "app", env=local_ssh(work), check=False, timeout=60)
    assert result.code == 1 and re.search(words, result.err), result
    assert Root(work / "here").images() == set()
