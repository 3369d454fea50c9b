# SPDX-License-Identifier: Apache-2.0
"""What the client does with answers that a good registry seldom gives: redirects, waits, proxies, floods; and pushes that fail."""
import http.server
import json
import signal
import subprocess
import threading
import time

import pytest

import archives
import registries
from archives import Image
from engine import binary, needs_strata_itself, strata
from procs import clean_env
from roots import Root, problems
from verbs import load, plain_layer

pytestmark = needs_strata_itself("its own client is under test")


def digest(data):
    return "sha256:" + archives.sha(data)


MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "config": {
    "mediaType": "application/vnd.docker.container.image.v1+json", "size": 2, "digest": digest(b"{}")}, "layers": []}).encode()
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


class Answers(http.server.ThreadingHTTPServer):
    """Each request goes to `answer(handler)`; `asked` has (method, path, headers) of all."""
    daemon_threads = True

    def __init__(self, answer):
        outer = self
        self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                outer.asked.append((self.command, self.path, dict(self.headers)))
                answer(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def log_message(self, *words):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.host = f"localhost:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


def say(handler, status, body=b"", **headers):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


def manifest(handler, body=MANIFEST):
    say(handler, 200, body, Content_Type=MANIFEST_TYPE, Docker_Content_Digest=digest(body))


@pytest.fixture
def env(work):
    return registries.no_configuration(work, DOCKER_CONFIG=str(work), STRATA_RETRY_MS="10", STRATA_STALL_SECONDS="2")


def digest_of(work, host, env, check=True, *words):
    return strata(work, "remote", "digest", f"{host}/x:1", *words, check=check, env=env)


def test_a_mistake_in_the_configuration_leaves_no_new_root(work, env):
    (work / "daemon.json").write_text("nonsense")
    for name in ("STRATA_DAEMON_JSON", "CONTAINERS_REGISTRIES_CONF"):
        failed = strata(work / "new", "pull", "localhost:1/x", env={**env, name: str(work / "daemon.json")}, check=False)
        assert failed.code == 1 and "daemon.json: " in failed.err, failed
        assert not (work / "new").exists()


def test_content_trust_can_only_be_off(work, env):
    for command in ("pull", "push"):
        failed = strata(work / "new", command, "--disable-content-trust=false", "localhost:1/x", env=env, check=False)
        assert failed.code == 125 and "content trust is not supported" in failed.err, failed
        failed = strata(work / "new", command, "--disable-content-trust", "localhost:1/BAD", env=env, check=False)
        assert "repository name must be lowercase" in failed.err, failed


def test_a_push_compresses(work, env):
    for kind in ("none", "lz4", "gzip:13"):
        failed = strata(work / "new", "push", "--compression", kind, "localhost:1/x", env=env, check=False)
        assert failed.err == f'Error: invalid compression "{kind}": expected gzip, gzip:1 to gzip:12, zstd, or zstd:1 to zstd:22\n'


@pytest.mark.parametrize("how", ["unknown", "cut"])
def test_the_blob_that_cannot_be_had_is_named_once(work, env, how):
    config = digest(b"{}")

    def registry(handler):
        if "/blobs/" in handler.path and how == "cut":
            handler.close_connection = True
        elif "/blobs/" in handler.path:
            say(handler, 404, b'{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]}')
        else:
            manifest(handler)

    with Answers(registry) as server:
        for words in (["pull"], ["pull", "--dry-run"], ["remote", "inspect"]):
            failed = strata(work / "root", *words, f"{server.host}/x:1", env=env, check=False)
            assert failed.code == 1 and "image config" in failed.err and failed.err.count(config) == 1, failed


def test_what_is_not_docker_s_json_is_quoted(work, env):
    """docker 20.10's line for such an answer."""
    def fault(handler):
        is_manifest = handler.command == "PUT" and "/manifests/" in handler.path
        if is_manifest:
            handler.rfile.read(int(handler.headers["Content-Length"]))
            say(handler, 413, b"plain \x1b text error\n")
        return is_manifest

    with Answers(PushTarget(fault)) as server:
        pushed_image(work, server.host)
        result = strata(work / "root", "push", f"{server.host}/x:1", check=False, env=env)
        assert result.err == ("Error: error parsing HTTP 413 response body: invalid character 'p' looking for beginning of value: "
                              '"plain \\x1b text error\\n"\n')


def test_a_wait_that_the_server_asks_for_is_told_unless_quiet(work, env):
    def registry(handler):
        limited = "/blobs/" not in handler.path and len(server.asked) % 2
        say(handler, 429, Retry_After="3") if limited else manifest(handler)

    for words in ([], ["-q"]):
        with Answers(registry) as server:
            told = strata(work / "root", "pull", "--dry-run", *words, f"{server.host}/x:1", env=env, check=False).err
            assert (f"{server.host} asks to wait 3 seconds\n" in told) == (not words), told


# --- redirects

def test_credentials_do_not_follow_a_redirect_to_another_server(work, env):
    (work / "config.json").write_text('{"auths": {}}')

    def storage(handler):
        say(handler, 200, b"{}")

    with Answers(storage) as elsewhere:
        def registry(handler):
            if "Authorization" not in handler.headers:
                say(handler, 401, WWW_Authenticate='Basic realm="x"')
            elif "/blobs/" in handler.path:
                say(handler, 307, Location=f"http://{elsewhere.host}/store/blob?signature=1")
            else:
                manifest(handler)

        with Answers(registry) as server:
            (work / "config.json").write_text(json.dumps({"auths": {server.host: {"auth": "am9lOnNlY3JldA=="}}}))
            about = json.loads(strata(work, "remote", "inspect", f"{server.host}/x:1", env=env).out)
            assert about["Config"] == {}
        assert [path for _, path, _ in elsewhere.asked] == ["/store/blob?signature=1"]
        assert "Authorization" not in elsewhere.asked[0][2]


def test_a_redirect_and_back_does_not_get_the_credentials_again(work, env):
    back = []
    with Answers(lambda h: say(h, 302, Location=back[0] + "/again")) as elsewhere:
        def registry(handler):
            if handler.path == "/again":
                manifest(handler)
            elif "Authorization" not in handler.headers:
                say(handler, 401, WWW_Authenticate='Basic realm="x"')
            else:
                say(handler, 302, Location=f"http://{elsewhere.host}/there")

        with Answers(registry) as server:
            back.append(f"http://{server.host}")
            (work / "config.json").write_text(json.dumps({"auths": {server.host: {"auth": "am9lOnNlY3JldA=="}}}))
            assert digest_of(work, server.host, env).code == 0
            last = [headers for _, path, headers in server.asked if path == "/again"][-1]
            assert "Authorization" not in last


def test_redirects_have_an_end(work, env):
    with Answers(lambda h: say(h, 302, Location=h.path + "x")) as server:
        result = digest_of(work, server.host, env, check=False)
        assert result.code == 1 and "more than 10 redirects" in result.err
        assert len(server.asked) <= 4 * 11


# --- waits

def test_retry_after_is_obeyed(work, env):
    begin = []

    def busy_once(handler):
        if not begin:
            begin.append(time.monotonic())
            say(handler, 429, Retry_After="1")
        else:
            begin.append(time.monotonic())
            manifest(handler)

    with Answers(busy_once) as server:
        assert digest_of(work, server.host, env).code == 0
    assert begin[1] - begin[0] >= 0.9


def test_a_wait_that_is_too_long_is_an_error_at_once(work, env):
    body = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}'
    with Answers(lambda h: say(h, 429, body, Retry_After="3600")) as server:
        begin = time.monotonic()
        result = digest_of(work, server.host, env, check=False)
        assert result.err == "Error: toomanyrequests: You have reached your pull rate limit.\n"
        assert time.monotonic() - begin < 10


