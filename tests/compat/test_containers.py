# SPDX-License-Identifier: Apache-2.0
"""diff, export, commit and import beside docker's own, on containers that a dockerd made; the daemon is off when strata works."""
import bz2
import functools
import gzip
import http.server
import json
import lzma
import os
import shutil
import signal
import subprocess
import tarfile
import threading
import time

import pytest

from beside import field_differences
from containers import CAPABILITY, make_containers
from engine import binary, strata
from images import busybox_layer, image_id
from layertrees import layer_tree
from peers import Daemon, dockerd
from procs import clean_env, copy_tree, new_dir, remove_tree, run
from roots import Root, problems, snapshot
from tars import Tar, odd_layer

NAMES = ["changed", "second", "untouched", "whiteouts"]
CHANGES = ["CMD [\"/bin/ls\", \"-l\"]", "ENTRYPOINT /bin/sh -x", "ENV A=new B=\"q x\" C=$A", "EXPOSE 8080 53/udp", "LABEL own=changed x=y",
           "ONBUILD RUN echo on", "USER nobody:nogroup", "VOLUME /v1 /v2", "WORKDIR sub", "HEALTHCHECK --interval=5s CMD ls /"]


@pytest.fixture(scope="session")
def container_root():
    """A root with containers; the daemon has stopped. Tests copy it and never write to it."""
    folder = new_dir("str-")
    with dockerd(folder / "root") as docker:
        make_containers(docker)
    yield folder / "root"
    remove_tree(folder)


@pytest.fixture
def root(container_root, work):
    return copy_tree(container_root, work / "root")


@pytest.fixture
def theirs(container_root, work):
    return copy_tree(container_root, work / "theirs")


@pytest.fixture(scope="session")
def docker_answers(container_root):
    """What docker says of each container: its diff, its export, and the root in which it committed each as `NAME:c`."""
    folder = new_dir("str-")
    root = copy_tree(container_root, folder / "root")
    with dockerd(root) as docker:
        for name in NAMES:
            (folder / f"{name}.diff").write_text(docker("diff", name).out, errors="surrogateescape")
            docker("export", "-o", folder / f"{name}.tar", name)
            docker("commit", "-a", "Some Body", "-m", "a message", name, f"{name}:c")
    yield folder
    remove_tree(folder)


# ---- diff and export -------------------------------------------------------------------------------------------

def diff_of(root, name):
    """The lines, where docker's JSON leaves of bytes that are not UTF-8 the sign of it."""
    done = subprocess.run([binary(), "--root", root, "diff", name], stdout=subprocess.PIPE, env=clean_env(), check=True)
    return done.stdout.decode("utf-8", "replace").splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_diff(container_root, docker_answers, name):
    ours = diff_of(container_root, name)
    assert sorted(ours) == sorted((docker_answers / f"{name}.diff").read_text().splitlines())
    if name == "changed":
        assert len(ours) > 60


def members(file):
    """Every member without what 20.10 puts in besides: type bits of the mode, names of owners."""
    with tarfile.open(file, errors="surrogateescape") as tar:
        return [(m.name, m.type, m.mode & 0o7777, m.uid, m.gid, m.size, m.mtime, m.linkname, m.devmajor, m.devminor,
                 {k: v for k, v in m.pax_headers.items() if k.startswith("SCHILY")},
                 tar.extractfile(m).read() if m.isreg() else None) for m in tar]


@pytest.mark.parametrize("name", NAMES)
def test_export(root, docker_answers, work, name):
    before = snapshot(root)
    strata(root, "export", "-o", work / "ours.tar", name)
    assert members(work / "ours.tar") == members(docker_answers / f"{name}.tar")
    assert snapshot(root) == before
    piped = subprocess.run([binary(), "--root", root, "export", name], stdout=subprocess.PIPE, env=clean_env(), check=True).stdout
    assert piped == (work / "ours.tar").read_bytes()
    assert os.stat(work / "ours.tar").st_mode & 0o777 == 0o644


def test_export_of_an_image_is_that_of_a_container_without_what_docker_adds(root, theirs, work):
    with dockerd(theirs) as docker:
        docker("create", "--name", "new", "base:1")
        docker("export", "-o", work / "theirs.tar", "new")
    before = snapshot(root)
    strata(root, "export", "--image", "-o", work / "ours.tar", "base:1")
    ours = members(work / "ours.tar")
    added = {"dev", "dev/pts", "dev/shm", "proc", "sys", ".dockerenv", "etc/resolv.conf", "etc/hosts", "etc/hostname", "dev/console",
             "etc/mtab", "vol", "etc"}
    assert [m for m in members(work / "theirs.tar") if m[0] not in added] == [m for m in ours if m[0] != "etc"]
    assert snapshot(root) == before


