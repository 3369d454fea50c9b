# SPDX-License-Identifier: Apache-2.0
"""Image archives of every age and shape, made from the same images, so that each must load to the same image IDs."""
import bz2
import functools
import gzip
import hashlib
import json
import lzma
import pathlib
import subprocess

from tars import Tar

CREATED = "2020-02-02T02:02:02.123456789Z"
OCI = "application/vnd.oci.image"
ZERO_CONFIG = {"Hostname": "", "Domainname": "", "User": "", "AttachStdin": False, "AttachStdout": False,
               "AttachStderr": False, "Tty": False, "OpenStdin": False, "StdinOnce": False, "Env": None, "Cmd": None,
               "Image": "", "Volumes": None, "WorkingDir": "", "Entrypoint": None, "OnBuild": None, "Labels": None}


def sha(data):
    return hashlib.sha256(data).hexdigest()


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


COMPRESSORS = {"gzip": functools.partial(gzip.compress, mtime=0), "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstd}


class Image:
    """Layers (plain tar bytes, base first), a config made for them, and names."""

    def __init__(self, layers, tags=(), **config):
        self.layers = list(layers)
        self.tags = list(tags)
        self.config = {
            "architecture": "amd64", "config": {"Env": ["PATH=/bin"], "Cmd": ["/bin/sh"], "Labels": {"made": "by test"}},
            "created": CREATED, "history": [{"created": CREATED, "created_by": f"/bin/sh -c step {i}"}
                                            for i in range(len(self.layers))],
            "os": "linux", "rootfs": {"type": "layers", "diff_ids": self.diff_ids}} | config
        self.config = {k: v for k, v in self.config.items() if v is not None}

    @property
    def diff_ids(self):
        return ["sha256:" + sha(layer) for layer in self.layers]

    @property
    def config_bytes(self):
        return compact(self.config)

    @property
    def id(self):
        return "sha256:" + sha(self.config_bytes)


# ---- docker archives -------------------------------------------------------------------------------------------

def outer(members):
    """Packs (name, bytes) or (name, "-> target") pairs; a name with a slash at its end is a folder."""
    tar = Tar()
    for name, data in members:
        if isinstance(data, str):
            tar.symlink(name, data.removeprefix("-> "))
        elif name.endswith("/"):
            tar.dir(name)
        else:
            tar.file(name, data)
    return tar.bytes()


def manifest_json(entries):
    return ("manifest.json", compact(entries) + b"\n")


def entry(image, layer_name, config_name=None):
    """The image's item in manifest.json; `layer_name(i)` says where layer i lies."""
    return {"Config": config_name or f"{image.id[7:]}.json", "RepoTags": image.tags or None,
            "Layers": [layer_name(i) for i in range(len(image.layers))]}


def _v1_name(image, i):
    return sha(f"{image.id} {i}".encode())


def docker_2010(*images, bare=False, manifest="last", layer=lambda data: data, links=False):
    """The layout up to docker 24. `bare` leaves only config, manifest and layer.tar; `links` stores each layer once."""
    members, entries, tags, stored = {}, [], {}, {}
    for image in images:
        for i, data in enumerate(image.layers):
            folder = _v1_name(image, i)
            if not bare:
                parent = {"parent": _v1_name(image, i - 1)} if i else {}
                members[f"{folder}/"] = b""
                members[f"{folder}/VERSION"] = b"1.0"
                members[f"{folder}/json"] = compact({"id": folder, "created": CREATED, "os": "linux"} | parent)
            if links and sha(data) in stored:
                members[f"{folder}/layer.tar"] = f"-> ../{stored[sha(data)]}/layer.tar"
            else:
                stored.setdefault(sha(data), folder)
                members[f"{folder}/layer.tar"] = layer(data)
        members[f"{image.id[7:]}.json"] = image.config_bytes
        entries.append(entry(image, lambda i, image=image: f"{_v1_name(image, i)}/layer.tar"))
        for tag in image.tags:
            name, _, version = tag.rpartition(":")
            tags.setdefault(name, {})[version] = _v1_name(image, len(image.layers) - 1)
    pairs = list(members.items())
    if tags and not bare:
        pairs.append(("repositories", compact(tags) + b"\n"))
    pairs.insert(0 if manifest == "first" else len(pairs), manifest_json(entries))
    return outer(pairs)


def skopeo_like(*images):
    """Layers at the top, v1 folders with symlinks to them, as skopeo and podman write."""
    members, entries = {}, []
    for image in images:
        for i, data in enumerate(image.layers):
            members[f"{sha(data)}.tar"] = data
            members[f"{_v1_name(image, i)}/layer.tar"] = f"-> ../{sha(data)}.tar"
        members[f"{image.id[7:]}.json"] = image.config_bytes
        entries.append(entry(image, lambda i, image=image: f"{sha(image.layers[i])}.tar"))
    return outer([*members.items(), manifest_json(entries)])


def pre_110(*images):
    """Before docker 1.10: no manifest, only `repositories` and a json with `parent` beside each layer."""
    members, tags = {}, {}
    for image in images:
        for i, data in enumerate(image.layers):
            folder = _v1_name(image, i)
            text = {"id": folder, "created": CREATED, "docker_version": "1.9.1", "os": "linux", "architecture": "amd64",
                    "container_config": ZERO_CONFIG | {"Cmd": ["/bin/sh", "-c", f"step {i}"]},
                    "config": ZERO_CONFIG | {"Cmd": ["/bin/sh"]}, "Size": len(data)}
            if i:
                text["parent"] = _v1_name(image, i - 1)
            members |= {f"{folder}/": b"", f"{folder}/VERSION": b"1.0", f"{folder}/json": compact(text),
                        f"{folder}/layer.tar": data}
        for tag in image.tags:
            name, _, version = tag.rpartition(":")
            tags.setdefault(name, {})[version] = _v1_name(image, len(image.layers) - 1)
    return outer([*members.items(), ("repositories", compact(tags))])


# ---- OCI -------------------------------------------------------------------------------------------------------

def _descriptor(kind, data, blobs, **more):
    blobs[sha(data)] = data
    return {"mediaType": kind, "digest": "sha256:" + sha(data), "size": len(data)} | more


def _oci_manifest(image, blobs, codec):
    pack = COMPRESSORS[codec] if codec else bytes
    suffix = f"+{codec}" if codec else ""
    manifest = {"schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json",
                "config": _descriptor(f"{OCI}.config.v1+json", image.config_bytes, blobs),
                "layers": [_descriptor(f"{OCI}.layer.v1.tar{suffix}", pack(d), blobs) for d in image.layers]}
    return compact(manifest)


def oci_files(platforms, name="docker.io/library/multi:1", codec="gzip", nested=True):
    """{path: bytes} of an OCI layout; `platforms` maps "linux/arm64" to an Image."""
    blobs, manifests = {}, []
    for platform, image in platforms.items():
        system, _, machine = platform.partition("/")
        manifests.append(_descriptor(f"{OCI}.manifest.v1+json", _oci_manifest(image, blobs, codec), blobs,
                                     platform={"os": system, "architecture": machine}))
    notes = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rpartition(":")[2]}
    if nested:
        index = compact({"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": manifests})
        top = [_descriptor(f"{OCI}.index.v1+json", index, blobs, annotations=notes)]
    else:
        top = [m | {"annotations": notes} for m in manifests]
    files = {f"blobs/sha256/{digest}": data for digest, data in blobs.items()}
    files["index.json"] = compact({"schemaVersion": 2, "manifests": top})
    files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    return files


