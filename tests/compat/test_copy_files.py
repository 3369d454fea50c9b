# SPDX-License-Identifier: Apache-2.0
"""COPY and ADD beside dockerd's classic builder: the sums in the history, the tar of each layer, the texts of errors.

Every case is built by docker and by strata on the same base images. A layer is compared member by member, in order: name, type,
mode, owner, size, content, link target, device, xattrs, and the time unless that is the time of the build.
"""
import hashlib
import http.server
import io
import json
import os
import re
import shutil
import tarfile
import threading
import time

import pytest

from contexts import add_archives, base_tar, odd_context, random_context, set_times, stage_tar
from engine import needs_strata_itself, strata
from peers import DOCKER, dockerd
from procs import clean_env, copy_tree, mounts_below, new_dir, remove_tree, run
from roots import Root, problems

pytestmark = needs_strata_itself("the classic builder, compared with itself")


class Builders:
    """docker on a root of its own, and strata on a copy of that root."""

    def __init__(self, home, docker):
        self.home, self.docker = home, docker
        self.docker_root, self.strata_root = home / "docker", home / "strata"

    def build(self, context, text, *words, stdin=None, place=None):
        """(docker's result, strata's result) of one Dockerfile; both images are named t."""
        if text is not None:
            (context / "Dockerfile").write_text(text)
        args = ["build", "--no-cache", "-t", "t", *words, place or context]
        return (self.docker(*args, "--network", "host", check=False, stdin=stdin),
                strata(self.strata_root, *args, check=False, stdin=stdin))

    def history(self):
        args = ("history", "--no-trunc", "--format", "{{.CreatedBy}}", "t")
        return self.docker(*args).lines, strata(self.strata_root, *args).lines

    def layers(self):
        """Of both: the layers on top of the base, each as a list of members."""
        found = []
        for root, ask in ((self.docker_root, self.docker), (self.strata_root, lambda *a: strata(self.strata_root, *a))):
            image = json.loads(ask("inspect", "t").out)[0]["Id"]
            r = Root(root)
            found.append([members(r.layer_tar(chain)) for chain in r.chain(image)])
        return found


def members(data):
    """The members of a layer, brought to a form that can be compared."""
    just_now = time.time() - 600
    found = []
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for m in tar:
            content = hashlib.sha256(tar.extractfile(m).read()).hexdigest() if m.isreg() else ""
            found.append((m.name, m.type, oct(m.mode & 0o7777), m.uid, m.gid, m.size, m.linkname, m.devmajor, m.devminor,
                          "now" if m.mtime > just_now else int(m.mtime), content,
                          {k: v for k, v in m.pax_headers.items() if k.startswith("SCHILY.xattr.")}))
    return found


def error_of(result):
    """The last line, without what docker says of its own folders and strata of the Dockerfile."""
    line = result.err.strip().splitlines()[-1].removeprefix("Error response from daemon: ")
    line = re.sub(r"^(Error: )?(Dockerfile:\d+: )?", "", line)
    return re.sub(r"/\S*/overlay2/[0-9a-f]+/merged", "", line)


def assert_same(builders, context, text, *words, stdin=None, place=None):
    docker, ours = builders.build(context, text, *words, stdin=stdin, place=place)
    assert docker.code == 0, docker
    assert ours.code == 0, ours
    docker_history, our_history = builders.history()
    assert our_history == docker_history
    docker_layers, our_layers = builders.layers()
    assert our_layers == docker_layers
    assert mounts_below(builders.strata_root) == []


def assert_same_error(builders, context, text, *words, stdin=None, place=None):
    docker, ours = builders.build(context, text, *words, stdin=stdin, place=place)
    assert docker.code != 0, docker
    assert ours.code != 0, ours
    assert error_of(ours) == error_of(docker)
    assert mounts_below(builders.strata_root) == []


def copies(lines, base="base", keyword="COPY"):
    """A Dockerfile with a step for each line: flags, then the words as JSON."""
    steps = []
    for line in lines:
        flags = " ".join(word for word in line if word.startswith("--"))
        steps.append(f"{keyword} {flags} {json.dumps([w for w in line if not w.startswith('--')])}\n")
    return f"FROM {base}\n" + "".join(steps)


