# SPDX-License-Identifier: Apache-2.0
"""Containers without any daemon: run, create, start, stop, kill, wait, logs, ps, rm."""
import json
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

from boxes import (Running, assert_no_containers, assert_nothing_runs, box, cgroups, ids, kill_after, running, terminal, why_not)
from engine import binary, needs_strata_itself, strata
from procs import run
from seeds import count, seed
from verbs import root_with

pytestmark = [pytest.mark.as_root, needs_strata_itself("docker keeps its containers in a daemon"),
              pytest.mark.skipif(why_not() is not None, reason=str(why_not()))]


@pytest.fixture
def root(work):
    return root_with(work / "root", box())


def rm(root, *options):
    """The words of a run that leaves nothing."""
    return ("run", "--rm", *options, "box:1")


def say(root, *words, options=()):
    return strata(root, *rm(root, *options), *words).out


def test_what_it_prints_and_its_exit_code(root):
    result = strata(root, *rm(root), "sh", "-c", "echo out; echo err >&2; exit 7", check=False)
    assert (result.code, result.out, result.err) == (7, "out\n", "err\n")
    assert_no_containers(root)


@pytest.mark.parametrize("words, code, text", [
    (["nope"], 127, 'exec: "nope": executable file not found in $PATH'),
    (["/nope"], 127, 'exec: "/nope": stat /nope: no such file or directory'),
    (["/bin/no-rights"], 126, 'exec: "/bin/no-rights": permission denied'),
    (["/etc"], 126, 'exec: "/etc": permission denied'),
])
@pytest.mark.parametrize("options", [(), ("-t",), ("--runtime", "runc"), ("-t", "--runtime", "runc")])
def test_what_cannot_be_executed(root, words, code, text, options):
    result = strata(root, *rm(root, *options), *words, check=False)
    assert result.code == code and text in result.err and not result.out
    assert_no_containers(root)


def test_program_of_no_known_format(root):
    result = strata(root, *rm(root), "no-format", check=False)
    assert result.code == 1 and "xec format error" in result.err


@pytest.mark.parametrize("options, text", [
    (("-u", "nope"), "unable to find user nope: no matching entries in passwd file"),
    (("-u", "app:nope"), "unable to find group nope: no matching entries in group file"),
    (("-u", "3000000000"), "uids and gids must be in range 0-2147483647"),
    (("-w", "rel"), "the working directory 'rel' is invalid, it needs to be an absolute path"),
    (("-w", "/bin/sh"), "Cannot mkdir: /bin/sh is not a directory"),
    (("--cap-add", "nope"), 'invalid CapAdd: unknown capability: "CAP_NOPE"'),
    (("--name", "x!"), "Invalid container name (x!), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"),
    (("-v", "/a:b"), "mount path must be absolute"),
    (("--mount", "type=bind,src=/there-is-no-such,dst=/x"), "bind source path does not exist: /there-is-no-such"),
    (("--network", "bridge"), "strata has the networks host and none"),
    (("-p", "80:80"), "there is no bridge"),
    (("-d",), "there is no daemon"),
    (("--device", "/etc"), 'error gathering device information while adding custom device "/etc"'),
    (("--pull", "never", "nope:1"), "No such image: nope:1"),
])
def test_what_cannot_be_made_or_started(root, options, text):
    words = list(rm(root, *options))
    if "nope:1" in words:
        words.remove("box:1")
    result = strata(root, *words, "true", check=False)
    assert result.code == 125 and text in result.err
    assert_no_containers(root)


def test_user_environment_folder_and_host(root):
    told = say(root, "sh", "-c", "id; env; pwd; hostname; stat -c %a /srv/deep",
               options=("-u", "app", "-e", "A=1", "-e", "PATH=/bin:/x", "-w", "/srv/deep", "-h", "named"))
    assert "uid=1000(app) gid=1001(app) groups=10(wheel),50(extra),1001(app)" in told
    for line in ("A=1", "PATH=/bin:/x", "HOSTNAME=named", "HOME=/home/app", "/srv/deep", "named", "755"):
        assert line in told.splitlines()


