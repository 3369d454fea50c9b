# SPDX-License-Identifier: Apache-2.0
"""docker builds and stops; strata opens the root and must say what docker said, field by field and byte by byte."""
import json
import os
from types import SimpleNamespace

import pytest

from beside import (archive_members, created_order, error_kind, field_differences, rows, same_file, without_clock)
from engine import strata
from peers import dockerd
from procs import copy_tree, new_dir, remove_tree
from roots import changes, snapshot

TOKYO = {"TZ": "Asia/Tokyo"}
JSON = ("--format", "{{json .}}")
LISTS = [("-a",), (), ("-q",), ("-a", "-q"), ("-q", "--no-trunc"), ("--digests",), ("app",), ("app:latest",), ("nothing",),
         ("reg.example:5000/team/app",), ("*/name",), ("a*",), ("-f", "dangling=true"), ("-aqf", "dangling=true"), ("-f", "dangling=false"),
         ("-f", "label=role"), ("-f", "label=role=app"), ("-f", "label=two words=v 2"), ("-f", "before=child:1"),
         ("-f", "since=app:1"), ("-a", "-f", "since=busy:1"), ("-f", "reference=app"), ("-f", "reference=*:1"),
         ("-f", "reference=*/name:*"), ("-f", "label=role=app", "-f", "reference=app:1")]
LIST_FORMATS = ["{{.Repository}}:{{.Tag}} {{.Size}}", "{{.ID}}", "{{.Digest}}", "{{.CreatedAt}}", "table {{.ID}}\t{{.Repository}}",
                "{{.Repository}}{{if eq .Tag \"<none>\"}} dangles{{end}}", "{{upper .Repository}} {{len .Tag}}"]
TEMPLATES = ["{{.Id}}", "{{json .}}", "{{json .Config.Env}}", "{{range .RepoTags}}{{.}} {{end}}", "{{len .RootFS.Layers}}",
             "{{if .Parent}}child{{else}}base{{end}}", '{{join .RepoTags ","}}', "{{upper .Os}}", "{{lower .DockerVersion}}",
             "{{.Config.Labels}}", '{{index .Config.Labels "two words"}}', "{{.Config.Labels.role}}", "{{.Size}}",
             "{{range $i, $l := .RootFS.Layers}}{{$i}}={{$l}};{{end}}", "{{index .RootFS.Layers 0}}", "{{println .Os}}",
             "{{with .Config.Healthcheck}}{{.Interval}}{{end}}", '{{printf "%.20s" .Id}}', "{{.Config.Env}}",
             "{{json .Config.Cmd}}", '{{if and (eq .Os "linux") (not .Author)}}anonymous{{end}}', "{{.Created}}",
             '{{range .Config.Env}}{{if ne . "FOO=bar"}}{{.}}|{{end}}{{end}}', "{{.GraphDriver.Name}} {{.Metadata.LastTagTime}}"]
NAMES = ["busy:1", "app:1", "child:1", "odd:1", "moves:1", "committed:1", "hand:1", "twin:1"]


@pytest.fixture(scope="module")
def asked(built_root):
    """The root at one path, and all that docker says of it there. strata must leave it as it is."""
    folder = new_dir()
    root = copy_tree(built_root, folder / "root")
    said = SimpleNamespace(root=root, folder=folder)
    with dockerd(root) as docker:
        said.lists = {words: docker("images", "--no-trunc", *words, *(() if "-q" in words else JSON)) for words in LISTS}
        said.formats = {f: docker("images", "-a", "--format", f) for f in LIST_FORMATS}
        said.table = docker("images")
        said.ids = sorted(set(docker("images", "-a", "-q", "--no-trunc").lines))
        said.history = {i: docker("history", "--no-trunc", *JSON, i) for i in said.ids + NAMES}
        said.history_table = {i: docker("history", "-H=false", "--no-trunc", i) for i in NAMES}
        said.history_short = {i: docker("history", i) for i in NAMES}
        said.inspect = {i: json.loads(docker("image", "inspect", i).out) for i in said.ids}
        said.inspect_many = docker("image", "inspect", "app:1", "hand:2", "nope:1", check=False)
        said.templates = {t: docker("image", "inspect", "-f", t, "app:1", "odd:1", check=False) for t in TEMPLATES}
        said.saved = _save_all(docker, said, folder)
    said.before = snapshot(root)
    yield said
    remove_tree(folder)


SAVES = {name: (name,) for name in NAMES} | {"all-of-app": ("app",), "two-tags": ("app:latest", "app:1"),
                                             "other-name": ("reg.example:5000/team/app:1",), "two-names": ("hand:2", "elsewhere/hand:3")}
SAVES_ANY_ORDER = {"several": ("app:1", "child:1", "hand:1", "twin:1"), "related": ("busy:1", "app:1", "child:1", "committed:1")}


def _save_all(docker, said, folder):
    saves = dict(SAVES) | SAVES_ANY_ORDER
    saves |= {f"id-{i[7:19]}": (i,) for i in said.ids} | {"short-id": (said.inspect[said.ids[0]][0]["Id"][7:19],)}
    for name, words in saves.items():
        docker("save", "-o", folder / f"{name}.docker.tar", *words)
    return saves


