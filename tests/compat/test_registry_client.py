# SPDX-License-Identifier: Apache-2.0
"""The registry client against the real docker-registry: TLS, client certificates, passwords, tokens, mirrors, helpers."""
import base64
import http.server
import json
import os
import pty
import re
import signal
import stat
import subprocess
import threading
import time

import pytest

import archives
import registries
from engine import binary, needs_strata_itself, strata
from hostile_registry import HostileRegistry
from images import runnable
from peers import dockerd, skopeo_copy
from procs import clean_env, run
from secured import own_address, secured, token_server
from verbs import load

pytestmark = [needs_strata_itself("docker 20.10 has none of the commands"),
              pytest.mark.skipif(registries.cannot_run() is not None, reason=str(registries.cannot_run()))]

LIST_TYPE = "application/vnd.docker.distribution.manifest.list.v2+json"
USERS = {"joe": "s3cret:with colon", "ann": "pässword"}


@pytest.fixture(scope="module")
def plain():
    with secured() as server:
        yield server


@pytest.fixture
def archive(work):
    file = work / "image.tar"
    file.write_bytes(archives.docker_2010(runnable("some:1")))
    return file


@pytest.fixture
def home(work):
    """The environment of a user without any configuration."""
    (work / "home").mkdir()
    return registries.no_configuration(
        work, HOME=str(work / "home"), DOCKER_CONFIG=str(work / "home/.docker"), STRATA_DAEMON_JSON=str(work / "daemon.json"),
        CONTAINERS_REGISTRIES_CONF=str(work / "registries.conf"), STRATA_CERTS_D=str(work / "certs.d"), XDG_RUNTIME_DIR=str(work / "run"))


def upload(archive, server, name, *options):
    skopeo_copy(f"docker-archive:{archive}", f"docker://{server.host}/{name}", "--dest-tls-verify=false", *options)


def skopeo_digest(server, name, *options):
    return run("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", *options,
               f"docker://{server.host}/{name}").out.strip()


def config_file(home):
    return os.path.join(home["DOCKER_CONFIG"], "config.json")


# --- what is there

def test_digests_and_tags_are_those_that_skopeo_sees(plain, archive, home, work):
    for tag in ("1", "2", "latest"):
        upload(archive, plain, f"look/at:{tag}")
    assert strata(work, "tags", f"{plain.host}/look/at", env=home).lines == ["1", "2", "latest"]
    digest = strata(work, "remote", "digest", f"{plain.host}/look/at:2", env=home).out.strip()
    assert digest == skopeo_digest(plain, "look/at:2")
    about = json.loads(strata(work, "remote", "inspect", f"{plain.host}/look/at", env=home).out)
    raw = run("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{plain.host}/look/at").out
    assert about["Digest"] == digest
    assert [layer["Digest"] for layer in about["Layers"]] == [layer["digest"] for layer in json.loads(raw)["layers"]]
    assert about["Config"]["config"]["Cmd"] == ["/bin/echo", "runs"]


def test_more_tags_than_one_page(plain, archive, home, work):
    upload(archive, plain, "many/tags:t0000")
    folder = plain.home / "data/docker/registry/v2/repositories/many/tags/_manifests/tags"
    first = (folder / "t0000/current/link").read_text()
    for i in range(1, 2345):
        (folder / f"t{i:04}/current").mkdir(parents=True)
        (folder / f"t{i:04}/current/link").write_text(first)
    tags = strata(work, "tags", f"{plain.host}/many/tags", env=home).lines
    assert sorted(tags) == [f"t{i:04}" for i in range(2345)]


def test_manifest_inspect_prints_what_docker_prints(plain, archive, home, work):
    upload(archive, plain, "mani/fest:1", "--format", "v2s2")
    ours = strata(work, "manifest", "inspect", "--insecure", f"{plain.host}/mani/fest:1", env=home).out
    docker = run("/usr/bin/docker", "manifest", "inspect", "--insecure", f"{plain.host}/mani/fest:1", env=clean_env(**home)).out
    assert ours == docker


@pytest.mark.parametrize("what", ["mani/fest:none", "no/thing:1", "mani/fest@sha256:" + 64 * "0"])
def test_manifest_inspect_of_what_is_not_there(plain, archive, home, work, what):
    upload(archive, plain, "mani/fest:1")
    words = ["manifest", "inspect", "--insecure", f"{plain.host}/{what}"]
    ours, docker = strata(work, *words, env=home, check=False), run("/usr/bin/docker", *words, env=clean_env(**home), check=False)
    assert (ours.code, ours.err) == (docker.code, f"Error: {docker.err}")


def test_manifest_inspect_of_a_list(plain, archive, home, work):
    upload(archive, plain, "list/of:amd64", "--format", "v2s2")
    name = f"{plain.host}/list/of"
    raw = run("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{name}:amd64").out
    entry = {"mediaType": "application/vnd.docker.distribution.manifest.v2+json", "size": len(raw),
             "digest": skopeo_digest(plain, "list/of:amd64"), "platform": {"architecture": "amd64", "os": "linux"}}
    body = json.dumps({"schemaVersion": 2, "mediaType": LIST_TYPE, "manifests": [entry]})
    run("curl", "-sf", "-X", "PUT", "-H", f"Content-Type: {LIST_TYPE}", "--data-binary", body,
        f"http://{plain.host}/v2/list/of/manifests/all")
    ours = strata(work, "manifest", "inspect", "--insecure", f"{name}:all", env=home).out
    docker = run("/usr/bin/docker", "manifest", "inspect", "--insecure", f"{name}:all", env=clean_env(**home)).out
    assert ours == docker


