# SPDX-License-Identifier: Apache-2.0
"""Roots that are damaged so that repair can mend them, and what may be wrong when it was disturbed."""
import collections
import os
import re
import shutil

from archives import docker_25
from deeds import KEPT, NEW, Command, assert_clean, state_of
from procs import copy_tree
from roots import Root, problems, snapshot
from verbs import load

IMAGES = [KEPT, *NEW]


def sound_place(work):
    place = work / "start"
    (place / "out").mkdir(parents=True)
    load(place / "root", docker_25(*IMAGES), work=work)
    (place / "copy.tar").write_bytes(docker_25(*IMAGES))
    return place


def folder_of(root, image, at):
    """The driver's folder of an image's layer."""
    r = Root(root)
    return r.layer_diff(r.chain(image.id)[at]).parent


def damage_records(root):
    """What can be mended with what is still there."""
    layers = sorted((root / "image/overlay2/layerdb/sha256").iterdir())
    caches = [root / "overlay2" / (record / "cache-id").read_text() for record in layers]
    (layers[0] / "size").write_text("")
    (layers[1] / "diff").unlink()
    (layers[2] / "cache-id").write_bytes(bytes(64))
    (caches[3] / "link").write_text("")
    (root / "overlay2/l" / (caches[4] / "link").read_text()).unlink()
    (root / "overlay2" / ("0" * 64) / "diff").mkdir(parents=True)
    (root / "overlay2" / ("0" * 64) / "diff/only-copy").write_text("mine")
    (root / "image/overlay2/layerdb/sha256" / ("1" * 64)).mkdir()
    (root / "image/overlay2/imagedb/content/sha256/.tmp-x").write_text("{")


def damage_links(root):
    """Small files and links among the layers."""
    layers = sorted((root / "image/overlay2/layerdb/sha256").iterdir())
    caches = [root / "overlay2" / (record / "cache-id").read_text() for record in layers]
    (caches[0] / "link").write_text("")
    next(c for c in caches if (c / "lower").exists()).joinpath("lower").write_text("l/GARBLED")
    (root / "overlay2/l" / (caches[4] / "link").read_text()).unlink()


def damage_contents(root):
    """What needs a copy: contents, all files of a layer, a config, names."""
    (folder_of(root, KEPT, 1) / "diff/d/kept").write_text("changed")
    (folder_of(root, KEPT, 1) / "diff/d/too-many").write_text("extra")
    (folder_of(root, NEW[0], 1) / "diff/d/one-1").unlink()
    (folder_of(root, NEW[0], 1) / "diff/d/one-2").chmod(0o600)
    shutil.rmtree(folder_of(root, NEW[2], 0) / "diff")
    (root / "image/overlay2/imagedb/content/sha256" / NEW[1].id[7:]).write_text("{}")


def damage_names(root):
    file = root / "image/overlay2/repositories.json"
    file.write_text(file.read_text()[:-30])


# ---- repairs -----------------------------------------------------------------------------------------------------

def contents(root):
    """How often each content is in the root, under any name. What strata notes of layers that may not be on the disk is its own."""
    return collections.Counter(what for path, (mode, _, _, what, _) in snapshot(root, skip=()).items()
                               if mode.startswith(("-", "l")) and not path.startswith("strata/unsynced/"))


def subjects(root):
    """What something is wrong with: "layer sha256:…", "l/X"; as a whole line where that is no single thing."""
    return {" ".join(re.findall(r"^(?:layer )?[^ ]+", line)).rstrip(":") if line.startswith(("layer ", "l/")) else line
            for line in problems(root)}


class Mend(Command):
    """Of a place that is sound; `damages` are done to it, and what is wrong in it is learnt after each."""

    def __init__(self, name, start, words, damages):
        super().__init__(name, start, words)
        self.sound = state_of(start / "root")
        self.problems = set()
        for damage in damages:
            damage(start / "root")
            self.problems |= subjects(start / "root")
        self.contents = set(contents(start / "root"))

    # ---- judging -----------------------------------------------------------------------------------------------

    def check_struck(self, place):
        """The root is no worse, and all that was in it is still somewhere in it."""
        gone = self.contents - set(contents(place / "root"))
        assert not gone, f"contents that are nowhere any more: {gone}"
        worse = subjects(place / "root") - self.problems
        assert not worse, f"worse than before: {worse}"

    def check_done_again(self, place):
        """The next repair mends it."""
        root = place / "root"
        again = self.do(place, check=False)
        assert again.code in (0, 1), again
        assert state_of(root) == self.sound and problems(root) == []
        assert not self.contents - set(contents(root))
        assert_clean(root)
        staging = root / "strata/staging"
        assert not staging.is_dir() or os.listdir(staging) == []


WAYS = {
    "itself": ((damage_records,), ()),
    "archive": ((damage_contents, damage_names), ("--content", "--from", "{place}/copy.tar")),
    "root": ((damage_contents, damage_records, damage_names), ("--content", "--from", "root:{place}/copy")),
}
NAMES = tuple(WAYS)


def make(name, work):
    damages, words = WAYS[name]
    start = sound_place(work)
    copy_tree(start / "root", start / "copy")
    return Mend(f"repair from {name}", start, ["repair", "--yes", *words], damages)
