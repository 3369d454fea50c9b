# SPDX-License-Identifier: Apache-2.0
"""The same `run` by dockerd and by strata, on roots with the same image: what the program sees, what it may, how it ends."""
import functools
import json
import os
import re
import tarfile

import pytest

import archives
from beside import field_differences
from boxes import box, why_not
from engine import strata
from images import load_bytes
from inside import SCRIPT, differences, facts
from peers import dockerd
from procs import new_dir, remove_tree, run
from tars import Tar
from verbs import root_with

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


FULL = box("full:1", Volumes={"/iv": {}}, ExposedPorts={"80/tcp": {}}, Labels={"a": "b"}, WorkingDir="/w/../x", StopSignal="SIGINT", User="app",
           Entrypoint=["env"], Healthcheck={"Test": ["CMD", "true"], "Interval": 5000000000})

FOREIGN = box("arm:1")
FOREIGN.config |= {"architecture": "arm64", "variant": "v8"}
LINKED = box("linked:1", layers=[Tar().dir("home/", mode=0o711, uid=1000, gid=1001).file("home/own", b"x", uid=1000).symlink("linked", "/tmp").bytes()])


class Sides:
    def __init__(self, docker, root):
        self.docker, self.root = docker, root

    def run(self, *words, options=(), runtime="runc", **more):
        """(docker's, ours) of `run --rm`."""
        theirs = self.docker("run", "--rm", "--network", "none", *options, *words, check=False, **more)
        ours = strata(self.root, "run", "--rm", "--runtime", runtime, *options, *words, check=False, **more)
        return theirs, ours


@pytest.fixture(scope="module")
def sides():
    home = new_dir("str-")
    images = [box(), FULL, LINKED, FOREIGN]
    with dockerd(home / "theirs") as docker:
        for image in images:
            load_bytes(docker, archives.docker_2010(image))
        yield Sides(docker, root_with(home / "ours", *images))
    remove_tree(home)


def lacking():
    """Words that drop what this machine itself may not: docker does not start a container with ALL then, strata does."""
    bounding = int(next(line for line in open("/proc/self/status") if line.startswith("CapBnd")).split()[1], 16)
    names = {2: "DAC_READ_SEARCH", 9: "LINUX_IMMUTABLE", 11: "NET_BROADCAST", 12: "NET_ADMIN", 14: "IPC_LOCK", 15: "IPC_OWNER", 16: "SYS_MODULE",
             17: "SYS_RAWIO", 19: "SYS_PTRACE", 20: "SYS_PACCT", 21: "SYS_ADMIN", 22: "SYS_BOOT", 23: "SYS_NICE", 24: "SYS_RESOURCE",
             25: "SYS_TIME", 26: "SYS_TTY_CONFIG", 28: "LEASE", 30: "AUDIT_CONTROL", 32: "MAC_OVERRIDE", 33: "MAC_ADMIN", 34: "SYSLOG",
             35: "WAKE_ALARM", 36: "BLOCK_SUSPEND", 37: "AUDIT_READ", 38: "PERFMON", 39: "BPF", 40: "CHECKPOINT_RESTORE"}
    return [word for number, name in names.items() if not bounding >> number & 1 for word in ("--cap-drop", name)]