def put_manifest(server, reference, body):
    repository, _, tag = reference.rpartition(":")
    text = json.dumps(body, indent=1).encode()
    run("curl", "-sf", "-X", "PUT", "-H", f"Content-Type: {body['mediaType']}", "--data-binary", "@-",
        f"http://{server.host}/v2/{repository}/manifests/{tag}", stdin=text)
    return {"mediaType": body["mediaType"], "size": len(text), "digest": "sha256:" + archives.sha(text)}


@pytest.fixture
def inspected(plain, archive):
    """Manifests of docker's types: a plain one, one with members that nobody knows, and a list of both."""
    upload(archive, plain, "verb/ose:1", "--format", "v2s2")
    name = f"docker://{plain.host}/verb/ose:1"
    raw = run("skopeo", "inspect", "--raw", "--tls-verify=false", name).out
    odd = json.loads(raw) | {"annotations": {"x": "<&>\u2028", "empty": ""}, "unknown": [1.50, True, {}, []]}
    odd["layers"][0]["urls"] = ["http://x/y"]
    entry = put_manifest(plain, "verb/ose:odd", odd)
    first = entry | {"size": len(raw), "digest": skopeo_digest(plain, "verb/ose:1")}
    windows = {"architecture": "amd64", "os": "windows", "os.version": "10.0", "os.features": ["a", "b"], "variant": "v2"}
    put_manifest(plain, "verb/ose:list", {"schemaVersion": 2, "mediaType": LIST_TYPE, "manifests": [
        first | {"platform": {"architecture": "arm", "os": "linux", "variant": "v7"}}, entry | {"platform": windows}]})
    return f"{plain.host}/verb/ose"


@pytest.mark.parametrize("option", ["-v", "--verbose", None])
@pytest.mark.parametrize("what", [":1", ":odd", ":list", "@{}", ":1@{}"])
def test_manifest_inspect_with_platforms(inspected, plain, home, work, what, option):
    words = ["manifest", "inspect", *([option] if option else []), "--insecure", inspected + what.format(skopeo_digest(plain, "verb/ose:1"))]
    assert strata(work, *words, env=home).out == run("/usr/bin/docker", *words, env=clean_env(**home)).out


def test_verbose_manifest_inspect_of_oci(plain, archive, home, work):
    """docker 20.10 does not know them: the form is that of its own manifests, under the name that docker 23 gave it."""
    upload(archive, plain, "verb/oci:1", "--format", "oci")
    name = f"{plain.host}/verb/oci"
    raw = run("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{name}:1").out
    descriptor = {"mediaType": f"{archives.OCI}.manifest.v1+json", "digest": skopeo_digest(plain, "verb/oci:1"), "size": len(raw)}
    said = {"architecture": "amd64", "os": "linux"}
    one = {"Ref": f"{name}:1", "Descriptor": descriptor | {"platform": said}, "OCIManifest": json.loads(raw)}
    assert strata(work, "manifest", "inspect", "-v", f"{name}:1", env=home).out == json.dumps(one, indent="\t") + "\n"
    other = {"architecture": "arm64", "os": "linux"}
    inner = put_manifest(plain, "verb/oci:inner", {"schemaVersion": 2, "mediaType": f"{archives.OCI}.index.v1+json",
                                                   "manifests": [descriptor, descriptor | {"platform": other}]})
    put_manifest(plain, "verb/oci:outer", {"schemaVersion": 2, "mediaType": f"{archives.OCI}.index.v1+json", "manifests": [inner]})
    found = json.loads(strata(work, "manifest", "inspect", "-v", f"{name}:outer", env=home).out)
    one["Ref"] = f"{name}:outer@{descriptor['digest']}"
    assert found == [one, one | {"Descriptor": descriptor | {"platform": other}}]


def test_what_is_not_there(plain, archive, home, work):
    upload(archive, plain, "is/there:1")
    unknown = strata(work, "remote", "digest", f"{plain.host}/is/there:2", check=False, env=home)
    assert (unknown.code, unknown.err) == (
        1, f"Error: manifest for {plain.host}/is/there:2 not found: manifest unknown: manifest unknown\n")
    nowhere = strata(work, "tags", f"{plain.host}/not/there", check=False, env=home)
    assert nowhere.err == f"Error: repository {plain.host}/not/there not found: name unknown: repository name not known to registry\n"


def test_nobody_listens(home, work):
    port = registries.free_port()
    begin = time.monotonic()
    result = strata(work, "tags", f"localhost:{port}/x", check=False, env=home)
    assert result.code == 1
    assert f"http://localhost:{port}/v2/x/tags/list" in result.err and "Failed to connect" in result.err
    assert time.monotonic() - begin < 10


def test_a_tag_is_removed(plain, archive, home, work):
    upload(archive, plain, "goes/away:1")
    digest = skopeo_digest(plain, "goes/away:1")
    gone = strata(work, "remote", "rm", f"{plain.host}/goes/away:1", env=home)
    assert gone.lines == [f"Untagged: {plain.host}/goes/away:1", f"Deleted: {plain.host}/goes/away@{digest}"]
    assert strata(work, "remote", "digest", f"{plain.host}/goes/away:1", check=False, env=home).code == 1


def test_a_manifest_that_another_tag_has_is_not_removed_with_a_tag(plain, archive, home, work):
    for tag in ("1", "2"):
        upload(archive, plain, f"shared/tag:{tag}")
    refused = strata(work, "remote", "rm", f"{plain.host}/shared/tag:1", check=False, env=home)
    assert refused.code == 1 and "is that of the tag 2 too" in refused.err
    assert strata(work, "tags", f"{plain.host}/shared/tag", env=home).lines == ["1", "2"]


# --- TLS

off_loopback = pytest.mark.skipif(own_address() == "127.0.0.1", reason="this machine has loopback only, where docker trusts all")


