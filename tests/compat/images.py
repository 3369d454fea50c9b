# SPDX-License-Identifier: Apache-2.0
"""Images made by docker itself, for tests that compare: build steps with parents, many names, odd files, containers."""
import os
import pathlib

import archives
from procs import new_dir, remove_tree, run
from tars import Tar, odd_layer

BUSYBOX = "/bin/busybox"
DIGEST_REF = "reg.example:5000/team/app@sha256:" + "39" * 32

DOCKERFILE = r"""FROM busy:1
MAINTAINER Somebody <somebody@example.com>
ENV FOO=bar QUOTED="q x" HTML="<a&b>"
LABEL role=app "two words"="v 2"
RUN echo hello > /hello && ln /hello /hard && ln -s hello /soft && mkfifo /fifo && mkdir -p /gone/deep && echo x > /gone/deep/x
RUN chmod 4755 /hello && mknod /null c 1 3 && chown 1000:2000 /fifo
RUN rm -r /gone && rm /etc/removed && mkdir /gone && echo new > /gone/new
RUN true
WORKDIR /srv/work
COPY files/ /srv/files/
ADD odd.tar /odd/
EXPOSE 8080 53/udp
VOLUME ["/data"]
USER nobody
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s CMD ls /
ONBUILD RUN echo onbuild
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["echo \"<hi>\" & 'q'"]
"""

CHILD = """FROM app:1
USER root
LABEL role=child
RUN echo child > /child
"""


def busybox_layer():
    """A small system that can run."""
    tar = Tar().dir("bin/").file("bin/busybox", pathlib.Path(BUSYBOX).read_bytes(), mode=0o755)
    for name in ("sh", "echo", "cat", "ls", "ln", "rm", "mkdir", "mkfifo", "mknod", "chmod", "chown", "true", "touch", "sleep"):
        tar.symlink(f"bin/{name}", "busybox")
    tar.dir("etc/").file("etc/passwd", b"root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    tar.file("etc/removed", b"goes away\n").dir("tmp/", mode=0o1777)
    return tar.bytes()


def runnable(*tags, extra=()):
    """A hand-made image that `docker run` can start."""
    return archives.Image([busybox_layer(), *extra], tags, config={"Cmd": ["/bin/echo", "runs"], "Env": ["PATH=/bin"]})


def build(docker, dockerfile, *tags, files=None):
    context = new_dir("stc-")
    try:
        (context / "Dockerfile").write_text(dockerfile)
        for name, data in (files or {}).items():
            (context / name).parent.mkdir(parents=True, exist_ok=True)
            (context / name).write_bytes(data)
        names = [word for tag in tags for word in ("-t", tag)]
        return docker("build", "--network", "none", *names, context)
    finally:
        remove_tree(context)


def load_bytes(docker, data):
    return docker("load", "-q", stdin=data)


def make_images(docker):
    """Everything that the comparing tests look at. The names used here are what the tests say."""
    docker("import", "-c", 'CMD ["/bin/sh"]', "-c", "ENV PATH=/bin", "-m", "the base", "-", "busy:1", stdin=busybox_layer())
    context = {"files/a.txt": b"a\n", "files/sub/b.bin": bytes(range(256)) * 300, "odd.tar": odd_layer()}
    build(docker, DOCKERFILE, "app:1", files=context)
    for name in ("app:latest", "other/name:2", "reg.example:5000/team/app:1"):
        docker("tag", "app:1", name)
    build(docker, CHILD, "child:1")
    docker("import", "-", "odd:1", stdin=odd_layer())
    build(docker, "FROM busy:1\nLABEL role=old\nRUN echo old > /v\n", "moves:1")
    build(docker, "FROM busy:1\nLABEL role=new\nRUN echo new > /v\n", "moves:1")  # the old one dangles now
    docker("create", "--name", "created", "app:1")
    docker("run", "--network", "none", "--name", "stopped", "--entrypoint", "/bin/sh", "-u", "root", "child:1", "-c",
           "echo changed > /hello; rm /soft; rm -r /srv/files; mkdir /srv/files; echo new > /srv/files/new")
    docker("commit", "-m", "by hand", "-a", "Somebody", "-c", "CMD [\"/bin/ls\"]", "stopped", "committed:1")
    load_bytes(docker, archives.docker_2010(hand_made("hand:1", "hand:2"), hand_made(extra=b"nameless")))
    load_bytes(docker, archives.docker_2010(hand_made("twin:1", extra=b"twin")))
    docker("tag", "hand:1", "elsewhere/hand:3")


def hand_made(*tags, extra=b""):
    """Three layers; the first is shared by all that this makes, whiteouts and an opaque folder work on it."""
    first = Tar().dir("d/").file("d/a", b"a" * 5000).file("d/b", b"b").dir("o/").file("o/old", b"old").bytes()
    second = Tar().dir("d/").whiteout("d", "a").dir("o/").opaque("o").file("o/new", b"new" + extra).bytes()
    return archives.Image([first, second, odd_layer()], tags, config={"Labels": {"hand": "made"}})


def add_digest_reference(root, image):
    """As a pull by tag would leave it. The daemon must not be running."""
    import json
    file = pathlib.Path(root) / "image/overlay2/repositories.json"
    data = json.loads(file.read_text())
    name = DIGEST_REF.partition("@")[0]
    data["Repositories"].setdefault(name, {})[DIGEST_REF] = image
    file.write_bytes(archives.compact(data))
    os.chmod(file, 0o600)


def image_id(docker, name):
    return docker("inspect", "--type", "image", "-f", "{{.Id}}", name).out.strip()


def tar_listing(file):
    return run("tar", "-tf", file).lines
