# SPDX-License-Identifier: Apache-2.0
"""One signal ends whatever waits for a pipe, a socket, a terminal or a fifo; the root is as before and no half file is left."""
import contextlib
import fcntl
import os
import select
import signal
import socket
import subprocess
import time

import pytest

import boxes
from archives import Image, docker_2010
from engine import binary, needs_strata_itself, strata
from procs import clean_env
from roots import problems
from verbs import assert_holds, plain_layer, root_with, unchanged

pytestmark = [pytest.mark.as_root, needs_strata_itself("a daemon goes on without its client")]
HELD = Image([plain_layer("held", os.urandom(1 << 20))], ["held:1"])
OTHER = Image([plain_layer("other")], ["other:1"])
ARCHIVE = docker_2010(OTHER)
END_SECONDS = 5  # a program that hangs takes a second signal, or none at all
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
# Root without its rights over the files of others cannot open a pipe anew that its owner may not even write.
NO_OVERRIDE = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return root_with(tmp_path_factory.mktemp("signals") / "root", HELD)


@contextlib.contextmanager
def waiting(root, *words, prefix=(), ignored=(), **streams):
    """The command, when it waits: it sleeps in its main thread, and has taken what there was to be had."""
    process = subprocess.Popen([*prefix, binary(), "--root", root, *map(str, words)], env=clean_env(),
                               stderr=subprocess.PIPE, preexec_fn=lambda: [signal.signal(n, signal.SIG_IGN) for n in ignored],
                               **({"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL} | streams))
    try:
        time.sleep(0.5)
        assert process.poll() is None, process.stderr.read()
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def assert_ends_by(process, number):
    process.send_signal(number)
    assert process.wait(END_SECONDS) == 128 + number
    assert process.stderr.read() == b""


@contextlib.contextmanager
def pipe():
    reader, writer = os.pipe()
    yield reader, writer
    for end in (reader, writer):
        os.close(end)


# ---- what is read ----------------------------------------------------------------------------------------------

READERS = {"load": ["load"], "load -i": ["load", "-i", "/dev/stdin"], "import": ["import", "-", "new:1"], "build": ["build", "-"],
           "build -f -": ["build", "-f", "-", "{work}"], "save --have": ["save", "--have", "-", "-o", "{work}/out.tar", "held:1"]}


@pytest.mark.parametrize("words", READERS.values(), ids=READERS)
@pytest.mark.parametrize("sent", [0, 5000], ids=["nothing", "a part"])
@BOTH
def test_standard_input_that_sends_no_more(root, work, words, sent, number):
    with unchanged(root), pipe() as (reader, writer):
        os.write(writer, ARCHIVE[:sent] if "--have" not in words and "-f" not in words else b"")
        with waiting(root, *(w.format(work=work) for w in words), stdin=reader) as process:
            assert_ends_by(process, number)
    assert os.listdir(work) == []
    assert_holds(root, HELD)


@BOTH
def test_a_socket_that_sends_nothing(root, number):
    ours, theirs = socket.socketpair()
    with unchanged(root), ours, theirs, waiting(root, "load", stdin=theirs) as process:
        assert_ends_by(process, number)


@pytest.mark.parametrize("has_writer", [False, True], ids=["no writer", "a writer"])
@BOTH
def test_a_fifo_that_sends_nothing(root, work, has_writer, number):
    os.mkfifo(work / "fifo")
    writer = os.open(work / "fifo", os.O_RDWR) if has_writer else None
    with unchanged(root), waiting(root, "load", "-i", work / "fifo") as process:
        assert_ends_by(process, number)
    if has_writer:
        os.close(writer)


def test_a_new_root_goes_again(work):
    with pipe() as (reader, _), waiting(work / "new", "load", stdin=reader) as process:
        assert_ends_by(process, signal.SIGINT)
    assert not (work / "new").exists()


def test_what_comes_slowly_is_loaded(work):
    root_ = root_with(work / "root", HELD)
    with pipe() as (reader, writer):
        process = subprocess.Popen([binary(), "--root", root_, "load"], stdin=reader, stdout=subprocess.PIPE, env=clean_env())
        for begin in range(0, len(ARCHIVE), 4000):
            os.write(writer, ARCHIVE[begin:begin + 4000])
            time.sleep(0.02)
    assert process.communicate(timeout=60)[0] == b"Loaded image: other:1\n"
    assert_holds(root_, HELD, OTHER)


def test_a_password_that_is_not_typed(work):
    with boxes.terminal(binary(), "login", "-u", "me", "localhost:1") as terminal:
        terminal.expect("Password: ")
        terminal.type("half")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.process.wait(END_SECONDS) == 130
        assert "empty" not in terminal.text


# ---- what is written -------------------------------------------------------------------------------------------

WRITERS = {"save": ["save", "held:1"], "save gzip": ["save", "--compress", "gzip", "held:1"], "export": ["export", "--image", "held:1"],
           "inspect": ["inspect", *["held:1"] * 200]}


@pytest.mark.parametrize("prefix", [[], NO_OVERRIDE], ids=["ours", "of another"])
@pytest.mark.parametrize("words", WRITERS.values(), ids=WRITERS)
@BOTH
def test_a_pipe_that_nobody_reads(root, words, prefix, number):
    with unchanged(root), pipe() as (_, writer):
        os.fchmod(writer, 0 if prefix else 0o600)
        with waiting(root, *words, prefix=prefix, stdout=writer) as process:
            assert not fcntl.fcntl(writer, fcntl.F_GETFL) & os.O_NONBLOCK  # of a file that others have as well
            assert_ends_by(process, number)


@BOTH
def test_a_socket_that_nobody_reads(root, number):
    ours, theirs = socket.socketpair()
    with ours, theirs, waiting(root, "save", "held:1", stdout=theirs) as process:
        assert_ends_by(process, number)


@pytest.mark.parametrize("has_reader", [False, True], ids=["no reader", "a reader"])
@pytest.mark.parametrize("words", [["save"], ["export", "--image"]], ids=lambda w: w[0])
@BOTH
def test_a_fifo_that_nobody_reads(root, work, words, has_reader, number):
    os.mkfifo(work / "fifo")
    reader = os.open(work / "fifo", os.O_RDWR) if has_reader else None
    with unchanged(root), waiting(root, *words, "-o", work / "fifo", "held:1") as process:
        assert_ends_by(process, number)
    assert os.listdir(work) == ["fifo"]
    if has_reader:
        os.close(reader)


@pytest.mark.parametrize("prefix", [[], NO_OVERRIDE], ids=["ours", "of another"])
def test_what_is_read_slowly_is_whole(root, work, prefix):
    strata(root, "save", "-o", work / "whole.tar", "held:1")
    with pipe() as (reader, writer):
        os.fchmod(writer, 0 if prefix else 0o600)
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        with subprocess.Popen([*prefix, binary(), "--root", root, "save", "held:1"], stdout=writer, env=clean_env()) as process:
            got = b""
            while process.poll() is None or select.select([reader], [], [], 0)[0]:
                if select.select([reader], [], [], 0.05)[0]:
                    got += os.read(reader, 3000)
    assert process.returncode == 0 and got == (work / "whole.tar").read_bytes()


# ---- what we were told to ignore -------------------------------------------------------------------------------

@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT], ids=lambda s: s.name)
def test_signals_that_were_ignored_stay_ignored(work, number):
    """nohup, and a job in the background of a shell without job control."""
    root_ = root_with(work / "root", HELD)
    with pipe() as (reader, writer), waiting(root_, "load", stdin=reader, ignored=[number]) as process:
        process.send_signal(number)
        os.write(writer, ARCHIVE)
        time.sleep(0.3)
        assert process.poll() is None, process.stderr.read()
        assert_ends_by(process, signal.SIGTERM)
    assert_holds(root_, HELD)
    assert problems(root_) == []
