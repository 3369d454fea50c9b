# SPDX-License-Identifier: Apache-2.0
"""Builds under the storage driver vfs, where a step's layer is what differs between two whole trees: the cases of test_build.py
beside dockerd's classic builder on vfs. STRATA_VFS_CASES=all takes all of them."""
import functools
import os
import random
import signal
import subprocess
import time

import pytest

from archives import docker_2010
from boxes import assert_nothing_runs, box, why_not
from build_cases import all_cases, workshop
from engine import binary, docker_stands_in, needs_strata_itself, strata
from peers import dockerd
from procs import clean_env, copy_tree, remove_tree
from roots import Root
from seeds import count, seed
from test_build import KNOWN, compare
from test_containers_vfs import VFS, assert_nothing_left

pytestmark = [pytest.mark.skipif(why_not() is not None, reason=str(why_not())), needs_strata_itself("a root of vfs")]

SPREAD = 6
JUDGED = [case for case in all_cases() if case.judge == "docker" and str(case) not in KNOWN]
WRITING = [case for case in JUDGED if case.group not in ("config", "parse", "args") and not case.fails]
CASES = JUDGED if os.environ.get("STRATA_VFS_CASES") == "all" else WRITING[::3] + JUDGED[::SPREAD * 4]


@pytest.fixture(scope="module")
def shop():
    if docker_stands_in():
        pytest.skip("two builders")
    with workshop(VFS) as shop:
        yield shop
        assert_nothing_left(shop.ours)
        assert strata(shop.ours, "check").code == 0


@pytest.mark.parametrize("case", list(dict.fromkeys(CASES)), ids=str)
def test_builds_the_same(shop, case):
    assert Root(shop.ours).is_vfs
    try:
        compare(shop, case)
    except AssertionError as error:
        # dockerd 20.10 on vfs ends with this where a COPY or ADD changes nothing.
        if "the judge: " not in str(error) or "layer does not exist" not in str(error):
            raise
        assert shop.by_strata(case, "--no-cache").code == 0


@pytest.fixture
def vfs(work):
    (work / "box.tar").write_bytes(docker_2010(box()))
    engine = functools.partial(strata, work / "root", *VFS)
    engine("load", "-i", work / "box.tar")
    (work / "context").mkdir()

    def build(text, *words, **more):
        (work / "context/Dockerfile").write_text(text)
        return engine("build", "--network", "none", *words, work / "context", **more)
    engine.build = build
    return engine


def shown(engine, image, *words):
    return engine("run", "--rm", image, *words).lines


def test_nothing_that_a_step_wrote_is_lost(vfs, work):
    """Same size, same second: what docker's comparison would take for unchanged."""
    for name, text in (("one", "first\n"), ("two", "other\n")):
        (work / "context" / name).write_text(text)
        os.utime(work / "context" / name, (1_600_000_000, 1_600_000_000))
    vfs.build("FROM box:1\nCOPY one /f\nCOPY two /f\nRUN echo 1 > /g\nRUN echo 2 > /g\nRUN echo 3 > /g\n"
              "RUN ln -s a /l && touch -h -d @7 /l\nRUN rm /l && ln -s b /l && touch -h -d @7 /l\n", "-t", "made:1")
    assert shown(vfs, "made:1", "cat", "/f", "/g") == ["other", "3"]
    assert shown(vfs, "made:1", "readlink", "/l") == ["b"]


