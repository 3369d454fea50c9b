# SPDX-License-Identifier: Apache-2.0
"""Contexts, COPY and ADD of `strata build` where docker's classic builder is no judge: what must not be reached, git, newer flags."""
import gzip
import io
import os
import pathlib
import tarfile
import time

import pytest

from engine import needs_strata_itself, strata
from procs import mounts_below, run
from roots import Root, problems, snapshot
from sites import git, site  # noqa: F401
from tars import Tar

pytestmark = [pytest.mark.as_root, needs_strata_itself("a build without a daemon")]


class Built:
    """The files of an image's layers, the top one last."""

    def __init__(self, root, image="t"):
        r = Root(root)
        self.layers = [r.layer_tar(chain) for chain in r.chain(r.references()[f"{image}:latest"])]

    def members(self, layer=-1):
        with tarfile.open(fileobj=io.BytesIO(self.layers[layer])) as tar:
            return {m.name: m for m in tar}

    def text(self, name, layer=-1):
        with tarfile.open(fileobj=io.BytesIO(self.layers[layer])) as tar:
            return tar.extractfile(name).read().decode()

    def files(self, layer=-1):
        return sorted(name for name, m in self.members(layer).items() if not m.isdir())


def build(work, context, text=None, *words, check=True, stdin=None, place=None):
    if text is not None:
        (context / "Dockerfile").write_text(text)
    result = strata(work / "root", "build", "-t", "t", *words, place or context, check=check, stdin=stdin)
    assert mounts_below(work) == []
    if check or (work / "root").exists():  # one that a failed build had made is gone
        assert problems(work / "root") == []
        assert os.listdir(work / "root/strata/staging") == []
    return result


@pytest.fixture
def context(work):
    folder = work / "context"
    folder.mkdir()
    (folder / "a.txt").write_text("hello\n")
    return folder


@pytest.fixture
def canary(work):
    """A folder of the host's; nobody may write to it, and its secret is in no image."""
    folder = work / "canary"
    folder.mkdir()
    (folder / "secret").write_text("the secret")
    before = snapshot(folder)
    yield folder
    assert snapshot(folder) == before


def assert_secret_is_not_in(work):
    for layer in Built(work / "root").layers:
        assert b"the secret" not in layer


# ---- what must not be reached ----------------------------------------------------------------------------------

def hostile_base(work, canary):
    """An image whose links lead to the host's folder in every way."""
    up = "../" * 30
    tar = Tar().dir("d/").symlink("abs", str(canary)).symlink("up", up + str(canary)[1:]).symlink("d/abs", str(canary))
    tar.symlink("chain", "abs").symlink("d/secret", str(canary / "secret")).symlink("etc", str(canary))
    tar.symlink("magic", "/proc/self/root" + str(canary))
    strata(work / "root", "import", "-", "base", stdin=tar.bytes())


def test_links_of_the_image_do_not_lead_out(work, context, canary):
    hostile_base(work, canary)
    (context / "t.tar").write_bytes(Tar().file("from-tar", b"x").file("secret", b"x").symlink("l", str(canary)).file("l/x", b"x").bytes())
    (context / "tree/abs").mkdir(parents=True)
    (context / "tree/abs/f").write_text("f")
    lines = [f"COPY a.txt {target}" for target in ("/abs/", "/up/new", "/d/abs/x/y", "/chain/z", "/d/secret", "/magic/z", f"/{canary}/z")]
    build(work, context, "FROM base\n" + "\n".join(lines) + "\nCOPY tree /d\nCOPY tree /up\nADD t.tar /abs\nADD t.tar /up/sub\nWORKDIR /chain\n"
          "COPY a.txt .\nCOPY --link a.txt /abs/linked\nCOPY --chown=0:0 tree /chain/owned\n")
    assert_secret_is_not_in(work)


def test_links_of_the_context_do_not_lead_out(work, context, canary):
    (context / "abs").symlink_to(canary)
    (context / "up").symlink_to("../" * 30 + str(canary)[1:])
    (context / "secret").symlink_to(canary / "secret")
    (context / "d").mkdir()
    (context / "d/inner").symlink_to(canary / "secret")
    for source in ("abs/secret", "up/secret", "secret", "abs/*", "../canary/secret", "d/inner", "../*", "./../../canary"):
        assert build(work, context, f"FROM scratch\nCOPY {source} /x/\n", check=False).code == 1
        assert build(work, context, f"FROM scratch\nADD {source} /x/\n", check=False).code == 1
    build(work, context, "FROM scratch\nCOPY . /x\nCOPY --parents d up /y/\n")
    assert Built(work / "root").members()["y/up"].issym()
    assert_secret_is_not_in(work)


def test_links_of_a_stage_do_not_lead_out(work, context, canary):
    hostile_base(work, canary)
    for source in ("/abs/secret", "/up/secret", "/d/secret", "/magic/secret", "/chain/secret", "/../secret"):
        assert build(work, context, f"FROM scratch\nCOPY --from=base {source} /x/\n", check=False).code == 1
    build(work, context, "FROM scratch\nCOPY --from=base / /x/\n")
    assert_secret_is_not_in(work)