CASES = {
    "nothing": (),
    "terminal": ("-t",),
    "all capabilities but some": ("--cap-add", "ALL", "--cap-drop", "net_raw", *lacking()),
    "no capabilities": ("--cap-drop", "ALL"),
    "few capabilities": ("--cap-drop", "all", "--cap-add", "CHOWN", "--cap-add", "CAP_SETUID"),
    "one more": ("--cap-add", "SYS_PTRACE"),
    "privileged": ("--privileged",),
    "no seccomp": ("--security-opt", "seccomp=unconfined"),
    "no new privileges": ("--security-opt", "no-new-privileges"),
    "user by name": ("-u", "app"),
    "user by number": ("-u", "1000"),
    "user that nobody knows": ("-u", "1234"),
    "user and group": ("-u", "app:wheel"),
    "user and group by number": ("-u", "1000:50"),
    "number and unknown group": ("-u", "77:88"),
    "root by group": ("-u", ":wheel"),
    "more groups": ("-u", "app", "--group-add", "wheel", "--group-add", "4321"),
    "more groups of root": ("--group-add", "extra"),
    "environment": ("-e", "A=1", "-e", "PATH=/x:/bin", "-e", "EMPTY=", "-e", "HOME=/there", "-e", "HOSTNAME=no"),
    "working folder": ("-w", "/srv/deep/er"),
    "working folder of a user": ("-w", "/srv/deep", "-u", "app"),
    "working folder with dots": ("-w", "/srv/../var/./x/"),
    "names": ("-h", "one.two", "--domainname", "three"),
    "hosts": ("--add-host", "there:1.2.3.4", "--add-host", "six:fe80::1"),
    "read-only": ("--read-only",),
    "read-only, places in memory": ("--read-only", "--tmpfs", "/run", "--tmpfs", "/t:size=1m,mode=700,exec"),
    "places in memory": ("--mount", "type=tmpfs,dst=/a", "--mount", "type=tmpfs,dst=/b,tmpfs-size=2m,tmpfs-mode=0700"),
    "anonymous volume": ("-v", "/vol/ume"),
    "named volume": ("-v", "named:/n", "--mount", "type=volume,src=other,dst=/o,readonly"),
    "limits": ("--ulimit", "nofile=100:200", "--ulimit", "core=0", "--ulimit", "nproc=50", "--ulimit", "stack=1048576:-1"),
    "likely to be killed": ("--oom-score-adj", "500"),
    "memory between": ("--shm-size", "10m"),
    "a device": ("--device", "/dev/kmsg", "--device", "/dev/kmsg:/dev/x/y:r"),
    "private ipc": ("--ipc", "private"),
    "shareable ipc": ("--ipc", "shareable"),
}


if lacking():  # then docker's fail
    del CASES["privileged"]


def compared(sides, words, runtime="runc"):
    theirs, ours = sides.run("box:1", "sh", "-c", SCRIPT, options=words, runtime=runtime)
    assert (ours.code, ours.err) == (theirs.code, theirs.err)
    roots = (sides.docker.root, sides.root)
    return facts(theirs.out, roots, runtime), facts(ours.out, roots, runtime)


@pytest.mark.parametrize("case", CASES)
def test_what_the_program_sees(sides, case):
    theirs, ours = compared(sides, CASES[case])
    assert differences(theirs, ours) == []


@pytest.mark.parametrize("case", ["nothing", "terminal", "read-only", "user and group", "a device"])
def test_what_it_sees_by_crun(sides, case):
    theirs, ours = compared(sides, CASES[case], "crun")
    assert differences(theirs, ours) == []


# ---- files from outside ------------------------------------------------------------------------------------------

