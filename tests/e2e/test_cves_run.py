# SPDX-License-Identifier: Apache-2.0
"""Published weaknesses of this field, tried on containers, copies into and out of them, and builds. See test_cves.py."""
import hashlib
import io
import os
import pathlib
import re
import shutil
import tarfile
import time

import pytest

import boxes
from boxes import BUSYBOX, box, running
from canaries import SECRET, assert_no_secret_below, programs_started
from engine import MEASURED, assert_peak, needs_strata_itself, strata
from hostile import assert_not_built_from, build, links_out, run_box, the_same_inside, with_layer
from procs import clean_env, mounts_below, run
from roots import Root
from tars import CHAR, Tar
from verbs import root_with

pytestmark = [pytest.mark.as_root, needs_strata_itself("docker's own weaknesses are not ours"),
              pytest.mark.skipif(boxes.why_not() is not None, reason=str(boxes.why_not()))]
RUNTIMES = [name for name in ("crun", "runc") if shutil.which(name, path=clean_env()["PATH"])]
SWAP_SECONDS = 2


def files_of(tar):
    """name -> (mode, bytes)"""
    with tarfile.open(fileobj=io.BytesIO(tar)) as tar:
        return {m.name: (m.mode, tar.extractfile(m).read()) for m in tar if m.isfile()}


def runc_version():
    return tuple(int(n) for n in re.search(r"version (\d+)\.(\d+)\.(\d+)", run("runc", "--version").out).groups())


@pytest.fixture
def root(work):
    return root_with(work / "root", box())


# ---- what a container gets from outside ------------------------------------------------------------------------

@pytest.mark.parametrize("runtime", RUNTIMES)
def test_cve_2024_21626_no_descriptor_leads_out(root, runtime, canary):
    """runc before 1.1.12 left a descriptor of the host's cgroup folder open: a working folder of /proc/self/fd/7 was on the host.
    Here the program has 0, 1 and 2 alone, and no working folder leads anywhere else."""
    listed = run_box(root, "ls", "/proc/self/fd", options=["--runtime", runtime]).out.split()
    assert set(listed) <= {"0", "1", "2", "3"}, listed  # 3: the folder that ls reads
    inside = run_box(root, "sh", "-c", "for f in /proc/self/fd/* /proc/1/fd/*; do readlink $f; done; true", options=["--runtime", runtime]).out
    assert not [line for line in inside.split() if line.startswith("/") and not line.startswith(("/dev/null", "/proc"))], inside
    for number in range(3, 24):
        for folder in (f"/proc/self/fd/{number}", f"/proc/self/fd/{number}/../../.."):
            result = run_box(root, "sh", "-c", f"pwd; cat ../../../../../../..{canary}/secret {str(canary)[1:]}/secret; ls", check=False,
                             options=["--runtime", runtime, "-w", folder])
            assert SECRET.decode() not in result.out and "canary" not in result.out, result