@pytest.fixture(scope="module")
def builders():
    home = new_dir("stb-")
    with dockerd(home / "docker") as docker:
        docker("import", "-", "base", stdin=base_tar())
        docker("import", "-", "stage", stdin=stage_tar())
    copy_tree(home / "docker", home / "strata")
    with dockerd(home / "docker") as docker:
        yield Builders(home, docker)
    assert problems(home / "strata") == []
    remove_tree(home)


@pytest.fixture
def context(work):
    folder = work / "context"
    folder.mkdir()
    return folder


# ---- from the context ------------------------------------------------------------------------------------------

FILES = [["a.txt", "/x/"], ["a.txt", "/y"], ["a.txt", "z/deep/er"], ["capable", "/"], ["d/to-file", "/link/"], ["d/b", "/full/d/in/f"],
         ["a.txt", "/full/d/in"], ["a.txt", "/"], ["a.txt", ".."], ["a.txt", "../w"], ["./a.txt", "/p"], ["d/../a.txt", "/q"],
         ["a.txt/", "/r"], ["caf\u00e9 and space", "/s/"], ["d/device", "/t/"], ["d/g", "/u/"]]
FOLDERS = [["d", "/dd"], ["d", "/full/d"], ["d/sub", "/"], ["lib", "/"], ["empty", "/e1"], ["empty", "/full/d/"], ["d/to-folder", "/f"],
           ["deep", "/deep"], ["d/to-top", "/everything"], [".", "/all"], ["", "/everything-too"], ["/", "/deep/"]]
SEVERAL = [["capable", "a.txt", "/m/"], ["d", "a.txt", "/m2/"], ["d", "deep", "/m3/"], ["a*.txt", "nope*", "/g/"], ["/c*", "/g2/"],
           ["./d*", "/g3/"], ["d/s*", "/g4/"], ["d/*ub", "/g5/"], ["[[]x]", "/g6/"], ["[ac]*", "/g7/"], ["?*.txt", "/g8/"],
           ["caf? and*", "/g9/"], ["deep/b/new", "a.txt", "/full/d/"]]
TARGETS = [["a.txt", "/lib/"], ["a.txt", "/abs/x/y"], ["a.txt", "/up/"], ["a.txt", "/up/new/"], ["a.txt", "/full/link"],
           ["a.txt", "/full/gone"], ["a.txt", "/full/d"], ["a.txt", "/sgid/"], ["d", "/sgid/new"],
           ["d", "/sgid"], ["a.txt", "/sgid/n/m/"]]
LOST = [["d", "/full/gone"], ["a.txt", "/full/gone/"]]
OWNERS = [["--chown=3:4", "a.txt", "/n/x"], ["--chown=3:4", "d", "/nd"], ["--chown=3:4", "d", "/full/d"], ["--chown=3:4", "a.txt", "/sgid/"],
          ["--chown=3", "a.txt", "/n/y"], ["--chown=bob", "a.txt", "/n/z"], ["--chown=bob:staff", "d", "/o/p/q"], ["--chown=0:0", "d/b", "/owned/"],
          ["--chown=1000:50", "capable", "d/b", "/owned2/"]]


@pytest.mark.parametrize("lines", [FILES, FOLDERS, SEVERAL, TARGETS, LOST, OWNERS],
                         ids=["files", "folders", "several", "targets", "behind a link to nowhere", "owners"])
def test_from_the_context(builders, context, lines):
    assert_same(builders, odd_context(context), copies(lines))


def test_relative_to_the_working_folder(builders, context):
    lines = [["a.txt", "x"], ["a.txt", "./"], ["d", "."], ["d", "sub/../y"], ["a.txt", ".."]]
    for folder in ("/w/d", "/lib"):
        shutil.rmtree(context, ignore_errors=True)
        context.mkdir()
        text = copies(lines).replace("FROM base\n", f"FROM base\nWORKDIR {folder}\n")
        assert_same(builders, odd_context(context), text)


