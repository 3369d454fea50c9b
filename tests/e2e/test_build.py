# SPDX-License-Identifier: Apache-2.0
"""`strata build`: the thin path of each part; tests/compat has the comparison with docker."""
import base64
import json
import pathlib
import re

import pytest

from engine import needs_strata_itself, strata
from procs import mounts_below
from roots import Root, problems
from verbs import unchanged

pytestmark = [pytest.mark.as_root, needs_strata_itself("a build without a daemon")]

BUSYBOX = "/bin/busybox"
BASE = 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'


@pytest.fixture
def context(work):
    folder = work / "context"
    folder.mkdir()
    (folder / "busybox").write_bytes(pathlib.Path(BUSYBOX).read_bytes())
    (folder / "busybox").chmod(0o755)
    (folder / "a.txt").write_text("hello\n")
    return folder


def build(work, context, text, *words, check=True, root=None):
    (context / "Dockerfile").write_text(text)
    result = strata(root or work / "root", "build", *words, context, check=check)
    assert mounts_below(work) == []
    assert problems(root or work / "root") == []
    return result


def config_of(work, name):
    return json.loads(strata(work / "root", "inspect", name).out)[0]


def test_each_step_is_an_image_and_the_next_build_finds_it(work, context):
    text = BASE + 'ENV A=1 B="two words"\nWORKDIR /w/x\nCOPY a.txt .\nRUN cat a.txt > copy\nRUN true\nCMD ["sh"]\n'
    first = build(work, context, text, "-t", "t:1")
    assert "Using cache" not in first.out and "Successfully tagged t:1" in first.out
    again = build(work, context, text, "-t", "t:2")
    assert again.out.count("Using cache") == 8
    one, two = config_of(work, "t:1"), config_of(work, "t:2")
    assert one["Id"] == two["Id"]
    assert one["Config"]["Env"][1:] == ["A=1", "B=two words"] and one["Config"]["WorkingDir"] == "/w/x"
    ids = [line.split()[0] for line in strata(work / "root", "history", "-q", "t:1").lines]
    assert len(ids) == 8 and "<missing>" not in ids
    assert strata(work / "root", "history", "--no-trunc", "--format", "{{.CreatedBy}}", "t:1").lines[0] == \
        '/bin/sh -c #(nop)  CMD ["sh"]'


def test_a_file_that_is_bound_to_be_written_stays_as_it_is(work, context):
    bind = "RUN --mount=type=bind,source=a.txt,target="
    result = build(work, context, BASE + f"{bind}/new/a.txt,rw echo more >> /new/a.txt && cat /new/a.txt\n"
                   f"{bind}/new/a.txt,rw cat /new/a.txt; mv /new/a.txt /elsewhere || true\n{bind}/bin/sh.txt echo x >> /bin/sh.txt || echo refused\n"
                   "RUN ls /new /elsewhere /bin/sh.txt || echo nothing left\n", "-t", "t:1")
    assert "\nhello\nmore\n" in result.out and result.out.count("hello\n") == 2
    assert "refused\n" in result.out and "nothing left\n" in result.out and "resource busy" in result.out + result.err
    assert (context / "a.txt").read_text() == "hello\n"


def test_a_changed_file_ends_the_cache_but_a_new_time_does_not(work, context):
    text = BASE + "COPY a.txt /a\nRUN cat /a > /b\n"
    build(work, context, text)
    (context / "a.txt").touch()
    assert build(work, context, text).out.count("Using cache") == 4
    (context / "a.txt").write_text("other\n")
    assert build(work, context, text).out.count("Using cache") == 2


def test_the_same_input_and_time_give_the_same_image(work, context):
    text = BASE + "COPY a.txt /a\nRUN touch /c && mkdir -p /d/e\nRUN rm /c\n"
    ids = [build(work, context, text, "-q", "--timestamp", "1700000000", root=work / root).out.strip()
           for root in ("one", "two")]
    assert ids[0].startswith("sha256:") and ids[0] == ids[1]
    config = json.loads(Root(work / "one").config_bytes(ids[0]))
    assert config["created"] == "2023-11-14T22:13:20Z"


def test_a_failing_command_says_where_and_leaves_the_steps_before(work, context):
    result = build(work, context, BASE + "ENV A=1\nRUN echo no && exit 3\nENV B=2\n", check=False)
    assert result.code == 3
    assert "Dockerfile:5" in result.err and "returned a non-zero code: 3" in result.err
    assert "/bin/sh -c echo no && exit 3" in result.err
    assert len(strata(work / "root", "images", "-a", "-q").lines) == 3


