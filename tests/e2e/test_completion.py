# SPDX-License-Identifier: Apache-2.0
"""What bash offers behind a line that begins with strata."""
import pytest

from engine import REPO, binary, needs_strata_itself, strata
from procs import clean_env, run
from verbs import root_with, two_images

pytestmark = [pytest.mark.as_root, needs_strata_itself("docker has a completion of its own")]

SCRIPT = REPO / "docs/completion/strata.bash"
ASK = '. "$1"; COMP_LINE=$2; COMP_POINT=${#2}; _strata "$3"; printf "%s\\n" "${COMPREPLY[@]}"'


@pytest.fixture(scope="module")
def offered(tmp_path_factory):
    root = root_with(tmp_path_factory.mktemp("completion") / "root", *two_images())
    strata(root, "create", "--name", "one", "first:1", "x")

    def ask(line, **env):
        env = clean_env(**({"STRATA_ROOT": str(root)} | env))
        result = run("bash", "-c", ASK, "bash", SCRIPT, line.replace("ROOT", str(root)), binary(), env=env)
        assert result.err == ""
        return result.out.split()
    return ask


@pytest.mark.parametrize("line,words", [
    ("strata im", ["image", "images", "import"]),
    ("strata image pu", ["pull", "push"]),
    ("strata --quiet --jobs 2 image pu", ["pull", "push"]),
    ("strata images --f", ["--filter", "--format"]),
    ("strata load -", None),
    ("strata --ro", ["--root"]),
    ("strata load --ro", ["--root"]),
    ("strata load -i ", []),
    ("strata load --input ", []),
    ("strata rmi fi", ["first:1", "first:latest"]),
    ("strata rmi first:", ["1", "latest"]),
    ("strata image rm first:l", ["latest"]),
    ("strata save -o x.tar team", ["team/second:2"]),
    ("strata rm ", ["one"]),
    ("strata container start on", ["one"]),
    ("strata images --sort s", ["size"]),
    ("strata save --since fi", ["first:1", "first:latest"]),
    ("strata save --format d", ["docker", "docker-legacy"]),
    ("strata image save --format o", ["oci"]),
    ("strata copy --format ", ["docker", "oci"]),
    ("strata image ls --format ", ["json", "raw", "table"]),
    ("strata system df --format r", ["raw"]),
    ("strata inspect --format ", ["json"]),
    ("strata inspect --type c", ["container"]),
    ("strata run --network ", ["host", "none"]),
    ("strata create --pull n", ["never"]),
    ("strata run --log-driver j", ["json-file"]),
    ("strata copy oci", ["oci-archive:", "oci:"]),
    ("strata nothing ", []),
    ("strata --root /nowhere rmi ", []),
])
def test_offers(offered, line, words):
    got = offered(line)
    assert got == words if words is not None else {"-i", "--input", "--quiet", "--root"} <= set(got)


@pytest.mark.parametrize("line", ["strata --root ROOT rmi te", "strata --root=ROOT rmi te"])
def test_the_root_of_the_line_counts(offered, line):
    assert offered(line, STRATA_ROOT="/nowhere") == ["team/second:2"]


def test_every_command_is_offered(offered):
    known = run(binary(), "--help").out.partition("Management Commands:")[2]
    commands = [line.split()[0] for line in known.splitlines() if line.startswith("  ")]
    assert offered("strata ") == sorted(commands)