def test_environment_of_files_and_of_ours(root, work):
    (work / "env").write_text("# a comment\nF=1\n  G=2\nOURS\nNOT_OURS\n")
    told = strata(root, *rm(root, "--env-file", work / "env", "-e", "F=3"), "env", env={"OURS": "yes"}).lines
    assert {"F=3", "G=2", "OURS=yes"} <= set(told) and not any(line.startswith("NOT_OURS") for line in told)


def test_entrypoint_and_command(work):
    root = root_with(work / "root", box(Entrypoint=["echo", "entry"], Cmd=["cmd"]))
    assert say(root) == "entry cmd\n"
    assert say(root, "mine") == "entry mine\n"
    assert say(root, "a", "b", options=("--entrypoint", "echo")) == "a b\n"
    assert strata(root, *rm(root, "--entrypoint", ""), check=False).code == 125


def test_rights_of_a_container(root):
    told = say(root, "sh", "-c", "grep -E 'CapEff|CapBnd|Seccomp:' /proc/self/status; umount /proc 2>&1; mknod /tmp/null c 1 3 && echo made")
    assert told.count("00000000a80425fb") == 2 and "Seccomp:\t2" in told
    assert "ermission denied" in told or "not permitted" in told
    assert "made" in told
    dropped = say(root, "sh", "-c", "mknod /tmp/null c 1 3 || echo refused", options=("--cap-drop", "MKNOD"))
    assert "refused" in dropped
    free = say(root, "grep", "Seccomp:", "/proc/self/status", options=("--security-opt", "seccomp=unconfined"))
    assert "Seccomp:\t0" in free
    privileged = say(root, "sh", "-c", "mount -t tmpfs x /tmp && echo mounted; ls /dev | wc -l", options=("--privileged",))
    assert "mounted" in privileged


def test_host_device_cannot_be_reached_by_a_node_of_its_own(root):
    """CAP_MKNOD makes nodes; the devices cgroup keeps them shut."""
    if not cgroups_work():
        pytest.skip("no cgroups that can be written")
    told = strata(root, *rm(root), "sh", "-c", "mknod /tmp/mem c 1 1 && dd if=/tmp/mem of=/dev/null bs=1 count=1", check=False)
    assert told.code != 0 and "not permitted" in told.err


def cgroups_work():
    return os.access("/sys/fs/cgroup/devices", os.W_OK) or os.access("/sys/fs/cgroup/cgroup.procs", os.W_OK)


@pytest.mark.parametrize("runtime", ["crun", "runc"])
def test_both_runtimes(root, runtime):
    assert say(root, "sh", "-c", "id -u; cat", options=("--runtime", runtime)) == "0\n"
    result = strata(root, *rm(root, "-i", "--runtime", runtime), "cat", stdin=b"through\n")
    assert result.out == "through\n"
    assert_no_containers(root)


def test_compiled_filter_is_that_of_the_profile(root, work):
    """strata hands crun a seccomp filter that was compiled before; from the profile alone crun makes the same one, byte by byte."""
    made = {}
    for name, prepare in {"given": "true", "compiled": """sed -i 's/"annotations":{[^}]*}/"annotations":{}/' config.json"""}.items():
        crun, seen = work / f"crun-{name}", work / name
        seen.mkdir()
        crun.write_text(f"#!/bin/sh\n{prepare}\ngrep -c run.oci.seccomp_bpf_data config.json >{seen}/annotated\n"
                        f"(until [ -e {seen}/runs ]; do sleep 0.05; done; cp state/*/seccomp.bpf {seen}/new; mv {seen}/new {seen}/filter) &\n"
                        'exec crun "$@"\n')
        crun.chmod(0o755)
        say(root, "sh", "-c", "touch /seen/runs; until [ -e /seen/filter ]; do sleep 0.05; done", options=("--runtime", crun, "-v", f"{seen}:/seen"))
        made[name] = (seen / "annotated").read_text().strip(), (seen / "filter").read_bytes()
    assert (made["given"][0], made["compiled"][0]) == ("1", "0")
    assert made["given"][1] == made["compiled"][1] and len(made["given"][1]) > 4000


def test_runtime_by_the_environment(root):
    result = strata(root, *rm(root), "true", env={"STRATA_RUNTIME": "/there-is-no-such/runtime"}, check=False)
    assert result.code == 125 and "/there-is-no-such/runtime" in result.err


