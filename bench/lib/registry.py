# SPDX-License-Identifier: Apache-2.0
"""A docker-registry of our own on a loopback port, over a storage folder, and what lies in it."""

import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

REPOSITORY = "bench/distro"
TAG = "1"
ACCEPT = ("application/vnd.docker.distribution.manifest.v2+json, "
          "application/vnd.oci.image.manifest.v1+json")


def available():
    return shutil.which("docker-registry") is not None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Registry:
    """Use as a context manager: it answers when the block is entered, and has ended when it is left."""

    def __init__(self, storage, start_limit_s=30):
        self.storage, self.start_limit_s = pathlib.Path(storage), start_limit_s
        self.host = f"localhost:{free_port()}"
        self._process = None

    def __enter__(self):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="strata-registry-"))
        port = self.host.rpartition(":")[2]
        config = self._folder / "config.yml"
        config.write_text(
            "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {self.storage}}}, delete: {{enabled: true}}}}\n"
            f"http: {{addr: 127.0.0.1:{port}}}\n")
        with open(self._folder / "log", "wb") as log:
            self._process = subprocess.Popen(["docker-registry", "serve", config],
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + self.start_limit_s
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://{self.host}/v2/", timeout=5):
                    return self
            except (OSError, urllib.error.URLError):
                time.sleep(0.05)
        log = (self._folder / "log").read_text(errors="replace")
        self.__exit__()
        raise RuntimeError(f"docker-registry did not start:\n{log[-2000:]}")

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(timeout=30)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def name(self):
        """The image, as docker pull and docker push want it."""
        return f"{self.host}/{REPOSITORY}:{TAG}"

    def manifest(self):
        request = urllib.request.Request(f"http://{self.host}/v2/{REPOSITORY}/manifests/{TAG}",
                                         headers={"Accept": ACCEPT})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def blob_path(storage, digest):
    algorithm, _, value = digest.partition(":")
    return (pathlib.Path(storage) / "docker/registry/v2/blobs" / algorithm / value[:2] / value
            / "data")