def test_opening_changes_nothing(asked):
    for words in (["images", "-a"], ["history", "app:1"], ["inspect", "app:1"]):
        assert strata(asked.root, *words).out
    assert [c for c in changes(asked.before, snapshot(asked.root)) if "image/" in c] == []


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_images(asked, words):
    want = asked.lists[words]
    if "-q" in words:
        assert sorted(strata(asked.root, "images", "--no-trunc", *words).lines) == sorted(want.lines)
        return
    got = strata(asked.root, "images", "--no-trunc", *words, *JSON)
    assert rows(got) == rows(want)
    assert created_order(got) == created_order(want)


@pytest.mark.parametrize("template", LIST_FORMATS)
def test_images_format(asked, template):
    got = strata(asked.root, "images", "-a", "--format", template)
    assert sorted(got.lines) == sorted(asked.formats[template].lines)


def test_images_table(asked):
    got = strata(asked.root, "images")
    assert sorted(without_clock(got.out)) == sorted(without_clock(asked.table.out))


def test_history_of_every_image(asked):
    for image, want in asked.history.items():
        got = strata(asked.root, "history", "--no-trunc", *JSON, image)
        assert [_row(line) for line in got.lines] == [_row(line) for line in want.lines], image


def _row(line):
    return {k: v for k, v in json.loads(line).items() if k != "CreatedSince"}


@pytest.mark.parametrize("name", NAMES)
def test_history_tables(asked, name):
    assert strata(asked.root, "history", "-H=false", "--no-trunc", name).out == asked.history_table[name].out
    assert without_clock(strata(asked.root, "history", name).out) == without_clock(asked.history_short[name].out)


def test_inspect_of_every_image(asked):
    wrong = []
    for image, want in asked.inspect.items():
        got = json.loads(strata(asked.root, "image", "inspect", image).out)
        wrong += [f"{image[7:19]}{line}" for line in field_differences(want, got)]
    assert wrong == []


def test_inspect_prints_the_fields_in_dockers_order(asked):
    want = asked.inspect[asked.ids[0]]
    got = json.loads(strata(asked.root, "image", "inspect", asked.ids[0]).out)
    assert list(got[0]) == list(want[0])
    assert list(got[0]["Config"]) == list(want[0]["Config"])


def test_inspect_of_several_names_with_one_unknown(asked):
    want = asked.inspect_many
    got = strata(asked.root, "image", "inspect", "app:1", "hand:2", "nope:1", check=False)
    assert (got.code, error_kind(got.err)) == (want.code, error_kind(want.err))
    assert json.loads(got.out) == json.loads(want.out)


@pytest.mark.parametrize("template", TEMPLATES)
def test_inspect_template(asked, template):
    want = asked.templates[template]
    got = strata(asked.root, "image", "inspect", "-f", template, "app:1", "odd:1", check=False)
    assert (got.out, got.code) == (want.out, want.code)


def test_save_is_the_same_file_as_dockers(asked):
    different = []
    for name, words in asked.saved.items():
        if name in SAVES_ANY_ORDER:
            continue
        ours = asked.folder / f"{name}.strata.tar"
        strata(asked.root, "save", "--format", "docker-legacy", "-o", ours, *words)
        if not same_file(ours, asked.folder / f"{name}.docker.tar"):
            different.append(f"{name}: save {' '.join(words)}")
    assert different == []


@pytest.mark.parametrize("name", SAVES_ANY_ORDER)
def test_save_of_several_images_has_the_same_members(asked, name):
    ours = asked.folder / f"{name}.strata.tar"
    strata(asked.root, "save", "--format", "docker-legacy", "-o", ours, *SAVES_ANY_ORDER[name])
    assert archive_members(ours) == archive_members(asked.folder / f"{name}.docker.tar")


def test_save_to_a_pipe_is_the_same_as_to_a_file(asked):
    ours = asked.folder / "file.tar"
    strata(asked.root, "save", "--format", "docker-legacy", "-o", ours, "app:1")
    piped = strata(asked.root, "save", "--format", "docker-legacy", "app:1")
    assert piped.out.encode("utf-8", "surrogateescape") == ours.read_bytes()


@pytest.mark.skipif(not os.path.exists(f"/usr/share/zoneinfo/{TOKYO['TZ']}"), reason="no time zones installed (Debian: tzdata)")
def test_in_another_time_zone(root, work):
    """docker prints times in its zone, and writes the epoch in its zone into the v1 records of a saved image."""
    with dockerd(root, TOKYO) as docker:
        docker("save", "-o", work / "theirs.tar", "hand:1")
        listed, history = docker("images", "-a", *JSON), docker("history", "-H=false", "hand:1")
    assert rows(strata(root, "images", "-a", *JSON, env=TOKYO)) == rows(listed)
    assert strata(root, "history", "-H=false", "hand:1", env=TOKYO).out == history.out
    strata(root, "save", "--format", "docker-legacy", "-o", work / "ours.tar", "hand:1", env=TOKYO)
    assert same_file(work / "ours.tar", work / "theirs.tar")


def test_nothing_was_written_in_all_of_this(asked):
    assert [c for c in changes(asked.before, snapshot(asked.root)) if "image/" in c] == []
