# SPDX-License-Identifier: Apache-2.0
"""The real tools, each in folders of its own: a private dockerd, podman, skopeo.

    with dockerd(root) as docker:
        docker("images", "-a")          # a Result; raises unless check=False

Nothing of the host's own docker is touched. When the block ends the daemon has stopped, its root is closed,
and what it left mounted is unmounted. If it does not come up, the error carries the end of its log.
"""
import contextlib
import os
import pathlib
import signal
import subprocess
import time

from procs import ProgramFailed, clean_env, new_dir, remove_tree, run, unmount_below

DOCKERD = "/usr/sbin/dockerd"
DOCKER = "/usr/bin/docker"
START_SECONDS = 40
STOP_SECONDS = 30


def cannot_run():
    """Why no private dockerd can run here, or None."""
    if os.geteuid() != 0:
        return "a private dockerd needs root"
    for program in (DOCKERD, DOCKER):
        if not os.access(program, os.X_OK):
            return f"{program} is not installed (Debian: docker.io)"
    if "overlay" not in pathlib.Path("/proc/filesystems").read_text():
        if subprocess.run(["modprobe", "overlay"], capture_output=True).returncode != 0:
            return "the kernel has no overlayfs"
    return None


class Daemon:
    def __init__(self, root, env=None, options=()):
        self.root = pathlib.Path(root)
        self.env = env or {}
        self.options = options
        self.home = new_dir("std-")
        self.socket = f"unix://{self.home}/docker.sock"
        self.process = None

    def start(self):
        self.root.mkdir(parents=True, exist_ok=True)
        args = [DOCKERD, "--data-root", self.root, "--exec-root", self.home / "exec",
                "--pidfile", self.home / "pid", "-H", self.socket, "--bridge=none",
                "--iptables=false", "--storage-driver", "overlay2", *self.options]
        with open(self.home / "log", "wb") as log:
            self.process = subprocess.Popen([str(a) for a in args], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, env=clean_env(**self.env))
        deadline = time.monotonic() + START_SECONDS
        while run(DOCKER, "-H", self.socket, "info", check=False).code != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                text = self.log()
                self.stop()
                raise ProgramFailed(f"dockerd did not come up on {self.root}:\n{text}")
            time.sleep(0.1)
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                self._kill_containerd()
        self._kill_shims()
        unmount_below(self.root)
        remove_tree(self.home)

    def kill(self):
        """As a power cut would end it."""
        self.process.kill()
        self.process.wait()
        self._kill_containerd()

    def _kill_containerd(self):
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.home / "exec/containerd/containerd.pid").read_text())
            os.kill(pid, signal.SIGKILL)

    def _kill_shims(self):
        """Of a daemon that was killed they live on, one for each container that ran."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if b"containerd-shim" in words[0] and any(str(self.home).encode() + b"/" in word for word in words):
                    os.kill(int(pid), signal.SIGKILL)

    def log(self, lines=40):
        with contextlib.suppress(OSError):
            return "\n".join((self.home / "log").read_text(errors="replace").splitlines()[-lines:])
        return "(no log)"

    def __call__(self, *args, check=True, stdin=None, cwd=None):
        return run(DOCKER, "-H", self.socket, *args, check=check, stdin=stdin, cwd=cwd,
                   env=clean_env(**self.env))


@contextlib.contextmanager
def dockerd(root, env=None, options=()):
    daemon = Daemon(root, env, options)
    try:
        yield daemon.start()
    finally:
        daemon.stop()


class Podman:
    """podman with a store of its own, removed at the end."""

    def __init__(self):
        self.home = new_dir("stp-")

    def __call__(self, *args, check=True, stdin=None):
        return run("podman", "--root", self.home / "root", "--runroot", self.home / "run", "--storage-driver",
                   "overlay", "--cgroup-manager", "cgroupfs", "--events-backend", "none", *args,
                   check=check, stdin=stdin)

    def close(self):
        remove_tree(self.home)


@contextlib.contextmanager
def podman():
    store = Podman()
    try:
        yield store
    finally:
        store.close()


def raw_manifest(place):
    """What skopeo sees there: "docker://localhost:5000/x:1", "oci:folder:x"."""
    tls = ["--tls-verify=false"] if place.startswith("docker://") else []
    return subprocess.run(["skopeo", "inspect", "--raw", *tls, place], env=clean_env(), capture_output=True, check=True).stdout


def skopeo_copy(source, target, *options):
    return run("skopeo", "--insecure-policy", "copy", "-q", *options, source, target)
