# SPDX-License-Identifier: Apache-2.0
"""Containers for tests: an image whose programs are busybox, what a container's end must leave, terminals."""
import contextlib
import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time

import archives
from engine import binary, strata
from procs import clean_env, mounts_below
from tars import Tar

BUSYBOX = "/bin/busybox"
APPLETS = ("sh", "cat", "chmod", "chown", "cp", "dd", "echo", "env", "false", "grep", "head", "hostname", "id", "kill", "ln", "ls", "mkdir",
           "mknod", "mount", "mv", "printf", "ps", "pwd", "readlink", "rm", "seq", "sleep", "sort", "stat", "stty", "sync", "tail", "tar",
           "test", "touch", "tr", "true", "tty", "ulimit", "umount", "uname", "wc", "yes")
PASSWD = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\napp:x:1000:1001:app:/home/app:/bin/sh\n"
GROUP = b"root:x:0:\nwheel:x:10:app,root\napp:x:1001:\nextra:x:50:app\n"


def why_not():
    """Why no container can run here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    if not os.access(BUSYBOX, os.X_OK):
        return f"{BUSYBOX} is not installed (Debian: busybox-static)"
    if not any(shutil.which(name, path=clean_env()["PATH"]) for name in ("crun", "runc")):
        return "neither crun nor runc is installed"
    return None


def box_layer():
    tar = Tar().dir("bin/").file("bin/busybox", pathlib.Path(BUSYBOX).read_bytes(), mode=0o755)
    for name in APPLETS:
        tar.symlink(f"bin/{name}", "busybox")
    tar.dir("etc/").file("etc/passwd", PASSWD).file("etc/group", GROUP).dir("tmp/", mode=0o1777)
    return tar.file("bin/no-format", b"", mode=0o755).file("bin/no-rights", b"#!/bin/sh\n").bytes()


def box(tag="box:1", layers=(), **config):
    return archives.Image([box_layer(), *layers], [tag], config={"Cmd": ["sh"], "Env": ["PATH=/bin"], **config})


class Running:
    """`strata run` or `start` in the background."""

    def __init__(self, root, *args, stdin=subprocess.DEVNULL, env=None):
        self.process = subprocess.Popen([binary(), "--root", str(root), *map(str, args)], stdin=stdin, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=clean_env(**(env or {})))

    def line(self):
        return self.process.stdout.readline().decode()

    def signal(self, number):
        self.process.send_signal(number)

    def end(self, timeout=30):
        out, err = self.process.communicate(timeout=timeout)
        return self.process.returncode, out.decode(), err.decode()


@contextlib.contextmanager
def running(root, *args, **more):
    box_ = Running(root, *args, **more)
    try:
        yield box_
    finally:
        if box_.process.poll() is None:
            box_.process.kill()
            box_.process.communicate()


class Terminal:
    """A program of a terminal: what it prints, and what is typed."""

    def __init__(self, *words, rows=40, columns=120):
        self.ours, theirs = pty.openpty()
        self.resize(rows, columns)
        self.process = subprocess.Popen([str(w) for w in words], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                                        env=clean_env(TERM="xterm"))
        os.close(theirs)
        self.text = ""

    def resize(self, rows, columns):
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.ours, text.encode())

    def expect(self, pattern, timeout=20):
        """Waits until it has printed what matches, and forgets what was printed up to there."""
        deadline = time.monotonic() + timeout
        while not (match := re.search(pattern, self.text)):
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self.ours], [], [], max(left, 0))
            try:
                data = os.read(self.ours, 65536) if ready else b""
            except OSError:  # the other side has gone
                data = b""
            if not data:
                raise AssertionError(f"no {pattern!r} in {self.text!r}")
            self.text += data.decode(errors="replace")
        self.text = self.text[match.end():]
        return match.group()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.ours)


@contextlib.contextmanager
def terminal(*words, **size):
    made = Terminal(*words, **size)
    try:
        yield made
    finally:
        made.close()


def processes_of(root):
    """Processes of a root's containers: those whose command or mounts name it, but for ourselves."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            mounts = pathlib.Path(f"/proc/{pid}/mountinfo").read_text(errors="replace")
            if int(pid) != os.getpid() and (str(root) + "/strata/run" in mounts or str(root) + " " in command):
                found.append(f"{pid}: {command}")
    return found


def cgroups():
    top = pathlib.Path("/sys/fs/cgroup")
    return sorted(str(path) for depth in ("strata-*", "*/strata-*") for path in top.glob(depth))


def assert_nothing_runs(root, timeout=5):
    """No process, no mount. Those of a killed strata are ended by the kernel, which takes its time."""
    deadline = time.monotonic() + timeout
    while processes_of(root) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not processes_of(root)
    assert not mounts_below(root)


def assert_no_containers(root):
    """Nothing of any container, of runs or of what was staged is on the disk."""
    assert_nothing_runs(root)
    root = pathlib.Path(root)
    for folder in ("containers", "strata/run", "strata/staging", "image/overlay2/layerdb/mounts"):
        assert not (root / folder).exists() or not os.listdir(root / folder), folder
    layers = {file.read_text() for file in (root / "image/overlay2/layerdb/sha256").glob("*/cache-id")}
    assert set(os.listdir(root / "overlay2")) - {"l"} == layers
    assert len(os.listdir(root / "overlay2/l")) == len(layers)
    assert not [name for name in os.listdir(root / "volumes") if name != "metadata.db"]


def ids(root):
    return strata(root, "ps", "-aq", "--no-trunc").lines


def kill_after(process, seconds):
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
