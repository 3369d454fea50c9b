# SPDX-License-Identifier: Apache-2.0
"""The programs that are compared, each on a store of its own below the scratch folder.

A peer is a context manager around one fresh store. Its actions (load, load-again, save, ...) return
a Sample, and each checks its own result before it returns.
"""

import contextlib
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

from builds import Builds
from inputs import CONTAINER, Archive, Root
from measure import Failed, expect, output_of, timed
from private_dockerd import PrivateDockerd, available
from registry import Registry, blob_path

KEEP_FREE_BYTES = 20 << 30
BUILT_STRATA = pathlib.Path(__file__).resolve().parents[2] / "build/strata"


def remove_store(path):
    """Removes a store, and whatever is still mounted below it."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        mounts = [line.split()[4] for line in table]
    for mount in sorted((m for m in mounts if m.startswith(f"{path}/")), reverse=True):
        subprocess.run(["umount", "-l", mount], check=False)
    subprocess.run(["rm", "-rf", "--one-file-system", str(path)], check=True)


class Peer:
    """What all have in common: a folder that is made on entry and removed at the end."""

    name = ""
    slow = False  # slow ones run in fewer rounds
    keep_old_stores = False  # set aside until the end, not removed in between

    def __init__(self, scratch, subject):
        self.folder = scratch / self.name.replace(" ", "-")
        self.subject = subject  # inputs.Archive, or inputs.Root
        self.out = self.folder / "out.tar"

    def __enter__(self):
        remove_store(self.folder)
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, *_):
        # ext4 looks past every inode that was freed in the last minutes when it makes a new one:
        # whoever comes after a removal would pay for it.
        if self.keep_old_stores and shutil.disk_usage(self.folder).free > KEEP_FREE_BYTES:
            aside = tempfile.mkdtemp(prefix="old-", dir=self.folder.parent)
            os.rename(self.folder, pathlib.Path(aside) / "store")
        else:
            remove_store(self.folder)

    @classmethod
    def missing(cls):
        """Why this peer cannot run here; None when it can."""
        return None

    @classmethod
    def can(cls, action):
        return hasattr(cls, action.replace("-", "_"))

    def run(self, action):
        return getattr(self, action.replace("-", "_"))()


class Engine(Peer):
    """A program with a store: `command` is its argument vector, `image_ids` what it holds."""

    env = None

    def command(self, *words):
        raise NotImplementedError

    def image_ids(self):
        answer = output_of(self.command("images", "-q", "--no-trunc"), self.env).split()
        return [line if line.startswith("sha256:") else f"sha256:{line}" for line in answer]

    def load(self):
        return self.checked_load(
            timed(self.command("load", "-q", "-i", self.subject.path), env=self.env))

    def load_again(self):
        return self.load()

    def checked_load(self, sample):
        found = self.image_ids()
        if self.subject.image_id not in found:
            raise Failed(f"{self.name}: after load the store holds {found}, "
                         f"not {self.subject.image_id}")
        return sample

    pull_words = ("pull", "-q")
    push_words = ("push", "-q")

    def pull(self):
        with Registry(self.subject.storage) as registry:
            return self.checked_load(
                timed(self.command(*self.pull_words, registry.name), env=self.env))

    def pull_again(self):
        # Under another port it is another name: the first of these is not measured.
        with Registry(self.subject.storage) as registry:
            output_of(self.command(*self.pull_words, registry.name), env=self.env)
            return timed(self.command(*self.pull_words, registry.name), env=self.env)

    def push(self):
        return self._push(*self.push_words)

    def _push(self, *words):
        """To an empty registry, of an image that came from an archive."""
        archive = self.subject.archive
        if archive.image_id not in self.image_ids():
            output_of(self.command("load", "-q", "-i", archive.path), env=self.env)
        with Registry(self.folder / f"pushed-{'-'.join(words)}") as registry:
            output_of(self.command("tag", archive.image_id, registry.name), env=self.env)
            sample = timed(self.command(*words, registry.name), env=self.env)
            manifest = registry.manifest()
        expect(f"{self.name}: layers pushed", len(manifest["layers"]), len(archive.layers))
        sample.blob_bytes = sum(layer["size"] for layer in manifest["layers"])
        return sample

    def save(self):
        return self.checked_save(
            timed(self.command("save", "-o", self.out, self.subject.tag), env=self.env))

    def checked_save(self, sample):
        """Verifies the archive that was just saved, every layer of it, and removes it."""
        saved = Archive(self.out)
        expect(f"{self.name}: saved image ID", saved.image_id, self.subject.image_id)
        saved.verify_layers()
        self.out.unlink()
        return sample


class DataRootEngine(Engine):
    """An engine on docker's data root: it can also be given one that exists."""

    def __enter__(self):
        super().__enter__()
        if isinstance(self.subject, Root):
            subprocess.run(["cp", "-a", self.subject.path, self.folder / "root"], check=True)
        return self

    def images(self):
        sample = timed(self.command("images"))
        rows = len(sample.output.splitlines()) - 1  # without the heading
        expect(f"{self.name}: rows of images", rows, self.subject.images)
        return sample

    def commit(self):
        sample = timed(self.command("commit", CONTAINER, "committed:1"))
        size = output_of(self.command("inspect", "-f", "{{.Size}}", "committed:1"))
        expect(f"{self.name}: bytes of the committed image", int(size), self.subject.file_bytes)
        return sample


