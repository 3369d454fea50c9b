# SPDX-License-Identifier: Apache-2.0
"""Published weaknesses of this field from 2023 on that test_cves.py and test_cves_run.py do not have yet.

What each was is told as its advisory tells it. docs/security.md has the list.
"""
import bz2
import gzip
import lzma
import os
import re
import shutil
import time

import pytest

import archives
import boxes
from archives import Image, compact, docker_2010, outer
from boxes import box, running
from canaries import SECRET, assert_no_secret_below, programs_started
from engine import MEASURED, assert_peak, is_sanitized, needs_strata_itself, strata
from hostile import assert_not_built_from, build, links_out, run_box, the_same_inside, with_layer
from procs import clean_env, mounts_below, run
from roots import Root, problems
from seeds import count
from sites import git, site  # noqa: F401
from tars import Tar, header, octal, padded
from verbs import assert_holds, assert_refused, load, plain_layer, root_with, unchanged

pytestmark = [pytest.mark.as_root, needs_strata_itself("docker's own weaknesses are not ours"), pytest.mark.needs(why_not=boxes.why_not)]
HELD = Image([plain_layer("held")], ["held:1"])
SWAP_SECONDS = 2


@pytest.fixture
def root(work):
    return root_with(work / "root", box())


# ---- users and groups ------------------------------------------------------------------------------------------

TOO_LARGE = ("2147483648", "4294967294", "4294967295", "4294967296", "4294967297", "9223372036854775807", "9223372036854775808",
             "18446744073709551616", "99999999999999999999999999", "-1", "-4294967296")


@pytest.mark.parametrize("number", TOO_LARGE)
def test_cve_2024_40635_and_2026_46680_ids_that_are_too_large(work, number):
    """containerd before 1.6.38, 1.7.27 and 2.0.4 started a user beyond 31 bits as root; after that was mended, one beyond 32 bits was taken
    for a name, which the image's passwd could make root. Here a number is an ID, and one that is too large is an error."""
    words = ("must be in range 0-2147483647", "no matching entries")  # a line whose number is none does not count
    tar = Tar().dir("etc/").file("etc/passwd", f"{number}:x:0:0::/:/bin/sh\nx:x:{number}:{number}::/:/bin/sh\n".encode())
    tar.file("etc/group", f"{number}:x:0:\ny:x:{number}:x\n".encode())
    root = with_layer(work, tar)
    for user in (number, f"{number}:{number}", f"0:{number}", f"{number}:0", "x", "0:y"):
        refused = run_box(root, "id", check=False, options=[f"--user={user}"])
        assert refused.code == 125 and refused.out == "" and any(word in refused.err for word in words[:2 if user in ("x", "0:y") else 1]), refused
        assert build(work, f"USER {user}\nRUN id\n", check=False).code == 1
        of_image = with_layer_and_user(work / "of-image", tar, user)
        refused = strata(of_image, "run", "--rm", "box:1", "id", check=False)
        assert refused.code == 125 and refused.out == "", refused
        shutil.rmtree(of_image)


def with_layer_and_user(work, tar, user):
    work.mkdir(exist_ok=True)
    return with_layer(work, tar, User=user)


def test_cve_2023_25173_the_groups_of_an_images_user(work):
    """containerd before 1.5.18 and 1.6.18 left the own group of the image's user out of the supplementary ones, so rules that refuse a group
    could be passed by. Here it is among them, whoever names the user."""
    root = root_with(work / "root", box(User="app"))
    for options, groups in (((), {"1001", "10", "50"}), (["-u", "app:wheel"], {"10"}), (["-u", "1000"], {"1001", "10", "50"}), (["-u", "7:8"], {"8"}),
                            (["--group-add", "7"], {"1001", "10", "50", "7"}), (["-u", "app:extra", "--group-add", "wheel"], {"50", "10"})):
        assert set(run_box(root, "grep", "Groups", "/proc/self/status", options=options).out.split()[1:]) == groups, options
    assert set(build(work, "USER app\nRUN grep Groups /proc/self/status\n").out.split("Groups:")[1].split("\n")[0].split()) == {"1001", "10", "50"}


