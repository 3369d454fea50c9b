# SPDX-License-Identifier: Apache-2.0
"""The same commands on two copies of a root: by docker on one, by strata on the other.

A command is a list of words. `{id:app:1}` and `{short:app:1}` stand for the image's ID, `{digest}` for the digest reference.
"""
import re

from beside import error_kind
from engine import strata
from images import DIGEST_REF
from peers import dockerd
from procs import copy_tree
from roots import Root, problems


def fill(word, root):
    def image(match):
        full = Root(root).references()[match[2]]
        return full if match[1] == "id" else full[7:19]

    return re.sub(r"\{(id|short):([^}]+)\}", image, word).replace("{digest}", DIGEST_REF)


def run_both(built_root, work, commands, stdin=None):
    """Runs the commands on a copy for docker, then on one for strata; returns (theirs, ours): lists of Results."""
    theirs_root, ours_root = copy_tree(built_root, work / "theirs"), copy_tree(built_root, work / "ours")
    commands = [[fill(w, built_root) for w in command] for command in commands]
    with dockerd(theirs_root) as docker:
        theirs = [docker(*command, check=False, stdin=stdin) for command in commands]
    ours = [strata(ours_root, *command, check=False, stdin=stdin) for command in commands]
    return theirs, ours


def told(result, ordered=True):
    """What must be the same: stdout, the kind of refusal, the exit code."""
    lines = result.lines if ordered else sorted(result.lines)
    return {"out": lines, "refused": error_kind(result.err) if result.code else "", "code": result.code}


def images_in(root):
    """The root as far as images go: IDs, layers, references, parents."""
    r = Root(root)
    return {"images": sorted(r.images()), "layers": sorted(r.layers()), "references": r.references(),
            "parents": {i: r.parent_of(i) for i in sorted(r.images())}}


def assert_same(built_root, work, commands, ordered=True):
    theirs, ours = run_both(built_root, work, commands)
    for command, t, o in zip(commands, theirs, ours):
        assert told(o, ordered) == told(t, ordered), f"{' '.join(command)}\ndocker: {t}\nstrata: {o}"
    assert images_in(work / "ours") == images_in(work / "theirs")
    assert problems(work / "ours") == []
