# SPDX-License-Identifier: Apache-2.0
"""A real sshd of the test's own on loopback: own host key, own configuration, own port, login by key.

    with sshd() as host:
        strata(root, "push", host.url(other_root), "app:1", env=host.env())

`host.counted()` is the same through two counters, so that a test can say how many bytes went which way.
"""
import contextlib
import os
import pathlib
import socket
import subprocess
import time

from engine import binary
from procs import ProgramFailed, new_dir, remove_tree, run

SSHD = "/usr/sbin/sshd"
START_SECONDS = 20
COUNTING = """import os, subprocess, sys, threading
ssh = subprocess.Popen(["ssh", "-F", "{home}/ssh_config", *sys.argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
def pump(source, sink, name):
    with open("{home}/" + name, "ab") as log:
        while data := os.read(source, 65536):
            log.write(data)
            while data:
                data = data[os.write(sink, data):]
    os.close(sink)
threading.Thread(target=pump, args=(0, ssh.stdin.fileno(), "up"), daemon=True).start()
pump(ssh.stdout.fileno(), 1, "down")
os._exit(ssh.wait())
"""


def cannot_run():
    if os.geteuid() != 0:
        return "a private sshd needs root"
    return None if os.access(SSHD, os.X_OK) else f"{SSHD} is not installed (Debian: openssh-server)"


class Host:
    """`there` is its name in the client's configuration."""

    def __init__(self):
        self.home = new_dir("sth-")
        self.process = None

    def start(self):
        for name in ("host_key", "user_key"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.home / name)
        self.port = free_port()
        (self.home / "authorized").write_text((self.home / "user_key.pub").read_text())
        host_key = " ".join((self.home / "host_key.pub").read_text().split()[:2])
        (self.home / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {host_key}\n")
        (self.home / "sshd_config").write_text(f"""Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.home}/host_key
AuthorizedKeysFile {self.home}/authorized
PidFile none
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
""")
        (self.home / "ssh_config").write_text(f"""Host there
  HostName 127.0.0.1
  Port {self.port}
  User root
  IdentityFile {self.home}/user_key
  IdentitiesOnly yes
  UserKnownHostsFile {self.home}/known_hosts
  StrictHostKeyChecking yes
  BatchMode yes
""")
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # sshd wants to find it
        with open(self.home / "log", "wb") as log:
            self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", self.home / "sshd_config"], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while run("ssh", "-F", self.home / "ssh_config", "there", "true", check=False).code != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ProgramFailed(f"sshd did not come up:\n{(self.home / 'log').read_text()}")
            time.sleep(0.1)
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
        remove_tree(self.home)

    def url(self, root=""):
        return f"ssh://there{root}"

    def env(self, **more):
        return {"STRATA_SSH": f"ssh -F {self.home}/ssh_config"} | more

    def counted(self):
        """An environment in which what goes to the host and what comes back is counted; see sent() and received()."""
        for name in ("up", "down"):
            (self.home / name).write_bytes(b"")
        script = self.home / "counting-ssh"
        script.write_text("#!/usr/bin/python3\n" + COUNTING.format(home=self.home))
        script.chmod(0o755)
        return {"STRATA_SSH": str(script)}

    def has_sessions(self):
        """Each is a child of the server, and ends when what it had started has ended."""
        return pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text() != ""

    def sent(self):
        return (self.home / "up").stat().st_size

    def received(self):
        return (self.home / "down").stat().st_size


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def sshd():
    host = Host()
    try:
        yield host.start()
    finally:
        host.stop()


def serving(root):
    """Process IDs of the strata that serves this root for another host."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            if b"serve-stdio" in words and os.fsencode(str(root)) in words and words[0] == os.fsencode(binary()):
                found.append(int(entry.name))
    return found