@pytest.mark.parametrize("line", [
    ["nope", "/x"], ["/nope", "/x"], ["./nope", "/x"], ["d//nope", "/x"], ["nope*", "/x"], ["../a.txt", "/x"], ["/../a.txt", "/x"],
    ["d/../../a.txt", "/x"], ["d/loop", "/x"], ["d/dangling", "/x"], ["d/out", "/x"], ["d/*", "/x/"], ["a.txt/x", "/x"], ["[x", "/x"], ["a.txt", "d", "/x"],
    ["a.txt", "capable", "."], ["a.txt", "/full/file/"], ["a.txt", "/full/file/x"], ["d", "/full/file"], ["d", "/full/link"],
    ["--chown=alone", "a.txt", "/x"], ["--chown=nobody-here", "a.txt", "/x"], ["--chown=bob:nobody", "a.txt", "/x"],
    ["--chown=:", "a.txt", "/x"], ["--chown=1:2:3", "a.txt", "/x"], ["--chown=bob:", "a.txt", "/x"], ["https://127.0.0.1:1/x", "/x"]], ids=" ".join)
def test_refuses_what_docker_refuses(builders, context, line):
    assert_same_error(builders, odd_context(context), copies([line]))


# ---- from a stage ----------------------------------------------------------------------------------------------

STAGE = [["a.txt", "/x/"], ["/a.txt", "/x2/"], ["d", "/y"], ["/", "/y1/"], [".", "/y2"], ["capable", "/y3/"], ["x", "/y4/"], ["d/*b*", "/z/"],
         ["*", "/z1/"], ["d/to-file", "/z2"], ["d/to-folder", "/z3/"], ["x/to-top", "/z4/"], ["d/s*/h?rd", "/z5/"], ["d/device", "/z6/"],
         ["x/out", "/z7"], ["", "/z8"], ["x", "/full/d/"]]


@pytest.mark.parametrize("chown", ["", "--chown=7:8"], ids=["owners stay", "owners change"])
def test_from_a_stage(builders, context, chown):
    lines = [[word for word in ("--from=stage", chown) if word] + line for line in STAGE]
    assert_same(builders, context, copies(lines))


@pytest.mark.parametrize("line", [["d/loop", "/z"], ["x/gone", "/z"], ["nope", "/z"], ["no*", "/z"], ["../a.txt", "/z/"],
                                  ["x/to-top/d/*", "/z/"], ["a.txt", "d", "/z"]], ids=" ".join)
def test_refuses_from_a_stage(builders, context, line):
    assert_same_error(builders, context, copies([["--from=stage"] + line]))


# ---- ignore files ----------------------------------------------------------------------------------------------

TREE = ["a/b/foo/x", "a/b/foo/y", "a/c", "foo/z", "bar.md", "sub/bar.md", "sub/README.md", "README.md", "ab", "abc", "x.y.z", "[q]", "sp ace",
        "node_modules/m/i.js", "sub/node_modules/m/i.js", "sub/deep/er/file.txt"]
IGNORE_FILES = ["a\n!a/b/foo/y\n", "a/b\n!a/b/foo\n", "*\n!foo\n", "*\n!**/y\n", "**\n!a/b\n", "  *  \n  # c\n#x\n!  foo  \n/aa\n",
                "Dockerfile\n.dockerignore\n", "*\n", "**/*.md\n!**/README.md\n", "*.md\n", "*/*.md\n", "sub/**\n!sub/deep\n", "**/node_modules\n",
                "node_modules/**\n", "a?\n", "a??\n", "[a-f]*\n", "[^a-f]*\n", "\\[q\\]\n", "sp ace\n", "x.y.z\n", "x?y?z\n", "/foo\n./a/c\n", "a/../foo\n",
                "../a\n", "sub//deep/\n", "**/deep/**/file.txt\n", "**/er\n!sub/deep/er/file.txt\n", "\xef\xbb\xbfa\n", "a\r\nfoo\r\n", "!a\n", "a/**/y\n", "**/b/**\n",
                "*b*\n!ab\n", ".\n", "/\n", "**/**\n", "a/b/foo/*\n!a/b/foo/y\n", "# only a comment\n", "\n\n", "!\\[q]\n*q*\n"]


def test_ignore_files(builders, context):
    """One context for each ignore file; docker and strata must see the same files, and the same sum."""
    for i, text in enumerate(IGNORE_FILES):
        folder = context / str(i)
        for name in TREE:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)
        (folder / ".dockerignore").write_bytes(text.encode("latin-1"))
        set_times(folder)
        try:
            assert_same(builders, folder, "FROM scratch\nCOPY . /x\n")
        except AssertionError as failure:
            raise AssertionError(f"ignore file {text!r}: {failure}") from failure


