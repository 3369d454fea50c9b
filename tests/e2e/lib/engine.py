# SPDX-License-Identifier: Apache-2.0
"""The program under test: `strata(root, "images", "-a")`.

STRATA_BIN names the program. STRATA_BIN=docker puts a private dockerd in its place: then the suite compares
docker with docker, which shows that the expectations themselves are right. What docker 20.10 has no words for is skipped.
"""
import functools
import mmap
import os
import pathlib
import re
import shutil

import pytest

from procs import clean_env, run

REPO = pathlib.Path(__file__).resolve().parents[3]
# As `prefix`, for assert_peak().
MEASURED = ("/usr/bin/time", "-f", "peak %M kB")
# The leak sanitizer ends a program that is traced already.
TRACED = {"ASAN_OPTIONS": "detect_leaks=0"}


def binary():
    return os.environ.get("STRATA_BIN") or str(REPO / "build" / "strata")


@functools.cache
def is_sanitized():
    """Built with a sanitizer, which is slow and takes memory of its own."""
    if docker_stands_in():
        return False
    with open(binary(), "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as bytes_:
        return any(bytes_.find(name) >= 0 for name in (b"__asan_init", b"__tsan_init"))


def assert_peak(result, mib):
    """The peak memory of a run that was MEASURED is below `mib` MiB."""
    peak = int(re.search(r"peak (\d+) kB", result.err).group(1)) / 1024
    assert peak < mib or is_sanitized(), f"{peak:.0f} MiB, expected less than {mib}; {result.err[:300]}"


def docker_stands_in():
    return binary() == "docker"


def missing():
    """Why the program cannot run, or None."""
    if docker_stands_in():
        return None
    if not os.access(binary(), os.X_OK):
        return f"no strata program at {binary()} (build it, or set STRATA_BIN)"
    return None


def strata(root, *args, check=True, stdin=None, env=None, prefix=(), timeout=300, cwd=None):
    """Runs strata on `root`. `prefix` is a program that starts it, such as setpriv."""
    if docker_stands_in():
        return _docker_instead(root, args, check, stdin, env)
    return run(*prefix, binary(), "--root", root, *args, check=check, stdin=stdin,
               env=clean_env(**(env or {})), timeout=timeout, cwd=cwd)


def _docker_instead(root, args, check, stdin, env):
    from peers import dockerd
    words = [str(a) for a in args]
    group = words[1:] if words[0] in ("image", "system") else words
    if group[0] in ("layers", "mount", "umount") or {"--compress", "--dry-run", "--platform", "--sort"} & set(words):
        pytest.skip(f"docker stands in for strata and has no `{' '.join(words)}`")
    if group[0] == "save" and "--format" in words:
        at = words.index("--format")
        if words[at + 1] != "docker-legacy":
            pytest.skip(f"docker 20.10 stands in for strata and cannot save as {words[at + 1]}")
        del words[at:at + 2]
    if group[0] == "load" and "-i" in words and os.path.isdir(words[words.index("-i") + 1]):
        pytest.skip("docker stands in for strata and cannot load a folder")
    with dockerd(root, env) as docker:
        return docker(*words, check=check, stdin=stdin)


def needs_strata_itself(why):
    """For tests of what only strata does."""
    return pytest.mark.skipif(docker_stands_in(), reason=f"docker stands in for strata: {why}")


def have(program):
    return shutil.which(program, path=clean_env()["PATH"]) is not None
