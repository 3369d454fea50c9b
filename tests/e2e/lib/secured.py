# SPDX-License-Identifier: Apache-2.0
"""docker-registry with TLS, passwords and tokens, and the token server.

    with secured(tls=True, client_ca=True) as server: ...       # server.host, server.certs (a certs.d folder)
    with secured(tls=True, everywhere=True) as server: ...      # not on loopback, where docker trusts everybody
    with secured(users={"joe": "secret"}) as server: ...        # htpasswd
    with token_server({"joe": "secret"}) as auth, secured(tokens=auth) as server: ...
"""
import base64
import contextlib
import http.server
import json
import socket
import subprocess
import threading
import time
import urllib.parse
import warnings

import registries
from procs import clean_env, new_dir, remove_tree, run

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt  # until Python 3.13

SERVICE = "the registry"
ISSUER = "the suite"


def own_address():
    """An address of this machine that is not loopback, so that certificates count. None: there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, contextlib.suppress(OSError):
        s.connect(("192.0.2.1", 9))  # sends nothing: asks for the route only
        return s.getsockname()[0]
    return "127.0.0.1"


class Authority:
    """A CA of its own, which signs for localhost."""

    def __init__(self, home):
        self.home = home
        self.cert = home / "ca.crt"
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=suite CA",
            "-keyout", home / "ca.key", "-out", self.cert)

    def sign(self, name, use="serverAuth"):
        """(certificate, key) of `name`."""
        key, request, cert = (self.home / f"{name}.{end}" for end in ("key", "csr", "cert"))
        run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        extra = self.home / f"{name}.ext"
        extra.write_text(f"subjectAltName=DNS:localhost,IP:127.0.0.1,IP:{own_address()}\nextendedKeyUsage={use}\n")
        run("openssl", "x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.home / "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", extra, "-out", cert)
        return cert, key


class Secured(registries.Registry):
    def __init__(self, tls=False, client_ca=False, users=None, tokens=None, everywhere=False):
        self.address = own_address() if everywhere else "127.0.0.1"
        self.secure_home = new_dir("sec-")
        self.scheme = "https" if tls else "http"
        http = {"addr": None}
        config = {"version": 0.1, "log": {"level": "info", "accesslog": {"disabled": False}},
                  "storage": {"delete": {"enabled": True}}, "http": http}
        if tls:
            self.authority = Authority(self.secure_home)
            cert, key = self.authority.sign("server")
            http["tls"] = {"certificate": str(cert), "key": str(key)}
            if client_ca:
                http["tls"]["clientcas"] = [str(self.authority.cert)]
        if users:
            words = [f"{user}:{crypt.crypt(secret, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))}\n"
                     for user, secret in users.items()]
            (self.secure_home / "htpasswd").write_text("".join(words))
            config["auth"] = {"htpasswd": {"realm": "the suite", "path": str(self.secure_home / "htpasswd")}}
        if tokens:
            config["auth"] = {"token": {"realm": tokens.realm, "service": SERVICE, "issuer": ISSUER,
                                        "rootcertbundle": str(tokens.cert)}}
        self._start(config)
        if tls:
            self._lay_out_certs(client_ca)

    def _lay_out_certs(self, client_ca):
        """certs/HOST:PORT as docker wants it below /etc/docker/certs.d."""
        self.certs = self.secure_home / "certs.d"
        folder = self.certs / self.host
        folder.mkdir(parents=True)
        (folder / "ca.crt").write_bytes(self.authority.cert.read_bytes())
        if client_ca:
            cert, key = self.authority.sign("client", "clientAuth")
            (folder / "client.cert").write_bytes(cert.read_bytes())
            (folder / "client.key").write_bytes(key.read_bytes())

    def _start(self, config):
        self.home = new_dir("str-")
        self.port = registries.free_port()
        self.host = f"{self.address if self.address != '127.0.0.1' else 'localhost'}:{self.port}"
        config["storage"]["filesystem"] = {"rootdirectory": str(self.home / "data")}
        config["http"]["addr"] = f"{self.address}:{self.port}"
        (self.home / "config.yml").write_text(json.dumps(config))  # JSON is YAML
        with open(self.home / "log", "wb") as log:
            self.process = subprocess.Popen([registries.PROGRAM, "serve", self.home / "config.yml"], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, env=clean_env())
        self._wait()

    def _wait(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection((self.address, self.port), 1).close()
                return
            time.sleep(0.05)
        raise AssertionError((self.home / "log").read_text(errors="replace"))

    def close(self):
        super().close()
        remove_tree(self.secure_home)


@contextlib.contextmanager
def secured(**kind):
    server = Secured(**kind)
    try:
        yield server
    finally:
        server.close()


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenServer:
    """Gives tokens to `users`, and to nobody the right to pull from public/…. `asked` has each request's form."""

    def __init__(self, users):
        self.users = users
        self.home = new_dir("tok-")
        self.cert, self.key = self.home / "cert.pem", self.home / "key.pem"
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tokens",
            "-keyout", self.key, "-out", self.cert)
        run("openssl", "x509", "-in", self.cert, "-outform", "DER", "-out", self.home / "cert.der")
        self.asked = []
        self.stale = 0  # so many tokens to come have expired long ago
        self.identity_tokens = {"identity-of-" + user: user for user in users}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                form = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                outer.answer(self, form, outer.user_of(self.headers.get("Authorization", "")))

            def do_POST(self):
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = urllib.parse.parse_qs(text)
                outer.answer(self, form, outer.identity_tokens.get(form.get("refresh_token", [""])[0], False))

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.realm = f"http://127.0.0.1:{self.server.server_port}/token"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def user_of(self, header):
        """The user's name, "" for nobody, False for a wrong password."""
        if not header:
            return ""
        user, _, secret = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
        return user if self.users.get(user) == secret else False

    def answer(self, handler, form, user):
        self.asked.append({"method": handler.command, **form})
        if user is False:
            return self._send(handler, 401, {"details": "incorrect username or password"})
        access = []
        for scope in " ".join(form.get("scope", [])).split():
            kind, name, actions = scope.split(":")
            allowed = actions.split(",") if user else ["pull"] if name.startswith("public/") else []
            access.append({"type": kind, "name": name, "actions": allowed})
        reply = {"token": self.sign(user, access), "expires_in": 300}
        if form.get("offline_token") == ["true"] and user:
            reply["refresh_token"] = "identity-of-" + user
        self._send(handler, 200, reply)

    def sign(self, user, access):
        now = int(time.time())
        end = now - 3600 if self.stale > 0 else now + 300
        self.stale -= 1
        chain = [base64.b64encode((self.home / "cert.der").read_bytes()).decode()]
        header = {"typ": "JWT", "alg": "RS256", "x5c": chain}
        claims = {"iss": ISSUER, "sub": user, "aud": SERVICE, "exp": end, "nbf": now - 7200, "iat": now - 7200,
                  "jti": str(time.monotonic_ns()), "access": access}
        text = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=text.encode(),
                                   capture_output=True, check=True).stdout
        return f"{text}.{_base64url(signature)}"

    @staticmethod
    def _send(handler, status, content):
        body = json.dumps(content).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        remove_tree(self.home)


@contextlib.contextmanager
def token_server(users):
    server = TokenServer(users)
    try:
        yield server
    finally:
        server.close()
