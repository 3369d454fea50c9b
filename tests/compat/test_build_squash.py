# SPDX-License-Identifier: Apache-2.0
"""`strata build --squash` beside that of dockerd (experimental there), from the very same steps: config, layers, files."""
import io
import json
import tarfile

import pytest

from archives import docker_2010
from engine import needs_strata_itself, strata
from image_facts import tree, tree_differences
from images import runnable
from peers import dockerd
from roots import Root, problems
from tars import Tar

pytestmark = [pytest.mark.as_root, needs_strata_itself("two builders on one root")]

CHANGES = """RUN mkdir -p /d/e /gone /again/deep && echo 1 > /d/e/one && echo 2 > /d/two && echo g > /gone/g && echo a > /again/deep/a
RUN rm -r /gone && rm /d/two && rm -r /again && mkdir /again && echo new > /again/new
RUN ln /d/e/one /d/link && ln -s one /d/e/soft && mkfifo /d/pipe && mknod /d/null c 1 3 && chmod 4711 /d/e/one && chown 3:4 /d/pipe
RUN echo base >> /etc/passwd && chmod 700 /etc
RUN rm -r /t/one /old && touch /old
"""
OLD_FILES = (Tar().dir("t/").file("t/one", b"1").file("t/two", b"2").dir("t/sub/").file("t/sub/three", b"3").dir("old/").file("old/four", b"4")
             .dir("etc/").file("etc/passwd", b"root:x:0:0::/:/bin/sh\n").bytes())
CASES = {
    "changes": CHANGES,
    "written as it was": "RUN cp -a /etc/passwd /x && rm /etc/passwd && mv /x /etc/passwd\nRUN mkdir /k && rmdir /k\nRUN touch /stays\n",
    "hidden folders": "RUN rm -r /t && mkdir -p /t/sub\nRUN echo 1 > /t/sub/one\nRUN rm -r /old && echo now a file > /old\n",
    "a folder comes again": "RUN rm -r /t\nRUN mkdir /t && echo x > /t/new\nRUN mkdir /t/sub\n",
    "one layer": "ENV A=1\nCOPY a.txt /x/\nCMD [\"sh\"]\n",
    "from scratch": "COPY a.txt /x\nLABEL a=b\nCOPY a.txt /y\n",
    "a base with history": "RUN true > /one\nLABEL a=b\nRUN rm /one\n",
}
BASES = {"from scratch": "FROM scratch\n", "a base with history": "FROM base:1 AS below\nENV BELOW=1\nRUN echo below > /below\nFROM below\n"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A root with the squashed images, of strata and then of dockerd, which finds the steps in its cache."""
    work = tmp_path_factory.mktemp("squash")
    root = work / "root"
    (work / "base.tar").write_bytes(docker_2010(runnable("base:1", extra=[OLD_FILES])))
    strata(root, "load", "-i", work / "base.tar")
    context = work / "context"
    context.mkdir()
    (context / "a.txt").write_text("hello\n")
    for number, (name, text) in enumerate(CASES.items()):
        (context / f"{number}.Dockerfile").write_text(BASES.get(name, "FROM base:1\n") + text)
        strata(root, "build", "--squash", "-t", f"strata{number}:1", "-f", context / f"{number}.Dockerfile", context)
    assert problems(root) == []
    with dockerd(root, env={"DOCKER_BUILDKIT": "0"}, options=["--experimental"]) as docker:
        for number in range(len(CASES)):
            file = context / f"{number}.Dockerfile"
            out = docker("build", "--squash", "-t", f"docker{number}:1", "-f", file, context).out
            steps = sum(not line.startswith("FROM") for line in file.read_text().splitlines())
            assert out.count("Using cache") == steps, out
    yield root


def images(root, name):
    number = list(CASES).index(name)
    ids = [json.loads(strata(root, "inspect", f"{who}{number}:1").out)[0]["Id"] for who in ("docker", "strata")]
    assert ids[0] != ids[1]
    return ids


def members(data):
    """Every member of the tar: its fields, its content. A whiteout's time is that of the build; dockerd 20.10 has the type in the mode."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for m in tar:
            gone = m.name.rpartition("/")[2].startswith(".wh.")
            found[m.name] = (m.type, oct(m.mode & 0o7777), m.uid, m.gid, m.size, m.linkname, m.devmajor, m.devminor, 0 if gone else m.mtime,
                             tar.extractfile(m).read() if m.isreg() else None)
    return found


def merged(config):
    """The image of the steps, of which the comment tells: "merge sha256:... to sha256:...", "create new from sha256:..."."""
    return next(word for word in config["history"][-1]["comment"].split() if word.startswith("sha256:"))


@pytest.mark.parametrize("name", CASES)
def test_the_layer_is_dockers(shop, name):
    root = Root(shop)
    theirs, ours = (root.chain(image) for image in images(shop, name))
    assert theirs[:-1] == ours[:-1], "the base's layers are the same"
    assert members(root.layer_tar(ours[-1])) == members(root.layer_tar(theirs[-1]))


@pytest.mark.parametrize("name", CASES)
def test_the_config_is_dockers(shop, name):
    theirs, ours = (json.loads(Root(shop).config_bytes(image)) for image in images(shop, name))
    for config in (theirs, ours):
        assert config["created"] == config["history"][-1]["created"] != config["history"][-2]["created"]
        del config["created"], config["history"][-1]["created"], config["rootfs"]["diff_ids"][-1]
    # docker leaves in the config which step the last step stood on.
    assert theirs.pop("parent", None) == Root(shop).parent_of(merged(ours))
    assert ours == theirs


@pytest.mark.parametrize("name", CASES)
def test_the_tree_is_that_of_the_steps(shop, name):
    theirs, ours = images(shop, name)
    steps = merged(json.loads(Root(shop).config_bytes(ours)))
    assert tree_differences(tree(shop, steps), tree(shop, ours)) == []
    assert tree_differences(tree(shop, theirs), tree(shop, ours)) == []
    assert Root(shop).parent_of(ours) == Root(shop).parent_of(theirs)
