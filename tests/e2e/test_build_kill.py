# SPDX-License-Identifier: Apache-2.0
"""kill -9 and Ctrl-C at random moments of a build: steps that were published stay and are found again, nothing else does.

STRATA_KILLS says how often, STRATA_TEST_SEED repeats a run.
"""
import pathlib
import random
import signal
import subprocess
import time

import pytest

from engine import binary, needs_strata_itself, strata
from procs import clean_env, mounts_below, remove_tree
from roots import problems
from seeds import count, seed

pytestmark = [pytest.mark.as_root, needs_strata_itself("a build without a daemon")]

STAGES = """FROM scratch AS base
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
FROM base AS left
COPY files /files
RUN for i in 1 2 3 4 5 6 7 8; do cp -r /files /copy$i; done
FROM base AS right
ENV A=1
WORKDIR /w/x
RUN --mount=type=secret,id=s --mount=type=cache,target=/c cat /run/secrets/s > /c/x; sleep 0.05; rm /bin/cat
FROM left
COPY --from=right /bin /right
RUN rm -r /copy1 && mkdir /copy1 && touch /copy1/new
"""


@pytest.fixture
def context(work):
    folder = work / "context"
    (folder / "files").mkdir(parents=True)
    for i in range(300):
        (folder / f"files/{i}").write_text(f"{i}\n" * 100)
    (folder / "busybox").write_bytes(pathlib.Path("/bin/busybox").read_bytes())
    (folder / "busybox").chmod(0o755)
    (folder / "secret").write_text("hidden")
    (folder / ".dockerignore").write_text("secret\n")
    (folder / "Dockerfile").write_text(STAGES)
    return folder


def processes_of(root):
    """Programs that run in a container of this root."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if str(root) in (process / "mountinfo").read_text() and "busybox" in str((process / "exe").readlink()):
                found.append(process.name)
        except OSError:
            pass  # it ended
    return found


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_stopped_at_any_moment(work, context, how):
    choose = random.Random(f"{seed()} build {how}")
    words = ["build", "--secret", f"id=s,src={context}/secret", "-t", "t:1", context]
    start = time.monotonic()
    strata(work / "whole", *words)
    longest = (time.monotonic() - start) * 1.1
    rounds = max(3, count("STRATA_KILLS", 40) // 4)
    stopped = 0
    for turn in range(rounds):
        root = work / "root"
        at = choose.uniform(0, longest)
        args = [str(word) for word in [binary(), "--root", root, *words]]
        with subprocess.Popen(args, env=clean_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(at)
            process.send_signal(how)
            stopped += process.wait() not in (0,)
        where = f"stopped after {at:.3f} s of {longest:.3f} (round {turn})"
        assert mounts_below(work) == [], where
        deadline = time.monotonic() + 5
        while processes_of(root) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert processes_of(root) == [], where
        if root.exists():
            strata(root, "images", "-a")
        again = strata(root, *words)
        assert "Successfully tagged t:1" in again.out, where
        assert problems(root) == [], where
        assert strata(root, *words).out.count("Using cache") == 9, where
        remove_tree(root)
    assert stopped >= rounds // 4, f"only {stopped} of {rounds} were stopped while running"