def test_5xx_is_tried_again_a_few_times(work, env):
    with Answers(lambda h: say(h, 502)) as server:
        result = digest_of(work, server.host, env, check=False)
        assert result.err == "Error: received unexpected HTTP status: 502 Bad Gateway\n"
        assert 2 <= len(server.asked) <= 12


def test_silence_is_an_error_and_an_interrupt_ends_it_sooner(work, env):
    silent = threading.Event()
    with Answers(lambda h: silent.wait(30)) as server:
        result = digest_of(work, server.host, env, check=False)
        assert result.code == 1 and "no byte for 2 seconds" in result.err
        patient = clean_env(**{**env, "STRATA_STALL_SECONDS": "60"})
        process = subprocess.Popen([binary(), "--root", work, "remote", "digest", f"{server.host}/x:1"], env=patient,
                                   stderr=subprocess.DEVNULL)
        time.sleep(0.7)
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) != 0
        assert time.monotonic() - begin < 2
        silent.set()


# --- floods and lies

@pytest.mark.parametrize("flood", ["many headers", "large headers"])
def test_headers_have_a_limit(work, env, flood):
    def answer(handler):
        handler.send_response(200)
        for i in range(5000 if flood == "many headers" else 3):
            handler.send_header(f"X-{i}", "y" if flood == "many headers" else "y" * 60000)
        handler.end_headers()

    with Answers(answer) as server:
        result = digest_of(work, server.host, env, check=False)
        assert result.code == 1 and "the answer has more than 256 headers" in result.err


