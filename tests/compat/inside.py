# SPDX-License-Identifier: Apache-2.0
"""What a program sees of the container that it is in, brought to a form in which two engines can be compared.

Left out is what no two runs have alike (IDs, numbers of mounts and namespaces), and what belongs to the engine's own places.
"""
import difflib
import re

SECTIONS = {
    "status": "grep -E '^(Cap|Seccomp:|NoNewPrivs|Uid|Gid|Groups|Umask)' /proc/self/status",
    "mounts": "cat /proc/self/mountinfo",
    "environment": "env",
    "folder": "pwd; stat -c '%a %u %g' .",
    "names": "hostname; cat /etc/hostname /proc/sys/kernel/domainname",
    "hosts": "cat /etc/hosts",
    "resolver": "cat /etc/resolv.conf",
    "id": "id",
    "limits": "cat /proc/self/limits",
    "oom": "cat /proc/self/oom_score_adj",
    "devices": "ls -ln /dev | sed 's/ [A-Z][a-z][a-z]  *[0-9]* [0-9:]* / /'",
    "root": "stat -c '%n %a %u %g %F %N' /* /.dockerenv /etc/*",
    "cgroups": "cat /proc/self/cgroup",
    "network": "cut -d: -f1 /proc/net/dev; cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range",
    "namespaces": "readlink /proc/self/ns/*",
    "files": "for n in 0 1 2; do readlink /proc/self/fd/$n | sed 's/[0-9]*]//'; done",
    "terminal": "tty",
}
SCRIPT = "".join(f"echo '# {name}'; {command} 2>&1\n" for name, command in SECTIONS.items())


KNOWN = (1 << 38) - 1  # capabilities that dockerd 20.10 has heard of


def sections(text):
    found = {}
    for line in text.splitlines():
        if line.startswith("# ") and line[2:] in SECTIONS:
            found[line[2:]] = []
        elif found:
            found[list(found)[-1]].append(line)
    return found


def bare(line):
    """Without IDs and the names of folders that an engine chooses."""
    line = re.sub(r"\b[0-9a-f]{64}\b", "ID", line)
    line = re.sub(r"\b[0-9a-f]{12}\b", "SHORT-ID", line)
    return re.sub(r"/docker/ID|/strata-ID", "/CGROUP", line)


def mount(line, roots):
    """(target, type, what of it, options, options of the file system) of a line of mountinfo."""
    head, _, tail = line.partition(" - ")
    _, _, _, part, target, flags, *_ = head.split()
    kind, _, more = tail.split()
    for root in roots:
        part = part.replace(str(root), "ROOT")
    flags = set(flags.split(","))
    more = set(more.split(","))
    if kind == "overlay":
        part, more = "/", set()
    if target.startswith("/sys/fs/cgroup"):
        more -= {o for o in more if o.startswith("size=")}
    if part == "/null":  # that of the container's /dev, or the host's
        kind, more = "null", set()
    if kind == "tmpfs" and "ro" in flags:  # over a folder that is to be hidden
        more -= {"ro", "rw", "size=0k"}
    if kind == "sysfs":
        more -= {"ro", "rw"}
    return (target, kind, bare(part), ",".join(sorted(flags)), ",".join(sorted(more)))


def is_runtimes(target):
    return target.startswith(("/proc/", "/sys/firmware")) or target in ("/dev/console", "/sys/fs/cgroup")


def facts(text, roots, runtime="runc"):
    """The sections as they can be compared. `roots`: the data roots of the engines. crun drops nosuid, nodev and noexec where
    it binds a part of what is mounted already, puts /dev/core there, and gives the user the /dev/null that is its input. The
    hierarchy of version 2 beside those of version 1 (0::) has no controllers; strata leaves it alone."""
    found = {name: [bare(line) for line in lines] for name, lines in sections(text).items()}
    mounts = [mount(line, roots) for line in sections(text)["mounts"]]
    if runtime == "runc":  # which makes pipes between the program and who runs it
        del found["files"]
        found["mounts"] = sorted(mounts)
    else:
        found["devices"] = [line for line in found["devices"] if not re.search(" core -> | null$", line)]
        found["mounts"] = sorted(m[:3] if is_runtimes(m[0]) else m for m in mounts)
    found["status"] = [re.sub(r"(?<=\t)[0-9a-f]{16}", lambda m: f"{int(m[0], 16) & KNOWN:016x}", line) for line in found["status"]]
    found["cgroups"] = [line for line in found["cgroups"] if not line.startswith("0::") or len(found["cgroups"]) == 1]
    found["namespaces"] = [line.partition(":")[0] for line in found["namespaces"]]
    return found


def differences(theirs, ours):
    """The lines that only one of them has, section by section."""
    found = []
    for name in theirs:
        lines = difflib.ndiff([str(line) for line in theirs[name]], [str(line) for line in ours[name]])
        found += [f"{name}: {line}" for line in lines if line[0] in "+-"]
    return found
