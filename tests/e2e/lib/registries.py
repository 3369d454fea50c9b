# SPDX-License-Identifier: Apache-2.0
"""The real docker-registry (CNCF Distribution) in a folder of its own, and what it was asked.

    with registry() as server:
        skopeo_copy(archive, f"docker://{server.host}/x:1", "--dest-tls-verify=false")
        server.requests()       # [Request(method, path, status, bytes, agent)], in the order of their ends
"""
import contextlib
import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from typing import NamedTuple

import archives
from procs import ProgramFailed, clean_env, new_dir, remove_tree

PROGRAM = "/usr/bin/docker-registry"
LINE = re.compile(r'\] "(?P<method>[A-Z]+) (?P<path>\S+) HTTP/1.1" (?P<status>\d+) (?P<bytes>\d+) "[^"]*" "(?P<agent>[^"]*)"')
CONFIG = """version: 0.1
log: {{level: info, accesslog: {{disabled: false}}}}
storage: {{filesystem: {{rootdirectory: {folder}}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


def cannot_run():
    """Why no registry can run here, or None."""
    return None if os.access(PROGRAM, os.X_OK) else f"{PROGRAM} is not installed (Debian: docker-registry)"


def no_configuration(work, **more):
    """The environment of a user who has configured nothing, with short waits before a request is sent again."""
    return {"DOCKER_CONFIG": str(work / "nobody"), "STRATA_RETRY_MS": "50", "CONTAINERS_REGISTRIES_CONF": str(work / "none"),
            "STRATA_DAEMON_JSON": str(work / "none"), **more}


class Request(NamedTuple):
    method: str
    path: str
    status: int
    bytes: int
    agent: str


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Registry:
    def __init__(self):
        self.home = new_dir("str-")
        self.port = free_port()
        self.host = f"localhost:{self.port}"
        (self.home / "config.yml").write_text(CONFIG.format(folder=self.home / "data", port=self.port))
        with open(self.home / "log", "wb") as log:
            self.process = subprocess.Popen([PROGRAM, "serve", self.home / "config.yml"], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, env=clean_env())
        self._wait()

    def _wait(self):
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v2/", timeout=5).close()
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                text = (self.home / "log").read_text(errors="replace")
                self.close()
                raise ProgramFailed(f"docker-registry did not come up:\n{text}")
            time.sleep(0.05)

    def requests(self, path_part=""):
        found = []
        for line in (self.home / "log").read_text(errors="replace").splitlines():
            match = LINE.search(line)
            if match and path_part in match["path"]:
                found.append(Request(match["method"], match["path"], int(match["status"]), int(match["bytes"]), match["agent"]))
        return found

    def forget_requests(self):
        time.sleep(0.1)  # the log is written behind the answer
        os.truncate(self.home / "log", 0)

    def fetched_bytes(self):
        """Of blobs, by their GETs."""
        time.sleep(0.1)
        return sum(r.bytes for r in self.requests("/blobs/sha256:") if r.method == "GET" and r.status in (200, 206))

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        remove_tree(self.home)


@contextlib.contextmanager
def registry():
    server = Registry()
    try:
        yield server
    finally:
        server.close()


def push_bytes(server, repository, files, reference):
    """Puts blobs and a manifest by hand; `files` maps digest to bytes, the last is the manifest."""
    base = f"http://127.0.0.1:{server.port}/v2/{repository}"
    for digest, data in files.items():
        start = urllib.request.urlopen(urllib.request.Request(f"{base}/blobs/uploads/", method="POST"))
        where = start.headers["Location"]
        urllib.request.urlopen(urllib.request.Request(f"{where}{'&' if '?' in where else '?'}digest=sha256:{digest}", data=data, method="PUT",
                                                      headers={"Content-Type": "application/octet-stream"})).close()
    manifest, kind = reference[1:]
    urllib.request.urlopen(urllib.request.Request(f"{base}/manifests/{reference[0]}", data=manifest, method="PUT",
                                                  headers={"Content-Type": kind})).close()


def put_index(server, repository, platforms, tag):
    """An index of several platforms, from the files of an OCI layout."""
    files = archives.oci_files(platforms)
    top = json.loads(files["index.json"])["manifests"][0]
    index = files[f"blobs/sha256/{top['digest'][7:]}"]
    blobs = {n.rpartition("/")[2]: d for n, d in files.items() if n.startswith("blobs/")}
    for entry in json.loads(index)["manifests"]:
        manifest = blobs.pop(entry["digest"][7:])
        push_bytes(server, repository, blobs, (entry["digest"], manifest, entry["mediaType"]))
    push_bytes(server, repository, {}, (tag, index, top["mediaType"]))
    return top["digest"]


def put_nested(server, repository, image, tag, depth=2):
    """An index in an index (in an index…) that holds the image; gives the digest of the outermost."""
    kind = f"{archives.OCI}.index.v1+json"
    digest = put_index(server, repository, {"linux/amd64": image}, "inner")
    for _ in range(depth - 1):
        index = {"schemaVersion": 2, "mediaType": kind, "manifests": [{"mediaType": kind, "digest": digest, "size": 0}]}
        push_bytes(server, repository, {}, (tag, archives.compact(index), kind))
        digest = "sha256:" + archives.sha(archives.compact(index))
    return digest