def test_on_loopback_any_certificate_will_do(archive, home, work):
    with secured(tls=True) as server:
        upload(archive, server, "x:1")
        assert strata(work, "remote", "digest", f"{server.host}/x:1", env=home).out.strip() == skopeo_digest(server, "x:1")


@off_loopback
def test_a_certificate_that_nobody_trusts(archive, home, work):
    with secured(tls=True, everywhere=True) as server:
        upload(archive, server, "x:1")
        refused = strata(work, "remote", "digest", f"{server.host}/x:1", check=False, env=home)
        assert refused.code == 1 and "certificate" in refused.err
        expected = skopeo_digest(server, "x:1")
        assert strata(work, "remote", "digest", f"{server.host}/x:1", "--tls-verify=false", env=home).out.strip() == expected
        (work / "daemon.json").write_text(json.dumps({"insecure-registries": [own_address() + "/24"]}))
        assert strata(work, "remote", "digest", f"{server.host}/x:1", env=home).out.strip() == expected


@off_loopback
def test_plain_http_is_not_tried_where_nobody_allowed_it(archive, home, work):
    with secured(everywhere=True) as server:
        upload(archive, server, "x:1")
        refused = strata(work, "remote", "digest", f"{server.host}/x:1", check=False, env=home)
        assert refused.code == 1 and f"https://{server.host}/" in refused.err


@off_loopback
@pytest.mark.parametrize("how", ["certs.d", "--cert-dir"])
def test_own_authority_and_client_certificate(archive, home, work, how):
    with secured(tls=True, client_ca=True, everywhere=True) as server:
        skopeo_copy(f"docker-archive:{archive}", f"docker://{server.host}/x:1", "--dest-cert-dir", server.certs / server.host)
        expected = skopeo_digest(server, "x:1", "--cert-dir", server.certs / server.host)
        host = server.host
        without = strata(work, "remote", "digest", f"{host}/x:1", check=False, env=home)
        assert without.code == 1 and "certificate" in without.err
        if how == "certs.d":
            env, words = {**home, "STRATA_CERTS_D": str(server.certs)}, []
        else:
            env, words = home, ["--cert-dir", server.certs / host]
        assert strata(work, "remote", "digest", f"{host}/x:1", *words, env=env).out.strip() == expected
        (server.certs / host / "client.key").unlink()
        broken = strata(work, "remote", "digest", f"{host}/x:1", *words, check=False, env=env)
        assert "missing key client.key for client certificate" in broken.err


@off_loopback
def test_where_neither_https_nor_http_does_both_are_told(archive, home, work):
    with secured(tls=True, client_ca=True, everywhere=True) as server:
        refused = strata(work, "tags", f"{server.host}/x", "--tls-verify=false", check=False, env=home)
        assert refused.code == 1 and f"https://{server.host}/" in refused.err and "certificate" in refused.err, refused
        assert "400" not in refused.err
    port = registries.free_port()
    nobody = strata(work, "tags", f"localhost:{port}/x", check=False, env=home)
    assert f"https://localhost:{port}/" in nobody.err and f"http://localhost:{port}/" in nobody.err


# --- passwords

def login(root, server, env, user="joe", secret=None, *words):
    return strata(root, "login", "-u", user, "--password-stdin", *words, server.host, check=False, env=env,
                  stdin=(USERS.get(user, "") if secret is None else secret).encode() + b"\n")


@pytest.mark.parametrize("user", USERS)
def test_login_uses_and_keeps_a_password(archive, home, work, user):
    with secured(users=USERS) as server:
        upload(archive, server, "x:1", "--dest-creds", "joe:" + USERS["joe"])
        nobody = strata(work, "tags", f"{server.host}/x", check=False, env=home)
        assert nobody.code == 1 and "no basic auth credentials" in nobody.err
        done = login(work, server, home, user)
        assert (done.code, done.out) == (0, "Login Succeeded\n")
        assert f"WARNING! Your password will be stored unencrypted in {config_file(home)}." in done.err
        assert strata(work, "tags", f"{server.host}/x", env=home).lines == ["1"]
        # docker's own client reads the file.
        docker = run("/usr/bin/docker", "manifest", "inspect", "--insecure", f"{server.host}/x:1", env=clean_env(**home))
        assert json.loads(docker.out)["schemaVersion"] == 2
        assert stat.S_IMODE(os.stat(config_file(home)).st_mode) == 0o600


def test_a_wrong_password_is_not_kept(home, work):
    with secured(users=USERS) as server:
        wrong = login(work, server, home, secret="wrong")
        assert wrong.code == 1
        assert wrong.err == f"Error: login attempt to http://{server.host}/v2/ failed with status: 401 Unauthorized\n"
        assert not os.path.exists(config_file(home))


def test_login_and_logout_change_nothing_else_in_the_file(home, work):
    before = {"auths": {"other:5000": {"auth": base64.b64encode(b"a:b").decode(), "email": "x@y"}},
              "HttpHeaders": {"X-Meta": "1"}, "psFormat": "table {{.ID}}", "unknown": [1, 2, {"z": 1, "a": 2}]}
    os.makedirs(home["DOCKER_CONFIG"])
    with open(config_file(home), "w") as file:
        json.dump(before, file)
    with secured(users=USERS) as server:
        assert login(work, server, home).code == 0
        with open(config_file(home)) as file:
            after = json.load(file)
        entry = after["auths"].pop(server.host)
        assert base64.b64decode(entry["auth"]).decode() == "joe:" + USERS["joe"]
        assert after == before
        out = strata(work, "logout", server.host, env=home)
        assert out.out == f"Removing login credentials for {server.host}\n"
        with open(config_file(home)) as file:
            assert json.load(file) == before
        assert strata(work, "logout", server.host, env=home).out == out.out