def test_an_exported_image_comes_back(root, work):
    strata(root, "export", "--image", "-o", work / "flat.tar", "base:1")
    strata(root, "import", work / "flat.tar", "flat:1")
    strata(root, "export", "--image", "-o", work / "again.tar", "flat:1")
    assert (work / "again.tar").read_bytes() == (work / "flat.tar").read_bytes()
    assert problems(root) == []


# ---- commit ----------------------------------------------------------------------------------------------------

def assert_same_config(theirs, ours):
    """All but the times, the version, and the ID of the container that only one of them has."""
    def bare(config):
        history = [{k: v for k, v in step.items() if k != "created"} for step in config["history"][-1:]]
        return {k: v for k, v in config.items() if k not in ("created", "docker_version")} | {"history": config["history"][:-1] + history}

    assert field_differences(bare(theirs), bare(ours)) == []


@pytest.mark.parametrize("name", NAMES)
def test_commit_makes_the_layer_that_docker_makes(root, docker_answers, name):
    mount = Root(root).mounts()
    ours_id = strata(root, "commit", "--as-docker", "20.10", "-a", "Some Body", "-m", "a message", name, f"{name}:c").out.strip()
    theirs, ours = Root(docker_answers / "root"), Root(root)
    theirs_id = theirs.references()[f"{name}:c"]
    assert ours.references()[f"{name}:c"] == ours_id
    assert ours.chain(ours_id) == theirs.chain(theirs_id)
    assert_same_config(theirs.config(theirs_id), ours.config(ours_id))
    assert ours.parent_of(ours_id) == theirs.parent_of(theirs_id)
    top = ours.chain(ours_id)[-1]
    assert ours.layer_file(top, "size") == theirs.layer_file(top, "size")
    assert layer_tree(ours.layer_diff(top)) == layer_tree(theirs.layer_diff(top))
    assert ours.mounts() == mount
    assert problems(root) == []


@pytest.mark.parametrize("name", NAMES)
def test_commit_leaves_out_what_newer_dockers_leave_out(root, docker_answers, work, name):
    image = strata(root, "commit", name).out.strip()
    theirs, ours = Root(docker_answers / "root"), Root(root)
    (work / "ours.tar").write_bytes(ours.layer_tar(ours.chain(image)[-1]))
    if name != "whiteouts":  # docker cannot give that layer back
        (work / "theirs.tar").write_bytes(theirs.layer_tar(theirs.chain(theirs.references()[f"{name}:c"])[-1]))
        assert members(work / "ours.tar") == members(work / "theirs.tar")
    with tarfile.open(work / "ours.tar", errors="surrogateescape") as tar:
        assert all(m.mode < 0o10000 and m.uname == m.gname == "" for m in tar) or name == "untouched"
    metadata = root / "image/overlay2/imagedb/metadata/sha256" / image[7:]
    assert (metadata / "builtLocally").read_bytes() == b"\x01"
    assert not (metadata / "lastUpdated").exists()


def test_dockerd_takes_what_strata_committed(root, work):
    for name in NAMES:
        strata(root, "commit", name, f"{name}:ours")
    with dockerd(root) as docker:
        for name in NAMES:
            docker("save", "-o", work / f"{name}.tar", f"{name}:ours")
        run = ["run", "--rm", "--network", "none", "--entrypoint", "/bin/sh", "changed:ours", "-c"]
        assert docker(*run, "cat /d/added; echo; ls /d/replaced").lines == ["new", "kept-name", "new"]
        assert docker(*run, "ls /d/gone-tree", check=False).code != 0
        docker("run", "--name", "again", "--network", "none", "--entrypoint", "/bin/sh", "changed:ours", "-c", "echo more > /d/more")
        docker("commit", "again", "again:1")
        docker("rmi", "-f", "changed:ours")
        assert image_id(docker, "second:ours")
    assert problems(root) == []


def test_a_container_whose_image_is_gone_is_saved(root):
    with dockerd(root) as docker:
        docker("rmi", "-f", "base:1")
        assert docker("commit", "changed", check=False).code == 1
    image = strata(root, "commit", "changed", "rescued:1").out.strip()
    assert problems(root) == []
    with dockerd(root) as docker:
        ran = docker("run", "--rm", "--network", "none", "--entrypoint", "/bin/sh", image, "-c", "cat /d/added; cat /d/same")
        assert ran.out == "newold same"


def test_larger_files_share_their_blocks_where_they_can(container_root, work):
    if not shutil.which("mkfs.xfs"):
        pytest.skip("no mkfs.xfs (Debian: xfsprogs)")
    run("truncate", "-s", "400M", work / "disk")
    run("mkfs.xfs", "-q", work / "disk")
    (work / "xfs").mkdir()
    if run("mount", "-o", "loop", work / "disk", work / "xfs", check=False).code != 0:
        pytest.skip("no XFS or no loop devices here")
    root = copy_tree(container_root, work / "xfs/root")
    image = strata(root, "commit", "--sync", "changed").out.strip()
    r = Root(root)
    file = r.layer_diff(r.chain(image)[-1]) / "d/big"
    assert "shared" in run("filefrag", "-v", file).out
    assert problems(root) == []


