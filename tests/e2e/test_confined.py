# SPDX-License-Identifier: Apache-2.0
"""load, pull, import and cp confine themselves where the kernel can, and do the same work where it cannot.

What a confined thread may not do is shown by the unit tests of base/confine.h.
"""
import os
import pathlib
import random
import re
import subprocess
import sys
import time

import pytest

import hostile_registry
from archives import Image, docker_2010
from engine import binary, needs_strata_itself, strata
from hostile_registry import HostileRegistry
from procs import clean_env
from roots import Root, problems
from tars import Tar, odd_layer
from verbs import assert_holds, load, two_images

pytestmark = [pytest.mark.as_root, needs_strata_itself("a daemon unpacks in a chroot")]

# Runs its words as on a kernel without Landlock, or without seccomp: those calls (on x86-64 and on arm64) fail.
WITHOUT = """
import ctypes, os, platform, struct, sys
refused, error = sys.argv[1:3]
first, last = (444, 446) if refused == "landlock" else ((317, 317) if platform.machine() == "x86_64" else (277, 277))
code = [(0x20, 0, 0, 0), (0x35, 0, 2, first), (0x25, 1, 0, last), (0x06, 0, 0, 0x50000 | int(error)), (0x06, 0, 0, 0x7fff0000)]
program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(code), ctypes.addressof(program))), 0, 0) == 0
os.execv(sys.argv[3], sys.argv[3:])
"""


def kernel_confines():
    code = "import ctypes; print(ctypes.CDLL(None).syscall(444, None, 0, 1))"
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout) >= 2


needs_landlock = pytest.mark.skipif(not kernel_confines(), reason="this kernel has no Landlock")


def filters_of_threads(pid):
    """How many seccomp filters each thread has."""
    found = {}
    for status in pathlib.Path(f"/proc/{pid}/task").glob("*/status"):
        text = status.read_text()
        found[status.parent.name] = int(re.search(r"Seccomp_filters:\s+(\d+)", text).group(1))
    return found


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("refused", ["landlock", "seccomp"])
@pytest.mark.parametrize("error", [38, 95, 1], ids=["ENOSYS", "EOPNOTSUPP", "EPERM"])
def test_a_kernel_without_it_does_the_same(work, refused, error):
    images = two_images()
    load(work / "root", docker_2010(*images), prefix=[sys.executable, "-c", WITHOUT, refused, error])
    assert_holds(work / "root", *images)


@pytest.mark.parametrize("how", ["--root {root} load", "--root {root} import - x:1"], ids=["load", "import"])
def test_every_thread_is_filtered_while_it_unpacks(work, how):
    layer = Tar().file("large", bytes(8 << 20)).bytes()
    data = layer if "import" in how else docker_2010(Image([layer], ["x:1"]))
    words = how.format(root=work / "root").split()
    with subprocess.Popen([binary(), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_env()) as process:
        process.stdin.write(data[:4 << 20])
        process.stdin.flush()
        # The threads of the layer (its hash, its names, its tar-split) have one of their own, too.
        wait_for(lambda: sum(count > 1 for count in filters_of_threads(process.pid).values()) >= 3)
        filters = filters_of_threads(process.pid)
        process.stdin.write(data[4 << 20:])
        process.stdin.close()
        process.stdout.read()
        assert process.wait() == 0
    unconfined = [thread for thread, count in filters.items() if count == 0]
    assert unconfined == [] or "import" in how, filters


def test_pull_is_filtered_unless_a_helper_may_be_asked(work, monkeypatch):
    monkeypatch.setattr(hostile_registry, "STALL_SECONDS", 60)
    images = {"x/one:1": Image([Tar().file("f", random.Random(1).randbytes(3 << 20)).bytes()])}
    (work / "config.json").write_text('{"credHelpers": {"localhost:1": "nobody"}}')
    for environment, confined in (({}, True), ({"DOCKER_CONFIG": str(work)}, False)):
        root = work / f"root-{confined}"
        with HostileRegistry(images, lambda r: "stall inside" if "/blobs/" in r.path and "config" not in r.path else None,
                             random.Random(2), pack=None) as server:
            words = [binary(), "--root", str(root), "pull", "-q", f"{server.host}/x/one:1"]
            with subprocess.Popen(words, stdout=subprocess.PIPE, env=clean_env(**environment)) as process:
                wait_for(lambda: server.met["stall inside"] > 0)
                main = filters_of_threads(process.pid)[str(process.pid)]
                server.mood = lambda _request: None
                server.stalls.set()
                process.stdout.read()
                assert process.wait() == 0
        assert (main > 0) == confined
        assert problems(root) == []


@needs_landlock
def test_a_link_in_the_root_that_leads_out_is_not_written_through(work):
    """What is below the root may be changed, and nothing else: not even where a link of the root's own says otherwise."""
    image = two_images()[0]
    load(work / "root", docker_2010(two_images()[1]))
    content = work / "root/image/overlay2/imagedb/content"
    os.rename(content, work / "outside")
    content.symlink_to(work / "outside")
    before = sorted(os.listdir(work / "outside/sha256"))
    refused = load(work / "root", docker_2010(image), check=False)
    assert refused.code == 1 and "ermission denied" in refused.err, refused
    assert sorted(os.listdir(work / "outside/sha256")) == before
    # Nor is anything of it left in the root.
    content.unlink()
    os.rename(work / "outside", content)
    assert_holds(work / "root", two_images()[1])


@pytest.mark.parametrize("moved", ["overlay2", "image", "strata"])
def test_folders_of_the_root_may_be_links(work, moved):
    """People move them to other places and leave links."""
    images = two_images()
    load(work / "root", docker_2010(images[0]))
    os.rename(work / "root" / moved, work / "elsewhere")
    (work / "root" / moved).symlink_to(work / "elsewhere")
    load(work / "root", docker_2010(images[1]))
    assert Root(work / "root").images() == {image.id for image in images}


def test_what_runs_programs_goes_on(work):
    """A pull as a part of `run`, and one with a credential helper, can still start programs; so can what comes after."""
    helper = work / "bin"
    helper.mkdir()
    (helper / "docker-credential-ours").write_text(
        f"#!/bin/sh\necho asked >> {work}/asked\necho '{{\"Username\":\"u\",\"Secret\":\"s\"}}'\n")
    (helper / "docker-credential-ours").chmod(0o755)
    asked = []

    def mood(request):
        if "/manifests/" in request.path and "Authorization" not in request.headers:
            asked.append(request.path)
            return "401"
        return None

    with HostileRegistry({"x/one:1": Image([odd_layer()])}, mood, random.Random(3)) as server:
        (work / "config.json").write_text('{"credsStore": "ours"}')
        environment = {"DOCKER_CONFIG": str(work), "PATH": f"{helper}:{os.environ['PATH']}"}
        strata(work / "root", "pull", f"{server.host}/x/one:1", env=environment)
    assert asked and (work / "asked").read_text() == "asked\n"
