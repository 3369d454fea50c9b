# SPDX-License-Identifier: Apache-2.0
"""64 processes at once on one root: load, pull, tag, untag, rmi, prune, save, list, check the same few images; some are killed with -9.

No tag is lost: each worker owns some, which must be as it left them after each of its commands. No layer is lost: what it owns can
be saved at any moment. No deadlock: every command ends. That readers never wait shows test_readers.py. STRATA_CROWD_SECONDS says how long (default 30).
"""
import json
import os
import random
import statistics
import subprocess
import threading
import time

import pytest

import peers
import registries
from archives import Image, docker_2010, docker_25
from deeds import assert_clean, layer
from engine import binary, needs_strata_itself, strata
from procs import clean_env
from roots import Root, problems
from seeds import count, seed
from verbs import plain_layer

pytestmark = [pytest.mark.as_root, needs_strata_itself("a daemon is one process"), pytest.mark.needs(why_not=registries.cannot_run)]
WORKERS = 64
COMMAND_SECONDS = 120  # far above what any of them needs, also on a busy machine
READ_SECONDS = 20
SHARED = [Image([layer("base"), layer("a", 20)], ["a:1"]), Image([layer("base"), layer("a", 20), layer("b")], ["b:1"]),
          Image([layer("base"), layer("c")], ["c:1"]), Image([layer("lone", 10)], ["d:1"])]

LEFT_BY_THE_KILLED = {"leftover", "removal-unfinished"}


class Worker(threading.Thread):
    """Does one thing after the other, and knows what its own tags must be."""

    def __init__(self, number, work, host, until):
        super().__init__(name=f"worker {number}")
        self.number, self.work, self.root, self.host, self.until = number, work, work / "root", host, until
        self.choose = random.Random(f"{seed()} {number}")
        self.owned = {}  # tag -> image ID
        self.done, self.killed, self.read_seconds, self.wrong = {}, 0, [], None

    def run(self):
        try:
            while time.monotonic() < self.until and self.wrong is None:
                name = self.choose.choice(["load", "load", "pull", "tag", "tag", "tag", "untag", "rmi", "prune", "list", "list", "save", "check", "kill"])
                self.done[name] = self.done.get(name, 0) + 1
                getattr(self, f"do_{name}")()
                self.check_owned(name)
        except Exception as e:  # pylint: disable=broad-except
            self.wrong = f"{self.name}: {e!r}"

    def strata(self, *words, prefix=()):
        return subprocess.run([*prefix, binary(), "--root", str(self.root), *map(str, words)], capture_output=True, check=False,
                              timeout=COMMAND_SECONDS, env=clean_env(**registries.no_configuration(self.work)))

    def command(self, *words, allowed=()):
        """It succeeds, or says one of the things that others can bring about."""
        done = self.strata(*words)
        text = done.stderr.decode(errors="replace")
        assert done.returncode == 0 or any(part in text for part in allowed), f"{words}: code {done.returncode}: {text}"
        return done.returncode == 0

    def check_owned(self, after):
        references = Root(self.root).references()
        for tag, image in self.owned.items():
            assert references.get(tag) == image, f"{tag} is {references.get(tag)}, not {image}, after {after}"

    # ---- what it does ------------------------------------------------------------------------------------------

    def archive(self):
        return self.work / f"{self.choose.randrange(2)}.tar"

    def do_load(self):
        self.command("load", "-q", "-i", self.archive())

    def do_pull(self):
        self.command("pull", "-q", f"{self.host}/b:1")

    def do_tag(self):
        image = self.choose.choice(SHARED)
        tag = f"w{self.number}:{self.choose.randrange(3)}"
        if self.command("tag", image.tags[0], tag, allowed=["No such image"]):
            self.owned[tag] = image.id

    def do_untag(self):
        if self.owned:
            tag = self.choose.choice(sorted(self.owned))
            self.command("rmi", tag)
            del self.owned[tag]

    def do_rmi(self):
        self.command("rmi", "-f", self.choose.choice(SHARED).tags[0], allowed=["No such image"])

    def do_prune(self):
        self.command("image", "prune", "-f")

    def do_save(self):
        if self.owned:
            self.command("save", "-o", "/dev/null", self.choose.choice(sorted(self.owned)))
        # It may be gone before its layers are held; afterwards no rmi ends the save (test_save.py).
        gone = ["No such image", "was removed by another process while"]
        self.command("save", "-o", "/dev/null", self.choose.choice(SHARED).tags[0], allowed=gone)

    def do_list(self):
        start = time.monotonic()
        self.command("images", "-a", "-q")
        self.read_seconds.append(time.monotonic() - start)

    def do_check(self):
        """What a killed one left may be found before the next one that writes has cleared it up; damage may not."""
        done = self.strata("check", "--format", "json")
        assert done.returncode in (0, 4), f"check: code {done.returncode}: {done.stderr.decode(errors='replace')}"
        found = [f for f in json.loads(done.stdout)["Findings"] if f["Kind"] not in LEFT_BY_THE_KILLED]
        assert found == [], found

    def do_kill(self):
        """Nobody knows how far it came; but its own tag is what it was, or what it was to be."""
        image, tag = self.choose.choice(SHARED), f"w{self.number}:0"
        words = self.choose.choice([["load", "-i", self.archive()], ["tag", image.tags[0], tag], ["rmi", "-f", image.tags[0]], ["image", "prune", "-f"]])
        # Not by this process: with so many threads it would always come too late.
        done = self.strata(*words, prefix=["timeout", "-s", "KILL", f"{self.choose.uniform(0.001, 0.1):.3f}"])
        self.killed += done.returncode in (-9, 128 + 9)
        if words[0] == "tag":
            now = Root(self.root).references().get(tag)
            assert now in (self.owned.get(tag), image.id), f"{tag} is {now} after a killed tag"
            if now:
                self.owned[tag] = now