VOLUMES = {
    "files of the host": (("-v", "{host}/file:/f", "-v", "{host}/file:/deep/er/f", "-v", "{host}/other:/etc/group:ro", "--mount", "type=bind,src={host}/other,dst=/new"),
                          "cat /f /etc/group; echo more >> /f; cat /deep/er/f; echo x >> /etc/group; rm /f; mv /f /x; echo y > /new; stat -c '%a %u' /f"),
    "folders of the host": (("-v", "{host}:/in", "-v", "{host}/made/here:/made", "-v", "{host}:/ro:ro"),
                            "ls /in /made; echo x > /made/x; touch /ro/no; cat /in/made/here/x; rm -r /in/made; stat -c '%a %u' /made"),
    "links on the way": (("-v", "{host}/other:/linked/f", "-v", "{host}:/linked/there/x"), "cat /linked/f; ls -l /linked; ls /tmp /tmp/there/x"),
    "a volume begins with files": (("-v", "nn:/etc", "-v", "/home", "-v", "mm:/tmp"), "ls -ln /etc /home /tmp; stat -c '%a %u %g' /etc /home /tmp; id app; touch /etc/mine"),
    "and goes on": (("-v", "nn:/x", "-v", "nn:/etc:ro"), "ls -n /x | sed 's/ [A-Z][a-z][a-z] .*:.. / /'; touch /etc/z"),
    "but not if told": (("-v", "oo:/etc:nocopy", "--mount", "type=volume,src=pp,dst=/bin/there,volume-nocopy"), "ls -A /etc /bin/there"),
    "subfolders": (("-v", "qq:/v", "-v", "rr:/v/w/x", "--tmpfs", "/v/t"), "touch /v/a /v/w/x/b /v/t/c; ls -R /v"),
    "labels": (("-v", "{host}:/in:z", "-v", "{host}/sub:/in/deeper:Z,ro"), "ls /in /in/deeper; touch /in/deeper/x"),
    "mounts of the host": (("-v", "{host}/mounted:/m", "--mount", "type=bind,src={host},dst=/n,bind-nonrecursive"), "ls /m /n/mounted"),
}


@pytest.mark.parametrize("runtime", ["runc", "crun"])
@pytest.mark.parametrize("case", VOLUMES)
def test_files_from_outside(sides, work, case, runtime):
    options, script = VOLUMES[case]
    found = []
    for engine, words in ((sides.docker, ()), (functools.partial(strata, sides.root), ("--runtime", runtime))):
        host = work / ("theirs" if engine is sides.docker else "ours")
        (host / "sub").mkdir(parents=True)
        (host / "file").write_text("of the host\n")
        (host / "other").write_text("other\n")
        (host / "mounted").mkdir()
        run("mount", "-t", "tmpfs", "x", host / "mounted")
        try:
            (host / "mounted/inner").touch()
            options_here = [word.replace("{host}", str(host)) for word in options]
            engine("run", "--network", "none", "--name", "outside", *words, *options_here, "linked:1", "sh", "-c", script, check=False)
            logs = engine("logs", "outside")
            tree = sorted((str(p.relative_to(host)), p.lstat().st_mode, p.read_text() if p.is_file() else "") for p in host.rglob("*"))
            code = engine("inspect", "-f", "{{.State.ExitCode}}", "outside").out
            said = [re.sub(" [A-Z][a-z][a-z] +[0-9]+ [0-9:]+ ", " ", line) for line in (*logs.lines, *logs.err.splitlines())]
            engine("export", "-o", work / "export.tar", "outside")
            with tarfile.open(work / "export.tar") as tar:
                kept = [(m.name, m.type, m.mode & 0o7777, m.uid, m.gid, m.size) for m in tar]
            if runtime == "crun":  # where it makes a place itself, in what the host mounted, its mode is 1755
                tree = [(name, mode & ~0o1000, text) for name, mode, text in tree]
            found.append((said, code, sorted(engine("diff", "outside").lines), tree, kept))
            engine("rm", "-v", "outside")
        finally:
            run("umount", host / "mounted")
    assert found[1] == found[0]
    assert len(found[0][0]) > 1


# ---- what it may -------------------------------------------------------------------------------------------------

