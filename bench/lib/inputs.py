# SPDX-License-Identifier: Apache-2.0
"""The inputs of the benchmark, and what must be in a store or an archive afterwards."""

import dataclasses
import hashlib
import json
import pathlib
import posixpath
import subprocess
import tarfile

from measure import READ_BYTES, expect

GENERATORS = {  # input -> (script, what it leaves in the cache folder)
    "distro": ("make_distro", "distro.tar"),
    "small-files": ("make_small_files", "small-files.tar"),
    "big-files": ("make_big_files", "big-files.tar"),
    "big-layer": ("make_big_layer", "big-layer.tar"),
    "many-images": ("make_many_images", "many-images"),
    "registry": ("make_registry", "distro-registry"),
    "build": ("make_build", "build-contexts"),
    "container": ("make_container", "container-root"),
}
QUICK_SCALE = 0.05
CONTAINER = "written"  # the container in container-root


def provide(name, folder, quick):
    """Path of the input, which is generated when it is not there yet; quick: a small one."""
    script, result = GENERATORS[name]
    command = [str(pathlib.Path(__file__).resolve().parent.parent / script)]
    if quick:
        folder = folder / "quick"
        command += ["--scale", str(QUICK_SCALE)]
    path = folder / result
    if not path.exists():
        print(f"making {path} ...", flush=True)
        subprocess.run([*command, str(folder)], check=True)
    return path


@dataclasses.dataclass
class StoredLayer:
    """Where a layer's tar lies in the archive file. `digest` is its diffID."""

    offset: int
    size_bytes: int
    digest: str


class Root:
    """A data root that exists already, with so many tagged images in it."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        references = json.loads((self.path / "image/overlay2/repositories.json").read_text())
        self.images = sum(len(tags) for tags in references["Repositories"].values())
        self.size_bytes = 0


class Container(Root):
    """A data root with one container that wrote a lot."""

    def __init__(self, path):
        super().__init__(path)
        mount, = (self.path / "image/overlay2/layerdb/mounts").iterdir()
        self.upper = self.path / "overlay2" / (mount / "mount-id").read_text() / "diff"
        self.file_bytes = sum(f.stat().st_size for f in self.upper.rglob("*") if f.is_file())
        self.size_bytes = self.file_bytes


class Pushed:
    """The storage of a registry that holds `distro`, and the archive that the image came from."""

    def __init__(self, path):
        self.storage = pathlib.Path(path) / "storage"
        manifest = json.loads((pathlib.Path(path) / "manifest.json").read_text())
        self.image_id = manifest["config"]["digest"]
        self.layers = [layer["digest"] for layer in manifest["layers"]]
        self.blob_bytes = sum(layer["size"] for layer in manifest["layers"])
        self.archive = Archive(pathlib.Path(path).parent / "distro.tar")
        self.path, self.size_bytes = self.archive.path, self.archive.size_bytes


class Archive:
    """A docker archive with one image and uncompressed layers, in either layout."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.size_bytes = self.path.stat().st_size
        with tarfile.open(self.path) as tar:
            item = json.load(tar.extractfile("manifest.json"))[0]
            config = tar.extractfile(item["Config"]).read()
            members = [resolve(tar, name) for name in item["Layers"]]
        self.tag = item["RepoTags"][0]
        self.image_id = "sha256:" + hashlib.sha256(config).hexdigest()
        diff_ids = json.loads(config)["rootfs"]["diff_ids"]
        expect(f"{path}: number of layers", len(members), len(diff_ids))
        self.layers = [StoredLayer(member.offset_data, member.size, diff_id)
                       for member, diff_id in zip(members, diff_ids)]

    def entry_counts(self):
        """Number of tar members of each layer, base first."""
        counts = []
        for layer in self.layers:
            with open(self.path, "rb") as file:
                file.seek(layer.offset)
                with tarfile.open(fileobj=file, mode="r|") as tar:
                    counts.append(sum(1 for _ in tar))
        return counts

    def verify_layers(self):
        """Hashes every layer's bytes and compares with the config's diff_ids."""
        with open(self.path, "rb") as file:
            for number, layer in enumerate(self.layers):
                found = digest_at(file, layer)
                expect(f"{self.path}: diffID of layer {number}", found, layer.digest)


def resolve(tar, name):
    """The member with the bytes: some layouts hold a layer as a symlink to another."""
    member = tar.getmember(name)
    if member.issym():
        target = posixpath.join(posixpath.dirname(name), member.linkname)
        return tar.getmember(posixpath.normpath(target))
    return member


def digest_at(file, layer):
    file.seek(layer.offset)
    digest, left = hashlib.sha256(), layer.size_bytes
    while left > 0:
        piece = file.read(min(left, READ_BYTES))
        if not piece:
            return "end of file inside the layer"
        digest.update(piece)
        left -= len(piece)
    return f"sha256:{digest.hexdigest()}"