@pytest.mark.parametrize("text", ["[\n", "!\n", "[]a]\n", "a\n[a-\n", "\\\n", "x" * 70000], ids=repr)
def test_refuses_ignore_file(builders, context, text):
    (context / ".dockerignore").write_text(text)
    assert_same_error(builders, context, "FROM scratch\nCOPY . /x\n")


# ---- by seed ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("first", range(0, 40, 10))
def test_random_contexts(builders, work, first):
    for seed in range(first, first + 10):
        context = work / f"c{seed}"
        context.mkdir()
        words = random_context(seed, context)
        text = copies([words])
        docker, ours = builders.build(context, text)
        assert (docker.code == 0) == (ours.code == 0), f"seed {seed}: {docker}\n{ours}"
        if docker.code != 0:
            assert error_of(ours) == error_of(docker), f"seed {seed}"
            continue
        assert builders.history()[1] == builders.history()[0], f"seed {seed}"
        docker_layers, our_layers = builders.layers()
        assert our_layers == docker_layers, f"seed {seed}"


# ---- ADD -------------------------------------------------------------------------------------------------------

ARCHIVES = [["t.tar", "/n/"], ["t.tar", "/n2"], ["t.tgz", "/"], ["t.tar.bz2", "/full/d"], ["t.tar.xz", "/lib/x"], ["gnu.tar", "/full/"],
            ["t.tar", "/full/gone"], ["text.gz", "/n3/"], ["no-members.tar", "/n4/"], ["nothing", "/n5/"], ["nothing", "/n6"], ["t.tar", "text.gz", "/n7/"],
            ["t.t*", "/n8/"], ["t.tar", "/sgid/n"], ["--chown=7:8", "t.tar", "nothing", "/n9/"]]


def test_add_unpacks_local_tars(builders, context):
    add_archives(context)
    set_times(context)
    assert_same(builders, context, copies(ARCHIVES, keyword="ADD"))
    assert_same(builders, context, copies([["t.tar", "/n/"], ["t.tgz", "/n/"]]))  # COPY does not


@pytest.mark.parametrize("line", [["cut.tar", "/n/"], ["cut.tgz", "/n/"], ["t.tar", "/full/file"], ["t.tar", "nothing", "/n"]], ids=" ".join)
def test_add_refuses(builders, context, line):
    add_archives(context)
    docker, ours = builders.build(context, copies([line], keyword="ADD"))
    assert docker.code != 0 and ours.code != 0
    for kind in ("unexpected EOF", "not a directory", "destination must be a directory"):
        assert (kind in docker.err) == (kind in ours.err), f"{docker}\n{ours}"


class Files(http.server.BaseHTTPRequestHandler):
    """Answers that differ in what they say of name and time."""

    def do_GET(self):
        if self.path.startswith("/missing"):
            self.send_response(404)
            self.end_headers()
            self.wfile.write(b" no such thing \n")
        elif self.path.startswith("/elsewhere"):
            self.send_response(302)
            self.send_header("Location", "/a.txt")
            self.end_headers()
        else:
            self.send_response(200)
            if "no-time" not in self.path:
                self.send_header("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT")
            if "named" in self.path or self.path == "/":
                self.send_header("Content-Disposition", 'attachment; filename="given.bin"')
            self.end_headers()
            self.wfile.write(self.server.tar if "tar" in self.path else b"remote")

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    server.tar = base_tar()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_add_downloads(builders, context, server):
    (context / "local").write_text("l")
    set_times(context)
    lines = [["/a.txt", "/n/"], ["/a.txt", "/n2"], ["/a.txt?q=1", "/n3/"], ["/t.tar", "/n4/"], ["/", "/n5/"], ["/", "/n6"], ["/named/", "/n7/"],
             ["/no-time", "/n8/"], ["/elsewhere", "/n9/"], ["/a%20b", "/n10/"], ["", "/n11/"], ["--chown=7:8", "/a.txt", "/n12/"]]
    lines = [[word if word.startswith("--") else server + word for word in line[:-1]] + line[-1:] for line in lines]
    assert_same(builders, context, copies(lines + [[server + "/a.txt", "local", "/n13/"]], keyword="ADD"))


@pytest.mark.parametrize("line", [["/missing", "/n/"], ["/nameless/", "/n/"], ["/a.txt", "/b.txt", "/n"]], ids=" ".join)
def test_add_refuses_downloads(builders, context, server, line):
    assert_same_error(builders, context, copies([[server + word for word in line[:-1]] + line[-1:]], keyword="ADD"))