def test_a_manifest_has_a_limit(work, env):
    with Answers(lambda h: manifest(h, MANIFEST + b" " * (4 << 20))) as server:
        result = strata(work, "manifest", "inspect", f"{server.host}/x:1", check=False, env=env)
        assert result.code == 1 and f"longer than {4 << 20} bytes" in result.err


def test_a_manifest_that_is_not_the_digest(work, env):
    wanted = "sha256:" + "5" * 64
    with Answers(lambda h: say(h, 200, MANIFEST, Content_Type=MANIFEST_TYPE)) as server:
        result = strata(work, "manifest", "inspect", f"{server.host}/x@{wanted}", check=False, env=env)
        assert result.err == f"Error: manifest verification failed for digest {wanted}: found {digest(MANIFEST)}\n"


def test_schema_1_is_refused(work, env):
    old = b'{"schemaVersion": 1, "name": "x", "tag": "1", "fsLayers": []}'
    with Answers(lambda h: say(h, 200, old, Content_Type="application/vnd.docker.distribution.manifest.v1+prettyjws")) as server:
        result = strata(work, "manifest", "inspect", f"{server.host}/x:1", check=False, env=env)
        assert result.code == 1 and "schema 1" in result.err


def test_pages_of_tags_have_an_end(work, env):
    def answer(handler):
        say(handler, 200, b'{"name":"x","tags":["a"]}', Link=f'<{handler.path}>; rel="next"')

    with Answers(answer) as server:
        result = strata(work, "tags", f"{server.host}/x", check=False, env=env)
        assert result.code == 1 and "pages do not end" in result.err


def test_control_characters_of_the_server_are_not_printed(work, env):
    body = json.dumps({"errors": [{"code": "DENIED", "message": "\x1b[2Jgone"}]}).encode()
    with Answers(lambda h: say(h, 403, body)) as server:
        assert "\x1b" not in digest_of(work, server.host, env, check=False).err


# --- proxies

def test_proxies_of_the_environment_are_used_but_not_for_this_machine(work, env):
    with Answers(lambda h: manifest(h)) as proxy:
        through = {**env, "http_proxy": f"http://{proxy.host}"}
        (work / "daemon.json").write_text('{"insecure-registries": ["registry.invalid:80"]}')
        through["STRATA_DAEMON_JSON"] = str(work / "daemon.json")
        assert digest_of(work, "registry.invalid:80", through).code == 0
        assert proxy.asked[0][1].startswith("http://registry.invalid")
        proxy.asked.clear()
        with Answers(lambda h: manifest(h)) as server:
            assert digest_of(work, server.host, through).code == 0
        assert not proxy.asked


# --- pushes that fail