def test_cve_2015_3627_links_of_an_image_at_the_places_of_descriptors(work, canary):
    """Docker before 1.6.1 opened descriptors of the first process before it changed the root: links of an image led to the host.
    Here /dev and /proc are the runtime's own, whatever the image has there."""
    tar = links_out(canary, "dev", "proc", "sys", "run").symlink(".dockerenv", f"{canary}/made")
    root = with_layer(work, tar)
    for options in ((), ("-i",)):
        run_box(root, "sh", "-c", "echo x > /dev/stdout; echo x > /dev/null; echo x > /.dockerenv; ls /dev/secret /proc/secret /run/secret",
                check=False, options=options)
    assert_no_secret_below(root / "overlay2")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_cve_2015_3629_mount_points_that_are_links(work, canary, runtime):
    """Libcontainer 1.6.0 mounted over links of an image when a container was started again: files were made on the host.
    Here a mount point is looked up in the container's tree, each time."""
    tar = links_out(canary, "data", "deep/link", "etc/hosts", "etc/hostname", "etc/resolv.conf", "tmpfs", "work")
    root = with_layer(work, tar)
    (work / "ours").mkdir()
    options = ["-v", "/data", "-v", f"{work}/ours:/deep/link/new", "--tmpfs", "/tmpfs/x", "-w", "/work/new/y", "--runtime", runtime]
    strata(root, "run", "--name", "one", *options, "box:1", "sh", "-c", "echo x > /data/x; echo x > /etc/hosts; echo x > y", check=False)
    for _ in range(2):
        strata(root, "start", "-a", "one", check=False)
    assert mounts_below(root) == []
    assert_no_secret_below(root / "volumes")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_cve_2021_30465_and_2024_45310_mounts_in_a_volume_that_another_changes(root, work, canary, runtime):
    """runc before 1.0.0-rc95 could be made to mount outside by a link swapped in a shared volume; before 1.1.14, to make empty files there.
    Here nothing appears on the host while a second container swaps the mount point with a link; with such a runc, at most the empty folder."""
    left_by_runtime = canary.folder / "new" if runtime == "runc" and runc_version() < (1, 1, 14) else None
    shared = work / "shared"
    (shared / "point").mkdir(parents=True)
    script = f"while :; do mv /v/point /v/away; ln -s {canary.up()} /v/point; rm /v/point; mv /v/away /v/point; done 2>/dev/null"
    (work / "ours").mkdir()
    with running(root, "run", "--rm", "-v", f"{shared}:/v", "box:1", "sh", "-c", script):
        end = time.monotonic() + SWAP_SECONDS
        while time.monotonic() < end:
            strata(root, "run", "--rm", "--runtime", runtime, "-v", f"{shared}:/v", "-v", f"{work}/ours:/v/point/new", "box:1", "true", check=False)
            if left_by_runtime and left_by_runtime.exists():
                canary.forgive_empty_folder(left_by_runtime)
            canary.assert_alive()
    assert [m for m in mounts_below(work)] == []


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_cve_2025_31133_52565_52881_masked_paths(work, runtime):
    """runc before 1.2.8, 1.3.3 and 1.4.0-rc3 mounted /dev/null and /dev/console of the container over what it hides, without
    asking what they were: links in their place led to /proc. Here the image's own /dev is not used, and what is hidden is."""
    tar = Tar().dir("dev/").symlink("dev/null", "/proc/sys/kernel/core_pattern").symlink("dev/console", "/proc/sysrq-trigger")
    tar.symlink("dev/pts", "/proc/sys").symlink("dev/shm", "/proc/sys")
    root = with_layer(work, tar)
    before = pathlib.Path("/proc/sys/kernel/core_pattern").read_text()
    script = """cat /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug 2>/dev/null | head -c 9; ls /proc/acpi 2>/dev/null; ls /sys/firmware 2>/dev/null
    for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/irq/x /proc/bus/x; do (echo evil > $f) 2>/dev/null && echo WROTE $f; done; true"""
    assert run_box(root, "sh", "-c", script, options=["--runtime", runtime]).out == ""
    with boxes.terminal(boxes.binary(), "--root", root, "run", "--rm", "-t", "--runtime",
                        runtime, "box:1", "sh", "-c", "stat -c %F /dev/console; cat /proc/kcore; echo over") as there:
        there.expect("over")
    assert pathlib.Path("/proc/sys/kernel/core_pattern").read_text() == before