HOST_FOLDERS = [word for folder in ("/usr", "/lib", "/lib64") if os.path.exists(folder) for word in ("-v", f"{folder}:{folder}:ro")]
# Each call with arguments that no kernel takes, in a process of its own: what comes of it. Of personality only what is allowed is
# compared (src/runtime/seccomp.cc says why).
CALLS = r"""
import ctypes, errno, os, signal
libc = ctypes.CDLL(None, use_errno=True)
def told(number, *words):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(1)
        ctypes.set_errno(0)
        value = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(w) for w in words])
        if number == 56 and value == 0:  # the new one
            os._exit(0)
        os.write(writer, (errno.errorcode[ctypes.get_errno()] if value == -1 else "fine").encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    text = os.read(reader, 100).decode()
    os.close(reader)
    return text or "no answer"
SKIPPED = {34, 56, 57, 58, 60, 61, 162, 231}  # pause, processes, exits, wait, sync
for number in [n for n in (*range(336), *range(424, 463)) if n not in SKIPPED]:
    print(number, told(number, *[-1] * 6))
for name, words in {"personality": (135, 0x20008), "vsock": (41, 40, 1, 0), "packets": (41, 17, 3, 0), "new user": (272, 0x10000000),
                    "clone": (56, 17, 0, 0, 0, 0), "clone of a user": (56, 0x10000000 | 17, 0, 0, 0, 0), "clone and network": (56, 0x60000000 | 17, 0, 0, 0, 0),
                    "clone3": (435, 0, 0), "one that none has": (460, 0), "and one": (1000, 0)}.items():
    print(name, told(*words))
"""


@pytest.mark.parametrize("options, runtime", [
    ((), "crun"), ((), "runc"), (("-u", "app"), "crun"), (("--security-opt", "seccomp=unconfined"), "crun"),
    (("--cap-drop", "SYS_CHROOT", "--cap-add", "SYS_ADMIN", "--cap-add", "SYS_PTRACE", "--cap-add", "SYS_MODULE", "--cap-add", "SYSLOG"), "crun")])
def test_system_calls(sides, options, runtime):
    theirs, ours = sides.run("box:1", "/usr/bin/python3", "-c", CALLS, options=(*HOST_FOLDERS, *options), runtime=runtime)
    assert (ours.code, ours.err) == (theirs.code, theirs.err) == (0, "")
    theirs, ours = ([line for line in each.lines if line[:4] != "135 "] for each in (theirs, ours))
    assert differences({"": theirs}, {"": ours}) == []
    assert len(ours) > 300 and any("EPERM" in line for line in ours)


# ---- what is said, and the exit code -----------------------------------------------------------------------------

def words_of(text):
    """The first line of a complaint without who says it; docker names more of those between itself and the program."""
    line = text.partition("\n")[0]
    line = re.sub("^(docker|strata): |Error response from daemon: |failed to create shim task: ", "", line)
    line = line.replace("runc create failed: unable to start container process: ", "").replace("runc: runc run failed: unable to start container process: ", "")
    return re.sub(r"\b[0-9a-f]{64}\b", "ID", line.replace(": unknown.", "."))