class PushTarget:
    """Keeps what is uploaded; `fault(handler)` answers instead where it returns True."""

    def __init__(self, fault=lambda handler: False):
        self.blobs, self.manifests, self.sessions, self.fault = {}, {}, {}, fault

    def body(self, handler):
        if handler.headers.get("Transfer-Encoding") != "chunked":
            return handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        data = b""
        while size := int(handler.rfile.readline(), 16):
            data += handler.rfile.read(size)
            handler.rfile.readline()
        handler.rfile.readline()
        return data

    def __call__(self, handler):
        path, _, query = handler.path.partition("?")
        if self.fault(handler):
            return
        if handler.command == "POST":
            place = f"/upload/{len(self.sessions)}"
            self.sessions[place] = b""
            say(handler, 202, Location=place)
        elif handler.command == "PATCH":
            self.sessions[path] += self.body(handler)
            say(handler, 202, Location=path + "?state=2")
        elif handler.command == "PUT" and path.startswith("/upload/"):
            data = self.sessions.pop(path, b"") + self.body(handler)
            name = digest(data)
            self.blobs[name] = data
            say(handler, 201 if name.replace(":", "%3A") in query else 400)
        elif handler.command == "PUT":
            self.manifests[path] = self.body(handler)
            say(handler, 201, Docker_Content_Digest=digest(self.manifests[path]))
        elif handler.command in ("GET", "HEAD") and "/blobs/" in path:
            data = self.blobs.get(path.rpartition("/")[2])
            say(handler, 404) if data is None else say(handler, 200, data)
        else:
            say(handler, 404 if handler.command != "DELETE" else 202)


def pushed_image(work, host):
    image = Image([plain_layer("base", b"base" * 30000), plain_layer("top")], [f"{host}/x:1"])
    load(work / "root", archives.docker_2010(image), work=work)
    return image


def fails_once(what):
    """A fault that each kind of request meets once."""
    met = set()

    def fault(handler):
        key = (handler.command, handler.path.split("/")[1])
        if key in met or handler.command == "GET":
            return False
        met.add(key)
        if what == "drop":
            handler.close_connection = True
            handler.connection.close()
        else:
            say(handler, 500)
            handler.close_connection = True
        return True

    return fault


@pytest.mark.parametrize("what", ["drop", "500"])
def test_a_push_survives_faults_that_pass(work, env, what):
    target = PushTarget(fails_once(what))
    with Answers(target) as server:
        image = pushed_image(work, server.host)
        for _ in range(4):
            result = strata(work / "root", "push", f"{server.host}/x:1", check=False, env=env)
            assert problems(work / "root") == []
            if result.code == 0:
                break
        assert result.code == 0, result
        stored = json.loads(target.manifests["/v2/x/manifests/1"])
        assert stored["config"]["digest"] == image.id
        assert {layer["digest"] for layer in stored["layers"]} <= set(target.blobs)


def test_a_registry_that_takes_no_uploads(work, env):
    body = b'{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}'

    def fault(handler):
        if handler.command == "POST":
            say(handler, 403, body)
        return handler.command == "POST"

    with Answers(PushTarget(fault)) as server:
        pushed_image(work, server.host)
        before = Root(work / "root").references()
        result = strata(work / "root", "push", f"{server.host}/x:1", check=False, env=env)
        assert result.code == 1 and "denied: requested access to the resource is denied" in result.err
        assert Root(work / "root").references() == before


def test_a_registry_that_says_another_digest(work, env):
    def fault(handler):
        is_manifest = handler.command == "PUT" and "/manifests/" in handler.path
        if is_manifest:
            handler.rfile.read(int(handler.headers["Content-Length"]))
            say(handler, 201, Docker_Content_Digest="sha256:" + "5" * 64)
        return is_manifest

    with Answers(PushTarget(fault)) as server:
        pushed_image(work, server.host)
        result = strata(work / "root", "push", f"{server.host}/x:1", check=False, env=env)
        assert result.code == 1 and "the registry says that its digest is sha256:555" in result.err
        assert not any("@" in key for key in Root(work / "root").references())
