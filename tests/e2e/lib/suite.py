# SPDX-License-Identifier: Apache-2.0
"""What both conftest.py files share: markers, the reasons for skipping, and a work folder for each test."""
import os
import signal

import pytest

import canaries
import engine
import peers
from procs import new_dir, remove_tree

MARKERS = (
    "real_docker: needs root and dockerd",
    "as_root: needs root",
    "needs(why_not=…): a function that says what is missing here, or None",
    "no_strata: shows that a helper or an expectation is right; does not run strata",
)


def pytest_configure(config):
    # nohup and a shell's background jobs ignore these, and so would what we start, which is to be ended by them. A
    # handler is for us alone.
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if not config.option.reportchars:
        config.option.reportchars = "fEs"  # every skip is told with its reason


def why_not(item):
    if item.get_closest_marker("real_docker") and peers.cannot_run():
        return peers.cannot_run()
    if item.get_closest_marker("as_root") and os.geteuid() != 0:
        return "needs root"
    for mark in item.iter_markers("needs"):
        if mark.kwargs["why_not"]():
            return mark.kwargs["why_not"]()
    if not item.get_closest_marker("no_strata"):
        if engine.docker_stands_in():
            return peers.cannot_run()
        return engine.missing()
    return None


def pytest_runtest_setup(item):
    """Skips with a reason what cannot run; where STRATA_MUST_RUN=1 (CI), that is a failure."""
    reason = why_not(item)
    if reason and os.environ.get("STRATA_MUST_RUN") == "1":
        pytest.fail(f"must run here, but cannot: {reason}", pytrace=False)
    if reason:
        pytest.skip(reason)


@pytest.fixture
def work():
    """A folder of the test's own with a short path; mounts in it are undone at the end."""
    folder = new_dir()
    yield folder
    remove_tree(folder)


@pytest.fixture
def canary(work):
    """A folder of the host's that must be as it was at the end."""
    made = canaries.Canary(work / "canary")
    yield made
    made.assert_alive()