def test_input_is_handed_on(root):
    data = bytes(range(256)) * 5000
    assert strata(root, *rm(root, "-i"), "wc", "-c", stdin=data).out == f"{len(data)}\n"
    assert say(root, "cat") == ""  # without -i there is none
    assert strata(root, *rm(root, "-i"), "true", stdin=data).code == 0  # nobody reads it


def test_much_output(root):
    out = say(root, "sh", "-c", "seq 1 200000; seq 1 1000 >&2")
    assert out.splitlines()[-1] == "200000" and len(out.splitlines()) == 200000


def test_reader_that_goes(root):
    done = subprocess.run(f"{binary()} --root {root} run --rm box:1 yes | head -1", shell=True, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.stdout == "y\n"
    assert_no_containers(root)


def test_networks(root):
    assert say(root, "sh", "-c", "grep -c : /proc/net/dev") == "1\n"
    assert say(root, "grep", "lo:", "/proc/net/dev").strip().startswith("lo:")
    ours = len([line for line in pathlib.Path("/proc/net/dev").read_text().splitlines() if ":" in line])
    assert say(root, "sh", "-c", "grep -c : /proc/net/dev", options=("--network", "host")) == f"{ours}\n"
    assert say(root, "cat", "/etc/hosts", options=("--network", "host")) == pathlib.Path("/etc/hosts").read_text()
    told = say(root, "cat", "/etc/hosts", options=("--add-host", "there:1.2.3.4"))
    assert "127.0.0.1\tlocalhost\n" in told and "1.2.3.4\tthere\n" in told


def test_folders_and_volumes_of_the_host(root, work):
    (work / "host").mkdir()
    (work / "host/file").write_text("of the host\n")
    told = say(root, "sh", "-c", "cat /in/file; echo new > /in/new; echo x > /ro/y; echo z > /new/dir/z; ls /t; mount | grep ' /t '",
               options=("-v", f"{work}/host:/in", "-v", f"{work}/host:/ro:ro", "-v", f"{work}/made/there:/new/dir",
                        "--tmpfs", "/t:size=1m", "--mount", f"type=bind,src={work}/host/file,dst=/one,readonly"))
    assert "of the host" in told and "size=1024k" in told
    assert (work / "host/new").read_text() == "new\n" and not (work / "host/y").exists()
    assert (work / "made/there/z").read_text() == "z\n"
    assert_no_containers(root)


def test_volumes_begin_with_the_images_files(root):
    strata(root, "run", "--name", "one", "-v", "data:/etc", "-v", "/anonymous", "box:1", "sh", "-c", "cat /etc/group; echo more > /etc/more")
    assert say(root, "sh", "-c", "cat /data/more; stat -c %U /data/passwd", options=("-v", "data:/data")) == "more\nroot\n"
    assert len([n for n in os.listdir(root / "volumes") if n != "metadata.db"]) == 2
    strata(root, "rm", "-v", "one")
    assert [n for n in os.listdir(root / "volumes") if n != "metadata.db"] == ["data"]


def test_read_only(root):
    result = strata(root, *rm(root, "--read-only", "--tmpfs", "/tmp", "-v", "/v"), "sh", "-c", "touch /x; touch /tmp/x /v/x /dev/shm/x && echo fine",
                    check=False)
    assert "Read-only file system" in result.err and "fine" in result.out
    assert_no_containers(root)


def test_limits(root):
    assert say(root, "sh", "-c", "ulimit -n; ulimit -Hn", options=("--ulimit", "nofile=100:200")) == "100\n200\n"
    assert "size=10240k" in say(root, "grep", "/dev/shm", "/proc/mounts", options=("--shm-size", "10m"))
    if cgroups_work() and os.path.exists("/sys/fs/cgroup/memory"):
        told = say(root, "cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes", options=("-m", "64m"))
        assert int(told) == 64 << 20


WITHOUT_CGROUPS = ("unshare", "-m", "sh", "-c", 'umount -R /sys/fs/cgroup || umount -l /sys/fs/cgroup; exec "$@"', "sh")


def test_without_cgroups(root):
    result = strata(root, *rm(root), "echo", "fine", prefix=WITHOUT_CGROUPS, env={"STRATA_DEBUG": "1"})
    assert result.out == "fine\n" and "no cgroup" in result.err
    limited = strata(root, *rm(root, "-m", "64m"), "true", prefix=WITHOUT_CGROUPS, check=False)
    assert limited.code == 125 and "need cgroups" in limited.err
    assert strata(root, *rm(root), "true", prefix=WITHOUT_CGROUPS).err == ""
    assert_no_containers(root)


def test_terminal(root):
    with terminal(binary(), "--root", root, "run", "--rm", "-it", "box:1", "sh") as term:
        term.expect("#")
        term.type("stty size; tty; echo term=$TERM\r")
        term.expect("40 120")
        term.expect("/dev/(pts/0|console)")
        term.expect("term=xterm")
        term.resize(50, 130)
        term.process.send_signal(signal.SIGWINCH)
        time.sleep(0.3)
        term.type("stty size; sleep 100; echo after\r")
        term.expect("50 130")
        time.sleep(0.3)
        term.type("\x03")
        term.type("exit 3\r")
        assert term.process.wait(20) == 3
    assert_no_containers(root)


def test_terminal_needs_one(root):
    result = strata(root, *rm(root, "-it"), "true", check=False)
    assert result.code == 1 and "the input device is not a TTY" in result.err


def test_output_of_a_terminal_is_all_there(root):
    for _ in range(10):
        assert strata(root, *rm(root, "-t"), "seq", "1", "3000").out.endswith("3000\r\n")


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 43), (signal.SIGINT, 44), (signal.SIGUSR1, 45)])
def test_signals_are_the_programs(root, number, code):
    script = "trap 'exit 43' TERM; trap 'exit 44' INT; trap 'exit 45' USR1; echo ready; while :; do sleep 0.05; done"
    with running(root, *rm(root), "sh", "-c", script) as one:
        assert one.line() == "ready\n"
        one.signal(number)
        assert one.end()[0] == code
    assert_no_containers(root)