def test_a_committed_image_is_saved_and_loaded_whole(root, work):
    image = strata(root, "commit", "whiteouts", "w:1").out.strip()
    strata(root, "save", "-o", work / "w.tar", "w:1")
    strata(work / "new", "load", "-i", work / "w.tar")
    assert Root(work / "new").images() == {image}
    assert problems(work / "new") == []


def test_a_capability_is_in_the_layer(root):
    r = Root(root)
    chain = r.chain(strata(root, "commit", "changed").out.strip())[-1]
    for name in ("mode", "cap3"):
        assert os.getxattr(r.layer_diff(chain) / "d" / name, "security.capability")[4:] == CAPABILITY[4:]
    assert os.listxattr(r.layer_diff(chain) / "d/user-xattr") == []


@pytest.mark.parametrize("changes", [[c] for c in CHANGES] + [CHANGES, ["ENTRYPOINT []", "CMD a b"], ["CMD x", "ENTRYPOINT [\"y\"]"],
                                     ["VOLUME [\"/json\"]", "EXPOSE 1000-1002/tcp"], ["HEALTHCHECK NONE"], ["LABEL \"a b\"=c\nLABEL d=e"]],
                         ids=lambda c: c[0] if len(c) == 1 else f"{len(c)}")
def test_changes_of_the_config(container_root, work, changes, docker_for_changes):
    words = [w for c in changes for w in ("-c", c)]
    docker = docker_for_changes
    root = copy_tree(container_root, work / "root")
    for command in (["commit", *words, "second", "commit:c"], ["import", *words, "-", "import:c"]):
        theirs = docker(*command, stdin=bytes(1024)).out.strip()
        ours = strata(root, *command, stdin=bytes(1024)).out.strip()
        got = Root(root).config(ours)
        want = Root(docker.root).config(theirs)
        assert field_differences(want["config"], got["config"]) == []
        assert field_differences(want["container_config"], got["container_config"]) == []


@pytest.fixture(scope="module")
def docker_for_changes(container_root):
    folder = new_dir("str-")
    with dockerd(copy_tree(container_root, folder / "root")) as docker:
        yield docker
    remove_tree(folder)