@pytest.mark.parametrize("server", ["nobody:5", "http://nobody:5/x", ""])
def test_logout_says_and_forgets_what_docker_does(home, work, server):
    before = auths(**{"http://nobody:5": "a:b", "nobody:5": "a:b", "nobody:50": "a:b"})
    ours, docker = [], []
    for done, look in ((ours, lambda *words: strata(work, *words, env=home)), (docker, lambda *words: run("/usr/bin/docker", *words, env=clean_env(**home)))):
        os.makedirs(home["DOCKER_CONFIG"], exist_ok=True)
        (work / "home/.docker/config.json").write_text(before)
        for _ in range(2):
            result = look("logout", *([server] if server else []))
            done.append((result.code, result.out, result.err, json.loads((work / "home/.docker/config.json").read_text())))
    assert ours == docker


def test_what_docker_logged_in_we_can_use(archive, home, work):
    with secured(users=USERS) as server:
        upload(archive, server, "x:1", "--dest-creds", "joe:" + USERS["joe"])
        os.makedirs(home["DOCKER_CONFIG"])
        run("skopeo", "login", "--tls-verify=false", "--authfile", work / "auth.json", "-u", "joe", "-p", USERS["joe"],
            server.host)
        env = {**home, "REGISTRY_AUTH_FILE": str(work / "auth.json")}
        assert strata(work, "tags", f"{server.host}/x", env=env).lines == ["1"]
        assert strata(work, "tags", "--authfile", work / "auth.json", f"{server.host}/x", env=home).lines == ["1"]


@pytest.mark.parametrize("member", ["credsStore", "credHelpers"])
def test_credential_helpers(archive, home, work, member):
    helper = work / "bin/docker-credential-suite"
    helper.parent.mkdir()
    helper.write_text(f"""#!/bin/sh
file={work}/kept
case $1 in
  store) cat > $file ;;
  get) read key; test -s $file || {{ echo "credentials not found in native keychain"; exit 1; }}; cat $file ;;
  erase) rm -f $file ;;
esac
""")
    helper.chmod(0o755)
    env = {**home, "PATH": f"{helper.parent}:{clean_env()['PATH']}"}
    with secured(users=USERS) as server:
        upload(archive, server, "x:1", "--dest-creds", "joe:" + USERS["joe"])
        os.makedirs(home["DOCKER_CONFIG"])
        with open(config_file(home), "w") as file:
            json.dump({member: "suite" if member == "credsStore" else {server.host: "suite"}}, file)
        assert "no basic auth credentials" in strata(work, "tags", f"{server.host}/x", check=False, env=env).err
        done = login(work, server, env)
        assert (done.code, done.out, done.err) == (0, "Login Succeeded\n", "")
        assert json.loads((work / "kept").read_text()) == {"ServerURL": server.host, "Username": "joe", "Secret": USERS["joe"]}
        with open(config_file(home)) as file:
            assert json.load(file)["auths"] == {server.host: {}}
        assert strata(work, "tags", f"{server.host}/x", env=env).lines == ["1"]
        assert strata(work, "logout", server.host, env=env).code == 0
        assert not (work / "kept").exists()


def test_a_helper_knows_better_than_the_file(archive, home, work):
    """What a file says of a server that has a helper is from before: docker does not look at it."""
    helper = work / "bin/docker-credential-suite"
    helper.parent.mkdir()
    helper.write_text("""#!/bin/sh
read key; echo "{\\"ServerURL\\":\\"$key\\",\\"Username\\":\\"joe\\",\\"Secret\\":\\"secret\\"}"
""")
    helper.chmod(0o755)
    env = {**home, "PATH": f"{helper.parent}:{clean_env()['PATH']}"}
    with secured(users={"joe": "secret"}) as server:
        upload(archive, server, "x:1", "--dest-creds", "joe:secret")
        os.makedirs(home["DOCKER_CONFIG"])
        for member in ({"credsStore": "suite"}, {"credHelpers": {server.host: "suite"}}):
            (work / "home/.docker/config.json").write_text(json.dumps(member | json.loads(auths(**{server.host: "joe:stale"}))))
            assert strata(work, "tags", f"{server.host}/x", env=env).lines == ["1"]
            inspected = run("/usr/bin/docker", "manifest", "inspect", "--insecure", f"{server.host}/x:1", env=clean_env(**env), check=False)
            assert inspected.code == 0, inspected


def with_helper(work, home, script):
    helper = work / "bin/docker-credential-suite"
    helper.parent.mkdir()
    helper.write_text("#!/bin/sh\n" + script)
    helper.chmod(0o755)
    os.makedirs(home["DOCKER_CONFIG"], exist_ok=True)
    return {**home, "PATH": f"{helper.parent}:{clean_env()['PATH']}"}


def test_a_helper_that_fails_knows_nobody(archive, home, work):
    """Nobody but the file beside it: docker looks there, too, and says nothing."""
    env = with_helper(work, home, "echo pass not initialized; exit 1\n")
    why = "error getting credentials - err: exit status 1, out: `pass not initialized\n`\n"
    with secured(users=USERS) as server:
        upload(archive, server, "x:1", "--dest-creds", "joe:" + USERS["joe"])
        config = work / "home/.docker/config.json"
        config.write_text(json.dumps({"credsStore": "suite"}))
        refused = strata(work, "tags", f"{server.host}/x", check=False, env=env)
        assert refused.err.startswith("WARNING: " + why) and "no basic auth credentials" in refused.err
        config.write_text(json.dumps({"credsStore": "suite"} | json.loads(auths(**{server.host: "joe:" + USERS["joe"]}))))
        done = strata(work, "tags", f"{server.host}/x", env=env)
        assert (done.lines, done.err) == (["1"], "WARNING: " + why)
        inspected = run("/usr/bin/docker", "manifest", "inspect", "--insecure", f"{server.host}/x:1", env=clean_env(**env), check=False)
        assert inspected.code == 0, inspected
        known = strata(work, "login", server.host, check=False, env=env)
        assert (known.code, known.err) == (1, "Error: " + why)


