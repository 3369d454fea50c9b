# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e" / "lib"))

import pytest  # noqa: E402

pytest.register_assert_rewrite("verbs", "scenarios", "beside")

from images import add_digest_reference, image_id, make_images  # noqa: E402
from peers import dockerd  # noqa: E402
from procs import copy_tree, new_dir, remove_tree  # noqa: E402
from suite import pytest_configure, pytest_runtest_setup, work  # noqa: E402,F401


def pytest_collection_modifyitems(items):
    here = str(pathlib.Path(__file__).parent)
    for item in items:
        if str(item.fspath).startswith(here):
            item.add_marker("real_docker")


@pytest.fixture(scope="session")
def built_root():
    """One root that docker built; the daemon has stopped. Tests copy it and never write to it."""
    folder = new_dir("str-")
    with dockerd(folder / "root") as docker:
        make_images(docker)
        app = image_id(docker, "app:1")
    add_digest_reference(folder / "root", app)
    yield folder / "root"
    remove_tree(folder)


@pytest.fixture
def root(built_root, work):
    """A copy of the built root for this test."""
    return copy_tree(built_root, work / "root")
