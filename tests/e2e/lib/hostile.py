# SPDX-License-Identifier: Apache-2.0
"""Hostile images and Dockerfiles for the tests of published weaknesses: links out of a tree, containers and builds of them."""
from boxes import box
from canaries import SECRET
from engine import strata
from procs import mounts_below
from roots import Root
from tars import Tar
from verbs import root_with


def with_layer(work, tar, **config):
    return root_with(work / "root", box(layers=[tar.bytes()], **config))


def run_box(root, *words, options=(), check=True):
    return strata(root, "run", "--rm", *options, "box:1", *words, check=check)


def links_out(canary, *names):
    tar = Tar()
    for i, name in enumerate(names):
        tar.symlink(name, str(canary) if i % 2 else canary.up())
    return tar


def the_same_inside(tar, canary):
    """In the tree there is a folder by the canary's name too: a link to the canary leads there."""
    path = ""
    for part in str(canary)[1:].split("/"):
        path += part + "/"
        tar.dir(path, mode=0o1777 if path == "tmp/" else 0o755)
    return tar.file(path + "secret", b"inside").dir(path + "kept/")


def build(work, text, *words, base="FROM box:1\n", check=True, timeout=60, context=None, env=None):
    folder = context or work / "context"
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(base + text)
    result = strata(work / "root", "build", "--no-cache", "-t", "built", *words, folder, check=check, timeout=timeout, env=env)
    assert mounts_below(work / "root") == []
    return result


def assert_not_built_from(work, canary):
    root = Root(work / "root")
    for image in root.images():
        for chain in root.chain(image):
            assert SECRET not in root.layer_tar(chain)
