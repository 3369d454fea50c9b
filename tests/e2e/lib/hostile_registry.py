# SPDX-License-Identifier: Apache-2.0
"""A registry of the suite's own that serves images from memory and does wrong whatever can be done wrong.

    with HostileRegistry(images, mood) as server:
        strata(root, "pull", f"{server.host}/x:1")

`mood(request)` says for each request what goes wrong with it: the name of one of FAULTS, or None. `server.served` counts
the bytes of blobs that went out, `server.met` the faults by name.
"""
import collections
import http.server
import socket
import threading

import archives

MANIFEST = f"{archives.OCI}.manifest.v1+json"
STALL_SECONDS = 6  # longer than strata waits in these tests

FAULTS = ("drop before", "drop inside", "stall before", "stall inside", "short", "long", "corrupt", "other size", "other digest",
          "no ranges", "wrong range", "other etag", "circle", "redirect to nowhere", "garbage", "garbage json", "not found", "401", "401 bearer",
          "403", "429", "500", "502", "503", "empty", "huge header", "not http")
# After which a pull can still come to a good end, if the next request goes well.
HARMLESS = ("drop before", "drop inside", "no ranges", "429", "500", "502", "503", "other etag")


class Served:
    """Blobs and manifests of some images, by path."""

    def __init__(self, images, pack="gzip"):
        self.blobs, self.manifests, self.elsewhere = {}, {}, {}
        self.kind = MANIFEST  # what manifests are said to be
        compress = archives.COMPRESSORS[pack] if pack else bytes
        for name, image in images.items():
            repository, _, tag = name.rpartition(":")
            layers = [self._blob(compress(layer), f"{archives.OCI}.layer.v1.tar" + (f"+{pack}" if pack else "")) for layer in image.layers]
            manifest = archives.compact({"schemaVersion": 2, "mediaType": MANIFEST,
                                         "config": self._blob(image.config_bytes, f"{archives.OCI}.config.v1+json"), "layers": layers})
            for reference in (tag, "sha256:" + archives.sha(manifest)):
                self.manifests[f"/v2/{repository}/manifests/{reference}"] = manifest

    def _blob(self, data, kind):
        digest = "sha256:" + archives.sha(data)
        self.blobs[digest] = data
        return {"mediaType": kind, "digest": digest, "size": len(data)}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry = None

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        if self.path in ("/v2/", "/v2"):
            return self.answer(200, b"{}", "application/json")
        fault = self.registry.mood(self)
        self.registry.met[fault] += 1
        data, kind = self.content()
        if data is None:
            return self.answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}', "application/json")
        if fault in (None, "no ranges", "other etag", "wrong range", "drop inside", "stall inside", "short", "long", "corrupt", "other size",
                     "other digest"):
            return self.send_content(data, kind, fault)
        return self.refuse(fault)

    def content(self):
        served = self.registry.served_files
        if "/blobs/" in self.path:
            return served.blobs.get(self.path.rpartition("/")[2]), "application/octet-stream"
        if self.path.startswith("/elsewhere/"):  # where `urls` of a descriptor point to
            return served.elsewhere.get(self.path.rpartition("/")[2]), "application/octet-stream"
        return served.manifests.get(self.path), served.kind

    # ---- answers without content --------------------------------------------------------------------------------

    def refuse(self, fault):
        simple = {"not found": 404, "403": 403, "500": 500, "502": 502, "503": 503}
        if fault in simple:
            return self.answer(simple[fault], b'{"errors":[{"code":"UNKNOWN","message":"not today"}]}', "application/json")
        if fault == "429":
            return self.answer(429, b'{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}', "application/json", {"Retry-After": "0"})
        if fault == "401":
            return self.answer(401, b"", "text/plain", {"WWW-Authenticate": 'Basic realm="nobody"'})
        if fault == "401 bearer":
            return self.answer(401, b"", "text/plain", {"WWW-Authenticate": f'Bearer realm="http://{self.registry.host}/token",service="s"'})
        if fault == "circle":
            return self.answer(307, b"", "text/plain", {"Location": self.path})
        if fault == "redirect to nowhere":
            return self.answer(307, b"", "text/plain", {"Location": "http://127.0.0.1:1/nothing"})
        if fault == "garbage":
            return self.answer(200, bytes(range(256)) * 7, "application/octet-stream")
        if fault == "garbage json":
            return self.answer(200, b'{"schemaVersion":2,"layers":[{"digest":7}],"config":[]}', MANIFEST)
        if fault == "empty":
            return self.answer(200, b"", MANIFEST)
        if fault == "huge header":
            return self.answer(200, b"x", "text/plain", {"X-Huge": "x" * 2_000_000})
        if fault == "not http":
            self.wfile.write(b"\x00\x01 what is this\r\n\r\n")
        if fault == "stall before":
            self.registry.stalls.wait(STALL_SECONDS)
        self.hang_up()  # "drop before", and after the others

    def answer(self, status, body, kind, more=None):
        self.send_response(status)
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | (more or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def hang_up(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    # ---- content, right or wrong --------------------------------------------------------------------------------

    def send_content(self, data, kind, fault):
        digest, etag = "sha256:" + archives.sha(data), '"one"'
        if fault == "other etag":
            etag = f'"{self.registry.rng.randrange(1 << 30)}"'
        if fault == "other digest":
            digest = "sha256:" + archives.sha(b"something else")
        if fault == "other size":
            data = data + b"more" if self.registry.rng.random() < 0.5 else data[:-1]
        begin, end = self.wanted_range(len(data), etag, fault)
        headers = {"Docker-Content-Digest": digest, "ETag": etag}
        if begin is None:
            begin, end, status = 0, len(data), 200
        else:
            status, shift = 206, 1 if fault == "wrong range" else 0
            total = len(data) // 2 if fault == "short" else len(data)
            headers["Content-Range"] = f"bytes {begin + shift}-{end - 1 + shift}/{total}"
        if fault != "no ranges":
            headers["Accept-Ranges"] = "bytes"
        self.send_body(status, data[begin:end], kind, headers, fault)

    def wanted_range(self, size, etag, fault):
        text = self.headers.get("Range", "")
        if not text.startswith("bytes=") or fault == "no ranges" or self.headers.get("If-Range", etag) != etag:
            return None, None
        first, _, last = text[6:].partition("-")
        begin, end = int(first), min(size, int(last) + 1 if last else size)
        return (begin, end) if begin < end else (None, None)

    def send_body(self, status, body, kind, headers, fault):
        said = len(body)
        if fault == "corrupt" and body:
            at = self.registry.rng.randrange(len(body))
            body = body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]
        if fault == "short":
            body = body[:len(body) // 2]
            said = len(body)
        if fault == "long":
            body += b"and more" * 100
            said = len(body)
        self.send_response(status)
        for name, value in ({"Content-Type": kind, "Content-Length": str(said)} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        part = len(body) if fault not in ("drop inside", "stall inside") else self.registry.rng.randrange(len(body) + 1)
        self.registry.served += part
        self.wfile.write(body[:part])
        if fault == "stall inside" and part < len(body):
            self.registry.stalls.wait(STALL_SECONDS)
        if part < len(body):
            self.hang_up()

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # whoever asked has left


class HostileRegistry:
    def __init__(self, images, mood, rng, pack="gzip"):
        self.served_files = Served(images, pack)
        self.mood, self.rng = mood, rng
        self.served, self.met = 0, collections.Counter()
        self.stalls = threading.Event()  # set: nobody stalls any more
        handler = type("Handler", (Handler,), {"registry": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stalls.set()
        self.server.shutdown()
        self.server.server_close()
