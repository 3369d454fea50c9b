# SPDX-License-Identifier: Apache-2.0
"""The build cache in turn: dockerd's classic builder goes on with what strata built, and strata with what dockerd built."""
import pathlib

import pytest

from engine import needs_strata_itself, strata
from images import BUSYBOX, runnable
from archives import docker_2010
from peers import dockerd
from procs import clean_env

pytestmark = [pytest.mark.as_root, needs_strata_itself("two builders on one root")]

STEPS = """FROM base:1
MAINTAINER Somebody <somebody@example.com>
ENV A=1 B="two words"
LABEL l1=v1 "l 2"="v 2"
ARG G=given
WORKDIR /srv/app
COPY a.txt /x
COPY dir /d/
COPY a.txt dir /m/
ADD t.tgz /u/
COPY --chown=3:4 a.txt /owned
RUN echo $G > /g
RUN ["/bin/echo", "a b"]
EXPOSE 8080 80 1000-1002/udp
VOLUME ["/b", "/a"]
USER nobody
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s --retries=3 CMD ls /
ONBUILD RUN echo later
SHELL ["/bin/sh", "-x", "-c"]
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["echo \\"<hi>\\" & 'q'"]
"""
NUMBER = STEPS.count("\n") - 1


@pytest.fixture
def context(work):
    import subprocess
    folder = work / "context"
    (folder / "dir/sub").mkdir(parents=True)
    (folder / "a.txt").write_text("hello\n")
    (folder / "dir/b").write_text("b\n")
    (folder / "dir/sub/link").symlink_to("../b")
    (folder / "dir/script").write_text("#!/bin/sh\n")
    (folder / "dir/script").chmod(0o755)
    subprocess.run(["tar", "-C", folder / "dir", "-czf", folder / "t.tgz", "b", "sub"], check=True)
    (folder / "Dockerfile").write_text(STEPS)
    return folder


@pytest.fixture
def base(work):
    archive = work / "base.tar"
    archive.write_bytes(docker_2010(runnable("base:1")))
    strata(work / "root", "load", "-i", archive)
    return work / "root"


def docker_build(root, context, *words):
    with dockerd(root, env={"DOCKER_BUILDKIT": "0"}) as docker:
        out = docker("build", "--network", "host", *words, context).out
        ran = docker("run", "--rm", "--network", "none", "--entrypoint", "/bin/cat", "t:1", "/g").out
        return out, ran, docker("inspect", "--format", "{{.Id}}", "t:1").out.strip()


def test_dockerd_uses_what_strata_built(base, context):
    strata(base, "build", "-t", "t:1", context)
    ours = strata(base, "inspect", "--format", "{{.Id}}", "t:1").out.strip()
    out, ran, theirs = docker_build(base, context, "-t", "t:1")
    assert out.count("Using cache") == NUMBER, out
    assert theirs == ours and ran == "given\n"


def test_strata_uses_what_dockerd_built(base, context):
    _, _, theirs = docker_build(base, context, "-t", "t:1")
    out = strata(base, "build", "-t", "t:2", context).out
    assert out.count("Using cache") == NUMBER, out
    assert strata(base, "inspect", "--format", "{{.Id}}", "t:2").out.strip() == theirs


def test_what_a_load_brought_with_its_parents_is_no_cache(base, context, work):
    strata(base, "build", "-t", "t:1", context)
    archive = work / "built.tar"
    ids = [line for line in strata(base, "history", "-q", "--no-trunc", "t:1").lines if line.startswith("sha256")]
    strata(base, "save", "--format", "docker-legacy", "-o", archive, "base:1", *ids[:-1])
    other = work / "other"
    strata(other, "load", "-i", archive)
    assert "Using cache" not in strata(other, "build", context).out
