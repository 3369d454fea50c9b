# SPDX-License-Identifier: Apache-2.0
"""A disk whose power can be cut: a file system on a loop device on a file of which every write is known (tests/crash/forgetful_disk).

    with forgetful_disk(work, "ext4") as disk:
        ... work below disk.path ...
        there = disk.position()                     # how far the log is just now
    for state in disk.states(there, choose):        # what may be on the disk after a power cut at that moment
        with mounted(state, work / "after") as path:
            ... the journal has been replayed ...
"""
import contextlib
import os
import pathlib
import shutil
import struct
import subprocess
import time

from procs import clean_env, run, unmount_below
from strikes import not_built
from strikes import program

MEGABYTES = {"ext4": 96, "xfs": 320}
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0", "-J", "size=4"],
        "xfs": ["mkfs.xfs", "-q", "-f", "-K"]}
HEADER = struct.Struct("<cQQ")
SECTOR = 512
SUPERBLOCK_END = 4096  # a file system that finds half of this one does not mount: ext4 trusts that it is written whole


def cannot_run():
    """Why no such disk can be had here, or None."""
    if shutil.which("mkfs.xfs", path=clean_env()["PATH"]) is None:
        return "mkfs.xfs is not installed (Debian: xfsprogs)"
    return not_built("forgetful_disk")


def no_devices(kind):
    """What this machine's kernel lacks for it, or None. No package brings that, so it is a reason to skip everywhere."""
    if not os.path.exists("/dev/fuse"):
        return "no /dev/fuse: power cuts cannot be simulated here"
    if subprocess.run(["losetup", "-f"], capture_output=True).returncode != 0:
        return "no loop devices: power cuts cannot be simulated here"
    known = pathlib.Path("/proc/filesystems").read_text().split()
    modprobe = shutil.which("modprobe", path=clean_env()["PATH"])
    if kind in known or (modprobe and subprocess.run([modprobe, kind], capture_output=True).returncode == 0):
        return None
    return f"the kernel has no {kind}"


class Disk:
    def __init__(self, work, kind):
        self.work, self.kind, self.path = work, kind, work / "mounted"
        self.first, self.image, self.log = work / "first.img", work / "disk.img", work / "writes.log"
        self.states = 0
        for folder in ("mounted", "served"):
            (work / folder).mkdir()
        with open(self.first, "wb") as f:
            f.truncate(MEGABYTES[kind] << 20)
        run(*MAKE[kind], self.first)
        copy_sparse(self.first, self.image)
        self.server = subprocess.Popen([program("forgetful_disk"), work / "served", self.image, self.log], stdout=subprocess.PIPE, env=clean_env())
        assert self.server.stdout.readline() == b"ready\n"
        self.loop = run("losetup", "-f", "--show", work / "served/disk").out.strip()
        run("mount", "-t", kind, self.loop, self.path)

    def position(self):
        return os.path.getsize(self.log)

    def close(self):
        unmount_below(self.path)
        if hasattr(self, "loop"):
            subprocess.run(["losetup", "-d", self.loop], capture_output=True)
        deadline = time.monotonic() + 20
        while self.server.poll() is None and time.monotonic() < deadline:  # the loop device lets go a little later
            subprocess.run(["umount", self.work / "served"], capture_output=True)
            time.sleep(0.02)
        self.server.kill()
        self.server.wait()
        self.server.stdout.close()

    # ---- what a power cut leaves ---------------------------------------------------------------------------------

    def records(self, position):
        """[(kind, offset of the data in the log, offset on the disk, length)] up to there."""
        found, at = [], 0
        with open(self.log, "rb") as log:
            while at + HEADER.size <= position:
                log.seek(at)
                kind, offset, length = HEADER.unpack(log.read(HEADER.size))
                at += HEADER.size + (length if kind == b"W" else 0)
                if at > position:
                    break
                found.append((kind, at - length, offset, length))
        return found

    def before_flushes(self, first, last):
        """The moments in between at which the most was in doubt: just before a flush."""
        return [at - HEADER.size for kind, at, _, _ in self.records(last) if kind == b"F" and at > first]

    def cuts(self, position):
        """(records that are surely on the disk, records that the disk may have lost), for a power cut at that moment."""
        records = self.records(position)
        flushed = max((i for i, record in enumerate(records) if record[0] == b"F"), default=-1)
        writes = [r for r in records[flushed + 1:] if r[0] == b"W"]
        return [r for r in records[:flushed + 1] if r[0] == b"W"], writes

    def state(self, position, choose, how):
        """An image of what is there after a power cut. `how`: of the writes since the last flush there are "none", "all", "some",
        or some of them "torn", which ends at a sector's edge. What was written twice may be there in its older form only."""
        sure, unsure = self.cuts(position)
        kept = {"none": [], "all": unsure}.get(how)
        if kept is None:
            share = choose.choice((0.1, 0.5, 0.9))
            kept = [r for r in unsure if choose.random() < share]
        if how == "torn":
            kept = [self._torn(r, choose) if choose.random() < 0.3 else r for r in kept]
        self.states += 1
        target = self.work / f"state-{self.states}.img"  # a loop device may hold the last one a little longer
        copy_sparse(self.first, target)
        with open(self.log, "rb") as log, open(target, "r+b") as image:
            for _, place, offset, length in sure + kept:
                log.seek(place)
                image.seek(offset)
                image.write(log.read(length))
        return target

    @staticmethod
    def _torn(record, choose):
        kind, place, offset, length = record
        if offset < SUPERBLOCK_END:
            return record
        cut = choose.randrange(0, length // SECTOR + 1) * SECTOR
        if choose.random() < 0.5:
            return kind, place, offset, cut
        return kind, place + cut, offset + cut, length - cut


def copy_sparse(source, target):
    run("cp", "--sparse=always", source, target)


@contextlib.contextmanager
def forgetful_disk(work, kind):
    disk = Disk(work, kind)
    try:
        yield disk
    finally:
        disk.close()


@contextlib.contextmanager
def mounted(image, kind, path):
    """The file system in the image, which is removed in the end; mounting it replays its journal."""
    path = pathlib.Path(path)
    path.mkdir(exist_ok=True)
    run("mount", "-t", kind, "-o", "loop,nouuid" if kind == "xfs" else "loop", image, path)
    try:
        yield path
    finally:
        if run("umount", path, check=False).code != 0:
            unmount_below(path)
        image.unlink()
