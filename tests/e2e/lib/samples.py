# SPDX-License-Identifier: Apache-2.0
"""The archives and roots in tests/data/fixtures, and how many images each gives."""
import pathlib

from procs import run

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "data" / "fixtures"

# docker 20.10 reads the first group; the second holds OCI archives or zstd, which it cannot load.
DOCKER_ARCHIVES = ["docker-20.10", "docker-28.5-overlay2", "docker-28.5-containerd-store", "docker-28.5-buildkit-image",
                   "skopeo-1.22-docker-archive", "crane-0.20"]
OCI_ARCHIVES = ["skopeo-1.22-oci-archive-zstd", "podman-5.8-oci-archive"]
OCI_FOLDER = "crane-0.20-oci-layout"
ROOTS = ["docker-20.10-root", "docker-28.5-root"]

# The image ID that most agree on. Built anew by docker 20.10 and BuildKit it is another; so it is where skopeo wrote the
# config again for OCI.
OTHER_IDS = ["docker-20.10", "docker-28.5-buildkit-image", "skopeo-1.22-oci-archive-zstd"]
FIXTURE_ID = "sha256:d931ece0f6c9ddd2a178a723e11c5b72067ae200843fd66b4c2ba1d43459a200"


def archive(name, folder):
    """The archive as a plain tar in `folder`."""
    target = pathlib.Path(folder) / f"{name}.tar"
    if not target.exists():
        run("zstd", "-q", "-d", FOLDER / f"{name}.tar.zst", "-o", target)
    return target


def oci_folder(folder):
    run("tar", "-I", "zstd", "-xf", FOLDER / f"{OCI_FOLDER}.tar.zst", "-C", folder)
    return pathlib.Path(folder) / OCI_FOLDER


def data_root(name, folder):
    """The root, unpacked with owners, devices and xattrs."""
    run("tar", "--xattrs", "--xattrs-include=*", "-I", "zstd", "-xf", FOLDER / f"{name}.tar.zst", "-C", folder)
    return pathlib.Path(folder) / "root"