def oci_archive(files):
    return outer([("blobs/", b""), ("blobs/sha256/", b""), *files.items()])


def docker_25(*images):
    """The layout of docker 25 and later: an OCI folder with manifest.json and uncompressed layers."""
    blobs, entries, manifests = {}, [], []
    for image in images:
        described = _descriptor(f"{OCI}.manifest.v1+json", _oci_manifest(image, blobs, None), blobs)
        for tag in image.tags or [None]:
            notes = {"io.containerd.image.name": f"docker.io/library/{tag}",
                     "org.opencontainers.image.ref.name": tag.rpartition(":")[2]} if tag else None
            manifests.append(described | ({"annotations": notes} if notes else {}))
        item = entry(image, lambda i, image=image: f"blobs/sha256/{sha(image.layers[i])}", f"blobs/sha256/{image.id[7:]}")
        item["LayerSources"] = {f"sha256:{sha(d)}": {"mediaType": f"{OCI}.layer.v1.tar", "size": len(d),
                                                     "digest": f"sha256:{sha(d)}"} for d in image.layers}
        entries.append(item)
    files = {f"blobs/sha256/{digest}": data for digest, data in blobs.items()}
    return outer([("blobs/", b""), ("blobs/sha256/", b""), *files.items(),
                  ("index.json", compact({"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json",
                                          "manifests": manifests})),
                  manifest_json(entries), ("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')])


def unpack_to(folder, files):
    for name, data in files.items():
        path = pathlib.Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
