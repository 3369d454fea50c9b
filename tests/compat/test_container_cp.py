# SPDX-License-Identifier: Apache-2.0
"""`cp` beside docker's, with containers that do not run: the host's files in /etc, volumes, what is read-only."""
import io
import json
import tarfile

import pytest

from boxes import box, why_not
from engine import needs_strata_itself, strata
from peers import dockerd
from procs import copy_tree, new_dir, remove_tree
from roots import problems
from verbs import root_with

pytestmark = [pytest.mark.skipif(why_not() is not None, reason=str(why_not())), needs_strata_itself("docker beside itself")]

ETC = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"]
WRITING = "echo 1 > /v/f; echo 2 > /b/f; echo 3 > /t/f; echo 4 > /anon/f; echo 1.1.1.1 own >> /etc/hosts; echo x > /etc/own"


def make(engine, bind):
    options = ("--network", "none", "--add-host", "a:1.2.3.4", "--dns", "9.9.9.9")
    engine("create", "--name", "never", "-h", "unborn", *options, "box:1", "true")
    engine("run", "--name", "ran", "-h", "named", *options, "-v", "vol:/v", "-v", f"{bind}:/b", "--tmpfs", "/t", "-v", "/anon", "box:1", "sh", "-c", WRITING)
    engine("run", "--name", "of-host", "--network", "host", "box:1", "true")
    engine("run", "--name", "covered", *options, "-h", "named", "-v", f"{bind}/own-hosts:/etc/hosts", "box:1", "true")
    engine("run", "--name", "below", *options, "-h", "named", "-v", f"{bind}/etc:/etc", "box:1", "true")
    engine("run", "--name", "cautious", "--read-only", *options, "-h", "named", "box:1", "true")
    engine("create", "--name", "careful", *options, "-v", "kept:/a/vol:ro", "-v", f"{bind}:/a/bind:ro", "box:1", "true")


NAMES = ["never", "ran", "of-host", "covered", "below", "cautious"]


class Sides:
    def __init__(self, home):
        self.home, self.bind, self.docker = home, home / "bind", None
        (self.bind / "etc").mkdir(parents=True)
        (self.bind / "own-hosts").write_text("mine\n")

    def each(self):
        """Who copies from whose containers: docker from its own, and strata from strata's and from docker's."""
        yield "docker", self.docker
        yield "strata", lambda *words, **more: strata(self.home / "ours", *words, **more)
        yield "strata on docker's", lambda *words, **more: strata(self.home / "copy", *words, **more)


@pytest.fixture(scope="module")
def sides():
    sides = Sides(new_dir("stc-"))
    root_with(sides.home / "ours", box())
    make(lambda *words: strata(sides.home / "ours", *words), sides.bind)
    theirs = root_with(sides.home / "theirs", box())
    with dockerd(theirs) as docker:
        make(docker, sides.bind)
    copy_tree(theirs, sides.home / "copy")  # moved besides: its records name files of the other root
    with dockerd(theirs) as docker:
        sides.docker = docker
        yield sides
    remove_tree(sides.home)


