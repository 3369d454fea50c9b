# SPDX-License-Identifier: Apache-2.0
"""A dockerd of our own on a data root of our own; the host's daemon is never touched.

Use as a context manager: the daemon answers when the block is entered and has ended when it is
left, so that another program may then write to the data root.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

DOCKER = "/usr/bin/docker"
DOCKERD = "/usr/sbin/dockerd"


def available():
    """True where the Debian docker and dockerd are installed and we may start a daemon."""
    return os.access(DOCKER, os.X_OK) and os.access(DOCKERD, os.X_OK) and os.geteuid() == 0


class PrivateDockerd:
    """dockerd with the overlay2 driver and no network of its own on `data_root`."""

    def __init__(self, data_root, start_limit_s=120):
        self.data_root = pathlib.Path(data_root)
        self.start_limit_s = start_limit_s
        self._process = None
        self._run_dir = None

    def __enter__(self):
        self.data_root.mkdir(parents=True, exist_ok=True)
        self._run_dir = pathlib.Path(tempfile.mkdtemp(prefix="strata-dockerd-"))
        self.host = f"unix://{self._run_dir}/docker.sock"
        with open(self._run_dir / "log", "wb") as log:
            self._process = subprocess.Popen(
                [DOCKERD, "--data-root", str(self.data_root),
                 "--exec-root", str(self._run_dir / "exec"),
                 "--pidfile", str(self._run_dir / "pid"), "-H", self.host,
                 "--bridge=none", "--iptables=false", "--storage-driver", "overlay2"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "TMPDIR": str(self.data_root)})
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def command(self, *arguments):
        """The argument vector of a docker client that talks to this daemon."""
        return [DOCKER, "-H", self.host, *arguments]

    def docker(self, *arguments, **options):
        """Runs the client, returns its stdout; raises when it fails."""
        options.setdefault("stdout", subprocess.PIPE)
        return subprocess.run(self.command(*arguments), check=True, text=True, **options).stdout

    @property
    def pid(self):
        return self._process.pid

    def stop(self):
        """Ends the daemon and waits for it; the data root is closed afterwards."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._run_dir:
            # dockerd leaves its network namespace mounted here when it ends.
            subprocess.run(["umount", str(self._run_dir / "exec/netns/default")],
                           stderr=subprocess.DEVNULL)
            shutil.rmtree(self._run_dir, ignore_errors=True)

    def _wait_until_it_answers(self):
        deadline = time.monotonic() + self.start_limit_s
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            answer = subprocess.run(self.command("info"), stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)
            if answer.returncode == 0:
                return
            time.sleep(0.1)
        log = (self._run_dir / "log").read_text(errors="replace")
        raise RuntimeError(f"dockerd on {self.data_root} did not start:\n{log[-2000:]}")