def test_signal_without_proxy_ends_the_container(root):
    with running(root, *rm(root, "--sig-proxy=false"), "sh", "-c", "trap '' TERM; echo ready; sleep 100") as one:
        assert one.line() == "ready\n"
        one.signal(signal.SIGTERM)
        assert one.end()[0] == 128 + signal.SIGTERM
    assert_no_containers(root)


def test_container_stays_with_its_log_and_state(root):
    strata(root, "run", "--name", "one", "-l", "role=test", "box:1", "sh", "-c", "echo out; echo err >&2; exit 4", check=False)
    state = json.loads(strata(root, "inspect", "one").out)[0]["State"]
    assert (state["Status"], state["ExitCode"], state["Pid"], state["Error"]) == ("exited", 4, 0, "")
    logs = strata(root, "logs", "one")
    assert (logs.out, logs.err) == ("out\n", "err\n")
    assert strata(root, "logs", "-t", "one").out.endswith("Z out\n")
    assert strata(root, "logs", "--tail", "1", "one").out + strata(root, "logs", "--tail", "1", "one").err in ("out\n", "err\n")
    assert strata(root, "logs", "--since", "2100-01-01T00:00:00Z", "one").out == ""
    for option in ("since", "until"):
        refused = strata(root, "logs", f"--{option}", "soon", "one", check=False)
        assert f'invalid value for "{option}": failed to parse value as time or duration: "soon"' in refused.err
    row = json.loads(strata(root, "ps", "-a", "--format", "{{json .}}").out)
    assert (row["Names"], row["State"], row["Labels"], row["Image"]) == ("one", "exited", "role=test", "box:1")
    assert row["Status"].startswith("Exited (4)")
    assert strata(root, "wait", "one").out == "4\n"
    assert strata(root, "start", "-a", "one", check=False).code == 4
    assert strata(root, "logs", "one").out == "out\nout\n"
    assert strata(root, "rm", "one").out == "one\n"
    assert_no_containers(root)


def test_failed_start_is_recorded(root):
    strata(root, "run", "--name", "one", "box:1", "nope", check=False)
    state = json.loads(strata(root, "inspect", "one").out)[0]["State"]
    assert (state["Status"], state["ExitCode"]) == ("created", 127) and "executable file not found" in state["Error"]
    strata(root, "rm", "one")


