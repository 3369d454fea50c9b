# SPDX-License-Identifier: Apache-2.0
"""The power goes before the layers are on disk: in the next boot they are verified before they are used, and healed."""
import os
import pathlib
import shutil

import pytest

import boxes
from archives import Image, docker_2010
from engine import needs_strata_itself, strata
from roots import Root, problems
from tars import Tar
from verbs import load, plain_layer

pytestmark = [needs_strata_itself("another engine keeps no such record")]

OTHER_BOOT = "00000000-0000-4000-8000-000000000000"


def layer(name):
    tar = Tar().dir("d/")
    for i in range(20):
        tar.file(f"d/{name}-{i}", f"{name} {i}\n".encode() * 300)
    return tar.bytes()


IMAGE = Image([layer("base"), layer("middle"), layer("top")], ["x:1"])


@pytest.fixture
def root(work):
    load(work / "root", docker_2010(IMAGE), work=work)
    return work / "root"


def records(root):
    folder = root / "strata/unsynced"
    return {file.name: file.read_text() for file in folder.iterdir()} if folder.is_dir() else {}


def power_cut(root):
    """As if the machine had been stopped since: the records are of a boot that has ended."""
    (name,) = records(root)
    os.rename(root / "strata/unsynced" / name, root / "strata/unsynced" / OTHER_BOOT)


def chains(root):
    return sorted(path for path in (root / "image/overlay2/layerdb/sha256").iterdir())


def files_of(root, chain):
    return root / "overlay2" / (chain / "cache-id").read_text() / "diff"


def by_name(root, name):
    return next(chain for chain in chains(root) if (files_of(root, chain) / f"d/{name}-0").exists())


def saved(root, work):
    strata(root, "save", "--format", "docker-legacy", "-o", work / "out.tar", "x:1")
    return (work / "out.tar").read_bytes()


def test_layers_are_recorded_with_the_boot(root):
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert list(records(root)) == [boot]
    recorded = [line.split() for line in records(root)[boot].splitlines() if line.startswith("layer ")]
    assert sorted((chain, cache) for _, chain, cache in recorded) == [(path.name, (path / "cache-id").read_text()) for path in chains(root)]


def test_sync_leaves_nothing_to_record(work):
    archive = work / "x.tar"
    archive.write_bytes(docker_2010(IMAGE))
    strata(work / "root", "--sync", "load", "-i", archive)
    assert records(work / "root") == {}


def test_what_arrived_whole_is_verified_once(root, work):
    before = saved(root, work)
    places = [(path.name, (path / "cache-id").read_text()) for path in chains(root)]
    power_cut(root)
    load(root, docker_2010(IMAGE), work=work)
    assert [(path.name, (path / "cache-id").read_text()) for path in chains(root)] == places, "a sound layer was replaced"
    assert saved(root, work) == before
    strata(root, "tag", "x:1", "y:1")  # any writer clears what is done
    assert records(root) == {}


def truncate(path):
    path.write_bytes(b"")


DAMAGES = {
    "an empty file": lambda root, chain: truncate(next((files_of(root, chain) / "d").iterdir())),
    "a file that is missing": lambda root, chain: next((files_of(root, chain) / "d").iterdir()).unlink(),
    "an empty tar-split": lambda root, chain: truncate(chain / "tar-split.json.gz"),
    "an empty cache-id": lambda root, chain: truncate(chain / "cache-id"),
    "no files at all": lambda root, chain: shutil.rmtree(files_of(root, chain)),
    "an empty link": lambda root, chain: truncate(files_of(root, chain).parent / "link"),
    "an empty lower above": lambda root, chain: truncate(files_of(root, by_name(root, "top")).parent / "lower"),
}


@pytest.mark.as_root
@pytest.mark.parametrize("where", ["base", "middle", "top"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_did_not_arrive_is_healed_by_loading_it_again(root, work, damage, where):
    before = saved(root, work)
    power_cut(root)
    DAMAGES[damage](root, by_name(root, where))
    load(root, docker_2010(IMAGE), work=work)
    assert saved(root, work) == before
    mounted = strata(root, "mount", "x:1").out.strip()
    try:
        names = sorted(path.name for path in (pathlib.Path(mounted) / "d").iterdir())
        empty = [path.name for path in (pathlib.Path(mounted) / "d").iterdir() if path.stat().st_size == 0]
    finally:
        strata(root, "umount", mounted)
    assert names == sorted(f"{layer}-{i}" for layer in ("base", "middle", "top") for i in range(20)) and not empty
    strata(root, "tag", "x:1", "y:1")
    assert records(root) == {} or OTHER_BOOT not in records(root)


@pytest.mark.as_root
def test_a_damaged_layer_is_not_mounted(root):
    power_cut(root)
    truncate(files_of(root, by_name(root, "base")) / "d/base-0")
    refused = strata(root, "mount", "x:1", check=False)
    assert refused.code == 1 and "damaged or missing" in refused.err


@pytest.mark.as_root
def test_another_image_on_the_same_base_is_healed_with_it(root, work):
    other = Image([layer("base"), plain_layer("other")], ["other:1"])
    load(root, docker_2010(other), work=work)
    power_cut(root)
    truncate(files_of(root, by_name(root, "base")) / "d/base-0")
    load(root, docker_2010(IMAGE), work=work)
    mounted = pathlib.Path(strata(root, "mount", "other:1").out.strip())
    try:
        assert (mounted / "d/base-0").read_bytes() == b"base 0\n" * 300
    finally:
        strata(root, "umount", mounted)
    assert problems(root) == []


@pytest.mark.as_root
@pytest.mark.needs(why_not=boxes.why_not)
@pytest.mark.parametrize("how", ["COPY", "RUN", "commit"])
def test_an_image_in_doubt_is_built_upon(work, how):
    """The first command of the new boot is one that needs the layers below it only as they are."""
    root = work / "root"
    load(root, docker_2010(boxes.box()), work=work)
    strata(root, "create", "--name", "one", "box:1", "true")
    power_cut(root)
    (work / "Dockerfile").write_text("FROM box:1\nCOPY Dockerfile /d\n" if how == "COPY" else "FROM box:1\nRUN echo d >/d\n")
    strata(root, *(["commit", "one", "made:1"] if how == "commit" else ["build", "-t", "made:1", work]))
    assert problems(root) == []


@pytest.mark.as_root
def test_a_damaged_layer_is_not_built_upon(root, work):
    power_cut(root)
    truncate(files_of(root, by_name(root, "base")) / "d/base-0")
    (work / "Dockerfile").write_text("FROM x:1\nCOPY Dockerfile /d\n")
    refused = strata(root, "build", work, check=False)
    assert refused.code == 1 and "layer does not exist" in refused.err, refused