def test_a_public_image_needs_no_helper_that_works(archive, home, work):
    env = with_helper(work, home, "echo pass not initialized; exit 1\n")
    with token_server(USERS) as auth, secured(tokens=auth) as server:
        upload(archive, server, "public/x:1", "--dest-creds", "joe:" + USERS["joe"])
        (work / "home/.docker/config.json").write_text(json.dumps({"credsStore": "suite"}))
        done = strata(work, "pull", "-q", f"{server.host}/public/x:1", env=env)
        assert done.err.count("WARNING: error getting credentials") == 1


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "Ctrl-C"])
def test_a_signal_ends_a_helper_that_hangs(home, work, how):
    env = with_helper(work, home, f"echo $$ > {work}/pid; exec sleep 99\n")
    with secured(users=USERS) as server:
        (work / "home/.docker/config.json").write_text(json.dumps({"credsStore": "suite"}))
        process = subprocess.Popen([binary(), "--root", str(work), "tags", f"{server.host}/x"], stderr=subprocess.PIPE, env=clean_env(**env),
                                   start_new_session=True)
        while not (work / "pid").exists() or not (work / "pid").read_text().endswith("\n"):
            time.sleep(0.02)
        begin = time.monotonic()
        number = signal.SIGTERM if how == "SIGTERM" else signal.SIGINT
        (os.killpg if how == "Ctrl-C" else os.kill)(process.pid, number)
        err = process.communicate()[1]
        assert (process.returncode, err) == (128 + number, b"")
        assert time.monotonic() - begin < 5
        assert not os.path.exists(f"/proc/{int((work / 'pid').read_text())}")


@pytest.mark.parametrize("text", ["{nojson", "[1]", '{"auths": {"somewhere:1": {"auth": "@@"}}}'])
def test_a_broken_config_is_warned_of_and_passed_over(plain, archive, home, work, text):
    upload(archive, plain, "public/y:1")
    os.makedirs(home["DOCKER_CONFIG"])
    (work / "home/.docker/config.json").write_text(text)
    begin = f"WARNING: Error loading config file: {config_file(home)}: "
    docker = run("/usr/bin/docker", "manifest", "inspect", "--insecure", f"{plain.host}/public/y:1", env=clean_env(**home))
    assert docker.code == 0 and docker.err.startswith(begin)
    for words in (["tags", f"{plain.host}/public/y"], ["pull", f"{plain.host}/public/y:1"],
                  ["copy", f"docker://{plain.host}/public/y:1", f"docker://{plain.host}/public/z:1"]):
        done = strata(work, *words, env=home)
        assert done.err.startswith(begin) and done.err.count("WARNING") == 1


@pytest.mark.parametrize("key", ["{}/", "{}/v1", "{}/v1/", "{}/v2/", "http://{}/", "https://{}/v1/"])
def test_keys_of_old_files(archive, home, work, key):
    with secured(users={"joe": "secret"}) as server:
        upload(archive, server, "x:1", "--dest-creds", "joe:secret")
        os.makedirs(home["DOCKER_CONFIG"])
        (work / "home/.docker/config.json").write_text(auths(**{key.format(server.host): "joe:secret"}))
        assert strata(work, "tags", f"{server.host}/x", env=home).lines == ["1"]
        assert run("/usr/bin/docker", "manifest", "inspect", "--insecure", f"{server.host}/x:1", env=clean_env(**home)).code == 0


def test_a_helper_that_is_not_installed_knows_nobody(plain, archive, home, work):
    upload(archive, plain, "public/y:1")
    os.makedirs(home["DOCKER_CONFIG"])
    with open(config_file(home), "w") as file:
        json.dump({"credsStore": "of-another-machine"}, file)
    assert strata(work, "tags", f"{plain.host}/public/y", env=home).lines == ["1"]


def test_login_on_a_terminal_does_not_show_the_password(home, work):
    with secured(users=USERS) as server:
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(binary(), [binary(), "--root", str(work), "login", server.host], clean_env(**home))
        shown = b""
        for prompt, answer in ((b"Username: ", b"joe\n"), (b"Password: ", USERS["joe"].encode() + b"\n")):
            while not shown.endswith(prompt):
                shown += os.read(terminal, 1000)
            time.sleep(0.2)  # until the echo is off
            os.write(terminal, answer)
        try:
            while piece := os.read(terminal, 1000):
                shown += piece
        except OSError:
            pass
        assert os.waitpid(pid, 0)[1] == 0
        assert b"Login Succeeded" in shown and USERS["joe"].encode() not in shown
        assert b"Password: \r\nWARNING! Your password will be stored" in shown


# --- tokens

def test_tokens_are_asked_for_the_scope_and_used_again(archive, home, work):
    with token_server(USERS) as auth, secured(tokens=auth) as server:
        upload(archive, server, "public/x:1", "--dest-creds", "joe:" + USERS["joe"])
        auth.asked.clear()
        assert strata(work, "tags", f"{server.host}/public/x", env=home).lines == ["1"]
        assert auth.asked == [{"method": "GET", "scope": ["repository:public/x:pull"], "service": ["the registry"]}]
        denied = strata(work, "tags", f"{server.host}/private/x", check=False, env=home)
        assert denied.code == 1 and denied.err == (
            f"Error: pull access denied for {server.host}/private/x, repository does not exist or may require 'docker login': "
            "denied: requested access to the resource is denied\n")