REFUSED = {
    "unknown container": ["commit", "nope"],
    "unknown container, diff": ["diff", "nope"],
    "unknown container, export": ["export", "nope"],
    "no name, diff": ["diff", ""],
    "upper case": ["commit", "second", "UPPER"],
    "digest": ["commit", "second", "x@sha256:" + "1" * 64],
    "digest, import": ["import", "-", "x@sha256:" + "1" * 64],
    "upper case, import": ["import", "-", "UPPER"],
    "no such file": ["import", "/nope"],
    "no arguments": ["commit"],
    "too many arguments": ["diff", "a", "b"],
    **{f"change {c}": ["commit", "-c", c, "second"] for c in
       ("RUN x", "FROM x", "COPY a b", "USER", "ENV A", "bogus x", "ARG x", "MAINTAINER x", "EXPOSE abc", "VOLUME", "ONBUILD FROM y",
        "SHELL [\"x\"]", "LABEL", "WORKDIR", "HEALTHCHECK --x CMD y")},
    "change of an import": ["import", "-c", "RUN x", "-"],
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(container_root, name, docker_for_changes):
    theirs = docker_for_changes(*REFUSED[name], check=False, stdin=bytes(1024))
    ours = strata(container_root, *REFUSED[name], check=False, stdin=bytes(1024))
    assert (ours.code, ours.out) == (theirs.code, theirs.out) == (1, "")
    text = theirs.err.splitlines()[0].removeprefix("Error response from daemon: ").replace("docker ", "strata ")
    assert ours.err.splitlines()[0].removeprefix("Error: ").lower() == text.lower()


def test_ids_and_their_beginnings(root):
    assert strata(root, "diff", "second").lines == strata(root, "diff", "/second").lines
    ids = sorted(os.listdir(root / "containers"))
    for word in (ids[0], ids[0][:12], ids[0][:6]):
        assert diff_of(root, word) == diff_of(root, ids[0])
    twin = ids[0][:20] + "0" * 44
    copy_tree(root / "containers" / ids[0], root / "containers" / twin)
    result = strata(root, "diff", ids[0][:10], check=False)
    assert result.code == 1 and f"Multiple IDs found with provided prefix: {ids[0][:10]}" in result.err


# ---- a container that lives on without its daemon --------------------------------------------------------------

def freezer_state(pid):
    path = next(line.split(":", 2)[2] for line in open(f"/proc/{pid}/cgroup").read().splitlines() if ":freezer:" in line)
    return open(f"/sys/fs/cgroup/freezer{path}/freezer.state").read().strip()


def test_a_container_whose_daemon_was_killed_is_paused_meanwhile(container_root, work):
    daemon = Daemon(copy_tree(container_root, work / "root"))
    daemon.start()
    pid = None
    try:
        daemon("run", "-d", "--name", "writer", "--network", "none", "base:1", "/bin/sh", "-c",
               "while true; do echo 12345678 >> /d/log; done")
        pid = int(daemon("inspect", "-f", "{{.State.Pid}}", "writer").out)
        daemon.kill()
        if ":freezer:" not in open(f"/proc/{pid}/cgroup").read():
            pytest.skip("no freezer cgroup here")
        image = strata(daemon.root, "commit", "writer").out.strip()
        assert freezer_state(pid) == "THAWED"
        log = (Root(daemon.root).layer_diff(Root(daemon.root).chain(image)[-1]) / "d/log").read_bytes()
        assert log and set(log.split()) == {b"12345678"}
        time.sleep(0.05)
        assert os.path.getsize(f"/proc/{pid}/root/d/log") > len(log)  # it goes on
    finally:
        if pid:
            os.kill(pid, signal.SIGKILL)
        daemon.stop()
    with dockerd(daemon.root) as docker:
        assert docker("run", "--rm", "--network", "none", image, "cat", "/d/log").out.encode() == log


# ---- import ----------------------------------------------------------------------------------------------------

def gnu_tar():
    return Tar().dir("./").dir("./etc/").file("./etc/x", b"x" * 5000).bytes() + bytes(8192)


TARS = {"plain": (odd_layer, lambda b: b), "gzip": (busybox_layer, gzip.compress), "bzip2": (busybox_layer, bz2.compress),
        "xz": (busybox_layer, lzma.compress), "blocks behind the end": (gnu_tar, lambda b: b), "empty": (lambda: bytes(1024), lambda b: b),
        "nothing": (lambda: b"", lambda b: b)}


@pytest.mark.parametrize("kind", TARS)
def test_import(work, kind, docker_for_changes):
    make, pack = TARS[kind]
    (work / "x.tar").write_bytes(pack(make()))
    for n, command in enumerate((["import", work / "x.tar", "file:1"], ["import", "-m", "a message", "-", "pipe:1"], ["import", "-"])):
        theirs = docker_for_changes(*command, stdin=work / "x.tar").out.strip()
        ours = strata(work / "ours", *command, stdin=work / "x.tar").out.strip()
        want, got = Root(docker_for_changes.root), Root(work / "ours")
        assert got.chain(ours) == want.chain(theirs)
        assert_same_config(want.config(theirs), got.config(ours))
        assert layer_tree(got.layer_diff(got.chain(ours)[0])) == layer_tree(want.layer_diff(want.chain(theirs)[0]))
        for key in ("builtLocally", "lastUpdated", "parent"):
            file = f"image/overlay2/imagedb/metadata/sha256/{{}}/{key}"
            assert (work / "ours" / file.format(ours[7:])).exists() == (docker_for_changes.root / file.format(theirs[7:])).exists()
    assert problems(work / "ours") == []


@pytest.fixture
def web(work):
    (work / "web").mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=work / "web"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_import_of_a_url(work, web, docker_for_changes):
    (work / "web/x.tgz").write_bytes(gzip.compress(busybox_layer()))
    url = f"{web}/x.tgz"
    theirs, ours = docker_for_changes("import", url).lines, strata(work / "ours", "import", url).lines
    assert ours[0] == theirs[0] == f"Downloading from {url}"
    theirs, ours = theirs[-1], ours[-1]
    assert Root(work / "ours").chain(ours) == Root(docker_for_changes.root).chain(theirs)
    assert_same_config(Root(docker_for_changes.root).config(theirs), Root(work / "ours").config(ours))
    for bad in (f"{web}/nope", "http://127.0.0.1:9/x"):
        assert docker_for_changes("import", bad, check=False).code == 1
        refused = strata(work / "ours", "import", bad, check=False)
        assert refused.code == 1 and bad in refused.err
    assert Root(work / "ours").images() == {ours}


def test_dockerd_runs_what_strata_imported(work):
    strata(work / "root", "import", "-c", "CMD [\"/bin/echo\", \"imported\"]", "-", "i:1", stdin=busybox_layer())
    with dockerd(work / "root") as docker:
        assert docker("run", "--rm", "--network", "none", "i:1").out == "imported\n"
        assert json.loads(docker("inspect", "i:1").out)[0]["Comment"] == "Imported from -"