PROGRAMS = ["nope", "/nope", "./nope", "/bin/no-rights", "/etc", "/etc/passwd", ""]
REFUSED = [("-u", "nope"), ("-u", "app:nope"), ("-u", "3000000000"), ("-u", "-1"), ("-u", "app:3000000000"), ("-u", "a:b:c"), ("-w", "rel"),
           ("-w", "/bin/sh"), ("--cap-add", "nope"), ("--cap-drop", "nope"), ("--name", "x!"), ("--name", "taken"), ("-v", "/a:b"), ("-v", "/a:/"),
           ("-v", "/tmp:/x:bad"), ("-v", "/tmp:/x:ro,rw"), ("-v", "/tmp:/x:ro:x"), ("-v", "x/y:/x"),
           ("-v", "/tmp:/x", "-v", "/usr:/x/"), ("-v", "nn:/x:rslave"), ("-v", "/tmp:/x:nocopy"), ("--tmpfs", "x"), ("--tmpfs", "/x:bad"),
           ("--tmpfs", "/x:mode=1,a=b"), ("--tmpfs", "/"), ("--mount", "type=bind,src=/there-is-no-such,dst=/x"), ("--mount", "type=bind,dst=/x"),
           ("--mount", "type=bind,src=rel,dst=/x"), ("--mount", "dst=rel"), ("--mount", "type=odd,dst=/x"), ("--mount", "x"),
           ("--mount", "type=tmpfs,src=x,dst=/x"), ("--mount", "type=volume,src=/x,dst=/y"), ("--mount", "type=bind,src=/tmp"),
           ("--mount", "type=bind,src=/tmp,dst=/x,bind-propagation=odd"), ("--mount", "type=bind,src=/tmp,dst=/x,tmpfs-size=1"),
           ("--ulimit", "nope=1"), ("--ulimit", "nofile=2:1"), ("--ulimit", "nofile"), ("--ulimit", "nofile=a"), ("--ulimit", "nofile=1:2:3"),
           ("-m", "1k"), ("-m", "x"), ("--memory-swap", "1g"), ("-m", "64m", "--memory-swap", "32m"), ("--cpus", "1000"), ("--cpus", "-1"),
           ("--cpus", "x"), ("--cpus", "1", "--cpu-quota", "5000"), ("--cpu-period", "1"), ("--cpu-quota", "1"), ("--cpuset-cpus", "9999"),
           ("--cpuset-cpus", "x"), ("--cpuset-cpus", "1-0"), ("--oom-score-adj", "2000"), ("--shm-size", "-1"), ("--shm-size", "x"), ("--device", "/nope"),
           ("--device", "/etc/passwd"), ("--device", "/dev/null:/x:q"), ("--device", "/dev/null:rel"), ("--device", ""), ("--add-host", "x"),
           ("--add-host", "x:y"), ("--add-host", ":1.2.3.4"), ("--group-add", "nope"), ("--stop-signal", "nope"), ("-e", ""), ("-e", "=x"),
           ("--env-file", "/nope"), ("-l", "=x"), ("--security-opt", "x"), ("--security-opt", "x=y"), ("--security-opt", "no-new-privileges:odd"),
           ("-a", "odd"), ("--dns", "x"), ("--entrypoint", "nope")]


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_that_do_not_start(sides, program):
    theirs, ours = sides.run("box:1", program)
    assert (ours.code, ours.out, words_of(ours.err)) == (theirs.code, theirs.out, words_of(theirs.err))
    assert ours.code in (126, 127)


@pytest.fixture(scope="module")
def taken(sides):
    """A name that is taken."""
    sides.docker("create", "--name", "taken", "box:1")
    strata(sides.root, "create", "--name", "taken", "box:1")


@pytest.mark.parametrize("options", REFUSED, ids=" ".join)
def test_what_is_refused(sides, options, taken):
    theirs, ours = sides.run("box:1", "true", options=options)
    assert (ours.code, ours.out, words_of(ours.err)) == (theirs.code, theirs.out, words_of(theirs.err))
    assert ours.code >= 125


@pytest.mark.parametrize("script, code", [("exit 3", 3), ("exit 255", 255), ("exit 256", 0), ("sh -c 'kill -9 $$'; exit $?", 137),
                                          ("trap 'exit 5' TERM; kill -TERM $$", 5), ("kill -9 $$; exit 4", 4)])
def test_exit_codes(sides, script, code):
    """Signals that the first process of a container does not expect do not reach it."""
    theirs, ours = sides.run("box:1", "sh", "-c", script)
    assert ours.code == theirs.code == code


@pytest.mark.parametrize("options, words", [((), ()), ((), ("ls",)), (("--entrypoint", "echo"), ()), (("--entrypoint", "echo"), ("a", "b")),
                                            (("--entrypoint", ""), ("echo", "c")), (("--entrypoint", ""), ())])
def test_entrypoint_and_command(sides, options, words):
    for image in ("full:1", "box:1"):
        theirs, ours = sides.run(image, *words, options=("-h", "named", *options))
        assert (ours.code, sorted(ours.lines), words_of(ours.err)) == (theirs.code, sorted(theirs.lines), words_of(theirs.err))