def test_a_tar_as_context_stays_inside(work, context, canary):
    tar = Tar().file("Dockerfile", b"FROM scratch\nCOPY . /x\n").file("../../../../escape", b"e").file(f"{canary}/absolute", b"a")
    tar.symlink("link", str(canary)).file("link/through", b"t").symlink("up", "../" * 30).file(f"up{canary}/up", b"u")
    build(work, context, stdin=tar.bytes(), place="-")
    assert_secret_is_not_in(work)
    hard = Tar().file("Dockerfile", b"FROM scratch\nCOPY . /x\n").hardlink("hard", f"../../..{canary}/secret").bytes()
    assert build(work, context, stdin=hard, place="-", check=False).code == 1
    dockerfile = Tar().symlink("Dockerfile", str(canary / "secret")).bytes()
    assert "Cannot locate specified Dockerfile" in build(work, context, stdin=dockerfile, place="-", check=False).err


def test_a_hole_stays_a_hole(work, context):
    with open(context / "sparse", "wb") as file:
        file.truncate(1 << 30)
        file.seek(500 << 20)
        file.write(b"data")
    build(work, context, "FROM scratch\nCOPY sparse /x\n")
    r = Root(work / "root")
    file = r.layer_diff(r.chain(r.references()["t:latest"])[0]) / "x"
    assert file.stat().st_size == 1 << 30 and file.stat().st_blocks < 2000


# ---- flags that the classic builder does not know --------------------------------------------------------------

def test_newer_flags_together(work, context):
    for name in ("src/app/main.c", "src/app/notes.md", "src/lib/l.c", "src/lib/deep/d.c"):
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text(name)
    build(work, context, "FROM scratch\nCOPY --parents src/./*/*.c /p/\nCOPY --exclude=**/*.md --chmod=u=rw,go=r src /e/\n"
          "COPY --link --chown=5:6 a.txt /l/\nCOPY <<one <<-two /h/\n1\none\n\t\tx\ntwo\n")
    built = Built(work / "root")
    assert built.files(0) == ["p/app/main.c", "p/lib/l.c"]
    assert built.files(1) == ["e/app/main.c", "e/lib/deep/d.c", "e/lib/l.c"]
    assert {m.mode for m in built.members(1).values() if not m.isdir()} == {0o644}
    link = built.members(2)["l/a.txt"]
    assert (link.uid, link.gid) == (5, 6)
    assert built.text("h/one") == "1\n" and built.text("h/two") == "x\n"


def test_excluded_files_do_not_count_for_the_cache(work, context):
    (context / "notes.md").write_text("1")
    text = "FROM scratch\nCOPY --exclude=*.md --exclude=Dockerfile . /x\n"
    build(work, context, text)
    (context / "notes.md").write_text("2")
    assert build(work, context, text).out.count("Using cache") == 1
    (context / "a.txt").write_text("other")
    assert build(work, context, text).out.count("Using cache") == 0


# ---- from elsewhere --------------------------------------------------------------------------------------------

@pytest.fixture
def repository(work, site):
    source = work / "source"
    (source / "sub").mkdir(parents=True)
    git(source, "init", "-q", "-b", "trunk")
    (source / "Dockerfile").write_text("FROM scratch\nCOPY . /x\n")
    (source / "sub/Dockerfile").write_text("FROM scratch\nCOPY . /y\n")
    (source / "sub/f").write_text("first")
    (source / "out").symlink_to("../../../../etc")
    git(source, "add", "-A")
    git(source, "commit", "-qm", "1")
    git(source, "tag", "v1")
    (source / "sub/f").write_text("second")
    git(source, "commit", "-qam", "2")
    git(work, "clone", "-q", "--bare", str(source), str(site[0] / "r.git"))
    git(site[0] / "r.git", "update-server-info")
    return f"{site[1]}/r.git", git(source, "rev-parse", "v1")


def test_a_repository_as_context(work, context, repository):
    url, commit = repository
    build(work, context, place=url)
    assert Built(work / "root").files() == ["x/Dockerfile", "x/out", "x/sub/Dockerfile", "x/sub/f"]
    assert Built(work / "root").text("x/sub/f") == "second"
    for ref in ("v1", commit):
        build(work, context, place=f"{url}#{ref}:sub")
        assert Built(work / "root").text("y/f") == "first"
    assert build(work, context, place=f"{url}#v1:sub").out.count("Using cache") == 1
    for fragment in ("nothing", ":nothing", "--upload-pack=touch canary", ":out"):
        result = build(work, context, place=f"{url}#{fragment}", check=False)
        assert result.code == 1 and "unable to prepare context: unable to 'git clone'" in result.err