def test_create_then_start(root, work):
    made = strata(root, "create", "--name", "one", "-i", "--cidfile", work / "cid", "box:1", "cat").out.strip()
    assert made == (work / "cid").read_text() == ids(root)[0]
    assert strata(root, "ps", "-q").out == ""
    assert strata(root, "start", "-ai", made[:6], stdin=b"hello\n").out == "hello\n"
    assert strata(root, "start", "one").out == "one\n"
    again = strata(root, "create", "--name", "one", "box:1", check=False)
    assert again.code == 1 and f'The container name "/one" is already in use by container "{made}"' in again.err
    other = strata(root, "create", "--cidfile", work / "cid", "box:1", check=False)
    assert other.code == 1 and "Container ID file found" in other.err
    assert ids(root) == [made]


def test_names_of_ones_own(root):
    for _ in range(3):
        strata(root, "create", "box:1")
    names = strata(root, "ps", "-a", "--format", "{{.Names}}").lines
    assert len(set(names)) == 3 and all("_" in name for name in names)
    assert strata(root, "container", "prune", "-f").out.count("\n") == 6
    assert_no_containers(root)


def test_ps_filters(root):
    strata(root, "run", "--name", "ended", "-l", "a=1", "box:1", "false", check=False)
    strata(root, "create", "--name", "made", "box:1")

    def found(*filters):
        return sorted(strata(root, "ps", "-a", "--format", "{{.Names}}", *[w for f in filters for w in ("-f", f)]).lines)
    assert found() == ["ended", "made"]
    assert found("status=created") == ["made"] == found("since=ended") == found("name=ma")
    assert found("exited=1") == ["ended"] == found("label=a") == found("label=a=1") == found("before=made")
    assert found("ancestor=box:1", "network=none") == ["ended", "made"] and found("label=a=2") == []
    assert strata(root, "ps", "-f", "exited=1", "-q").lines != [] and strata(root, "ps", "-lq").lines == [ids(root)[0][:12]]
    assert strata(root, "ps", "-f", "colour=red", check=False).code == 1


def test_stop_kill_and_wait_of_what_another_process_runs(root):
    with running(root, "run", "--name", "one", "box:1", "sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done") as one:
        assert one.line() == "ready\n"
        waiting = Running(root, "wait", "one")
        assert strata(root, "ps", "--format", "{{.Names}} {{.State}}").out == "one running\n"
        refused = strata(root, "rm", "one", check=False)
        assert refused.code == 1 and "You cannot remove a running container" in refused.err
        image = strata(root, "images", "-q", "box:1").out.strip()
        unforced = strata(root, "rmi", "-f", image, check=False)
        assert unforced.code == 1 and "cannot be forced" in unforced.err and "running container" in unforced.err
        assert strata(root, "start", "one").out == "one\n"
        pid = int(strata(root, "inspect", "-f", "{{.State.Pid}}", "one").out)
        assert b"trap" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        assert strata(root, "stop", "one").out == "one\n"
        assert waiting.end()[:2] == (0, "9\n") and one.end()[0] == 9
    assert strata(root, "stop", "one").out == "one\n"
    assert strata(root, "kill", "one", check=False).code == 1
    with running(root, "start", "-a", "one") as one:
        assert one.line() == "ready\n"
        assert strata(root, "kill", "one").out == "one\n"
        assert one.end()[0] == 137
    with running(root, "start", "-a", "one") as one:
        assert one.line() == "ready\n"
        assert strata(root, "rm", "-f", "one").out == "one\n"
        one.end()
    assert_no_containers(root)


def test_stop_that_is_not_heard_kills(root):
    with running(root, "run", "--name", "one", "box:1", "sh", "-c", "trap '' TERM; echo ready; sleep 100") as one:
        assert one.line() == "ready\n"
        begin = time.monotonic()
        strata(root, "stop", "-t", "1", "one")
        assert time.monotonic() - begin < 8 and one.end()[0] == 137


def test_logs_are_followed_to_the_end(root):
    with running(root, "run", "--name", "one", "box:1", "sh", "-c", "echo one; sleep 0.5; echo two; sleep 0.5; echo three") as one:
        assert one.line() == "one\n"
        follower = Running(root, "logs", "-f", "one")
        assert follower.end()[:2] == (0, "one\ntwo\nthree\n")
        one.end()