class Strata(Builds, DataRootEngine):
    name = "strata"
    program = BUILT_STRATA

    @classmethod
    def missing(cls):
        return None if os.access(cls.program, os.X_OK) else f"{cls.program} is not built"

    def command(self, *words):
        return [self.program, "--root", self.folder / "root", *words]

    def images_first(self):
        (self.folder / "root/strata/summaries").unlink(missing_ok=True)
        return super().images()

    def images(self):
        output_of(self.command("images", "-q"))
        return super().images()

    def check(self):
        return self._check("check")

    def check_content(self):
        return self._check("check", "--content")

    def _check(self, *words):
        sample = timed(self.command(*words))
        expect(f"{self.name}: finds nothing", "nothing is wrong" in sample.output, True)
        return sample

    def save(self):
        return self._save("docker-legacy")

    def save_default(self):
        return self._save("docker")

    def push_zstd(self):
        return self._push("push", "-q", "--compression", "zstd")

    def _save(self, layout):
        return self.checked_save(
            timed(self.command("save", "--format", layout, "-o", self.out, self.subject.tag)))


class Docker(Builds, DataRootEngine):
    """docker 20.10: the client's time against a private daemon that runs already."""

    name = "docker"
    slow = True

    @classmethod
    def missing(cls):
        return None if available() else "docker.io is not installed, or we are not root"

    def __enter__(self):
        super().__enter__()
        self.env = {**os.environ, "DOCKER_BUILDKIT": "0"}  # the classic builder
        self._daemon = PrivateDockerd(self.folder / "root")
        self._daemon.__enter__()
        return self

    def __exit__(self, *_):
        self._daemon.stop()
        super().__exit__()

    def command(self, *words):
        return self._daemon.command(*words)


class BuildKit(Docker):
    """The other builder of docker 20.10, in the same daemon; it only builds."""

    name = "buildkit"

    @classmethod
    def can(cls, action):
        return action.startswith("build")

    def __enter__(self):
        super().__enter__()
        self.env["DOCKER_BUILDKIT"] = "1"
        return self


class ContainersStorage(Engine):
    """podman and skopeo: their temporary files are on the store's file system, as docker's are."""

    slow = True

    def __enter__(self):
        super().__enter__()
        (self.folder / "tmp").mkdir()
        self.env = {**os.environ, "TMPDIR": str(self.folder / "tmp")}
        # Locks and states only; podman takes no path of more than 50 characters for them.
        self.run_folder = pathlib.Path(tempfile.mkdtemp(prefix="strata-run-", dir="/tmp"))
        return self

    def __exit__(self, *_):
        super().__exit__()
        remove_store(self.run_folder)


class Buildah(Builds, ContainersStorage):
    """buildah; it only builds."""

    name = "buildah"
    # runc, as docker: crun refuses the two kinds of cgroups side by side that some machines have.
    build_words = ("build", "--network", "host", "-q", "--layers", "--runtime", "runc")

    @classmethod
    def can(cls, action):
        return action.startswith("build")

    @classmethod
    def missing(cls):
        return None if shutil.which("buildah") else "buildah is not installed"

    def command(self, *words):
        return ["buildah", "--root", self.folder / "root", "--runroot", self.run_folder / "run",
                "--storage-driver", "overlay", *words]

    def _inspect(self, template):
        # Its own template language, and no size.
        return {"{{.Size}}": str(self.subject.file_bytes)}.get(template) or output_of(
            self.command("inspect", "--type", "image", "--format", "{{len .OCIv1.Config.Env}}",
                         "t:1"), self.env).strip()


