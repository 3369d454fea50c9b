# SPDX-License-Identifier: Apache-2.0
"""The contexts of tests/compat/dockerfiles, completed: what git cannot hold, base images, and a server for ADD."""
import contextlib
import functools
import gzip
import hashlib
import http.server
import os
import pathlib
import shutil
import socket
import subprocess
import threading

import archives
from images import BUSYBOX, build
from procs import run
from tars import Tar, odd_layer

CASES = pathlib.Path(__file__).parent / "dockerfiles"
OLD = 1_500_000_000
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")  # cap_net_raw=ep, version 2
SERVED = b"served over http\n"
SERVED_SUM = "sha256:" + hashlib.sha256(SERVED).hexdigest()

CONFIGURED = """FROM base:1
ENV FROM_BASE=yes OTHER="a b"
LABEL base=label com.example/x=y
RUN echo base > /base-file && mkdir /base-volume
EXPOSE 1234
VOLUME /base-volume
WORKDIR /base-dir
USER app
STOPSIGNAL SIGINT
HEALTHCHECK --interval=3s CMD true
SHELL ["/bin/sh", "-e", "-c"]
ENTRYPOINT ["/bin/busybox"]
CMD ["echo", "from the base"]
USER root
"""
ONBUILD = """FROM base:1
ONBUILD ARG TRIG=dflt
ONBUILD ENV FROM_TRIGGER=$TRIG
ONBUILD COPY f /from-trigger
ONBUILD RUN echo $FROM_TRIGGER > /x
"""


def base_layer():
    """All of busybox, some users, and a few things for COPY to meet."""
    tar = Tar().dir("bin/").file("bin/busybox", pathlib.Path(BUSYBOX).read_bytes(), mode=0o755)
    for name in run(BUSYBOX, "--list").lines:
        if name != "busybox":
            tar.symlink(f"bin/{name}", "busybox")
    tar.dir("etc/").file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n"
                         b"nobody:x:65534:65534::/:/bin/sh\n")
    tar.file("etc/group", b"root:x:0:\napp:x:1000:\nextra:x:2000:app\nmore:x:2001:nobody,app\nnobody:x:65534:\n")
    tar.file("etc/removed", b"goes away\n").dir("root/", mode=0o700).dir("home/").dir("home/app/", uid=1000, gid=1000)
    tar.dir("tmp/", mode=0o1777).dir("var/").dir("var/lib/").file("var/lib/state", b"state\n")
    tar.symlink("link-to-etc", "etc")
    return tar.bytes()


def make_base_images(docker):
    docker("import", "-c", 'CMD ["/bin/sh"]', "-c", "ENV PATH=/bin", "-", "base:1", stdin=base_layer())
    build(docker, CONFIGURED, "configured:1")
    build(docker, ONBUILD, "onbuild:1", files={"f": b"f\n"})


def _small_tar(**fields):
    tar = Tar().dir("d/", **fields).file("d/one", b"1\n", **fields).file("top", b"top\n", mode=0o750, **fields)
    return tar.symlink("d/link", "../top").hardlink("hard", "top")


def _special(folder):
    folder.mkdir()
    for name, mode in (("setuid", 0o4755), ("none", 0o000), ("all", 0o777), ("setgid", 0o2711), ("write-only", 0o200)):
        (folder / name).write_text(name + "\n")
        (folder / name).chmod(mode)
    for name, mode in (("sticky", 0o1777), ("closed", 0o700), ("groupdir", 0o2755), ("empty", 0o755)):
        (folder / name).mkdir()
        (folder / name).chmod(mode)
    os.mkfifo(folder / "pipe")
    (folder / "owned").write_text("owned\n")
    os.chown(folder / "owned", 1234, 5678)
    os.link(folder / "owned", folder / "owned-too")
    (folder / "big").write_bytes(bytes(range(256)) * 1500)
    (folder / "cap").write_text("can\n")
    os.setxattr(folder / "cap", "security.capability", CAPABILITY)
    (folder / "한국 é").write_text("name\n")
    (folder / ("n" * 120)).write_text("long\n")


def _tars(folder):
    plain = _small_tar().bytes()
    (folder / "t.tar").write_bytes(plain)
    (folder / "t.tar.gz").write_bytes(gzip.compress(plain, mtime=0))
    for program, end in (("bzip2", "bz2"), ("xz", "xz")):
        packed = subprocess.run([program, "-c"], input=plain, stdout=subprocess.PIPE, check=True).stdout
        (folder / f"t.tar.{end}").write_bytes(packed)
    (folder / "owned.tar").write_bytes(_small_tar(uid=1000, gid=2000).bytes())
    (folder / "odd.tar").write_bytes(odd_layer())
    (folder / "plain.gz").write_bytes(gzip.compress(b"no tar inside\n", mtime=0))
    (folder / "broken.tar").write_bytes(odd_layer()[:1800])
    (folder / "tars").mkdir()
    (folder / "tars/t.tar").write_bytes(plain)
    (folder / "repo-tree").mkdir()
    (folder / "repo-tree/file").write_text("in the repository\n")
    (folder / "repo-tree/run").write_text("#!/bin/sh\n")
    (folder / "repo-tree/run").chmod(0o755)


def make_contexts(top):
    """A copy of the cases below `top`, completed, with old times."""
    shutil.copytree(CASES, top, symlinks=True)
    _special(top / "copy/special")
    _tars(top / "add")
    for folder, names, files in os.walk(top, topdown=False):
        for i, name in enumerate(sorted(names + files)):
            os.utime(os.path.join(folder, name), (OLD + i, OLD + i), follow_symlinks=False)
    return top


def _make_repository(folder, tree):
    def git(*words):
        run("git", "-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "init.defaultBranch=main", *words, cwd=work)

    work = folder / "repo-work"
    shutil.copytree(tree, work)
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "all")
    run("git", "clone", "-q", "--bare", work, folder / "repo.git")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def list_directory(self, _):
        self.send_error(404)


def _free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def _git_daemon(top):
    port = _free_port()
    process = subprocess.Popen(["/usr/lib/git-core/git-daemon", "--export-all", "--reuseaddr", f"--base-path={top}", "--listen=127.0.0.1",
                                f"--port={port}", "--", str(top)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"git://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def served(top, contexts):
    """The addresses of a web server with served.txt and t.tar, and of a git server with repo.git."""
    top.mkdir()
    (top / "served.txt").write_bytes(SERVED)
    shutil.copy(contexts / "add/t.tar", top / "t.tar")
    _make_repository(top, contexts / "add/repo-tree")
    for file in ("served.txt", "t.tar"):
        os.utime(top / file, (OLD, OLD))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(top)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with _git_daemon(top) as git:
            yield {"{http}": f"http://127.0.0.1:{server.server_port}", "{git}": git}
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def base_archive():
    """base:1 and configured:1 for tools with stores of their own."""
    return archives.docker_2010(archives.Image([base_layer()], ["base:1"], config={"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"]}))
