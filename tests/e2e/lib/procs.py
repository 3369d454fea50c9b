# SPDX-License-Identifier: Apache-2.0
"""Running programs: one call, one result, and never a surprise from the caller's environment."""
import os
import pathlib
import shutil
import subprocess
import tempfile
from typing import NamedTuple


class Result(NamedTuple):
    """What a program did. `out` and `err` are text; bytes that are not UTF-8 survive as surrogates."""
    args: list
    code: int
    out: str
    err: str

    @property
    def lines(self):
        return self.out.splitlines()

    def __str__(self):
        return (f"$ {' '.join(map(str, self.args))}\nexit code {self.code}\n"
                f"stdout: {self.out}\nstderr: {self.err}")


class ProgramFailed(AssertionError):
    pass


def clean_env(**more):
    """The environment of every program under test: same zone and language for all of them."""
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC", "LC_ALL": "C.UTF-8",
           "HOME": tempfile.gettempdir(), "DOCKER_BUILDKIT": "0", "DOCKER_CONFIG": "/nonexistent"}
    env.update(more)
    return env


def run(*args, check=True, stdin=None, timeout=300, env=None, cwd=None):
    """Runs a program to its end. `stdin` is bytes, a path or an open file; without it the program reads nothing."""
    args = [os.fspath(a) if isinstance(a, os.PathLike) else str(a) for a in args]
    give = {"stdin": subprocess.DEVNULL}
    opened = None
    if isinstance(stdin, bytes):
        give = {"input": stdin}
    elif isinstance(stdin, (str, os.PathLike)):
        opened = open(stdin, "rb")
        give = {"stdin": opened}
    elif stdin is not None:
        give = {"stdin": stdin}
    try:
        done = subprocess.run(args, capture_output=True, timeout=timeout, cwd=cwd,
                              env=env or clean_env(), **give)
    finally:
        if opened:
            opened.close()
    result = Result(args, done.returncode, done.stdout.decode("utf-8", "surrogateescape"),
                    done.stderr.decode("utf-8", "surrogateescape"))
    if check and result.code != 0:
        raise ProgramFailed(str(result))
    return result


def work_base():
    """Where tests work. STRATA_TEST_TMP chooses a disk or a tmpfs; paths stay short, sockets need that."""
    return pathlib.Path(os.environ.get("STRATA_TEST_TMP", tempfile.gettempdir()))


def new_dir(prefix="st-"):
    return pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=work_base()))


def mounts_below(path):
    """Mount points at or below `path`, deepest first."""
    top = os.path.realpath(path)
    found = []
    for line in open("/proc/self/mountinfo"):
        point = line.split()[4].encode().decode("unicode_escape")
        if point == top or point.startswith(top + "/"):
            found.append(point)
    return sorted(found, key=len, reverse=True)


def unmount_below(path):
    for point in mounts_below(path):
        subprocess.run(["umount", "-l", point], capture_output=True)


def remove_tree(path):
    """Removes a folder that may hold mounts and read-only files of any owner."""
    unmount_below(path)
    shutil.rmtree(path, ignore_errors=True)


def copy_tree(source, target):
    """A copy with owners, modes, xattrs, hard links, devices and holes."""
    run("cp", "-a", "--reflink=auto", source, target)
    return pathlib.Path(target)
