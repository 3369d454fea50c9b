# SPDX-License-Identifier: Apache-2.0
"""What the tests of strata alone say often: load these bytes, expect these images, nothing may have changed."""
import contextlib
import pathlib
import re

import archives
from engine import strata
from roots import Root, changes, problems, snapshot, staged_bytes
from tars import Tar, odd_layer

SMALL_RECORDS = 64 * 1024  # locks and notes may stay in strata's own folder; layers may not


def plain_layer(name="a", data=b"content of a\n"):
    return Tar().dir("d/").file(f"d/{name}", data, uid=1000).symlink(f"d/link-{name}", name).bytes()


def two_images():
    """Two images that share their base; one has odd files and two names."""
    base = plain_layer("base", b"base" * 3000)
    return (archives.Image([base, odd_layer(), plain_layer("top")], ["first:1", "first:latest"]),
            archives.Image([base, plain_layer("other")], ["team/second:2"]))


def load(root, data, how="file", work=None, check=True, words=(), prefix=()):
    """Loads an archive: from a file by -i, from a pipe, or from a file on stdin."""
    if how == "pipe":
        return strata(root, "load", *words, stdin=bytes(data), check=check, prefix=prefix)
    file = pathlib.Path(work or pathlib.Path(root).parent) / "archive.tar"
    file.write_bytes(data)
    if how == "stdin":
        return strata(root, "load", *words, stdin=file, check=check, prefix=prefix)
    return strata(root, "load", *words, "-i", file, check=check, prefix=prefix)


def root_with(root, *images):
    """A root that holds these images; checked, so that no test can pass on an empty one."""
    load(root, archives.docker_2010(*images))
    assert_holds(root, *images)
    return root


def assert_holds(root, *images):
    """The root holds exactly these images with exactly these bytes and names, and nothing is wrong in it."""
    r = Root(root)
    assert r.images() == {i.id for i in images}
    assert r.references() == {tag: i.id for i in images for tag in i.tags}
    for image in images:
        assert r.config_bytes(image.id) == image.config_bytes
        assert [r.layer_tar(c) for c in r.chain(image.id)] == image.layers
    assert problems(root) == []


@contextlib.contextmanager
def unchanged(root):
    before = snapshot(root)
    yield
    assert changes(before, snapshot(root)) == []
    assert staged_bytes(root) < SMALL_RECORDS


def assert_refused(result, *words):
    """Exit code 1, nothing like success on stdout, and a message that holds every word (a regular expression)."""
    assert result.code == 1, result
    assert "Loaded image" not in result.out, result
    for word in words:
        assert re.search(word, result.err, re.I), f"no {word!r} in the message:\n{result}"