def test_links_and_squash_and_mounts(vfs, work):
    (work / "context/new").write_text("new\n")
    os.utime(work / "context/new", (1_600_000_000, 1_600_000_000))  # what squashes goes by docker's rule
    (work / "context/tree").mkdir()
    (work / "context/tree/leaf").write_text("leaf\n")
    vfs.build("FROM box:1 AS below\nRUN mkdir -p /d/old && echo old > /d/f && ln -s d /link\n"
              "FROM below\nCOPY --link new /d/f\nCOPY --link tree /d/sub/tree\nCOPY --from=below /d /copied\n"
              "RUN --mount=type=bind,target=/m --mount=type=tmpfs,target=/t --mount=type=secret,id=s,target=/run/s cat /m/new /run/s > /both\n"
              "RUN rm -r /d/old && rm /copied/f\nWORKDIR /made/deep\n", "-t", "made:1", "--secret", f"id=s,src={work}/context/new")
    vfs.build((work / "context/Dockerfile").read_text(), "-t", "squashed:1", "--squash", "--secret", f"id=s,src={work}/context/new")
    root = Root(work / "root")
    for image in ("made:1", "squashed:1"):
        assert shown(vfs, image, "cat", "/d/f", "/d/sub/tree/leaf", "/both") == ["new", "leaf", "new", "new"]
        assert shown(vfs, image, "ls", "/copied", "/d", "/made", "/link/") == \
            ["/copied:", "old", "", "/d:", "f", "sub", "", "/link/:", "f", "sub", "", "/made:", "deep"]
    # Of what a container gets, and of mounts, nothing is in a layer.
    made = os.listdir(root.layer_diff(root.chain(root.references()["made:1"])[-1]))
    assert not {"m", "t", "run", ".dockerenv", "proc", "dev"} & set(made)
    assert len(root.chain(root.references()["squashed:1"])) == len(root.chain(root.references()["box:1"])) + 2
    assert_nothing_left(work / "root")
    with dockerd(work / "root", options=VFS) as docker:
        assert docker("run", "--rm", "--network", "none", "squashed:1", "cat", "/d/f").out == "new\n"
        docker("save", "-o", work / "all.tar", "made:1", "squashed:1")


def test_a_step_without_changes_is_empty(vfs, work):
    vfs.build("FROM box:1\nRUN touch -d @5 /tmp && echo x > /x && rm /x\nRUN chmod 700 /tmp && chmod 1777 /tmp\n", "-t", "made:1")
    root = Root(work / "root")
    assert root.chain(root.references()["made:1"]) == root.chain(root.references()["box:1"])


def test_a_given_time_gives_the_same_layers_again(vfs, work):
    """SOURCE_DATE_EPOCH: also for whiteouts, which have the time of the build otherwise."""
    text = "FROM box:1\nRUN rm /etc/group && echo 1 > /new\nRUN mkdir /d && echo 2 > /d/new && rm /new\n"
    env = {"SOURCE_DATE_EPOCH": "1600000000"}
    ids = []
    for _ in range(2):
        vfs.build(text, "--no-cache", "--iidfile", work / "iid", env=env)
        ids.append((work / "iid").read_text())
    assert ids[0] == ids[1]


def test_a_failed_step_leaves_nothing(vfs, work):
    layers = Root(work / "root").layers()
    refused = vfs.build("FROM box:1\nRUN echo 1 > /x && false\n", check=False)
    assert refused.code == 1 and "returned a non-zero code: 1" in refused.err
    assert Root(work / "root").layers() == layers
    assert_nothing_left(work / "root")


STAGES = """FROM box:1 AS left
COPY files /files
RUN for i in 1 2 3 4; do cp -r /files /copy$i; done
FROM box:1 AS right
WORKDIR /w/x
RUN --mount=type=cache,target=/c sleep 0.05; rm /etc/group
FROM left
COPY --from=right /w /right
RUN rm -r /copy1 && mkdir /copy1 && touch /copy1/new
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_stopped_at_any_moment(vfs, work, how):
    choose = random.Random(f"{seed()} vfs {how}")
    files = work / "context/files"
    files.mkdir()
    for i in range(100):
        (files / str(i)).write_text(f"{i}\n" * 100)
    start_of = copy_tree(work / "root", work / "start")
    begin = time.monotonic()
    vfs.build(STAGES, "-t", "t:1")
    longest = (time.monotonic() - begin) * 0.7
    stopped = 0
    for _ in range(max(4, count("STRATA_KILLS", 40) // 10)):
        remove_tree(work / "root")
        copy_tree(start_of, work / "root")
        words = [binary(), "--root", work / "root", "build", "--network", "none", "-t", "t:1", work / "context"]
        with subprocess.Popen([str(w) for w in words], env=clean_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(choose.uniform(0, longest))
            process.send_signal(how)
            stopped += process.wait() != 0
        assert_nothing_runs(work / "root")
        assert "Successfully tagged t:1" in vfs.build(STAGES, "-t", "t:1").out
        assert_nothing_left(work / "root")
        assert vfs.build(STAGES, "-t", "t:1").out.count("Using cache") == 6
    assert stopped > 0