def test_missing_rights_are_told_as_docker_does_and_no_token_is_asked_for_twice(archive, home, work):
    with token_server(USERS) as auth, secured(tokens=auth) as server, dockerd(work / "docker") as docker:
        load(work / "root", archive.read_bytes(), work=work)
        docker("load", "-i", archive)
        for words in (["pull", f"{server.host}/private/x:1"], ["push", f"{server.host}/public/x:1"]):
            if words[0] == "push":
                strata(work / "root", "tag", "some:1", words[1], env=home)
                docker("tag", "some:1", words[1])
            auth.asked.clear()
            ours = strata(work / "root", *words, check=False, env=home)
            assert len(auth.asked) == 1, auth.asked
            theirs = docker(*words, check=False)
            assert theirs.code == 1
            said = theirs.err.removeprefix("Error response from daemon: ")
            assert re.fullmatch(r"Error: (layer [0-9a-f]{12}: )?" + re.escape(said), ours.err)


def test_login_with_a_token_server_keeps_the_identity_token(archive, home, work):
    with token_server(USERS) as auth, secured(tokens=auth) as server:
        upload(archive, server, "private/x:1", "--dest-creds", "joe:" + USERS["joe"])
        auth.asked.clear()
        done = login(work, server, home)
        assert (done.code, done.out, done.err) == (0, "Login Succeeded\n", "")
        assert auth.asked[0]["offline_token"] == ["true"] and auth.asked[0]["account"] == ["joe"]
        with open(config_file(home)) as file:
            assert json.load(file)["auths"][server.host]["identitytoken"] == "identity-of-joe"
        auth.asked.clear()
        assert strata(work, "tags", f"{server.host}/private/x", env=home).lines == ["1"]
        assert [(a["method"], a["grant_type"]) for a in auth.asked] == [("POST", ["refresh_token"])]
        wrong = login(work, server, home, secret="wrong")
        assert wrong.code == 1 and "unauthorized: incorrect username or password" in wrong.err


def test_a_token_that_has_expired_is_renewed(archive, home, work):
    with token_server(USERS) as auth, secured(tokens=auth) as server:
        upload(archive, server, "public/x:1", "--dest-creds", "joe:" + USERS["joe"])
        auth.asked.clear()
        auth.stale = 1
        assert strata(work, "remote", "inspect", f"{server.host}/public/x:1", env=home).code == 0
        assert len(auth.asked) == 2


# --- where registries are

def test_mirrors_are_asked_first_and_the_registry_last(plain, archive, home, work):
    upload(archive, plain, "mirrored/x:1")
    with secured() as mirror:
        upload(archive, mirror, "copies/x:1")
        (work / "registries.conf").write_text(f"""
[[registry]]
prefix = "{plain.host}/mirrored"
location = "{plain.host}/mirrored"
[[registry.mirror]]
location = "{mirror.host}/copies"
insecure = true
""")
        mirror.forget_requests()
        plain.forget_requests()
        assert strata(work, "remote", "digest", f"{plain.host}/mirrored/x:1", env=home).code == 0
        time.sleep(0.2)
        assert mirror.requests("copies/x/manifests") and not plain.requests()
        assert strata(work, "remote", "digest", f"{plain.host}/mirrored/other:1", check=False, env=home).code == 1
        time.sleep(0.2)
        assert plain.requests("mirrored/other/manifests")
    # The mirror is gone.
    assert strata(work, "remote", "digest", f"{plain.host}/mirrored/x:1", env=home).code == 0


def mirror_of(origin, mirror):
    return f"""
[[registry]]
location = "{origin.host}"
insecure = true
[[registry.mirror]]
location = "{mirror.host}"
insecure = true
"""


def auths(**of):
    return json.dumps({"auths": {host: {"auth": base64.b64encode(words.encode()).decode()} for host, words in of.items()}})


def test_a_mirror_is_shown_its_own_credentials(archive, home, work):
    """As skopeo does: each server is asked with what is filed for it."""
    with secured(users={"joe": "of the registry"}) as origin, secured(users={"ann": "of the mirror"}) as mirror:
        upload(archive, origin, "x:1", "--dest-creds", "joe:of the registry")
        upload(archive, mirror, "x:1", "--dest-creds", "ann:of the mirror")
        (work / "registries.conf").write_text(mirror_of(origin, mirror))
        os.makedirs(home["DOCKER_CONFIG"])
        (work / "home/.docker/config.json").write_text(auths(**{origin.host: "joe:of the registry", mirror.host: "ann:of the mirror"}))
        for look in (lambda: strata(work, "remote", "digest", f"{origin.host}/x:1", env=home),
                     lambda: run("skopeo", "--registries-conf", work / "registries.conf", "inspect", f"docker://{origin.host}/x:1", env=clean_env(**home))):
            origin.forget_requests()
            mirror.forget_requests()
            assert look().code == 0
            time.sleep(0.2)
            assert 200 in {r.status for r in mirror.requests("x/manifests")} and not origin.requests("x/manifests")


@pytest.mark.parametrize("how", ["mirror", "location", "daemon.json"])
def test_credentials_are_not_shown_to_other_servers(plain, archive, home, work, how):
    """docker shows those of the hub to its mirrors."""
    upload(archive, plain, "x:1")
    shown = []

    def wants_to_know(request):
        shown.append(request.headers.get("Authorization"))
        return "401" if shown[-1] is None else "403"

    image = runnable("x:1")
    with HostileRegistry({"x:1": image, "library/some:1": image}, wants_to_know, None) as curious:
        name = "some:1" if how == "daemon.json" else f"{plain.host}/x:1"
        if how == "daemon.json":
            (work / "daemon.json").write_text(json.dumps({"registry-mirrors": [f"http://{curious.host}/"]}))
        elif how == "mirror":
            (work / "registries.conf").write_text(mirror_of(plain, curious))
        else:
            (work / "registries.conf").write_text(f'[[registry]]\nprefix = "{plain.host}"\nlocation = "{curious.host}"\ninsecure = true\n')
        os.makedirs(home["DOCKER_CONFIG"])
        (work / "home/.docker/config.json").write_text(auths(**{plain.host: "joe:secret", "https://index.docker.io/v1/": "joe:secret"}))
        done = strata(work, "remote", "digest", name, check=False, env={**home, "HTTPS_PROXY": "http://127.0.0.1:1"})
        assert done.code == (0 if how == "mirror" else 1)
    assert shown and set(shown) == {None}


