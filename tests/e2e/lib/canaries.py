# SPDX-License-Identifier: Apache-2.0
"""A folder of the host's, beside what is under attack: nobody may write to it, and its secret may get nowhere."""
import os
import pathlib

from engine import TRACED, binary
from procs import clean_env, run
from roots import snapshot

SECRET = b"the secret of the host"


class Canary:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        (self.folder / "secret").write_bytes(SECRET)
        (self.folder / "kept").mkdir()
        (self.folder / "kept/file").write_text("kept")
        os.chmod(self.folder / "kept", 0o741)
        self.before = self.state()

    def __str__(self):
        return str(self.folder)

    def state(self):
        return snapshot(self.folder), self.folder.stat().st_mode, self.folder.stat().st_mtime_ns

    def assert_alive(self):
        assert self.state() == self.before

    def forgive_empty_folder(self, made):
        """Takes away what somebody else than strata is known to make here. Fails if it is more than an empty folder, or a mount."""
        made.rmdir()
        _, _, mtime_ns = self.before
        os.utime(self.folder, ns=(mtime_ns, mtime_ns))

    def up(self):
        """A link's target that leads here from any depth that is met; as long as a plain tar header can have it."""
        target = "../" * 16 + str(self.folder)[1:]
        assert len(target) <= 100, f"{target} would be cut off: choose a shorter STRATA_TEST_TMP"
        return target


def assert_no_secret_below(folder):
    """Nothing of it was copied to anywhere below."""
    for path in pathlib.Path(folder).rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert SECRET not in path.read_bytes(), path


def programs_started(root, *words, check=False, stdin=None, timeout=120):
    """Runs strata under strace. Returns its result, the programs that were executed, and the roots that were changed to."""
    log = pathlib.Path(root).parent / "started"
    result = run("strace", "-f", "-qq", "-z", "-o", log, "-e", "trace=execve,chroot,pivot_root", binary(), "--root", root, *words,
                 check=check, stdin=stdin, env=clean_env(**TRACED), timeout=timeout)
    calls = [line.split(None, 1)[1] for line in log.read_text().splitlines()]
    return result, [c.split('"')[1] for c in calls if c.startswith("execve(")], [c for c in calls if "root(" in c]