def test_stages_that_nothing_needs_do_not_run(work, context):
    text = BASE.replace("FROM scratch", "FROM scratch AS base") + \
        "FROM base AS unneeded\nRUN exit 1\nFROM base AS side\nRUN echo side > /side\nFROM base\nCOPY --from=side /side /x\nRUN cat /x\n"
    result = build(work, context, text, "-t", "t:1")
    assert "\nside\n" in result.out
    assert build(work, context, text, "--target", "unneeded", check=False).code == 1


def test_mounts_of_run_leave_nothing_behind(work, context):
    (work / "secret").write_text("s3cret")
    text = BASE + (
        "RUN --mount=type=cache,target=/var/cache/x echo 1 >> /var/cache/x/log; cat /var/cache/x/log; "
        "true\n"
        "RUN --mount=type=bind,target=/ctx cat /ctx/a.txt\n"
        "RUN --mount=type=secret,id=key cat /run/secrets/key\n"
        "RUN --mount=type=tmpfs,target=/t touch /t/x\n")
    args = ["--secret", f"id=key,src={work / 'secret'}"]
    assert "s3cret" in build(work, context, text, "-t", "t:1", *args).out
    assert build(work, context, text, "--no-cache", *args).out.count("1\n1\n") == 1
    root = Root(work / "root")
    image = config_of(work, "t:1")["Id"]
    assert len(root.chain(image)) == 2, "the mounts' own folders are no layers"


def test_heredocs(work, context):
    text = BASE + "ENV NAME=you\nRUN <<EOF\necho hello $NAME\necho done\nEOF\n"
    assert "hello you\ndone\n" in build(work, context, text).out


@pytest.mark.parametrize("text,words", [
    ("FOO bar\n", "unknown instruction: FOO"),
    (BASE + "COPY nothing /x\n", "nothing"),
    (BASE + "COPY --from=localhost:1/mistyped /x /x\n", "Dockerfile:4: invalid from flag value localhost:1/mistyped: "),
    (BASE + "COPY a.txt a.txt /x\n", "directory and end with a /"),
    ("FROM scratch\nCOPY a.txt /x\nSTOPSIGNAL SIGFOO\n", "Invalid signal: SIGFOO"),
    ("", "file with no instructions"),
])
def test_what_is_wrong_is_said_with_code_1(work, context, text, words):
    build(work, context, BASE)
    result = build(work, context, text, "-t", "t:1", check=False)
    assert result.code == 1 and words in result.err and result.err.count("\n") == 1, result


def test_nothing_changes_when_the_file_is_wrong(work, context):
    build(work, context, BASE, "-t", "t:1")
    with unchanged(work / "root"):
        build(work, context, BASE + "NOTHING\n", check=False)


def test_squash_leaves_one_layer_and_the_steps_beside_it(work, context):
    text = BASE + "RUN echo 1 > /one\nRUN rm /one && echo 2 > /two\n"
    build(work, context, text, "-t", "base:1")
    out = build(work, context, "FROM base:1\nRUN rm /two\nCOPY a.txt /x/\n", "--squash", "-t", "t:1").out
    root = Root(work / "root")
    base, squashed = (config_of(work, name)["Id"] for name in ("base:1", "t:1"))
    assert root.chain(squashed)[:-1] == root.chain(base) and f"Successfully built {squashed[7:19]}" in out
    assert root.parent_of(squashed) is None
    history = json.loads(root.config_bytes(squashed))["history"]
    assert [step.get("empty_layer", False) for step in history[-3:]] == [True, True, False]
    again = build(work, context, "FROM base:1\nRUN rm /two\nCOPY a.txt /x/\n", "-t", "t:2").out
    assert again.count("Using cache") == 2, "the steps are the cache of the next build"


def test_squash_without_files_and_with_a_fixed_time(work, context):
    build(work, context, BASE, "-t", "base:1")
    build(work, context, "FROM base:1\nENV A=1\n", "--squash", "-t", "t:1")
    assert config_of(work, "t:1")["RootFS"] == config_of(work, "base:1")["RootFS"]
    ids = {build(work, context, BASE + "RUN rm /bin/vi\n", "-q", "--squash", "--timestamp", "1700000000", root=work / root).out
           for root in ("one", "two")}
    assert len(ids) == 1