@pytest.fixture
def host():
    with registries.registry() as server:
        yield server.host


def prepare(work, host):
    (work / "0.tar").write_bytes(docker_2010(*SHARED))
    (work / "1.tar").write_bytes(docker_25(*SHARED[:2]))
    strata(work / "root", "load", "-q", "-i", work / "0.tar")
    strata(work / "root", "tag", "b:1", f"{host}/b:1")
    strata(work / "root", "push", "-q", f"{host}/b:1", env=registries.no_configuration(work))


def test_a_crowd_on_one_root(work, host):
    prepare(work, host)
    until = time.monotonic() + count("STRATA_CROWD_SECONDS", 30)
    workers = [Worker(i, work, host, until) for i in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    report(workers)
    assert [worker.wrong for worker in workers if worker.wrong] == []
    # The next one that writes clears up after all who were killed.
    strata(work / "root", "load", "-q", "-i", work / "0.tar")
    assert problems(work / "root") == []
    assert_clean(work / "root")
    assert os.listdir(work / "root/strata/staging") == []
    owned = {tag: image for worker in workers for tag, image in worker.owned.items()}
    references = Root(work / "root").references()
    assert owned.items() <= references.items()
    assert owned and sum(worker.killed for worker in workers) > 0  # how many depends on the machine
    reads = [seconds for worker in workers for seconds in worker.read_seconds]
    assert max(reads) < READ_SECONDS, f"a list took {max(reads):.1f} s"
    if not peers.cannot_run():
        with peers.dockerd(work / "root") as docker:
            for reference, image in references.items():
                assert json.loads(docker("image", "inspect", reference).out)[0]["Id"] == image


def test_no_list_calls_damaged_what_comes_and_goes(work):
    archive, until = work / "in.tar", time.monotonic() + 4
    archive.write_bytes(docker_2010(SHARED[1]))
    strata(work / "root", "load", "-i", archive)

    def come_and_go():
        while time.monotonic() < until:
            strata(work / "root", "rmi", "b:1")
            strata(work / "root", "load", "-q", "-i", archive)

    worker = threading.Thread(target=come_and_go)
    worker.start()
    while time.monotonic() < until:
        layers = strata(work / "root", "layers", "b:1", check=False)
        assert layers.code == 0 or "No such image" in layers.err, layers
        listed = strata(work / "root", "images")
        assert listed.err == "", listed
    worker.join()


def test_no_check_of_contents_calls_damaged_what_comes_and_goes(work):
    archive, until = work / "in.tar", time.monotonic() + 10
    images = [Image([plain_layer(f"large{i}", os.urandom(1 << 20) * 48)], [f"large:{i}"]) for i in range(4)]
    archive.write_bytes(docker_2010(*images))
    strata(work / "root", "load", "-i", archive)

    def come_and_go():
        while time.monotonic() < until:
            strata(work / "root", "rmi", *(image.tags[0] for image in images))
            strata(work / "root", "load", "-q", "-i", archive)

    worker = threading.Thread(target=come_and_go)
    worker.start()
    while time.monotonic() < until:
        done = strata(work / "root", "check", "--content", "--format", "json", check=False)
        assert [f for f in json.loads(done.out)["Findings"] if f["Severity"] == "error"] == []
    worker.join()


def report(workers):
    done = {}
    for worker in workers:
        for name, times in worker.done.items():
            done[name] = done.get(name, 0) + times
    reads = sorted(seconds for worker in workers for seconds in worker.read_seconds)
    print(f"crowd: {done}, killed while running {sum(worker.killed for worker in workers)}, images took "
          f"{statistics.median(reads):.3f} s, the slowest {reads[-1]:.3f} s")