def test_add_of_a_repository(work, context, repository):
    url, commit = repository
    build(work, context, f"FROM scratch\nADD {url}#v1 /r\nADD --keep-git-dir=true {url} /k\nADD {url}#v1:sub /s/\n")
    built = Built(work / "root")
    assert built.files(0) == ["r/Dockerfile", "r/out", "r/sub/Dockerfile", "r/sub/f"]
    assert "k/.git/HEAD" in built.files(1)
    assert built.files(2) == ["s/Dockerfile", "s/f"] and built.text("s/f") == "first"
    build(work, context, f"FROM scratch\nADD {url}?tag=v1&subdir=sub&commit={commit} /q\nADD --checksum={commit[:12]} {url}#v1 /r\n")
    built = Built(work / "root")
    assert built.files(0) == ["q/Dockerfile", "q/f"] and built.files(1)[-1] == "r/sub/f"
    for line, message in ((f"--checksum={commit} {url}#trunk", f"expected checksum to match {commit}, got "), (f"{url}?x=1", 'unexpected query "x"'),
                          ("--checksum=sha256:00 a.txt", "checksum requires HTTP(S) or Git sources"),
                          (f"--checksum={commit} {url} a.txt", "checksum can't be specified for multiple sources")):
        assert message in build(work, context, f"FROM scratch\nADD {line} /x/\n", check=False).err


def test_add_checks_what_it_downloads(work, context, site):
    folder, url = site
    (folder / "f").write_text("content")
    (folder / "t.tar").write_bytes(Tar().file("inner", b"i").bytes())
    good = "sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"
    build(work, context, f"FROM scratch\nADD --checksum={good} {url}/f /x\nADD --unpack=true {url}/t.tar /u/\n")
    assert Built(work / "root").files(1) == ["u/inner"]
    bad = build(work, context, f"FROM scratch\nADD --checksum=sha256:{'0' * 64} {url}/f /x\n", check=False)
    assert bad.code == 1 and f"digest mismatch for {url}/f: {good} (expected: sha256:{'0' * 64})" in bad.err


def test_a_context_from_a_url(work, context, site):
    folder, url = site
    (folder / "c.tgz").write_bytes(gzip.compress(Tar().file("Dockerfile", b"FROM scratch\nCOPY f /x\n").file("f", b"f").bytes()))
    build(work, context, place=f"{url}/c.tgz")
    assert Built(work / "root").text("x") == "f"
    (folder / "plain").write_text("FROM scratch\nCOPY . /only\n")
    build(work, context, place=f"{url}/plain")
    assert Built(work / "root").files() == ["only/Dockerfile"]
    missing = build(work, context, place=f"{url}/nope", check=False)
    assert f"unable to prepare context: unable to download remote context {url}/nope: failed to GET {url}/nope with status 404" in missing.err


def test_named_contexts(work, context, site):
    folder, url = site
    other = work / "other"
    other.mkdir()
    for name in ("f", "left-out"):
        (other / name).write_text(name)
    (other / ".dockerignore").write_text("left-out\n.dockerignore\n")
    (folder / "c.tar").write_bytes(Tar().file("remote", b"r").bytes())
    build(work, context, "FROM scratch\nCOPY --from=other / /x/\nCOPY --from=far remote /y/\n",
          "--build-context", f"other={other}", "--build-context", f"far={url}/c.tar")
    built = Built(work / "root")
    assert built.files(0) == ["x/f"] and built.files(1) == ["y/remote"]


def test_named_contexts_stand_in_for_images_and_stages(work, context):
    other = work / "other"
    other.mkdir()
    (other / "f").write_text("from outside")
    build(work, context, "FROM scratch\nCOPY a.txt /in-image\nENV A=b\n", "-t", "made:1")
    image = "docker-image://made:1"
    text = "FROM nowhere:5 AS one\nFROM scratch AS two\nCOPY a.txt /never\nFROM one\nCOPY --from=two / /two/\n"
    build(work, context, text, "-t", "t:1", "--build-context", f"docker.io/library/nowhere:5={image}", "--build-context", f"two={image}")
    built = Built(work / "root")
    assert len(built.layers) == 2 and built.files(1) == ["two/in-image"]
    build(work, context, "FROM nowhere\nCOPY a.txt /b\n", "--build-context", f"nowhere:latest={other}")
    built = Built(work / "root")
    assert built.files(0) == ["f"] and built.text("f", 0) == "from outside" and built.files(1) == ["b"]
    for place, message in ((f"oci-layout://{other}", "load it, and give docker-image://NAME"), ("docker-image://made:2", "made")):
        result = build(work, context, "FROM x\n", "--build-context", f"x={place}", check=False)
        assert result.code == 1 and message in result.err


# ---- remembered sums -------------------------------------------------------------------------------------------

def test_damaged_sums_do_no_harm(work, context):
    text = "FROM scratch\nCOPY . /x\n"
    (context / "Dockerfile").write_text(text)
    time.sleep(0.2)  # files that are younger are not remembered
    build(work, context)
    files = [p for p in (work / "root/strata").glob("context-sums/*") if p.name != "lock"]
    assert files
    for damage in (b"", b"junk", os.urandom(5000)):
        for file in files:
            file.write_bytes(damage)
        assert build(work, context).out.count("Using cache") == 1
    run("rm", "-r", work / "root/strata/context-sums")
    pathlib.Path(work / "root/strata/context-sums").write_text("in the way")
    assert build(work, context).out.count("Using cache") == 1