def test_cve_2026_47262_a_group_file_that_is_long(work):
    """containerd before 1.7.33 and 2.3.2 read an image's groups without a limit, until its memory was used up.
    Here the file has a limit, and what is made of it is bounded in time and memory."""
    lines = b"".join(b"g:x:%d:app\n" % i for i in range(1, 250_000))
    for text, most in ((lines, 4 << 20), (b"g:x:1:" + b"app," * 1_000_000, 4 << 20), (b"g:x:7:" + b"a," * 40_000_000, None)):
        tar = Tar().dir("etc/").file("etc/passwd", boxes.PASSWD).file("etc/group", text[:most])
        root = with_layer(work, tar)
        result = strata(root, "run", "--rm", "-u", "app", "box:1", "true", check=False, timeout=60, prefix=("/usr/bin/time", "-f", "peak %M kB, %U s"))
        assert is_sanitized() or float(re.search(r"kB, ([0-9.]+) s", result.err)[1]) < 3, result.err  # a second look at all groups for each took ten
        assert result.code == 0 or result.code == 125 and re.search("setgroups|more than 4194304 bytes", result.err), result.err[:500]
        assert_peak(result, 128)
        shutil.rmtree(root)


# ---- what an image says ----------------------------------------------------------------------------------------

def test_cve_2026_57231_variables_without_a_value(work):
    """Podman before 5.8.4 took an image's Env entry without `=` as a request for the caller's variable of that name, and `*` for all of them.
    Here nothing of the caller's environment goes to a container or a step, but by name on the command line."""
    root = root_with(work / "root", box(Env=["PATH=/bin", "OURS", "*", "OU*", "OURS*", "", "=", "=OURS", "${OURS}", "X=$OURS", "Y=${OURS}"]))
    ours = {"OURS": SECRET.decode(), "OURS2": SECRET.decode()}
    for words in (("run", "--rm", "box:1"), ("run", "--rm", "-e", "OTHER", "box:1")):
        shown = strata(root, *words, "env", env=ours, check=False)
        assert SECRET.decode() not in shown.out, shown
    (work / "context").mkdir()
    built = build(work, "ENV A=$OURS B=${OURS}\nARG OURS\nRUN env; cat /proc/self/environ\n", env=ours)
    assert SECRET.decode() not in built.out
    assert SECRET.decode() not in strata(root, "inspect", "built").out
    assert f"OURS={SECRET.decode()}" in strata(root, "run", "--rm", "-e", "OURS", "box:1", "env", env=ours).out


@pytest.mark.parametrize("history", [None, [], [{}], [{"created": None, "created_by": None, "empty_layer": None}], "absent", [{"empty_layer": True}] * 9,
                                     [{"created_by": "x"}] * 9], ids=range(7))
def test_cve_2024_36620_a_history_that_is_none(root, work, history):
    """Moby 25.0.0 to 26.0.2 took a history entry's time for granted: `docker history` of an image without ended in a nil pointer.
    Here it is shown without, or the image is refused."""
    image = Image([plain_layer()], ["x:1"], **({} if history == "absent" else {"history": history}))
    if history == "absent":
        image.config.pop("history", None)
    loaded = load(root, docker_2010(image), check=False)
    assert loaded.code in (0, 1), loaded
    if loaded.code == 0:
        for words in (("history", "x:1"), ("history", "--format", "json", "x:1"), ("images", "-a"), ("inspect", "x:1"), ("save", "-o", work / "s.tar", "x:1")):
            shown = strata(root, *words, check=False)
            assert shown.code in (0, 1) and (shown.code == 0 or shown.err.startswith("Error")), shown


