# SPDX-License-Identifier: Apache-2.0
"""logs beside docker's: of containers that a dockerd ran and of strata's own, with files that were rotated away."""
import datetime
import json

import pytest

from boxes import Running, box, running, why_not
from engine import strata
from peers import dockerd
from procs import copy_tree, new_dir, remove_tree
from verbs import root_with

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

LINES = "i=0; while [ $i -lt 60 ]; do i=$((i + 1)); echo line $i; echo err $i >&2; done"
ODD = "printf 'no newline'; printf '\\n\\n\\xff\\x00\\t\"<&>\\n' ; head -c 40000 /dev/zero | tr '\\0' x; echo; printf 'end'"
CONTAINERS = {"plain": ((), LINES), "rotated": (("--log-opt", "max-size=2k", "--log-opt", "max-file=4"), LINES), "one": (("--log-opt", "max-size=2k"), LINES),
              "mixed": ((), LINES), "odd": ((), ODD), "terminal": (("-t",), LINES), "none": (("--log-driver", "none"), LINES)}
DOCKERS_OWN = {"packed": (("--log-opt", "max-size=2k", "--log-opt", "max-file=5", "--log-opt", "compress=true"), LINES), "local": (("--log-driver", "local"), LINES)}


def make(engine, containers):
    for name, (options, script) in containers.items():
        engine("run", "--network", "none", "--name", name, *options, "box:1", "sh", "-c", script)


def mix(root, name):
    """Two streams may be written in no exact order: the log of `name` gets its second record, of stderr or stdout, after the fortieth."""
    for config in (root / "containers").glob("*/config.v2.json"):
        if json.loads(config.read_bytes())["Name"] == "/" + name:
            log = config.parent / f"{config.parent.name}-json.log"
            lines = sorted(log.read_bytes().splitlines(keepends=True), key=lambda line: json.loads(line)["time"])
            lines.insert(40, lines.pop(1))
            log.write_bytes(b"".join(lines))


@pytest.fixture(scope="module", params=["ours", "theirs"])
def sides(request):
    """A dockerd on a root with such containers, and a copy of the root for strata."""
    home = new_dir("str-")
    root = root_with(home / "root", box())
    if request.param == "ours":
        make(lambda *words: strata(root, *words), CONTAINERS)
    else:
        with dockerd(root) as docker:
            make(docker, CONTAINERS | DOCKERS_OWN)
    mix(root, "mixed")
    copy = copy_tree(root, home / "copy")
    with dockerd(root) as docker:
        yield docker, lambda *words, **more: strata(copy, *words, **more), request.param
    remove_tree(home)


def bare(result):
    return result.code, result.out, result.err.replace("Error response from daemon: ", "").replace("Error: ", "")


@pytest.mark.parametrize("name", [*CONTAINERS, "packed"])
@pytest.mark.parametrize("options", [(), ("-t",), ("--tail", "3"), ("-n", "100"), ("--tail", "0"), ("--tail", "odd"), ("--tail", "-1"),
                                     ("-f",), ("-t", "--tail", "50"), ("--since", "1h"), ("--since", "2100-01-01T00:00:00Z"), ("--until", "1h")], ids=" ".join)
def test_logs(sides, name, options):
    docker, ours, who = sides
    if name in DOCKERS_OWN and who == "ours":
        name = "plain"
    assert bare(ours("logs", *options, name, check=False)) == bare(docker("logs", *options, name, check=False))


@pytest.mark.parametrize("name", ["plain", "mixed", "rotated"])
@pytest.mark.parametrize("word", ["--since", "--until"])
def test_since_a_moment_between(sides, name, word):
    docker, ours, _ = sides
    lines = docker("logs", "-t", name).lines
    moment = lines[len(lines) // 4].split()[0]
    found = ours("logs", word, moment, name)
    assert bare(found) == bare(docker("logs", word, moment, name))
    assert 0 < len(found.lines) < 60


def test_following_ends_at_a_moment(work):
    root = root_with(work / "root", box())
    with running(root, "run", "--name", "one", "box:1", "sh", "-c", "while sleep 0.1; do echo tick; done") as one:
        assert one.line() == "tick\n"
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=0.5)
        result = strata(root, "logs", "-f", "--until", until.isoformat(), "one")
        assert one.process.poll() is None and set(result.lines) == {"tick"}


def test_driver_that_cannot_be_read(sides):
    _, ours, who = sides
    if who == "theirs":
        result = ours("logs", "local", check=False)
        assert result.code == 1 and 'keeps its log with the driver "local"' in result.err


def test_damaged_lines_are_left_out(work):
    root = root_with(work / "root", box())
    make(lambda *words: strata(root, *words), {"plain": ((), "echo one; echo two")})
    log = next((root / "containers").glob("*/*-json.log"))
    log.write_bytes(log.read_bytes().replace(b"\n", b"\n" + bytes(100) + b"\n{\"log\":\n", 1))
    result = strata(root, "logs", "plain")
    assert result.out == "one\ntwo\n" and "2 lines of the log are no records" in result.err


def test_rotation_is_followed(work):
    root = root_with(work / "root", box())
    script = "i=0; while [ $i -lt 400 ]; do i=$((i + 1)); echo line $i; [ $((i % 40)) = 0 ] && sleep 0.05; done; true"
    options = ("--log-opt", "max-size=1k", "--log-opt", "max-file=30")
    with running(root, "run", "--name", "one", *options, "box:1", "sh", "-c", script) as one:
        assert one.line() == "line 1\n"
        follower = Running(root, "logs", "-f", "one")
        code, out, err = follower.end()
        one.end()
    assert (code, err) == (0, "")
    last = [int(line.split()[1]) for line in out.splitlines()]
    assert last[-1] == 400 and last == list(range(last[0], 401))


def test_limits_of_the_log(work):
    root = root_with(work / "root", box())
    for option, text in (("max-size=x", "invalid size"), ("max-file=0", "max-file cannot be less than 1"), ("max-file=3", "max-file cannot be set without max-size"),
                         ("odd=1", "unknown log opt 'odd' for json-file log driver")):
        result = strata(root, "create", "--log-opt", option, "box:1", check=False)
        assert result.code == 1 and text in result.err