def members(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return [(m.name, m.type, oct(m.mode & 0o7777), m.uid, m.gid, tar.extractfile(m).read() if m.isreg() else m.linkname) for m in tar]


def copied(engine, *words, **more):
    """What a copy to standard output holds, or the last line of the complaint."""
    result = engine("cp", *words, check=False, **more)
    if result.code != 0:
        return result.err.strip().splitlines()[-1].removeprefix("Error response from daemon: ").removeprefix("Error: ")
    return members(result.out.encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("path", [*ETC, "/etc", "/v", "/b/f", "/t", "/anon", "/etc/mtab", "/dev"])
@pytest.mark.parametrize("name", NAMES)
def test_what_comes_out(sides, name, path):
    found = {who: copied(engine, f"{name}:{path}", "-") for who, engine in sides.each()}
    assert found["strata"] == found["docker"]
    assert found["strata on docker's"] == found["docker"]


def test_hosts_are_those_of_the_last_run(sides):
    for who, engine in sides.each():
        (_, _, mode, _, _, hosts), = copied(engine, "ran:/etc/hosts", "-")
        assert hosts.startswith(b"127.0.0.1\tlocalhost\n") and hosts.endswith(b"1.2.3.4\ta\n1.1.1.1 own\n"), who
        out = sides.home / "out"
        engine("cp", "ran:/etc/hostname", out)
        assert out.read_text() == "named\n", who


def test_they_cannot_be_replaced(sides):
    """They are mounted, for docker too. What is copied beside them arrives."""
    (sides.home / "hosts").write_text("new\n")
    for who, engine in sides.each():
        before = copied(engine, "ran:/etc/hosts", "-")
        assert "busy" in engine("cp", sides.home / "hosts", "ran:/etc/hosts", check=False).err, who
        assert copied(engine, "ran:/etc/hosts", "-") == before
        engine("cp", sides.home / "hosts", "ran:/etc/beside")
        assert copied(engine, "ran:/etc/beside", "-")[0][-1] == b"new\n"
        engine("cp", sides.home / "hosts", "never:/etc/hosts")
        assert copied(engine, "never:/etc/hosts", "-")[0][-1] == b"new\n"
        assert [line for line in engine("diff", "ran").lines if "host" in line or "resolv" in line] == []


def test_nothing_is_written_into_what_is_read_only(sides):
    """Neither straight nor through the folder above it."""
    source = sides.home / "source"
    for name in ("vol", "bind"):
        (source / name / "d").mkdir(parents=True)
        (source / name / "d/f").write_text("new\n")
    (source / "top").write_text("new\n")
    for who, engine in sides.each():
        assert engine("cp", source / "top", "careful:/a/vol/", check=False).err.endswith("mounted volume is marked read-only\n"), who
        failed = engine("cp", f"{source}/.", "careful:/a", check=False)
        assert failed.code == 1 and "read-only file system" in failed.err.lower(), (who, failed)
        assert not (sides.bind / "d").exists()
        assert [name for name, *_ in copied(engine, "careful:/a/vol", "-")] == ["vol"], who


def record_of(root, name):
    for file in (root / "containers").glob("*/config.v2.json"):
        record = json.loads(file.read_bytes())
        if record["Name"] == f"/{name}":
            return file, record
    raise AssertionError(name)


def test_a_record_that_names_other_files_is_not_obeyed(sides, work):
    """Of the path only the container counts: what lies elsewhere is not mounted, nor what a link there leads to."""
    root = copy_tree(sides.home / "ours", work / "root")
    (work / "secret").write_text("secret\n")
    (work / ("0" * 64)).mkdir()
    (work / ("0" * 64) / "hosts").write_text("secret\n")
    file, record = record_of(root, "ran")
    for path in (work / "secret", work / ("0" * 64) / "hosts", "/etc/passwd", "hosts", "/", f"{root}/containers/{record['ID']}/../../../secret", "a/b"):
        file.write_text(json.dumps(record | {"HostsPath": str(path)}))
        assert b"secret" not in str(copied(lambda *words, **more: strata(root, *words, **more), "ran:/etc/hosts", "-")).encode(), path
    file.write_text(json.dumps(record))
    hosts = file.parent / "hosts"
    hosts.unlink()
    hosts.symlink_to(work / "secret")
    failed = strata(root, "cp", "ran:/etc/hosts", "-", check=False)
    assert failed.code != 0 and "HostsPath" in failed.err and "secret" not in failed.out
    hosts.unlink()  # docker copies what is in the layer then
    assert strata(root, "cp", "ran:/etc/hosts", "-").out != ""
    assert problems(root) == []


def test_links_of_the_container_lead_nowhere_else(sides, work):
    """The program left links to folders of the host in place of /etc and of a volume: the mounts are made in the container's tree."""
    (work / "outside").mkdir()
    script = f"mv /etc /real; ln -s {work}/outside /etc; mkdir /real/v"
    strata(sides.home / "ours", "run", "--name", "linked", "--network", "none", "-h", "named", "box:1", "sh", "-c", script)
    strata(sides.home / "ours", "run", "--name", "up", "--network", "none", "-h", "named", "box:1", "sh", "-c", "mv /etc /real; ln -s ../../../../../../real /etc")
    for name in ("linked", "up"):
        found = strata(sides.home / "ours", "cp", f"{name}:/etc/hostname", "-")
        assert members(found.out.encode())[0][-1] == b"named\n"
    assert list((work / "outside").iterdir()) == []
