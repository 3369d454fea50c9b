# SPDX-License-Identifier: Apache-2.0
"""rmi by docker's rules: the same commands by both on copies of one root print, refuse and leave the same."""
import pytest

from scenarios import assert_same

SCENARIOS = {
    "one tag of several": ["rmi app:latest"],
    "all tags one by one, then a child keeps it": ["rmi app:latest", "rmi app:1", "rmi other/name:2", "rmi reg.example:5000/team/app:1"],
    "last tag of a childless image": ["rmi twin:1"],
    "tags of one repository": ["rmi hand:1", "rmi hand:2", "rmi elsewhere/hand:3"],
    "several names at once": ["rmi hand:1 hand:2 elsewhere/hand:3 twin:1"],
    "id with tags in several repositories": ["rmi {id:hand:1}"],
    "id with two tags of one repository": ["rmi elsewhere/hand:3", "rmi {id:hand:1}"],
    "id with one tag": ["rmi {id:twin:1}"],
    "short id": ["rmi {short:twin:1}"],
    "forced id with several tags": ["rmi -f {id:hand:1}"],
    "forced id with children": ["rmi -f {id:app:1}"],
    "forced name with children": ["rmi -f app:1 app:latest other/name:2 reg.example:5000/team/app:1"],
    "base with children": ["rmi busy:1"],
    "base by id": ["rmi {id:busy:1}"],
    "used by a stopped container": ["rmi child:1"],
    "used by a stopped container, by id": ["rmi {id:child:1}"],
    "used by a stopped container, forced": ["rmi -f child:1"],
    "used by a stopped container, id forced": ["rmi -f {id:child:1}"],
    "one of several tags, used by a created container": ["rmi app:1"],
    "committed, then its parent": ["rmi committed:1", "rmi -f child:1"],
    "without pruning parents": ["rmi --no-prune moves:1", "rmi --no-prune committed:1"],
    "with pruning parents": ["rmi moves:1"],
    "digest reference": ["rmi {digest}"],
    "last tag takes the digest along": ["rmi reg.example:5000/team/app:1"],
    "unknown tag": ["rmi nope:1"],
    "unknown name": ["rmi nope"],
    "unknown id": ["rmi 0123456789ab"],
    "unknown among known": ["rmi twin:1 nope:1 odd:1"],
    "unknown, forced": ["rmi -f nope:1"],
    "invalid reference": ["rmi UPPER:1"],
    "tag that moved away": ["rmi hand:3"],
    "no name": ["rmi"],
    "the same twice": ["rmi twin:1 twin:1"],
    "grouped form": ["image rm twin:1", "image rm -f odd:1"],
    "nearly everything": ["rmi -f committed:1 child:1 moves:1 odd:1 twin:1 hand:1 hand:2 elsewhere/hand:3", "rmi -f {id:app:1}",
                          "rmi -f busy:1"],
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_rmi(built_root, work, name):
    assert_same(built_root, work, [command.split() for command in SCENARIOS[name]])