# ---- where the context comes from ------------------------------------------------------------------------------

COPY_ALL = "FROM scratch\nCOPY . /x\n"


def small_context(folder):
    (folder / "s/t").mkdir(parents=True)
    (folder / "s/t/Dockerfile").write_text(COPY_ALL)
    (folder / "s/other").write_text("")
    (folder / "a").write_text("a")
    set_times(folder)
    return folder


@pytest.mark.parametrize("ignore", [None, "s\n", "s\n!s/other\n", "*\n!a\n", "s\n.dockerignore\n"], ids=repr)
def test_dockerfile_in_a_folder_that_is_left_out(builders, context, ignore):
    small_context(context)
    if ignore is not None:
        (context / ".dockerignore").write_text(ignore)
    assert_same(builders, context, None, "-f", context / "s/t/Dockerfile")


def test_dockerfile_from_elsewhere(builders, context, work):
    small_context(context)
    (work / "outer").write_text(COPY_ALL)
    assert_same(builders, context, None, "-f", work / "outer")
    assert_same(builders, context, None, "-f", "-", stdin=COPY_ALL.encode())
    (context / "dockerfile").write_text(COPY_ALL)
    assert_same(builders, context, None)
    os.symlink("s/t/Dockerfile", context / "Dockerfile")
    assert_same(builders, context, None)


def test_no_dockerfile(builders, context, work):
    small_context(context)
    for words in ([], ["-f", context / "nope"], ["-f", context / "gone/nope"], ["-f", work / "nope"]):
        assert_same_error(builders, context, None, *words)
    os.symlink("gone", context / "Dockerfile")
    assert_same_error(builders, context, None)


@pytest.mark.parametrize("place", ["/nonexistent", "/etc/passwd", ""], ids=repr)
def test_no_context(builders, context, place):
    assert_same_error(builders, context, None, place=place)
    assert_same_error(builders, context, None, "-f", "-", place="-", stdin=b"FROM scratch\n")


def tar_context(*files, mode="w"):
    out = io.BytesIO()
    tar = tarfile.open(fileobj=out, mode=mode)
    for name, data in files:
        member = tarfile.TarInfo(name)
        member.size, member.uid, member.gid, member.uname, member.mtime = len(data), 5, 7, "games", 99
        if name.endswith("/"):
            member.type = tarfile.DIRTYPE
        if data.startswith(b"->"):
            member.type, member.linkname, member.size = tarfile.SYMTYPE, data[2:].decode(), 0
        tar.addfile(member, io.BytesIO(data))
    tar.close()
    return out.getvalue()


DOCKERFILE = ("Dockerfile", COPY_ALL.encode())
TAR_CONTEXTS = {
    "an ignore file hides only itself and the Dockerfile": tar_context(DOCKERFILE, ("a", b"a"), (".dockerignore", b"a\nDockerfile\n")),
    "everything is hidden": tar_context(("./dockerfile", COPY_ALL.encode()), ("./", b""), ("./a", b"a"), ("./.dockerignore", b"*\n")),
    "an ignore file that is wrong": tar_context(DOCKERFILE, (".dockerignore", b"[")),
    "names that leave": tar_context(DOCKERFILE, ("../../escape", b"a"), ("/absolute", b"a"), ("a", b"1"), ("a", b"2")),
    "links": tar_context(DOCKERFILE, ("d/", b""), ("d/f", b"x" * 100), ("l", b"->d/f"), ("l2", b"->/d"), ("l3", b"->nope"), ("implied/x", b"1")),
    "gzip": tar_context(DOCKERFILE, ("a", b"a"), mode="w:gz"),
    "bzip2": tar_context(DOCKERFILE, ("a", b"a"), mode="w:bz2"),
    "xz": tar_context(DOCKERFILE, ("a", b"a"), mode="w:xz"),
    "the Dockerfile is a link": tar_context(("Dockerfile", b"->real"), ("real", COPY_ALL.encode())),
    "a Dockerfile alone": COPY_ALL.encode(),
}


@pytest.mark.parametrize("data", TAR_CONTEXTS.values(), ids=TAR_CONTEXTS.keys())
def test_context_from_standard_input(builders, context, data):
    assert_same(builders, context, None, place="-", stdin=data)


