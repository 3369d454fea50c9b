# SPDX-License-Identifier: Apache-2.0
"""Dockerfiles built by a real tool and by strata: config and files field by field, refusals by kind. dockerfiles/README.md."""
import re

import pytest

from build_cases import all_cases, workshop
from build_contexts import CASES as SOURCES
from engine import docker_stands_in, missing, strata
from image_facts import config_facts, run_facts, short, tree, tree_differences
from beside import field_differences
from procs import copy_tree, mounts_below
from roots import problems

CASES = all_cases()
KNOWN = dict(line.split(" ", 1) for line in (SOURCES / "known-differences.txt").read_text().splitlines() if line[:1] not in ("", "#"))
SAME_TOOL = ("docker",)  # the judge whose whole config is compared; the others write configs of other forms

# kind -> what the judges say, and what strata may say
KINDS = {
    "source is missing": r"file not found in build context|no source files were specified|stat .*: file does not exist|failed to calculate checksum",
    "several sources, one file": r"more than one source file, the destination must be a directory",
    "outside of the context": r"forbidden path outside the build context",
    "owner is unknown": r"can't find (uid|gid) for",
    "no directory": r"not a directory|cannot copy .*directory",
    "not to be executed": r"(exec: |starting container process|executable file).*(no such file|not found)|no such file or directory.*exec",
    "user is unknown": r"unable to find user",
    "stage index": r"invalid from flag value \d+: (index out of bounds|refers to current build stage|invalid stage index)",
    "no such target": r"failed to reach build target|target stage .* could not be found",
    "stage name twice": r"stage name already used",
    "blank base": r"base name \(.*\) should not be blank",
    "reference": r"invalid reference format",
    "platform": r"failed to parse platform|invalid platform",
    "retries": r"--retries (must be at least 1|cannot be negative)",
    "image cannot be had": r"(?i)pull access denied|no such host|connection refused|not found: manifest unknown|could not resolve|failed to resolve|couldn't connect",
    "download": r"(?i)404|status code 40\d",
    "file name of a URL": r"cannot determine filename for source|does not name a file",
    "broken tar": r"(?i)unexpected EOF|ends early|truncated",
    "checksum": r"(?i)digest mismatch|checksum",
    "secret": r"secret .* not found|secret .* is required",
    "no instructions": r"file with no instructions",
    "no stages": r"no build stage in current context|contains no stages|no stages to build|requires at least one stage",
}
NOISE = r"(Error response from daemon|ERROR|Error|failed to parse [^ :]+|dockerfile parse error( on)? line \d+|failed to build|[^ :]*Dockerfile:\d+): "


def kind(text):
    """Which kind of refusal a builder's output ends with."""
    lines = [re.sub(r"\x1b\[\d+m", "", line).strip() for line in text.splitlines()]
    last = next((line for line in reversed(lines) if line and not line.startswith("</")), "")
    for name, pattern in KINDS.items():
        if re.search(pattern, last):
            return name
    while re.match(NOISE, last):
        last = re.sub(NOISE, "", last, count=1)
    return re.sub(r"missing ':' in substitution", "syntax error: missing '}'", last)


@pytest.fixture(scope="module")
def shop():
    if not docker_stands_in() and (missing() or strata("/nonexistent", "build", "--help", check=False).code != 0):
        pytest.skip("strata has no build command yet")
    with workshop() as shop:
        yield shop
        if not docker_stands_in():
            assert mounts_below(shop.ours) == []
            assert problems(shop.ours) == []


def built_by_strata(shop, case, *more):
    """docker in strata's place builds in the judges' root: which shows that the comparison itself is right."""
    if not docker_stands_in():
        return shop.ours, shop.by_strata(case, "--no-cache", *more)
    if case.judge not in ("docker", "buildkit"):
        pytest.skip(f"docker 20.10 stands in for strata and is no judge of {case}")
    return shop.theirs, shop.by_judge(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_builds_the_same(shop, case):
    why = None if docker_stands_in() else KNOWN.get(str(case))
    try:
        compare(shop, case)
    except AssertionError:
        if why:
            pytest.xfail(why)
        raise
    assert not why, f"the difference is gone: take {case} out of known-differences.txt"


def test_known_differences_are_of_cases():
    assert KNOWN.keys() <= {str(case) for case in CASES}


def compare(shop, case):
    theirs = shop.by_judge(case) if case.judge != "none" else None
    if theirs and (theirs.code != 0) != case.fails:
        theirs = shop.by_judge(case)  # dockerd 20.10 now and then fails to unpack a COPY --from
    root, ours = built_by_strata(shop, case)
    if theirs:
        assert (theirs.code != 0) == case.fails, f"the judge: {theirs.text}"
    assert (ours.code != 0) == case.fails, f"strata: {ours.text}\nthe judge: {theirs and theirs.text}"
    if case.fails:
        if theirs:
            assert (kind(ours.text), ours.code) == (kind(theirs.text), theirs.code), f"strata: {ours.text}\njudge: {theirs.text}"
        return
    exact = case.judge in SAME_TOOL
    files = tree_differences(tree(shop.theirs, theirs.image, times=exact), tree(root, ours.image, times=exact),
                             mounts_leave_places=case.judge in ("buildkit", "buildah"))
    want, got = config_facts(shop.theirs, theirs.image), config_facts(root, ours.image)
    if not exact:
        want, got = run_facts(want[0]), run_facts(got[0])
        (want.get("Labels") or {}).pop("io.buildah.version", None)
        want = {k: v for k, v in want.items() if v}
    wrong = files + field_differences(want, got)
    assert not wrong, f"{short(theirs.image)} and {short(ours.image)}:\n" + "\n".join(wrong[:40])


def steps_used(text):
    return text.count("Using cache")


@pytest.mark.skipif(docker_stands_in(), reason="docker stands in for strata: the cache across tools")
class TestCache:
    CASE = next(case for case in CASES if case.group == "cache")

    def test_a_second_build_makes_nothing(self, shop):
        first, second = shop.by_strata(self.CASE), shop.by_strata(self.CASE)
        assert second.image == first.image
        assert steps_used(second.text) == 6

    def test_docker_uses_what_strata_built(self, shop, work):
        from peers import dockerd
        ours = shop.by_strata(self.CASE)
        root = copy_tree(shop.ours, work / "root")
        with dockerd(root) as docker:
            iid = work / "iid"
            result = docker("build", "--network", "none", "--iidfile", iid, *shop.words(self.CASE))
            assert (steps_used(result.out), iid.read_text()) == (6, ours.image), result

    def test_strata_uses_what_docker_built(self, shop, work):
        from peers import dockerd
        root = copy_tree(shop.ours, work / "root")
        other = self.CASE._replace(args=("--build-arg", "UNUSED=1"))
        context = shop.contexts / "cache"
        (context / "f").write_text("of docker's build\n")
        with dockerd(root) as docker:
            iid = work / "iid"
            docker("build", "--network", "none", "--iidfile", iid, "-f", context / "steps.Dockerfile", context)
        ours = strata(root, "build", "--network", "none", "--iidfile", work / "ours", *shop.words(other))
        assert (steps_used(ours.out + ours.err), (work / "ours").read_text()) == (6, iid.read_text()), ours