def test_a_fixed_time_is_no_argument_that_nobody_used(work, context):
    assert build(work, context, BASE, "--timestamp", "1700000000").err == ""


def test_check_knows_the_base_images_and_the_ignore_file_and_writes_nothing(work, context):
    build(work, context, BASE + "ENV KNOWN=1\n", "-t", "base:1")
    (context / ".dockerignore").write_text("secret\n")
    text = "# check=experimental=all\nFROM base:1\nCOPY ./secret /x\nRUN true $KNOWN\nCOPY $KNOWN $UNKNOWN /y\n"
    (context / "Dockerfile").write_text(text)
    with unchanged(work / "root"):
        result = strata(work / "root", "build", "--check", "--platform", "linux/s390x", context, check=False)
    found = [line.split()[1] for line in result.lines if line.startswith("WARNING: ")]
    assert found == ["InvalidBaseImagePlatform", "CopyIgnoredFile", "UndefinedVar"] and result.code == 1
    assert 'Base image base:1 was pulled with platform "linux/amd64", expected "linux/s390x" for current build' in result.out
    # Where there is no root none is made.
    result = strata(work / "none", "build", "--check", context, check=False)
    assert result.lines[0] == "Check complete, one warning has been found!" and not (work / "none").exists()


def test_check_calls_the_dockerfile_as_the_user_does(work, context):
    """As buildx: what -f says, or the folder as it was given."""
    (context / "sub").mkdir()
    for file in (context / "Dockerfile", context / "sub/D", work / "outer"):
        file.write_text("FROM scratch\nENV API_KEY=1\n")

    def shown(*words, cwd=context, **more):
        result = strata(work / "none", "build", "--check", *words, check=False, cwd=cwd, **more)
        name, = [line.rpartition(":")[0] for line in result.lines if line.endswith(":2")]
        return name

    for file in ("Dockerfile", "sub/D", "./sub/../sub/D", context / "Dockerfile", context / "sub/D", "../outer", work / "outer"):
        assert shown("-f", file, ".") == str(file)
    assert shown("-f", "-", ".", stdin=b"FROM scratch\nENV API_KEY=1\n") == "stdin"
    assert shown(".") == "Dockerfile" and shown("./") == "Dockerfile" and shown(context) == f"{context}/Dockerfile"
    assert shown("..", cwd=context / "sub") == "../Dockerfile"
    (context / "Dockerfile").rename(context / "dockerfile")
    assert shown(".") == "dockerfile"


STAGES = BASE.replace("FROM scratch", "FROM scratch AS base") + "FROM base AS side\nRUN echo of the side > /side\nFROM base\nCOPY --from=side /side /x\n"


def test_quiet_prints_the_image_alone_or_after_a_failure_everything(work, context):
    lines = build(work, context, STAGES, "-q").lines
    assert len(lines) == 1 and lines[0].startswith("sha256:")
    failed = build(work, context, STAGES + "RUN echo why; exit 4\n", "-q", check=False)
    assert failed.code == 4 and "Step 1/" in failed.out and "why\n" in failed.out and "sha256:" not in failed.out


def test_progress_json_is_the_stream_of_dockers_api(work, context):
    result = build(work, context, STAGES + 'RUN printf "a \\"b\\" <c>"\n', "--progress", "json", "-t", "t:1")
    objects = [json.loads(line) for line in result.lines]
    text = "".join(each.get("stream", "") for each in objects)
    image = config_of(work, "t:1")["Id"]
    assert {"aux": {"ID": image}} in objects and 'a "b" <c>' in text
    assert text.startswith("Step 1/") and text.endswith(f"Successfully built {image[7:19]}\nSuccessfully tagged t:1\n")