@pytest.mark.parametrize("where", ["proc", "sys"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_cve_2019_19921_and_2023_27561_proc_that_is_a_link(work, runtime, where):
    """runc before 1.0.0-rc10, and again 1.1.0 to 1.1.4, mounted proc where a link of the image led: what should be hidden was not.
    Here the container does not start, or what it sees is masked."""
    root = with_layer(work, Tar().dir("elsewhere/").symlink(where, "elsewhere"))
    script = "(echo evil > /proc/sys/kernel/core_pattern) 2>/dev/null && echo WROTE; cat /proc/kcore 2>/dev/null | head -c 9; true"
    result = run_box(root, "sh", "-c", script, check=False, options=["--runtime", runtime])
    assert result.out == "", result


def test_cve_2022_24769_and_2022_29162_no_inheritable_capabilities(work):
    """Docker before 20.10.14 started programs with inheritable capabilities: a file's own could bring them back after a change of user.
    Here that set is empty, in containers and in builds."""
    root = root_with(work / "root", box())
    for options in ((), ("--cap-add", "ALL"), ("--privileged",), ("-u", "app"), ("-u", "app", "--cap-add", "NET_ADMIN")):
        status = run_box(root, "grep", "-E", "Cap(Inh|Amb)", "/proc/self/status", options=options).out
        assert status.split()[1::2] == ["0" * 16] * 2, (options, status)
    assert "CapInh:\t" + "0" * 16 in build(work, "RUN grep CapInh /proc/self/status\n").out


def test_cve_2022_36109_groups_are_set_up(root):
    """Docker before 20.10.18 left the user's own group out of the supplementary ones: rules that refuse a group could be passed by.
    Here it is among them."""
    assert run_box(root, "grep", "Groups", "/proc/self/status", options=["-u", "app"]).out.split()[1:] == ["10", "50", "1001"]
    assert "7" in run_box(root, "grep", "Groups", "/proc/self/status", options=["-u", "5:7"]).out.split()


def test_cve_2016_3697_numbers_are_never_names(work):
    """Libcontainer before 0.1.0 took a numeric user for a name in the image's passwd: 1000 could be root.
    Here a number is an ID."""
    root = with_layer(work, Tar().dir("etc/").file("etc/passwd", b"1000:x:0:0::/:/bin/sh\n").file("etc/group", b"1000:x:0:\n"))
    assert run_box(root, "id", "-u", options=["-u", "1000"]).out == "1000\n"
    assert run_box(root, "id", "-g", options=["-u", "5:1000"]).out == "1000\n"


def test_cve_2019_5736_the_runtime_cannot_be_overwritten(work):
    """runc before 1.0-rc7 ran its own host file inside the container, which could open /proc/self/exe and write to it: root on the host.
    Here crun is protected by itself, and strata's own processes are not in the container's namespaces."""
    evil = b"#!/bin/sh\nfor i in $(seq 200); do for p in /proc/[0-9]*; do echo evil > $p/exe; done; done 2>/dev/null\n"
    root = with_layer(work, Tar().dir("bin/").file("bin/evil", evil, mode=0o755).file("entry", b"#!/proc/self/exe\n", mode=0o755))
    programs = [shutil.which(name, path=clean_env()["PATH"]) for name in RUNTIMES] + [boxes.binary()]

    def digests():
        return [hashlib.sha256(pathlib.Path(p).read_bytes()).hexdigest() for p in programs if p]

    before = digests()
    for runtime in RUNTIMES:
        run_box(root, "evil", check=False, options=["--runtime", runtime])
        run_box(root, "/entry", check=False, options=["--runtime", runtime])
        run_box(root, "/proc/self/exe", check=False, options=["--runtime", runtime])
        seen = run_box(root, "sh", "-c", "cat /proc/[0-9]*/comm", options=["--runtime", runtime]).out.split()
        assert "strata" not in seen and len(seen) <= 3, seen
    assert digests() == before


def test_cve_2021_43784_long_values_do_not_change_the_namespaces(work):
    """runc before 1.0.3 cut the length of values that it sent itself to 16 bits: a long one could rewrite which namespaces are used.
    Here the longest values of an image end in an error or in a container with namespaces of its own."""
    host = os.readlink("/proc/self/ns/mnt")
    for i, config in enumerate(({"WorkingDir": "/" + "w" * 70_000}, {"User": "u" * 70_000}, {"Env": ["A=" + "x" * 70_000]},
                                {"Labels": {"l" * 70_000: "v" * 70_000}}, {"Volumes": {"/" + "v" * 70_000: {}}}, {"Hostname": "h" * 70_000})):
        image = box()
        image.config["config"] |= config
        root = root_with(work / f"root{i}", image)
        result = run_box(root, "readlink", "/proc/self/ns/mnt", check=False)
        assert result.code != 0 or result.out.strip() not in ("", host), result


# ---- what an image says about files of the host ----------------------------------------------------------------

def test_cve_2022_23648_volumes_with_paths_that_lead_out(work, canary):
    """containerd before 1.6.1 copied what lay at an image's volume path into the volume, followed out of the image: files of the host.
    Here the path is looked up in the container's tree."""
    up = "/../../../../../../.." + str(canary)
    for i, volumes in enumerate(({up: {}}, {"/link": {}}, {"/link/kept": {}}, {str(canary): {}}, {"/proc/1/root" + str(canary): {}})):
        image = box(layers=[links_out(canary, "x", "link").bytes()])
        image.config["config"]["Volumes"] = volumes
        root = root_with(work / f"root{i}", image)
        strata(root, "create", "--name", "one", "box:1", check=False)
        out = strata(root, "start", "-a", "one", check=False).out
        out += strata(root, "run", "--rm", "box:1", "sh", "-c", f"cat {next(iter(volumes))}/secret", check=False).out
        assert SECRET.decode() not in out
        assert_no_secret_below(root / "volumes")


@pytest.mark.parametrize("kind", ["zero", "fifo", "link to zero", "link out", "large", "folder", "loop"])
def test_cve_2024_9676_a_passwd_file_that_never_ends(work, canary, kind):
    """containers/storage before 1.55.1 read an image's /etc/passwd wherever a link led, without a limit: a device or a pipe hung it.
    Here it is opened in the container's tree, must be a file, and has a limit."""
    tar = Tar().dir("etc/")
    {"zero": lambda: tar.device("etc/passwd", 1, 5, kind=CHAR), "fifo": lambda: tar.fifo("etc/passwd"),
     "link to zero": lambda: tar.symlink("etc/passwd", "../dev/zero"), "link out": lambda: tar.symlink("etc/passwd", f"{canary}/secret"),
     "large": lambda: tar.file("etc/passwd", b"x:y:1:1\n" * (2 << 20)), "folder": lambda: tar.dir("etc/passwd/"),
     "loop": lambda: tar.symlink("etc/passwd", "passwd")}[kind]()
    tar.dir("dev/").device("dev/zero", 1, 5, kind=CHAR)
    root = with_layer(work, tar)
    result = strata(root, "run", "--rm", "-u", "app", "box:1", "true", check=False, timeout=20,
                    prefix=MEASURED)
    assert result.code != 0 and SECRET.decode() not in result.err, result
    assert_peak(result, 128)
    assert build(work, "USER app\nRUN true\n", check=False, timeout=20).code != 0


# ---- cp --------------------------------------------------------------------------------------------------------

def test_cve_2018_15664_links_that_are_swapped_during_a_copy(root, work, canary):
    """docker cp up to 18.06 resolved a path in the container's tree, and then used it: a program in the container swapped a link in between.
    Here the kernel resolves and opens in one step, and cannot leave the tree (openat2, RESOLVE_IN_ROOT)."""
    script = (f"cd /; echo ready; while :; do mkdir x; echo inside > x/secret; mv x y; ln -s {canary.up()} x; rm x; mv y x; rm -rf x y; "
              f"ln -s {canary} x; rm -f x; done 2>/dev/null")
    (work / "new").write_text("from outside")
    tar = Tar().file("new", b"x").dir("kept/", mode=0o777).file("kept/new", b"x").bytes()
    with running(root, "run", "--name", "one", "--rm", "box:1", "sh", "-c", script) as there:
        assert there.line() == "ready\n"
        (work / "got").mkdir()
        end, rounds, got = time.monotonic() + 2 * SWAP_SECONDS, 0, 0
        while time.monotonic() < end or got == 0 and rounds < 300:
            strata(root, "cp", work / "new", "one:/x/new", check=False)
            strata(root, "cp", "-", "one:/x", stdin=tar, check=False)
            got += strata(root, "cp", "one:/x/secret", work / f"got/{rounds}", check=False).code == 0
            strata(root, "cp", "-L", "one:/x", work / f"got/tree{rounds}", check=False)
            rounds += 1
            canary.assert_alive()
    boxes.assert_nothing_runs(root)
    assert 0 < got <= rounds  # there was something to be had
    for folder in (work / "got", root):
        assert_no_secret_below(folder)


def test_cve_2021_41089_a_copy_changes_nothing_else(work, canary):
    """docker cp before 20.10.9 into a container with certain links changed the modes of files of the host.
    Here what is changed is opened in the container's tree."""
    tar = links_out(canary, "x", "abs", "d/x", "d/abs").symlink("f", f"{canary}/secret").symlink("g", canary.up() + "/secret")
    root = with_layer(work, the_same_inside(tar, canary))
    strata(root, "create", "--name", "one", "box:1", "sleep", "9")
    (work / "new").mkdir()
    (work / "new/kept").mkdir(mode=0o777)
    (work / "new/secret").write_text("from outside")
    os.chmod(work / "new/secret", 0o4777)
    # Each of these is there, below the container's root: the copy is done, and not on the host.
    for target in ("/x", "/x/", "/abs", "/abs/", "/d", "/d/x/kept", "/../../.." + str(canary)):
        for source in (work / "new", f"{work}/new/.", work / "new/secret"):
            strata(root, "cp", source, f"one:{target}")
    for target in ("/f", "/g", "/x/secret", "/abs/new/secret"):
        strata(root, "cp", work / "new/secret", f"one:{target}")
    assert files_of(strata(root, "cp", "-L", "one:/f", "-").out.encode()) == {"f": (0o4777, b"from outside")}
    # And out of it: a link there does not write elsewhere here.
    strata(root, "cp", "one:/x", work / "out")
    assert os.readlink(work / "out") == canary.up()
    strata(root, "cp", "-L", "one:/abs/secret", work / "out2")
    assert (work / "out2").read_text() == "from outside"


def test_cve_2019_14271_and_2022_1227_no_program_of_the_image_runs_outside(work, canary):
    """docker cp 19.03.0 loaded libraries of the container in a process of the host's (a chroot, and Go's name service); podman top before
    4.0 ran the image's nsenter. Here nothing of an image is run or loaded but by the runtime, within the container."""
    evil = f"#!/bin/sh\necho > {canary}/owned\n".encode()
    tar = Tar()
    for name in ("bin/nsenter", "usr/bin/nsenter", "usr/bin/ps", "bin/tar", "usr/bin/tar", "lib/x86_64-linux-gnu/libnss_files.so.2", "usr/lib/libnss_dns.so.2",
                 "usr/bin/docker-untar", "bin/git", "bin/xz"):
        tar.file(name, evil, mode=0o755)
    root = with_layer(work, tar)
    (work / "f").write_text("f")
    with running(root, "run", "--rm", "--name", "one", "box:1", "sh", "-c", "echo ready; sleep 60") as there:
        assert there.line() == "ready\n"
        for words in (("cp", work / "f", "one:/f"), ("cp", "one:/etc/passwd", work / "g"), ("cp", "one:/bin", "-"), ("ps",), ("inspect", "one"),
                      ("diff", "one"), ("logs", "one"), ("commit", "one", "made:1"), ("export", "-o", work / "e.tar", "one"), ("stop", "-t", "0", "one")):
            result, programs, roots = programs_started(root, *words)
            assert result.code == 0 and len(programs) == 1 and not roots, (words, result, programs, roots)
    assert (work / "g").read_bytes() == boxes.PASSWD


# ---- builds ----------------------------------------------------------------------------------------------------

def test_cve_2024_21626_in_builds(root, work, canary):
    """The same by WORKDIR of a Dockerfile."""
    for number in range(3, 20):
        result = build(work, f"WORKDIR /proc/self/fd/{number}\nRUN cat ../../../../../..{canary}/secret; ls -l /proc/self/fd/ | grep -v total\n", check=False)
        assert SECRET.decode() not in result.out + result.err and "canary" not in result.out.replace(f"..{canary}", ""), result
    assert_not_built_from(work, canary)


def test_cve_2014_9356_in_builds_and_2020_27534(work, canary):
    """Links of an image and of a context at every place where a build writes; and predictable names in the folder for temporary files, which
    BuildKit before 0.8 opened. Here both are resolved below their own roots, and no build writes to TMPDIR."""
    root = with_layer(work, the_same_inside(links_out(canary, "abs", "up", "d/abs"), canary))
    context = work / "context"
    context.mkdir()
    (context / "f").write_text("f")
    (context / "t.tar").write_bytes(links_out(canary, "t1", "t2").file("t1/new", b"x").file("t2/secret", b"x").bytes())
    (work / "tmp").mkdir()
    for name in ("qemu-check", "docker-builder", "strata", "context"):
        (work / "tmp" / name).symlink_to(canary.folder)
    os.chmod(work / "tmp", 0o1777)
    before = sorted(os.listdir(work / "tmp"))
    build(work, "COPY f /abs/f\nADD t.tar /up\nADD t.tar /d/abs/\nCOPY f /d/abs/kept/file\nWORKDIR /abs/work\nCOPY f .\nWORKDIR /\nRUN echo x > /abs/run; true\n",
          env={"TMPDIR": str(work / "tmp")})
    assert sorted(os.listdir(work / "tmp")) == before
    made = Root(root)
    names = {name for chain in made.chain(made.references()["built:latest"]) for name in files_of(made.layer_tar(chain))}
    assert {f"{str(canary)[1:]}/{name}" for name in ("f", "kept/file", "work/f", "secret")} <= names, names
    assert_not_built_from(work, canary)


def test_cve_2024_1753_a_bind_whose_source_is_a_link(work, canary):
    """Buildah before 1.35.1 followed links of an image in the source of RUN --mount=type=bind: all of the host, writable.
    Here the source is looked up in its own tree, and what is written to it is dropped."""
    with_layer(work, Tar().symlink("host", "/").symlink("out", str(canary)).symlink("up", canary.up()).dir("d/"))
    assert build(work, "RUN --mount=type=bind,from=box:1,source=/host,target=/m,rw test -e /m/bin/busybox && ! test -e /m" + str(canary) + "\n")
    for source in ("/out", "/up", "/d/../out", "/../../.." + str(canary), "/host/" + str(canary), "/proc/1/root" + str(canary)):
        for mode in ("", ",rw"):
            result = build(work, f"RUN --mount=type=bind,from=box:1,source={source},target=/m{mode} cat /m/secret; echo evil > /m/secret\n", check=False)
            assert SECRET.decode() not in result.out, result
    for target in ("/out/x", "/up/x", "/host" + str(canary) + "/x", "/../../.." + str(canary)):
        for kind in ("tmpfs", "cache", "bind"):
            build(work, f"RUN --mount=type={kind},target={target} true\n", check=False)


@pytest.mark.parametrize("option", ["bind-propagation=shared", "bind-propagation=rshared,rw,src=/", "propagation=shared", "relabel=shared", "z", "U",
                                    "suid", "dev", "volume-driver=x"])
def test_cve_2024_9407_options_that_are_not_for_dockerfiles(root, work, canary, option):
    """Buildah before 1.37.4 handed bind-propagation of RUN --mount on unchecked: anything could be put behind it, sources on the host too.
    Here a mount has the options that are known, and no others."""
    result = build(work, f"RUN --mount=type=bind,target=/m,{option} true\n", check=False)
    assert result.code == 1 and option.split("=")[0].split(",")[0] in result.err, result


def test_cve_2024_9675_the_folder_of_a_cache(root, work, canary):
    """Buildah before 1.38 took the folder of a cache from the Dockerfile as it was: `..` led to any folder of the host.
    Here its name is a digest of what the Dockerfile says."""
    up = "../" * 12 + str(canary)[1:]
    for options in (f"id={up}", f"id={canary}", f"source={up}", f"source={canary}", f"id=x,source={up}", "id=.", "id=..", "id=/", f"id={up},sharing=private"):
        result = build(work, f"RUN --mount=type=cache,target=/m,{options} ls /m; echo evil > /m/secret\n", check=False)
        assert SECRET.decode() not in result.out and "kept" not in result.out, result
    # A link in the cache itself leads nowhere but within the container.
    build(work, f"RUN --mount=type=cache,target=/m,id=c ln -s {canary} /m/link; rm -rf /m/d; ln -s {canary.up()} /m/d\n"
                "RUN --mount=type=cache,target=/m,id=c ! cat /m/link/secret && ! cat /m/d/secret\n")
    for options in ("source=/m/link", "source=link", "id=c,source=link", "id=c/link", "id=c,source=d"):
        assert SECRET.decode() not in build(work, f"RUN --mount=type=cache,target=/m,{options} cat /m/secret\n", check=False).out


def test_cve_2024_23651_and_2024_11218_steps_side_by_side_on_one_cache(root, work, canary):
    """BuildKit before 0.12.5: two steps at once on one cache, one of which swaps a folder with a link, and a mount's source is on the host.
    Here the source of a cache is always its top folder, which no step can change, and a mount point is looked up in the step's tree."""
    cache = "--mount=type=cache,target=/m,id=c"
    swap = f"FROM box:1\nRUN {cache} mkdir -p /m/x/z; while ! test -e /m/stop; do mv /m/x /m/y; ln -s {canary.up()} /m/x; rm /m/x; mv /m/y /m/x; done\n"
    (work / "swap").mkdir()
    (work / "swap/Dockerfile").write_text(swap)
    use = f"RUN {cache} --mount=type=cache,target=/m/x/z,id=d,source=x cat /m/x/secret; echo evil > /m/x/z/new; echo done\n"
    plain = f"RUN {cache} --mount=type=cache,target=/n,id=c,source=x cat /n/secret /m/x/secret; echo evil > /n/secret; echo done\n"
    built, rounds = {use: 0, plain: 0}, 0
    with running(root, "build", "--no-cache", work / "swap") as swapping:
        end = time.monotonic() + 2 * SWAP_SECONDS
        while time.monotonic() < end or rounds < 4 or min(built.values()) == 0 and rounds < 300:
            for step in built:
                result = build(work, step, check=False)
                assert SECRET.decode() not in result.out + result.err, result
                built[step] += result.code == 0
            rounds += 1
            canary.assert_alive()
        assert swapping.process.poll() is None, swapping.end()
        build(work, f"RUN {cache} touch /m/stop\n")
        assert swapping.end()[0] == 0
    # Whether the mount point is there just then is chance; but it was tried, and often enough nothing hindered it.
    print(f"{rounds} rounds, {list(built.values())} builds came to their end")
    assert rounds >= 4 and min(built.values()) > 0, (rounds, built)
    assert_not_built_from(work, canary)


def test_cve_2024_23652_places_of_mounts_are_cleaned_up_inside(root, work, canary):
    """BuildKit before 0.12.5 removed the empty files that it had made as mount points, by paths that the step had turned into links: files
    of the host. Here they are looked up in the step's own tree."""
    for kind in ("tmpfs", "cache", "bind"):
        build(work, f"RUN --mount=type={kind},target=/made/kept rm -rf /made; umount /made/kept 2>/dev/null; mv /made /gone; ln -s {canary} /made; true\n"
                    f"RUN --mount=type={kind},target=/a/b/kept mv /a /c && ln -s {canary.up()} /a; true\n", check=False)
    (canary.folder / "kept/file").unlink()  # now it is empty, as what they remove
    build(work, f"RUN --mount=type=tmpfs,target=/a/kept mv /a /c; ln -s {canary} /a; true\n", check=False)
    assert (canary.folder / "kept").is_dir()
    (canary.folder / "kept/file").write_text("kept")
    canary.before = canary.state()


def test_cve_2024_23653_insecure_steps_need_leave(root, work):
    """BuildKit before 0.12.5 checked the entitlement of privileged containers in one of two ways to ask for them.
    Here there is one way, and --allow is asked in it."""
    for text in ("RUN --security=insecure true\n", "ARG A=insecure\nRUN --security=$A true\n", "# syntax=evil/frontend\nRUN --security=insecure true\n",
                 "ONBUILD RUN --security=insecure true\n"):
        result = build(work, text, check=False)
        if "ONBUILD" in text:
            result = build(work, "", base="FROM built\n", check=False)
        assert result.code == 1 and ("insecure is not allowed" in result.err or "is not valid" in result.err), result
    full = build(work, "RUN --security=insecure grep CapEff /proc/self/status\n", "--allow", "security.insecure").out
    assert "CapEff:" in full
    usual = build(work, "RUN grep CapEff /proc/self/status\n").out
    assert usual.split("CapEff:")[1].split()[0] != full.split("CapEff:")[1].split()[0]


@pytest.mark.parametrize("place", ["--upload-pack=touch {canary}/owned", "ext::sh -c touch% {canary}/owned", "--config=core.sshCommand=x",
                                   "https://127.0.0.1:1/x.git#--upload-pack=touch {canary}/owned", "https://127.0.0.1:1/x.git#-x:--y",
                                   "ssh://-oProxyCommand=touch {canary}/owned/x.git", "git@-oProxyCommand=x:y.git", "git://127.0.0.1:1/x.git#main:../../..",
                                   "http://127.0.0.1:1/x.git#main:/../.."])
def test_cve_2019_13139_words_of_a_git_url_are_no_options(root, work, canary, place):
    """docker build before 18.09.4 handed the reference of a git URL to git as it was: one that began with a dash was an option, and ran a program.
    Here such URLs are refused, or git gets them behind `--`."""
    text = place.format(canary=canary)
    result = strata(root, "build", text, check=False, timeout=30)
    assert result.code != 0 and not (canary.folder / "owned").exists()
    if "git" in text and " " not in text:
        assert build(work, f"ADD {text} /x\n", check=False, timeout=30).code != 0


def test_cve_2022_39253_links_in_a_repository(root, work, canary):
    """git before 2.38.1 copied files of the host into a local clone where the repository held links among its objects; builders clone what they
    are told to. Here a repository on the host is not cloned for a Dockerfile, and links of a context lead nowhere."""
    for url in (f"file://{canary}/x.git", f"{canary}/x.git", "file:///x.git"):
        assert build(work, f"ADD {url} /x\n", check=False).code != 0
    assert_not_built_from(work, canary)