@pytest.mark.parametrize("platform, image", [(None, "arm:1"), ("linux/arm64", "arm:1"), ("linux/arm64/v8", "arm:1"), ("linux/amd64", "arm:1"),
                                             ("linux/arm64", "box:1"), ("linux/amd64", "box:1"), ("windows/amd64", "box:1")])
def test_images_of_other_platforms(sides, platform, image):
    """Docker runs them, with a warning if nobody asked for it: an emulator may know how."""
    theirs, ours = sides.run(image, "echo", "runs", options=("--pull", "never", *(("--platform", platform) if platform else ())))
    assert (ours.code, ours.out, words_of(ours.err)) == (theirs.code, theirs.out, words_of(theirs.err))


# ---- what is kept ------------------------------------------------------------------------------------------------

CREATED = [(), ("-t", "-i"), ("--read-only", "--tmpfs", "/t:size=1m"), ("--privileged",),
           ("-u", "app:wheel", "-w", "/a/../b", "-e", "A=1", "-l", "x=y", "--label", "q"),
           ("-v", "/a", "-v", "nn:/b:ro", "-v", "/usr:/c:ro,z", "-v", "/usr:/cc:rslave", "--mount", "type=bind,src=/usr,dst=/d,readonly,bind-propagation=slave",
            "--mount", "type=volume,dst=/e", "--mount", "type=volume,src=mm,dst=/f,volume-nocopy", "--mount", "type=tmpfs,dst=/g,tmpfs-size=1m,tmpfs-mode=700"),
           ("-v", "/usr:/same", "-v", "/usr:/same"),
           ("--cap-add", "all", "--cap-drop", "net_raw", "--security-opt", "no-new-privileges", "--security-opt", "seccomp=unconfined"),
           ("--cap-add", "sys_admin", "--cap-add", "CAP_CHOWN", "--cap-drop", "ALL"),
           ("-h", "n.m", "--domainname", "d", "--add-host", "a:1.2.3.4", "--group-add", "50", "--oom-score-adj", "5", "--stop-signal", "9", "--stop-timeout", "3"),
           ("--pids-limit", "10", "-m", "64m", "--cpus", "1.5", "--cpu-shares", "3", "--shm-size", "1m", "--ulimit", "nofile=5:6", "--device", "/dev/kmsg:/dev/x:r"),
           ("--cpu-period", "1000", "--cpu-quota", "2000", "--cpuset-cpus", "0", "--memory-swap", "-1", "-m", "128m"), ("--init",),
           ("--dns", "1.2.3.4", "--dns-search", "a.b", "--dns-option", "ndots:3"), ("--entrypoint", "", "-w", "/"), ("--entrypoint", "/x y"),
           ("--rm", "-a", "stdout"), ("-i", "-a", "STDIN", "-a", "stderr"), ("--ipc", "private", "--log-driver", "none")]


def inspected(text, root):
    text = re.sub(r"\b[0-9a-f]{64}\b", "ID", text.replace(str(root), "ROOT"))
    found = json.loads(re.sub(r'"Hostname": "[0-9a-f]{12}"', '"Hostname": "SHORT"', text))[0]
    order = {name: list(value) if isinstance(value, dict) else None for name, value in found.items()}
    for name in ("Created", "Name", "GraphDriver"):
        del found[name]
    found["Mounts"].sort(key=lambda m: m["Destination"])
    found["HostConfig"]["Binds"] = sorted(found["HostConfig"]["Binds"] or [])  # docker's client keeps them in a map
    return found, order


@pytest.mark.parametrize("options", CREATED, ids=" ".join)
def test_inspect_of_what_was_created(sides, options):
    words = ["create", "--network", "none", *options, "full:1", "sh", "-c", "true"]
    theirs, ours = sides.docker(*words).out.strip(), strata(sides.root, *words).out.strip()
    want, want_order = inspected(sides.docker("inspect", theirs).out, sides.docker.root)
    got, got_order = inspected(strata(sides.root, "inspect", ours).out, sides.root)
    assert field_differences(want, got) == []
    assert got_order == want_order
