# SPDX-License-Identifier: Apache-2.0
"""A container that docker ran and that changed its files in every way there is.

The changes are made by the host's python inside of the container: busybox knows no xattrs, no sockets and no odd bytes.
"""
import archives
from images import busybox_layer, load_bytes
from tars import FIFO, Tar

HOST_FOLDERS = ("/usr", "/lib", "/lib64", "/bin", "/sbin")
CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")
CAPABILITY_3 = bytes.fromhex("010000030004000000000000000000000000000064000000")

CHANGES = r'''
import os, socket, stat
def write(path, data=b"new", mode=None, mtime=None):
    with open(path, "wb") as f: f.write(data)
    if mode is not None: os.chmod(path, mode)
    if mtime is not None: os.utime(path, ns=(mtime, mtime))
os.chdir("/d")
write("added"); write("empty", b""); write("big", os.urandom(1 << 20) * 3 + b"tail", mode=0o600)
write("changed", b"other content"); write("same-size", b"SAME")
os.chmod("mode", 0o4711); os.chown("owner", 1234, 4321); os.utime("time", ns=(10**18 + 7, 10**18 + 123456789))
os.chown("huge", 2**31, 2**31 + 5)
os.remove("removed"); os.remove("removed-too")
os.rename("renamed", "new-name")
os.link("linked", "link-2"); os.makedirs("sub/dir/deep", exist_ok=True); os.link("linked", "sub/link-3")
import shutil
shutil.rmtree("replaced"); os.mkdir("replaced"); write("replaced/new"); write("replaced/kept-name")
shutil.rmtree("gone-tree")
shutil.rmtree("again"); os.makedirs("again/sub/new")
shutil.rmtree("dir-to-file"); write("dir-to-file")
os.remove("file-to-dir"); os.mkdir("file-to-dir"); write("file-to-dir/inner")
os.remove("link-to-file"); write("link-to-file"); os.symlink("t" * 200, "long-link"); os.symlink("changed", "short-link")
os.lchown("short-link", 7, 8)
os.mkfifo("fifo", 0o640); os.mknod("char", 0o620 | stat.S_IFCHR, os.makedev(5, 1)); os.mknod("block", 0o660 | stat.S_IFBLK, os.makedev(8, 300))
s = socket.socket(socket.AF_UNIX); s.bind("socket")
os.setxattr("mode", "security.capability", bytes.fromhex("%(cap)s"))
write("cap3"); os.setxattr("cap3", "security.capability", bytes.fromhex("%(cap3)s"))
write("user-xattr"); os.setxattr("user-xattr", "user.note", b"dropped"); os.setxattr("sub", "user.note", b"dropped")
write(b"latin\xe9"); write("\u00e4\u00f6"); write("n" * 100); write("m" * 101); write(b"\xff" * 120)
long = "l" * 90 + "/" + "k" * 90 + "/" + "j" * 200
os.makedirs(long); write(long + "/file"); os.symlink("x" * 300, long + "/link")
write("mtime-old", mtime=10**9); write("mtime-far", mtime=5 * 10**18); write("mtime-before-1970", mtime=-(10**15) - 5)
os.mkdir("setgid"); os.chmod("setgid", 0o2755); os.mkdir("sticky"); os.chmod("sticky", 0o1777)
write("new\nline"); write("-dash"); write("!bang"); write("!x"); os.remove("!gone")
os.utime("touched-dir", ns=(10**18, 10**18)); os.chmod("mode-dir", 0o700); write("in-dir/one")
os.chmod("same", 0o600); os.chmod("same", 0o644)
os.mkdir("empty-dir"); os.remove("sub-of/only"); os.rmdir("sub-of"); os.mkdir("sub-of")
os.link("char", "char-2"); os.link("short-link", "short-link-2")
write("/etc/passwd", b"root:x:0:0::/:/bin/sh\nsomebody:x:1234:4321::/:/bin/sh\n")
''' % {"cap": CAPABILITY.hex(), "cap3": CAPABILITY_3.hex()}

WHITEOUT_NAMES = r'''
import os
os.chdir("/d")
open(".wh.removed", "w").close()
open(".wh.x", "w").write("content"); os.mkdir(".wh.dir"); open(".wh.dir/inner", "w").write("1")
os.mkdir("opaque"); open("opaque/.wh..wh..opq", "w").close(); open("opaque/new", "w").close()
'''


def changing_layer():
    tar = Tar().dir("d/", mode=0o755)
    for name in ("changed", "mode", "owner", "time", "huge", "removed", "removed-too", "renamed", "linked", "file-to-dir", "same",
                 "untouched", "!gone"):
        tar.file("d/" + name, b"old " + name.encode())
    tar.file("d/same-size", b"same").symlink("d/link-to-file", "changed")
    for folder in ("replaced", "gone-tree", "dir-to-file", "tree", "sub", "sub-of", "touched-dir", "mode-dir", "in-dir"):
        tar.dir(f"d/{folder}/").file(f"d/{folder}/kept-name", b"1").file(f"d/{folder}/only", b"2")
    tar.dir("d/again/").dir("d/again/sub/").file("d/again/sub/gone", b"1")
    return tar.add("d/old-fifo", kind=FIFO).bytes()


def base_image():
    """In its folder `sub-of` the file `only` is really alone."""
    layer = Tar().whiteout("d/sub-of", "kept-name").bytes()
    return archives.Image([busybox_layer(), changing_layer(), layer], ["base:1"],
                          config={"Cmd": ["/bin/echo", "runs"], "Env": ["PATH=/bin", "A=image"], "Labels": {"from": "image"},
                                  "OnBuild": ["RUN x"], "Shell": ["/bin/sh", "-x", "-c"], "ExposedPorts": {"80/tcp": {}},
                                  "Volumes": {"/vol": {}}, "WorkingDir": "/d", "StopSignal": "SIGINT"})


def host_python(docker, name, script, image="base:1", options=()):
    """Runs a script of python in a new container; the host's folders are empty in the container's own layer."""
    binds = [word for folder in HOST_FOLDERS for word in ("-v", f"{folder}:{folder}:ro")]
    return docker("run", "--network", "none", "--name", name, *binds, *options, "--entrypoint",
                  "/usr/bin/python3", image, "-c", script)


def make_containers(docker):
    load_bytes(docker, archives.docker_2010(base_image()))
    host_python(docker, "changed", CHANGES, options=("-e", "A=container", "-l", "own=label", "-h", "named"))
    host_python(docker, "whiteouts", WHITEOUT_NAMES)
    docker("create", "--name", "untouched", "base:1", "/bin/true")
    docker("run", "--network", "none", "--name", "second", "base:1", "sh", "-c", "rm /d/changed /d/mode; echo x > /d/y")
