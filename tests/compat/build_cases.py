# SPDX-License-Identifier: Apache-2.0
"""The cases of tests/compat/dockerfiles, and the tools that build them. See the README there."""
import contextlib
import pathlib
import re
import shlex
from typing import NamedTuple

from build_contexts import CASES, SERVED_SUM, base_archive, make_base_images, make_contexts, served
from engine import strata
from peers import Daemon, dockerd
from procs import clean_env, copy_tree, new_dir, remove_tree, run

JUDGES = ("docker", "buildkit", "buildah", "twin", "none")


class Case(NamedTuple):
    group: str
    name: str
    judge: str
    args: tuple
    fails: bool

    @property
    def file(self):
        return CASES / self.group / f"{self.name}.Dockerfile"

    def __str__(self):
        return f"{self.group}-{self.name}"


def _options(file):
    """key -> rest of the line, of the lines `#: key rest`."""
    found = {}
    for line in file.read_bytes().decode().splitlines():
        if line.startswith("#: "):
            key, _, rest = line[3:].partition(" ")
            found[key] = found.get(key, "") + rest
    return found


def _case(file):
    options = _options(file)
    unknown = options.keys() - {"judge", "args", "fails"}
    judge = options.get("judge", "docker")
    assert not unknown and judge in JUDGES, f"{file}: {unknown or judge}"
    return Case(file.parent.name, file.name.removesuffix(".Dockerfile"), judge, tuple(shlex.split(options.get("args", ""))), "fails" in options)


def all_cases():
    return [_case(file) for file in sorted(CASES.glob("*/*.Dockerfile"))]


class Built(NamedTuple):
    """What a build came to: an image ID, or none and what was said."""
    image: str
    code: int
    text: str


class Workshop:
    """One root with a dockerd on it for the judges, one for strata, both begun as copies of a root with the base images."""

    def __init__(self, folder, addresses):
        self.folder = folder
        self.contexts = folder / "contexts"
        self.fill = {"{context}": "", "{served-sum}": SERVED_SUM, **addresses}
        self.theirs = folder / "theirs"
        self.ours = folder / "ours"
        self.docker = None
        self.buildah_home = None

    def words(self, case, file=None):
        """The arguments that say what to build, for every tool."""
        context = self.contexts / case.group
        file = file or context / f"{case.name}.Dockerfile"
        args = shlex.split(_options(file).get("args", "")) if file.suffix == ".twin" else case.args
        fill = self.fill | {"{context}": str(context)}
        filled = [re.sub("|".join(map(re.escape, fill)), lambda m: fill[m[0]], word) for word in args]
        return ["-f", file, *filled, context]

    def by_docker(self, case, file=None):
        return self._docker(self.words(case, file), {})

    def by_buildkit(self, case):
        return self._docker(self.words(case), {"DOCKER_BUILDKIT": "1"})

    def by_twin(self, case):
        return self.by_docker(case, self.contexts / case.group / f"{case.name}.twin")

    def _docker(self, words, env):
        iid = self.folder / "iid"
        iid.unlink(missing_ok=True)
        network = "host" if env or any("127.0.0.1" in str(w) for w in words) else "none"
        result = run("/usr/bin/docker", "-H", self.docker.socket, "build", "--no-cache", "--network", network, "--iidfile", iid, *words,
                     check=False, env=clean_env(**env))
        return Built(iid.read_text().strip() if result.code == 0 else "", result.code, result.out + result.err)

    def by_strata(self, case, *more):
        iid = self.folder / "our-iid"
        iid.unlink(missing_ok=True)
        network = "host" if any("127.0.0.1" in str(w) for w in self.words(case)) else "none"
        result = strata(self.ours, "build", "--network", network, "--iidfile", iid, *more, *self.words(case), check=False)
        return Built(iid.read_text().strip() if result.code == 0 else "", result.code, result.out + result.err)

    def buildah(self, *words, check=True):
        home = self.buildah_home
        env = {k: v for k, v in clean_env().items() if k != "DOCKER_CONFIG"}  # buildah refuses one that is not there
        return run("buildah", "--root", home / "root", "--runroot", home / "run", "--storage-driver", "vfs", *words, check=check, env=env)

    def by_buildah(self, case):
        """Loads what buildah built into the judges' daemon, so that it is looked at as all others are."""
        if self.buildah_home is None:
            self.buildah_home = new_dir("stb-")
            (self.buildah_home / "base.tar").write_bytes(base_archive())
            self.buildah("pull", "-q", f"docker-archive:{self.buildah_home}/base.tar")
        result = self.buildah("bud", "--isolation", "chroot", "--no-cache", "--format", "docker", "-t", "built:1", *self.words(case), check=False)
        if result.code != 0:
            return Built("", result.code, result.out + result.err)
        archive = self.buildah_home / "built.tar"
        archive.unlink(missing_ok=True)
        self.buildah("push", "-q", "built:1", f"docker-archive:{archive}:built:1")
        self.docker("load", "-q", "-i", archive)
        return Built(self.docker("inspect", "-f", "{{.Id}}", "built:1").out.strip(), 0, "")

    def by_judge(self, case):
        return getattr(self, f"by_{case.judge}")(case)

    def close(self):
        if self.docker:
            self.docker.stop()
        if self.buildah_home:
            remove_tree(self.buildah_home)


@contextlib.contextmanager
def workshop(options=()):
    folder = new_dir("stw-")
    try:
        contexts = make_contexts(folder / "contexts")
        with served(folder / "www", contexts) as addresses:
            shop = Workshop(folder, addresses)
            with dockerd(shop.theirs, options=options) as docker:
                make_base_images(docker)
            copy_tree(shop.theirs, shop.ours)
            shop.docker = Daemon(shop.theirs, options=options).start()
            try:
                yield shop
            finally:
                shop.close()
    finally:
        remove_tree(folder)