@pytest.mark.parametrize("runtime", [name for name in ("crun", "runc") if shutil.which(name, path=clean_env()["PATH"])])
def test_cve_2026_55686_a_working_folder_behind_a_link(work, canary, runtime):
    """Podman 3.0.0 to 5.7.0 made an image's working folder, and gave it its owner, where a link of the image led on the host.
    Here it is made below the container's root."""
    for i, folder in enumerate(("/x/new/deep", "/abs/new", "/abs/kept", "/up/../abs/new2", "/loop/new")):
        tar = the_same_inside(links_out(canary, "x", "abs", "up").symlink("loop", "loop"), canary)
        root = root_with(work / f"root{i}", box(layers=[tar.bytes()], WorkingDir=folder, User="app"))
        result = run_box(root, "pwd", check=False, options=["--runtime", runtime])
        canary.assert_alive()
        assert mounts_below(root) == []
        assert (result.code == 0) == (folder != "/loop/new") or str(canary).startswith("/dev/"), result


# ---- archives --------------------------------------------------------------------------------------------------

def hole(file, size):
    file.truncate(file.tell() + size)
    file.seek(0, os.SEEK_END)


@pytest.mark.parametrize("where", ["index.json", "oci-layout", "manifest", "config", "manifest.json", "repositories"])
def test_cve_2023_25153_texts_of_an_archive_without_end(root, work, where):
    """containerd before 1.5.18 and 1.6.18 read some files of an OCI archive into memory whatever their size.
    Here each text has a limit, which the error names."""
    size, digest = 8 << 30, "0" * 64
    of_blob = {"mediaType": f"{archives.OCI}.image.manifest.v1+json".replace("image.image", "image"), "digest": f"sha256:{digest}", "size": size}
    small = {"index.json": compact({"schemaVersion": 2, "manifests": [of_blob]}), "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
             "manifest.json": compact([{"Config": f"blobs/sha256/{digest}", "RepoTags": None, "Layers": []}])}
    names = {"manifest": ["oci-layout", "index.json"], "config": ["manifest.json"], "manifest.json": [], "repositories": [], "index.json": ["oci-layout"],
             "oci-layout": ["index.json"]}[where]
    with open(work / "a.tar", "wb") as file:
        for name in names:
            file.write(header(name, size=len(small[name])) + padded(small[name]))
        file.write(header(f"blobs/sha256/{digest}" if where in ("manifest", "config") else where, size=size))
        hole(file, size + 1024)
    with unchanged(root):
        result = strata(root, "load", "-i", work / "a.tar", check=False, prefix=MEASURED, timeout=60)
    assert_refused(result)
    assert_peak(result, 64)


def test_cve_2025_47290_a_layer_that_changes_its_own_folders(root, work, canary):
    """containerd 2.1.0 looked whether a path of a layer was safe, and used it later: a layer that changed it in between wrote to the host.
    Here a name is resolved and opened in one step, and contents are written through what was opened."""
    tar = Tar()
    for i in range(60):
        tar.dir("d/").file("d/secret", os.urandom(1 << 16)).file("d/kept", b"x" * 5000).hardlink(f"hard{i}", "d/secret")
        tar.symlink("d", str(canary) if i % 2 else canary.up()).file("d/secret", b"evil").file("d/kept/file", b"evil").file(".wh.d")
        tar.symlink("e", str(canary)).dir("e/", mode=0o777, uid=7).file("e/secret", b"evil" * 9000).whiteout("", "e")
    image = Image([the_same_inside(tar, canary).bytes()] * 3, ["x:1"])
    for i in range(3):
        for packed in (lambda data: data, gzip.compress):
            result = load(work / f"r{i}", docker_2010(image, layer=packed), check=False)
            assert result.code in (0, 1), result
            canary.assert_alive()
        strata(work / f"r{i}", "import", "-", "y:1", stdin=tar.bytes(), check=False)
        canary.assert_alive()
        assert problems(work / f"r{i}") == []
        assert_no_secret_below(work / f"r{i}")


def old_map(blocks):
    """Extents in block after block, as GNU tar had them first."""
    more = b"".join(octal(0, 12) * 2 for _ in range(21)) + b"\x01" + bytes(7)
    return header("s", kind=b"S", size=0, magic=b"ustar  \0", fields={482: b"\x01", 483: octal(1 << 40, 12)}) + more * blocks