@off_loopback
@pytest.mark.parametrize("tls", [True, False], ids=["tls", "http"])
@pytest.mark.parametrize("where", ["prefix", "mirror", "location"])
def test_insecure_places_of_registries_conf(plain, archive, home, work, where, tls):
    """For what the rule is about, and for nothing else on that server."""
    with secured(tls=tls, everywhere=True) as server:
        upload(archive, server, "team/x:1")
        upload(archive, server, "other/x:1")
        (work / "registries.conf").write_text({
            "prefix": f'[[registry]]\nlocation = "{server.host}/team"\ninsecure = true\n',
            "mirror": f'[[registry]]\nlocation = "{plain.host}/none"\n[[registry.mirror]]\nlocation = "{server.host}/team"\ninsecure = true\n',
            "location": f'[[registry]]\nprefix = "{plain.host}/none"\nlocation = "{server.host}/team"\ninsecure = true\n'}[where])
        name = f"{server.host}/team/x:1" if where == "prefix" else f"{plain.host}/none/x:1"
        expected = skopeo_digest(server, "team/x:1")
        assert run("skopeo", "--registries-conf", work / "registries.conf", "inspect", "--no-tags", "--format", "{{.Digest}}", f"docker://{name}", env=clean_env(**home)).out.strip() == expected
        assert strata(work, "remote", "digest", name, env=home).out.strip() == expected
        refused = strata(work, "remote", "digest", f"{server.host}/other/x:1", check=False, env=home)
        assert refused.code == 1 and f"https://{server.host}/" in refused.err


def test_registry_mirrors_of_docker_s_daemon_serve_the_hub(plain, archive, home, work):
    upload(archive, plain, "library/some:1")
    (work / "daemon.json").write_text(json.dumps({"registry-mirrors": [f"http://{plain.host}/"]}))
    digest = strata(work, "remote", "digest", "some:1", env=home).out.strip()
    assert digest == skopeo_digest(plain, "library/some:1")


def test_a_blocked_registry_is_not_asked(plain, home, work):
    (work / "registries.conf").write_text(f'[[registry]]\nlocation = "{plain.host}"\nblocked = true\n')
    blocked = strata(work, "tags", f"{plain.host}/x", check=False, env=home)
    assert blocked.err == f"Error: registry {plain.host} is blocked in {work}/registries.conf\n"


@pytest.mark.parametrize("text, words", [
    ("[[registry]]\nlocation = \n", "line 2, column"),
    ("[[registry]]\nlocation = 5\n", "line 2: location must be a string"),
    ("[registries.insecure]\nregistries = 'x'\n", "line 2: registries must be an array of names"),
    ("[registries.insecure]\nregistries = ['x']\n[[registry]]\nlocation = 'y'\n", "version 1 beside registry of version 2"),
])
def test_a_wrong_configuration_is_named(home, work, text, words):
    (work / "registries.conf").write_text(text)
    wrong = strata(work, "tags", "localhost:1/x", check=False, env=home)
    assert wrong.code == 1 and f"{work}/registries.conf" in wrong.err and words in wrong.err


@off_loopback
def test_registries_conf_of_version_1(archive, home, work):
    with secured(everywhere=True) as listed, secured(everywhere=True) as blocked, secured(everywhere=True) as other:
        for server in (listed, blocked, other):
            upload(archive, server, "x:1")
        (work / "registries.conf").write_text(f"[registries.search]\nregistries = ['docker.io']\n[registries.insecure]\n"
                                              f"registries = ['{listed.host}', '{blocked.host}']\n[registries.block]\nregistries = ['{blocked.host}']\n")
        for server, words in ((listed, None), (blocked, "is blocked in"), (other, "https://")):
            ours = strata(work, "remote", "digest", f"{server.host}/x:1", check=False, env=home)
            theirs = run("skopeo", "--registries-conf", work / "registries.conf", "inspect", "--no-tags", "--format", "{{.Digest}}",
                         f"docker://{server.host}/x:1", check=False, env=clean_env(**home))
            assert (ours.code, ours.out) == (theirs.code, theirs.out)
            assert words is None or (words in ours.err and words in theirs.err)


def block(host):
    return f"[[registry]]\nlocation = '{host}'\nblocked = true\n"


@pytest.mark.parametrize("files", [
    {"registries.conf": block("a.test")},
    {"registries.conf.d/x.conf": block("a.test")},
    {"registries.conf": block("a.test"), "registries.conf.d/x.conf": block("b.test")},
    {"registries.conf": block("a.test"), "registries.conf.d/x.conf": "[[registry]]\nlocation = 'a.test'\n"},
    {"registries.conf": "[registries.block]\nregistries = ['a.test']\n", "registries.conf.d/x.conf": block("b.test")},
], ids=["file", "folder", "both", "the folder counts", "version 1"])
def test_registries_conf_of_the_user(home, work, files):
    for name, text in files.items():
        file = work / "home/.config/containers" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    # Nothing else may be reached: what is not blocked fails at the proxy.
    env = {**home, "CONTAINERS_REGISTRIES_CONF": "", "HTTPS_PROXY": "http://127.0.0.1:1"}
    for host in ("a.test", "b.test"):
        ours = strata(work, "remote", "digest", f"{host}/x:1", check=False, env=env)
        theirs = run("skopeo", "inspect", "--no-tags", f"docker://{host}/x:1", check=False, env=clean_env(**env))
        assert ours.code == theirs.code == 1
        assert (f"{host} is blocked" in ours.err) == (f"{host} is blocked" in theirs.err), (ours, theirs)