def test_rmi_respects_containers(root):
    strata(root, "create", "--name", "one", "box:1")
    refused = strata(root, "rmi", "box:1", check=False)
    assert refused.code == 1 and "is using its referenced image" in refused.err
    strata(root, "rmi", "-f", "box:1")
    assert strata(root, "start", "-a", "one", check=False).code == 0
    strata(root, "rm", "one")
    assert not list((root / "image/overlay2/layerdb/sha256").iterdir())  # it was the last that needed them


def test_commit_of_what_was_run(root):
    strata(root, "run", "--name", "one", "box:1", "sh", "-c", "echo kept > /kept")
    assert strata(root, "diff", "one").lines == ["A /kept"]
    strata(root, "commit", "one", "two:1")
    assert strata(root, "run", "--rm", "two:1", "cat", "/kept").out == "kept\n"


def test_image_of_many_layers(work):
    from tars import Tar
    root = root_with(work / "root", box(layers=[Tar().file(f"f{i}", b"x").bytes() for i in range(124)]))
    assert say(root, "sh", "-c", "ls -d /f* | wc -l") == "124\n"
    assert_no_containers(root)


def test_places_of_mounts_that_the_image_has_otherwise(work):
    from tars import Tar
    layer = Tar().file("etc/hosts", b"of the image\n").symlink("etc/mtab", "../proc/self/mounts").symlink("etc/resolv.conf", "/there-is-no-such").bytes()
    root = root_with(work / "root", box(layers=[layer]))
    assert "localhost" in say(root, "cat", "/etc/hosts")
    strata(root, "run", "--name", "one", "box:1", "touch", "/x")
    assert strata(root, "diff", "one").lines == ["A /x"]


def test_killed_at_any_moment(root):
    """After kill -9 the kernel has ended everything, and the next command takes the rest away."""
    choose = random.Random(seed())
    for _ in range(count("STRATA_KILLS", 12)):
        options = ("-v", "/volume", "-w", "/made", *(("-t",) if choose.random() < 0.3 else ()))
        words = ("run", "--rm", *options) if choose.random() < 0.6 else ("run", *options)
        one = Running(root, *words, "box:1", "sh", "-c", "echo x > /made/y; sleep 30 & sleep 30")
        kill_after(one.process, choose.choice((0.01, 0.03, 0.06, 0.1, 0.2, 0.5)) * (1 + choose.random()))
        assert_nothing_runs(root)
        there = {name.removesuffix(".lock") for folder in ("strata/run", "containers") if (root / folder).exists()
                 for name in os.listdir(root / folder)}
        strata(root, "container", "prune", "-f")
        for name in os.listdir(root / "volumes"):  # of containers that were to stay
            if name != "metadata.db":
                assert len(name) == 64
                subprocess.run(["rm", "-r", str(root / "volumes" / name)], check=True)
        assert_no_containers(root)
        assert not [path for path in cgroups() if path.rpartition("-")[2] in there]


def test_killed_container_is_marked_and_starts_again(root):
    one = Running(root, "run", "--name", "one", "box:1", "sh", "-c", "echo ready; sleep 30")
    assert one.line() == "ready\n"
    kill_after(one.process, 0)
    assert_nothing_runs(root)
    assert strata(root, "ps", "-aq", "-f", "status=exited").out != ""
    strata(root, "create", "--name", "other", "box:1")
    recorded = json.loads((root / "containers" / ids(root)[1] / "config.v2.json").read_text())["State"]
    assert (recorded["Running"], recorded["ExitCode"]) == (False, 137)
    with running(root, "start", "-a", "one") as again:
        assert again.line() == "ready\n"
        strata(root, "kill", "one")


def test_two_at_once_and_one_container_once(root):
    with running(root, "run", "--name", "one", "box:1", "sh", "-c", "echo ready; sleep 3") as one:
        assert one.line() == "ready\n"
        assert say(root, "echo", "beside") == "beside\n"
        second = strata(root, "start", "-a", "one", check=False)
        assert second.code != 0 and "runs already" in second.err
        one.signal(signal.SIGKILL)
    assert_nothing_runs(root)


def test_help_names_the_image(root):
    assert "IMAGE [COMMAND] [ARG...]" in run(binary(), "run", "--help").out
    none = strata(root, "run", check=False)
    assert none.code == 1 and "requires at least 1 argument" in none.err