class Podman(Builds, ContainersStorage):
    name = "podman"

    @classmethod
    def missing(cls):
        return None if shutil.which("podman") else "podman is not installed"

    def command(self, *words):
        return ["podman", "--root", self.folder / "root", "--runroot", self.run_folder / "run",
                "--tmpdir", self.run_folder / "libpod", "--storage-driver", "overlay", *words]

    build_words = Buildah.build_words
    pull_words = ("pull", "-q", "--tls-verify=false")
    push_words = ("push", "-q", "--tls-verify=false")


class Skopeo(ContainersStorage):
    """skopeo between a docker archive and containers-storage."""

    name = "skopeo"

    @classmethod
    def can(cls, action):
        return action in ("load", "load-again", "save")

    @classmethod
    def missing(cls):
        return None if shutil.which("skopeo") else "skopeo is not installed"

    def command(self, *words):
        return ["skopeo", "--insecure-policy", *words]

    def load(self):
        return self.checked_load(timed(
            self.command("copy", "-q", f"docker-archive:{self.subject.path}", self._image()),
            env=self.env))

    def image_ids(self):
        config = output_of(self.command("inspect", "--config", "--raw", self._image()), self.env)
        return ["sha256:" + hashlib.sha256(config.encode()).hexdigest()]

    def save(self):
        target = f"docker-archive:{self.out}:{self.subject.tag}"
        return self.checked_save(
            timed(self.command("copy", "-q", self._image(), target), env=self.env))

    def _image(self):
        return (f"containers-storage:[overlay@{self.folder}/root+{self.run_folder}/run]"
                f"docker.io/library/{self.subject.tag}")


class TarExtract(Peer):
    """The physical limit of load: GNU tar, one process a layer, reading the archive in place."""

    name = "tar -x"

    def load(self):
        with contextlib.ExitStack() as open_files:
            files, commands = [], []
            for number, layer in enumerate(self.subject.layers):
                target = self.folder / str(number)
                target.mkdir()
                file = open(self.subject.path, "rb", buffering=0)
                files.append(open_files.enter_context(file))
                files[-1].seek(layer.offset)
                commands.append(["tar", "--numeric-owner", "-xpf", "-", "-C", target])
            return timed(*commands, stdin=files)


class UnpackBlobs(Peer):
    """The physical limit of pull: igzip and GNU tar, one pair a layer, reading the blobs in place."""

    name = "igzip+tar"

    @classmethod
    def missing(cls):
        return None if shutil.which("igzip") else "isal is not installed"

    def pull(self):
        commands = []
        for number, digest in enumerate(self.subject.layers):
            target = self.folder / str(number)
            target.mkdir()
            blob = blob_path(self.subject.storage, digest)
            commands.append(["sh", "-c", f"igzip -dc '{blob}' | tar --numeric-owner -xpf - -C '{target}'"])
        return timed(*commands)


class Copy(Peer):
    """The physical limit of save: cp of the archive; of COPY and commit: cp -a of the files."""

    name = "cp"

    def build_copy(self):
        return timed(["cp", "-a", self.subject.large / "files", self.folder / "files"])

    def save(self):
        sample = timed(["cp", self.subject.path, self.out])
        expect("cp: size", self.out.stat().st_size, self.subject.size_bytes)
        self.out.unlink()
        return sample

    def commit(self):
        return timed(["cp", "-a", self.subject.upper, self.folder / "copy"])


class Sha256(Peer):
    """SHA-256 of the archive's bytes, or of a tar of the container's files, on one core."""

    name = "sha256"

    def load(self):
        return timed(["openssl", "dgst", "-sha256", self.subject.path])

    save = load
    check_content = load

    def commit(self):
        return timed(["sh", "-c", f"tar -C '{self.subject.upper}' -cf - . | openssl dgst -sha256"])


PEERS = (Strata, Docker, BuildKit, Podman, Buildah, Skopeo, TarExtract, UnpackBlobs, Copy, Sha256)