def test_progress_rawjson_is_what_buildx_prints(work, context):
    result = build(work, context, STAGES + 'RUN printf "a <b>"; echo no >&2\n', "--progress", "rawjson", "-t", "t:1")
    objects = [json.loads(line) for line in result.err.splitlines()]
    assert result.out == "" and all(len(each) == 1 for each in objects)
    seen = {}
    for vertex in (v for each in objects for v in each.get("vertexes", [])):
        seen.setdefault(vertex["digest"], []).append(vertex)
    for states in seen.values():
        assert [set(state) - {"inputs", "cached"} for state in states] == [{"digest", "name", "started"}, {"digest", "name", "started", "completed"}]
        assert all(digest in seen for digest in states[1].get("inputs", []))
    names = {digest: states[0]["name"] for digest, states in seen.items()}
    last = next(digest for digest, name in names.items() if 'RUN printf "a <b>"' in name)
    assert re.fullmatch(r"\[stage-\d (\d+)/\1\] RUN printf .*", names[last]) and len(seen[last][0]["inputs"]) == 1
    logs = [log for each in objects for log in each.get("logs", []) if log["vertex"] == last]
    assert {(log["stream"], base64.b64decode(log["data"])) for log in logs} == {(1, b"a <b>"), (2, b"no\n")}
    image = config_of(work, "t:1")["Id"]
    statuses = [status["id"] for each in objects for status in each.get("statuses", [])]
    assert statuses == [f"writing image {image}", "naming to docker.io/library/t:1"]
    again = build(work, context, STAGES, "--progress", "rawjson")
    assert '"cached":true' in again.err and '"logs"' not in again.err
    failed = build(work, context, STAGES + "RUN exit 4\n", "--progress", "rawjson", check=False)
    errors = [v for line in failed.err.splitlines() if line.startswith("{") for v in json.loads(line).get("vertexes", []) if "error" in v]
    assert failed.code == 4 and len(errors) == 1 and "returned a non-zero code: 4" in errors[0]["error"]
    quiet = build(work, context, STAGES, "--progress", "rawjson", "-q")
    assert len(quiet.lines) == 1 and quiet.err == ""


def test_metadata_and_id_files(work, context):
    build(work, context, STAGES, "-t", "t:1", "-t", "localhost:5000/x", "--iidfile", work / "iid", "--metadata-file", work / "metadata")
    image = config_of(work, "t:1")["Id"]
    assert (work / "iid").read_text() == image
    assert json.loads((work / "metadata").read_text()) == {
        "containerimage.config.digest": image, "containerimage.digest": image, "image.name": "docker.io/library/t:1,localhost:5000/x:latest"}


def test_a_health_check_is_shown_whole(work, context):
    build(work, context, "FROM scratch\nHEALTHCHECK --start-period=5s --start-interval=2s CMD x\n", "-t", "t:1")
    assert config_of(work, "t:1")["Config"]["Healthcheck"] == {"Test": ["CMD-SHELL", "x"], "StartPeriod": 5 * 10**9, "StartInterval": 2 * 10**9}


def test_the_stage_that_is_built_has_its_name(work, context):
    text = "FROM scratch AS one\nARG TARGETSTAGE\nLABEL stage=$TARGETSTAGE\nFROM one AS last\n"
    for words, name in (([], "last"), (["--target", "one"], "one")):
        build(work, context, text, "-t", "t:1", *words)
        assert config_of(work, "t:1")["Config"]["Labels"] == {"stage": name}
    build(work, context, text + "FROM one\n", "-t", "t:1")
    assert config_of(work, "t:1")["Config"]["Labels"] == {"stage": "default"}


def test_a_base_that_is_pulled_is_seen_to_be(work, context):
    import registries
    if registries.cannot_run():
        pytest.skip(registries.cannot_run())
    with registries.registry() as server:
        name = f"{server.host}/base:1"
        build(work, context, BASE, "-t", name)
        strata(work / "root", "push", name, env=registries.no_configuration(work))
        out = build(work, context, f"FROM {name}\nENV A=1\n", root=work / "other").out
        assert "1: Pulling from base\n" in out and ": Pull complete\n" in out
        strata(work / "other", "rmi", name)
        assert len(build(work, context, f"FROM {name}\nENV A=1\n", "-q", root=work / "third").lines) == 1


@pytest.mark.parametrize("words,message", [
    (["-t", "UPPER"], 'invalid argument "UPPER" for "-t, --tag" flag: invalid reference format: repository name must be lowercase'),
    (["--progres", "plain"], "unknown flag: --progres"), (["--network"], "flag needs an argument: --network")])
def test_options_that_are_wrong_are_told_as_docker_tells_them(work, context, words, message):
    result = strata(work / "root", "build", context, *words, check=False)
    assert (result.code, result.err) == (125, f"{message}\nSee 'strata build --help'.\n") and not (work / "root").exists()
