# SPDX-License-Identifier: Apache-2.0
"""The variables and labels of a container by docker and by strata: -e, --env-file and --label-file, alone and together."""
import json
import shutil

import pytest

import archives
from boxes import box, why_not
from engine import needs_strata_itself, strata
from images import load_bytes
from peers import DOCKER, dockerd
from procs import clean_env, new_dir, remove_tree, run
from verbs import root_with

pytestmark = [pytest.mark.skipif(why_not() is not None, reason=str(why_not())), needs_strata_itself("docker beside itself")]

IMAGE = box(Env=["PATH=/bin", "B=image"])


class Sides:
    def __init__(self, home, docker):
        self.home, self.docker, self.root = home, docker, root_with(home / "ours", IMAGE)

    def __call__(self, *words, env=None):
        """(docker's, ours) of one command, each with its own environment."""
        theirs = run(DOCKER, "-H", self.docker.socket, *words, check=False, env=clean_env(**(env or {})), cwd=self.home)
        return theirs, strata(self.root, *words, check=False, env=env, cwd=self.home)

    def config(self, options, env=None):
        """(docker's, ours) of the variables and labels that `create` with these options keeps, or the first line of the complaint."""
        found = []
        for side, result in enumerate(self("create", "--network", "none", *options, "box:1", env=env)):
            if result.code != 0:
                found.append((result.code, result.err.partition("\n")[0].partition(": ")[2].removesuffix(".")))
                continue
            ask = strata if side else lambda _, *words: self.docker(*words)
            config = json.loads(ask(self.root, "inspect", result.out.strip()).out)[0]["Config"]
            found.append((config["Env"], config["Labels"]))
        return found


@pytest.fixture(scope="module")
def sides():
    home = new_dir("ste-")
    with dockerd(home / "theirs") as docker:
        load_bytes(docker, archives.docker_2010(IMAGE))
        yield Sides(home, docker)
    remove_tree(home)


FILES = {"x": b"B=x\n", "name": b"B\n", "empty": b"B=\n", "twice": b"B=1\nB=2\n", "name-x": b"B\nB=x\n", "x-name": b"B=x\nB\n"}
TOGETHER = [[], ["x"], ["name"], ["empty"], ["twice"], ["name-x"], ["x-name"], ["x", "twice"], ["x", "name"], ["name", "x"]]
GIVEN = [[], ["B"], ["B="], ["B=y"], ["B", "B=y"], ["B=y", "B"], ["B=1", "B=2"], ["B", "B"]]


@pytest.mark.parametrize("env", [{}, {"B": "own"}], ids=str)
@pytest.mark.parametrize("files", TOGETHER, ids=" ".join)
def test_files_and_options_together(sides, files, env):
    for name, data in FILES.items():
        (sides.home / name).write_bytes(data)
    from_files = [word for name in files for word in ("--env-file", name)]
    for given in GIVEN:
        from_options = [word for value in given for word in ("-e", value)]
        theirs, ours = sides.config(from_options + from_files if len(given) == 2 else from_files + from_options, env)
        assert ours == theirs, given


LINES = {"blank lines": b"\n \n\t\nA=1\n", "indented": b"  A=1\n\t \x0b\x0cC=2\n", "blank behind the value": b"A=1  \n", "blank behind a name": b"B \n",
         "comments": b"#x\n  # y\nA=#z\n", "of Windows": b"A=1\r\nB\r\n", "return within": b"A=1\rC=2\n", "no name": b"=x\n", "blank in a name": b"A B=1\n",
         "tab in a name": b"A\tB\n", "blank before =": b"A =1\n", "byte order mark": b"\xef\xbb\xbfA=1\n", "twice the mark": b"\xef\xbb\xbf\xef\xbb\xbfA=1\n",
         "not UTF-8": b"# x\nA=\xff\n", "quotes": b"A='x'\nC=\"y\"\n", "= in a value": b"A=1=2\nC==\n", "no end of line": b"A=1", "export": b"export A=1\n",
         "wide blanks": "\u00a0\u2003 \u3000A=1\n\u0085\n".encode(), "our own": b"B\nC\nNOPE\n", "a label twice": b"A=1\nA=2\n", "nothing": b""}


@pytest.mark.parametrize("option", ["--env-file", "--label-file"])
@pytest.mark.parametrize("data", LINES.values(), ids=LINES.keys())
def test_lines_of_files(sides, data, option):
    (sides.home / "lines").write_bytes(data)
    theirs, ours = sides.config([option, "lines"], {"B": "own", "C": ""})
    assert ours == theirs


@pytest.mark.parametrize("options", [["--env-file", "x", "-e", "B"], ["--env-file", "twice"], ["--env-file", "twice", "-e", "B=3"], ["-e", "B"],
                                     ["-e", "PATH", "-e", "HOME", "-e", "HOSTNAME"], ["--env-file", "x", "--env-file", "twice", "-e", "B", "-e", "HOSTNAME=y"]],
                         ids=" ".join)
@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_what_the_program_sees(sides, options, runtime):
    """A name alone takes away what every container has; a variable that was given with a value stays."""
    if not shutil.which(runtime):
        pytest.skip(f"{runtime} is not installed")
    for name, data in FILES.items():
        (sides.home / name).write_bytes(data)
    words = ["run", "--rm", "--network", "none", "-h", "named", *options, "box:1", "/bin/env"]
    theirs = sides.docker(*words, cwd=sides.home)
    ours = strata(sides.root, *words[:2], "--runtime", runtime, *words[2:], cwd=sides.home)
    assert sorted(ours.lines) == sorted(theirs.lines)