def test_version_1_in_the_folder_is_refused(home, work):
    folder = work / "home/.config/containers/registries.conf.d"
    folder.mkdir(parents=True)
    (folder / "x.conf").write_text("[registries.block]\nregistries = ['a.test']\n")
    refused = strata(work, "tags", "localhost:1/x", check=False, env={**home, "CONTAINERS_REGISTRIES_CONF": ""})
    assert refused.code == 1 and f"{folder}/x.conf: this is version 1 of the format" in refused.err


# --- names of this machine

def in_own_hosts(work, text, *words, **more):
    """Runs a program that sees another /etc/hosts, also where there is none: a bare Debian has no such file."""
    if not (work / "etc").exists():
        run("cp", "-a", "/etc", work / "etc")
    (work / "etc/hosts").unlink(missing_ok=True)
    (work / "etc/hosts").write_text(text)
    return run("unshare", "-m", "--propagation", "private", "sh", "-c", f'mount --bind {work}/etc /etc; exec "$@"', "sh", *words, **more)


@pytest.mark.skipif(os.geteuid() != 0, reason="/etc/hosts is replaced for one program: needs root")
@pytest.mark.parametrize("tls", [True, False], ids=["tls", "http"])
def test_a_name_that_means_this_machine_is_insecure(archive, home, work, tls):
    """As for dockerd: insecure are all of 127.0.0.0/8, by whatever name."""
    with secured(tls=tls) as server:
        upload(archive, server, "x:1")
        expected = skopeo_digest(server, "x:1")
        for name in ("vm", "VM", "LOCALHOST", "127.0.0.1"):
            found = in_own_hosts(work, "127.0.0.1 localhost\n127.0.0.1 vm\n", binary(), "--root", work, "remote", "digest", f"{name}:{server.port}/x:1", env=clean_env(**home))
            assert found.out.strip() == expected


def test_insecure_registries_may_have_a_scheme(archive, home, work):
    """dockerd takes it off; the rest is compared as it is, capitals and all."""
    with secured(everywhere=True) as server:
        upload(archive, server, "x:1")
        for scheme in ("http://", "HTTPS://"):
            (work / "daemon.json").write_text(json.dumps({"insecure-registries": [scheme + server.host]}))
            assert strata(work, "remote", "digest", f"{server.host}/x:1", env=home).out.strip() == skopeo_digest(server, "x:1")


# --- proxies

class CountingProxy:
    def __init__(self):
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def refuse(self):
                outer.asked.append(self.path)
                self.send_error(403)

            do_CONNECT = do_GET = do_HEAD = refuse

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def proxy():
    proxy = CountingProxy()
    yield proxy
    proxy.server.shutdown()
    proxy.server.server_close()


HOSTS_OF_PROXIES = {"h.test:5000": ["", "*", "h.test", "H.TEST", "test", ".test", "*.test", ".h.test", "*.h.test", "h.test:5000", "h.test:443", "x, h.test ,y", "*h.test",
                                    "est", "h.test:", ":5000"],
                    "10.1.2.3:5000": ["10.1.2.3", "10.1.2.3:5000", "10.1.2.3:443", "10.0.0.0/8", "11.0.0.0/8", "10.1.2", "::ffff:10.1.2.3"],
                    "localhost:1": ["", "x"], "127.9.9.9:1": [""]}


@pytest.mark.parametrize("host, no_proxy", [(host, value) for host, values in HOSTS_OF_PROXIES.items() for value in values])
def test_no_proxy_is_read_as_skopeo_reads_it(proxy, home, work, host, no_proxy):
    env = {**home, "HTTPS_PROXY": proxy.url, "HTTP_PROXY": proxy.url, "NO_PROXY": no_proxy, "STRATA_CONNECT_SECONDS": "1"}
    answers = []
    for words in (["skopeo", "--command-timeout", "1s", "inspect", "--no-tags", f"docker://{host}/x:1"], [binary(), "--root", str(work), "remote", "digest", f"{host}/x:1"]):
        proxy.asked.clear()
        assert run(*words, check=False, env=clean_env(**env)).code == 1
        answers.append(bool(proxy.asked))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("variables", [{"ALL_PROXY": "{}"}, {"all_proxy": "{}"}, {"https_proxy": "{}"}, {"HTTPS_PROXY": "{}", "https_proxy": "http://127.0.0.1:1"},
                                       {"HTTPS_PROXY": "", "https_proxy": "{}"}, {"https_proxy": "{}", "NO_PROXY": "x", "no_proxy": "h.test"},
                                       {"http_proxy": "{}"}, {"HTTP_PROXY": "{}", "REQUEST_METHOD": "GET"}], ids=str)
def test_variables_of_proxies(proxy, home, work, variables):
    env = {**home, **{name: value.format(proxy.url) for name, value in variables.items()}, "STRATA_CONNECT_SECONDS": "1"}
    answers = []
    for words in (["skopeo", "--command-timeout", "1s", "inspect", "--no-tags", "--tls-verify=false", "docker://h.test:5000/x:1"],
                  [binary(), "--root", str(work), "remote", "digest", "--tls-verify=false", "h.test:5000/x:1"]):
        proxy.asked.clear()
        assert run(*words, check=False, env=clean_env(**env)).code == 1
        answers.append(bool(proxy.asked))
    assert answers[0] == answers[1]