def pax_map(entries):
    text = b"%d\n" % entries + b"0\n0\n" * entries
    tar = Tar().pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s", "GNU.sparse.realsize": "0"})
    return tar.file("x", text).bytes()


@pytest.mark.parametrize("which", ["2025-58183 (pax 1.0)", "2026-32288 (old GNU)"])
def test_cve_2025_58183_and_2026_32288_maps_of_sparse_files(root, work, canary, which):
    """Go's archive/tar read the maps of sparse files into memory, however long: a small packed layer used all of it.
    Here a map has a limit, wherever a tar comes from."""
    layer = pax_map(count("STRATA_BOMB_MIB", 256) * (1 << 20) // 4) if "pax" in which else old_map(count("STRATA_BOMB_MIB", 256) * 2048)
    packed = gzip.compress(layer, 1)
    assert len(packed) < len(layer) // 50
    (work / "x.tar.gz").write_bytes(packed)
    (work / "a.tar").write_bytes(docker_2010(Image([plain_layer()], ["x:1"]), layer=lambda _: packed))
    strata(root, "create", "--name", "one", "box:1", "true")
    for words, stdin in ((("load", "-i", work / "a.tar"), None), (("import", work / "x.tar.gz", "y:1"), None), (("cp", "-", "one:/tmp"), work / "x.tar.gz"),
                         (("build", "-"), work / "x.tar.gz")):
        result = strata(root, *words, check=False, stdin=stdin, prefix=MEASURED)
        assert result.code == 1, result
        assert_peak(result, 64)


# ---- cp --------------------------------------------------------------------------------------------------------

PACKERS = {"gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress, "plain": bytes, "zstd": lambda data: run("zstd", "-q", stdin=data).out.encode("utf-8", "surrogateescape")}


@pytest.mark.parametrize("packer", PACKERS)
def test_cve_2026_41567_programs_of_the_image_unpack_nothing(work, canary, packer):
    """dockerd before 29.5.1 looked for xz and unpigz in the container's tree when a packed archive was copied into it, and ran them as root of
    the host. Here libraries unpack; no program is started, and no root changed."""
    evil = f"#!/bin/sh\necho > {canary}/owned\n".encode()
    tar = Tar()
    for name in ("xz", "unxz", "unpigz", "pigz", "gunzip", "gzip", "zstd", "unzstd", "bzip2", "tar"):
        for folder in ("bin", "usr/bin", "usr/local/bin", "usr/sbin"):
            tar.file(f"{folder}/{name}", evil, mode=0o755)
    root = with_layer(work, tar)
    data = PACKERS[packer](Tar().file("arrived", b"here").bytes())
    strata(root, "create", "--name", "made", "box:1", "true")
    with running(root, "run", "--rm", "--name", "runs", "box:1", "sh", "-c", "echo ready; sleep 60") as there:
        assert there.line() == "ready\n"
        for name in ("made", "runs"):
            result, programs, roots = programs_started(root, "cp", "-", f"{name}:/tmp", stdin=data)
            assert result.code == 0 and len(programs) == 1 and not roots, (result, programs, roots)
            assert strata(root, "cp", f"{name}:/tmp/arrived", work / name).code == 0
        strata(root, "stop", "-t", "0", "runs")
    assert (work / "made").read_text() == (work / "runs").read_text() == "here"


def test_cve_2026_41568_and_2026_42306_mount_points_that_are_swapped_during_a_copy(root, work, canary):
    """dockerd before 29.5.1 mounted a container's volumes anew for each `docker cp`, by a path that a program in it could swap with a link: empty
    files appeared on the host, or the volume lay over a folder of it. Here the kernel resolves in the container's tree, and nothing is mounted outside."""
    (work / "ours").mkdir()
    (work / "ours/mine").write_text("mine")
    (work / "new").write_text("new")
    swap = f"mv /v /w; ln -s {canary.up()} /v; rm /v; ln -s {canary} /v; rm /v; mv /w /v"
    script = f"echo ready; while :; do {swap}; sleep 0.02; {swap}; sleep 0.3; done 2>/dev/null"  # in between a slow machine comes through
    before = sorted(os.listdir(canary.folder))
    with running(root, "run", "--rm", "--name", "one", "-v", f"{work}/ours:/v/deep/point", "-v", "/v/kept", "box:1", "sh", "-c", script) as there:
        assert there.line() == "ready\n"
        end, rounds, done = time.monotonic() + 2 * SWAP_SECONDS, 0, {"in": 0, "out": 0}
        while time.monotonic() < end or min(done.values()) == 0 and rounds < 300:
            done["in"] += strata(root, "cp", work / "new", "one:/v/deep/point/new", check=False).code == 0
            strata(root, "cp", work / "new", "one:/v/kept/new", check=False)
            done["out"] += strata(root, "cp", "one:/v/deep/point/mine", work / f"got{rounds}", check=False).code == 0
            strata(root, "cp", "one:/v/secret", work / f"none{rounds}", check=False)
            rounds += 1
            assert sorted(os.listdir(canary.folder)) == before and mounts_below(canary.folder) == []
        canary.assert_alive()
    print(f"{rounds} rounds, {done}")
    assert min(done.values()) > 0, (rounds, done)
    assert mounts_below(work) == []
    for path in work.glob("got*"):
        assert path.read_text() == "mine"
    assert not [path for path in work.glob("none*") if SECRET in path.read_bytes()]


# ---- builds ----------------------------------------------------------------------------------------------------

def test_cve_2026_33748_and_2026_44517_contexts_of_a_server_that_lead_out(root, work, site, canary):
    """BuildKit before 0.28.1 followed links in the subfolder of a git URL, buildah before 1.43.2 those in repositories and archives that it had
    fetched: files of the host came into the build. Here a subfolder, a Dockerfile and sources are looked up below what was fetched."""
    folder, url = site
    source = work / "source"
    (source / "sub").mkdir(parents=True)
    git(source, "init", "-q", "-b", "trunk")
    (source / "Dockerfile").write_text("FROM scratch\nCOPY . /x\n")
    for name, target in {"abs": canary.folder, "up": canary.up(), "sub/up": canary.up(), "file": f"{canary}/secret", "sub/Dockerfile": f"{canary}/secret"}.items():
        (source / name).symlink_to(target)
    git(source, "add", "-A")
    git(source, "commit", "-qm", "1")
    git(work, "clone", "-q", "--bare", str(source), str(folder / "r.git"))
    git(folder / "r.git", "update-server-info")
    links = Tar().file("Dockerfile", b"FROM scratch\nCOPY . /x\nCOPY file /file\n").symlink("file", f"{canary}/secret").symlink("abs", str(canary))
    (folder / "c.tar").write_bytes(links.bytes())
    (folder / "d.tar").write_bytes(Tar().symlink("Dockerfile", f"{canary}/secret").bytes())
    assert strata(root, "build", f"{url}/r.git").code == 0  # the links as they are
    for place in (f"{url}/r.git#trunk:abs", f"{url}/r.git#trunk:up", f"{url}/r.git#trunk:sub/up", f"{url}/r.git#:abs/kept", f"{url}/r.git#trunk:sub",
                  f"{url}/c.tar", f"{url}/d.tar"):
        result = strata(root, "build", place, check=False)
        assert result.code == 1 and SECRET.decode() not in result.out + result.err, result
    for source_ in ("#trunk:abs", "#trunk:up", "#trunk:sub/up", "#trunk:file", "?subdir=abs", "?subdir=../../.." + str(canary)):
        assert build(work, f"ADD {url}/r.git{source_} /x\n", check=False).code == 1, source_
    for name in ("abs/secret", "up/secret", "file", "abs", "sub/up/kept"):
        for words in ((), ("--build-context", f"far={url}/r.git")):
            result = build(work, f"FROM scratch AS a\nADD {url}/r.git /r/\nFROM scratch\nCOPY --from={'far' if words else 'a'} {name if words else 'r/' + name} /y/\n", *words,
                           base="", check=False)
            assert SECRET.decode() not in result.out + result.err
    assert_not_built_from(work, canary)
