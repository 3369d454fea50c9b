# SPDX-License-Identifier: Apache-2.0
"""tag, image prune and system df beside docker's."""
import json
import re

import pytest

from beside import error_kind, without_clock
from engine import needs_strata_itself, strata
from peers import dockerd
from procs import copy_tree
from roots import Root, changes, snapshot
from scenarios import assert_same, images_in, run_both, told

TAGS = {
    "new name": ["tag app:1 new:1"],
    "new name without tag": ["tag app:1 new"],
    "a registry's name": ["tag app reg.example:5000/a/b/c:v1.2_3-x"],
    "docker's own long name": ["tag app:1 docker.io/library/long:1", "tag app:1 index.docker.io/team/x"],
    "by id": ["tag {id:app:1} new:1", "tag {short:twin:1} new:2"],
    "tag that exists elsewhere moves": ["tag twin:1 moves:1"],
    "its own tag again": ["tag app:1 app:1"],
    "unknown image": ["tag nope:1 new:1"],
    "capitals": ["tag app:1 New:1"],
    "bad tag": ["tag app:1 new:-1"],
    "digest as target": ["tag app:1 new@sha256:" + "0" * 64],
    "id as target": ["tag app:1 " + "0" * 64],
    "one name only": ["tag app:1"],
    "grouped form": ["image tag app:1 new:1"],
    "then rmi of the old": ["tag twin:1 new:1", "rmi twin:1", "rmi new:1"],
}

PRUNES = {
    "dangling": ["image prune -f"],
    "all unused": ["image prune -a -f"],
    "by label": ["image prune -f --filter label=role=old"],
    "by other label": ["image prune -f --filter label=role=none"],
    "by absent label": ["image prune -a -f --filter label!=hand"],
    "older than long ago": ["image prune -a -f --filter until=2001-01-01T00:00:00"],
    "older than a while": ["image prune -a -f --filter until=1000h"],
    "two times": ["image prune -a -f --filter until=1000h --filter until=1h"],
    "containers of two times": ["container prune -f --filter until=1000h --filter until=1h"],
    "after rmi without pruning": ["rmi --no-prune moves:1", "image prune -f"],
    "twice": ["image prune -a -f", "image prune -a -f"],
    "bad filter": ["image prune -f --filter colour=red"],
}


@pytest.mark.parametrize("name", TAGS)
def test_tag(built_root, work, name):
    assert_same(built_root, work, [command.split() for command in TAGS[name]])


def test_tag_notes_its_time(root):
    strata(root, "tag", "odd:1", "odd:2")
    image = Root(root).references()["odd:2"]
    file = Root(root).image / "imagedb/metadata/sha256" / image[7:] / "lastUpdated"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", file.read_text())
    said = json.loads(strata(root, "inspect", "odd:1").out)[0]["Metadata"]["LastTagTime"]
    assert said == file.read_text()
    with dockerd(root) as docker:
        assert json.loads(docker("image", "inspect", "odd:1").out)[0]["Metadata"]["LastTagTime"] == said


@pytest.mark.parametrize("name", PRUNES)
def test_prune(built_root, work, name):
    """The order of images is docker's map order, so lines are compared as a set; the first and the last are fixed."""
    assert_same(built_root, work, [command.split() for command in PRUNES[name]], ordered=False)


def test_prune_ends_with_the_space(built_root, work):
    theirs, ours = run_both(built_root, work, [["image", "prune", "-a", "-f"]])
    assert (ours[0].lines[0], ours[0].lines[-2:]) == (theirs[0].lines[0], theirs[0].lines[-2:])


@pytest.mark.parametrize("answer", [b"n\n", b"", b"y\n"])
def test_prune_asks(built_root, work, answer):
    for command in (["image", "prune"], ["image", "prune", "-a"]):
        theirs, ours = run_both(built_root, work, [command], stdin=answer)
        assert told(ours[0], ordered=False) == told(theirs[0], ordered=False)
        assert images_in(work / "ours") == images_in(work / "theirs")
        for folder in ("ours", "theirs"):
            (work / folder).rename(work / f"{folder}-{len(command)}")


@needs_strata_itself("docker has no dry run")
def test_dry_run_says_what_prune_then_does(root):
    before = snapshot(root)
    planned = strata(root, "image", "prune", "-a", "-f", "--dry-run")
    assert changes(before, snapshot(root)) == []
    done = strata(root, "image", "prune", "-a", "-f")
    deleted = {line for line in done.lines if re.match("(un)?(tagged|deleted)", line)}
    assert deleted and deleted <= set(planned.lines)


def test_df(root):
    with dockerd(root) as docker:
        want = {json.loads(line)["Type"]: json.loads(line) for line in docker("system", "df", "--format", "{{json .}}").lines}
        table, verbose = docker("system", "df"), docker("system", "df", "-v")
    got = {json.loads(line)["Type"]: json.loads(line) for line in strata(root, "system", "df", "--format", "{{json .}}").lines}
    assert got["Images"] == want["Images"]
    assert got["Containers"] == want["Containers"]
    assert without_clock(strata(root, "system", "df").out)[:3] == without_clock(table.out)[:3]
    ours = strata(root, "system", "df", "-v")
    assert images_section(ours) == images_section(verbose)
    assert containers_section(ours) == containers_section(verbose)


def containers_section(result):
    lines = [" ".join(line.split()) for line in without_clock(result.out)]
    section = lines[lines.index("Containers space usage:") + 2:]
    return [section[0], *sorted(section[1:section.index("") if "" in section else None])]


def images_section(result):
    lines = without_clock(result.out)
    start = lines.index("Images space usage:")
    section = lines[start:lines.index("Containers space usage:")]
    return section[:3] + sorted(section[3:])


def test_df_counts_after_rmi(root, work):
    strata(root, "rmi", "twin:1", "moves:1")
    with dockerd(copy_tree(root, work / "theirs")) as docker:
        want = docker("system", "df").lines[1]
    assert strata(root, "system", "df").lines[1].split() == want.split()


def test_unknown_words_are_refused_like_docker(built_root, work):
    commands = [["history", "nope:1"], ["inspect", "nope:1"], ["save", "nope:1", "-o", str(work / "x.tar")], ["history"],
                ["save"], ["images", "-f", "colour=red"], ["images", "a", "b"]]
    theirs, ours = run_both(built_root, work, commands)
    for command, t, o in zip(commands, theirs, ours):
        assert (o.code, error_kind(o.err)) == (t.code, error_kind(t.err)), f"{command}\ndocker: {t}\nstrata: {o}"
    assert not (work / "x.tar").exists()