@pytest.mark.parametrize("words, data", [
    (["-f", "sub/nope"], tar_context(DOCKERFILE)), ([], tar_context(("a", b"a"))), (["-f", "../Dockerfile"], tar_context(DOCKERFILE)),
    ([], tar_context(("Dockerfile", b"->../../../../etc/passwd")))], ids=["not there", "none", "leaves", "a link that leaves"])
def test_context_from_standard_input_without_dockerfile(builders, context, words, data):
    assert_same_error(builders, context, None, *words, place="-", stdin=data)


# ---- what only BuildKit knows: the one inside of dockerd -------------------------------------------------------

def files_of(layers):
    """All names with mode, owner, size and content; BuildKit gives new folders other times."""
    return sorted((name, kind, mode, uid, gid, size, link, content)
                  for layer in layers for name, kind, mode, uid, gid, size, link, _, _, _, content, _ in layer)


def assert_same_files_as_buildkit(builders, context, text, *words):
    (context / "Dockerfile").write_text(text)
    args = ["build", "--no-cache", "-t", "t", *words, context]
    run(DOCKER, "-H", builders.docker.socket, *args, "--network", "host", env=clean_env(DOCKER_BUILDKIT="1"))
    strata(builders.strata_root, *args)
    docker, ours = builders.layers()
    assert files_of(ours[1:]) == files_of(docker[1:])


@pytest.mark.parametrize("chmod", ["0604", "755", "0", "777"])
def test_chmod(builders, context, chmod):
    (context / "d/s").mkdir(parents=True)
    (context / "d/f").write_text("f")
    (context / "d/f").chmod(0o711)
    (context / "d/s/g").write_text("g")
    (context / "d/l").symlink_to("f")
    lines = [["d", "/n/m"], ["d/f", "/o/x/"], ["d/f", "d/s/g", "/full/d/"], ["d", "/full/d"]]
    text = copies([[f"--chmod={chmod}"] + line for line in lines] + [["--chown=3:4", f"--chmod={chmod}"] + line for line in lines])
    assert_same_files_as_buildkit(builders, context, text)


def test_chmod_of_a_stage(builders, context):
    lines = [["--from=stage", "--chmod=711", "a.txt", "/x/"], ["--from=stage", "--chmod=711", "d/sub", "/y"]]
    assert_same_files_as_buildkit(builders, context, copies(lines))


def test_ignore_file_of_the_dockerfile(builders, context):
    for name in ("a", "b", "c"):
        (context / name).write_text(name)
    (context / ".dockerignore").write_text("a\n")
    (context / "Other.dockerignore").write_text("b\n*.dockerignore\nDockerfile\n.dockerignore\nOther\n")
    (context / "Other").write_text("FROM base\nCOPY . /x\n")
    assert_same_files_as_buildkit(builders, context, "FROM base\nCOPY . /x\n", "-f", context / "Other")


# ---- each other's cache ----------------------------------------------------------------------------------------

def test_each_uses_the_cache_of_the_other(work):
    """docker finds what strata has built, and strata what docker has built: every COPY and ADD of an odd context."""
    context = work / "context"
    context.mkdir()
    odd_context(context)
    add_archives(context)
    set_times(context)
    texts = [copies(lines) for lines in (FILES + FOLDERS, SEVERAL, OWNERS, [["--from=stage"] + line for line in STAGE])]
    texts.append(copies(ARCHIVES[:5], keyword="ADD"))
    for i, text in enumerate(texts):
        (work / f"Dockerfile.{i}").write_text(text)

    def build_all(program, found):
        for i, text in enumerate(texts):
            out = program("build", "-t", f"t{i}", "-f", work / f"Dockerfile.{i}", context).out
            assert out.count("Using cache") == (text.count("\n") - 1 if found else 0), out

    with dockerd(work / "one") as docker:
        docker("import", "-", "base", stdin=base_tar())
        docker("import", "-", "stage", stdin=stage_tar())
    copy_tree(work / "one", work / "two")
    with dockerd(work / "one") as docker:
        build_all(docker, found=False)
    build_all(lambda *words: strata(work / "one", *words), found=True)
    build_all(lambda *words: strata(work / "two", *words), found=False)
    with dockerd(work / "two") as docker:
        build_all(docker, found=True)
