# SPDX-License-Identifier: Apache-2.0
"""Files of layers that dockerd unpacked are damaged in every way: each is found, nothing else is, and what recover gets out of such a
root is what dockerd and podman load."""
import contextlib
import json
import os
import random
import shutil
import subprocess

import pytest

import tars
import trees
from archives import Image, docker_2010
from engine import strata
from images import runnable
from peers import dockerd, podman
from procs import clean_env, copy_tree, new_dir, remove_tree, run
from quirks import QUIRKS
from registries import registry
from roots import Root, bare, changes, snapshot
from seeds import seed
from tars import Tar

LAYER = (Tar().dir("d/").file("d/changed", b"hello" * 1000).file("d/short", b"hello").file("d/gone", b"gone").file("d/empty", b"")
         .file("d/strict", b"x", mode=0o600).symlink("d/link", "target").file("d/linked", b"linked").hardlink("d/hard", "d/linked")
         .fifo("d/fifo").device("d/null", 1, 3).whiteout("d", "hidden").dir("o/").opaque("o").file("o/in", b"in").file("later/deep/x", b"x")
         .dir("late/", mtime=5).file("whole", b"stays as it is")
         .pax({"SCHILY.xattr.security.capability": tars.CAPABILITY}).file("d/able", b"able").bytes())
# What another one is that an image needs to be of use: it stays sound.
ABOVE = Tar().file("above", b"above").bytes()


@pytest.fixture(scope="module")
def loaded():
    """A root into which dockerd loaded layers: one of every kind of file, odd ones, random ones."""
    folder = new_dir()
    choose = random.Random(seed())
    base = runnable().layers[0]
    images = [Image([base, LAYER, ABOVE], ["sick:1"], config={"Cmd": ["/bin/ls"], "Env": ["PATH=/bin"]})]
    odd = [tars.odd_layer()] + [trees.random_tar(choose) for _ in range(3)]
    for form in ("pax with xattrs", "pax with times", "gnu", "owner names"):
        odd.append(trees.gnu_tar(trees.tree_for(choose, form, folder / form), form, folder / "tree.tar"))
    images += [Image([base, layer], [f"odd:{i}"]) for i, layer in enumerate(odd + list(QUIRKS.values()))]
    taken = []
    with dockerd(folder / "root") as docker:
        for image in images:  # docker refuses some, and others it can never save again
            if docker("load", "-q", stdin=docker_2010(image), check=False).code == 0:
                taken.append(image)
        build = [*"build -q --network none -t kit:1 -".split()]
        subprocess.run(["/usr/bin/docker", "-H", docker.socket, *build], check=True, capture_output=True, env=clean_env(DOCKER_BUILDKIT="1"),
                       input=b"FROM sick:1\nRUN echo x > /x; mkdir -p /m/n; touch /m/n/y; rm /above; chmod 4711 /bin/busybox; ln /x /z\n"
                             b"RUN rm -r /m; mkdir /m; echo q > /m/q\n")
    assert taken[0] is images[0]
    yield folder / "root", images[0]
    remove_tree(folder)


@pytest.fixture
def sick(loaded, work):
    """A copy of that root, the image with one of every kind, and the folder of its second layer."""
    root = copy_tree(loaded[0], work / "root")
    return root, loaded[1], files_of(root, loaded[1], 1)


def files_of(root, image, number):
    opened = Root(root)
    return opened.layer_diff(opened.chain(image.id)[number])


def record_of(root, image, number):
    return root / "image/overlay2/layerdb/sha256" / bare(Root(root).chain(image.id)[number])


def findings(root):
    result = strata(root, "check", "--content", "--format", "json", check=False)
    report = json.loads(result.out)
    return {(f["Kind"], f["Path"].partition("/diff/")[2]) for f in report["Findings"] if "/diff/" in f["Path"]}


@contextlib.contextmanager
def times_kept(*folders):
    """A folder's time tells that something happened in it, which would be a finding of its own."""
    before = [(folder, os.stat(folder)) for folder in folders]
    yield
    for folder, info in before:
        os.utime(folder, ns=(info.st_atime_ns, info.st_mtime_ns))


def overwrite(file, data):
    with times_kept(file):
        file.write_bytes(data)


def replace(file, make):
    file.unlink()
    make(file)


DAMAGE = {
    "content": (lambda d: overwrite(d / "d/changed", b"hallo" * 1000), ("file-changed", "d/changed")),
    "length": (lambda d: overwrite(d / "d/short", b"hell"), ("file-changed", "d/short")),
    "gone": (lambda d: (d / "d/gone").unlink(), ("file-missing", "d/gone")),
    "empty file gone": (lambda d: (d / "d/empty").unlink(), ("file-missing", "d/empty")),
    "extra": (lambda d: (d / "d/extra").write_bytes(b"x"), ("file-extra", "d/extra")),
    "extra folder": (lambda d: (d / "d/more/below").mkdir(parents=True), ("file-extra", "d/more")),
    "mode": (lambda d: os.chmod(d / "d/strict", 0o644), ("file-metadata", "d/strict")),
    "setuid": (lambda d: os.chmod(d / "whole", 0o4644), ("file-metadata", "whole")),
    "owner": (lambda d: os.chown(d / "whole", 7, 8), ("file-metadata", "whole")),
    "time": (lambda d: os.utime(d / "whole", (1, 1)), ("file-metadata", "whole")),
    "time of a folder": (lambda d: os.utime(d / "late", (1, 1)), ("file-metadata", "late")),
    "capability gone": (lambda d: os.removexattr(d / "d/able", "security.capability"), ("file-metadata", "d/able")),
    "capability added": (lambda d: os.setxattr(d / "whole", "security.capability", tars.CAPABILITY), ("file-metadata", "whole")),
    "xattr added": (lambda d: os.setxattr(d / "whole", "trusted.more", b"x"), ("file-metadata", "whole")),
    "link target": (lambda d: replace(d / "d/link", lambda f: (f.symlink_to("other"), os.utime(f, (tars.ENTRY_TIME,) * 2, follow_symlinks=False))),
                    ("file-metadata", "d/link")),
    "hard link": (lambda d: replace(d / "d/hard", lambda f: (f.write_bytes(b"linked"), os.chmod(f, 0o644), os.utime(f, (tars.ENTRY_TIME,) * 2))),
                  ("file-metadata", "d/hard")),
    "device number": (lambda d: replace(d / "d/null", lambda f: (os.mknod(f, 0o020644, os.makedev(1, 5)), os.utime(f, (tars.ENTRY_TIME,) * 2))),
                      ("file-metadata", "d/null")),
    "type": (lambda d: replace(d / "d/fifo", lambda f: f.write_bytes(b"")), ("file-metadata", "d/fifo")),
    "whiteout gone": (lambda d: (d / "d/hidden").unlink(), ("file-missing", "d/.wh.hidden")),
    "whiteout that is a file": (lambda d: replace(d / "d/hidden", lambda f: f.write_bytes(b"")), ("file-metadata", "d/.wh.hidden")),
    "opaque mark gone": (lambda d: os.removexattr(d / "o", "trusted.overlay.opaque"), ("file-metadata", "o")),
    "opaque mark added": (lambda d: os.setxattr(d / "d", "trusted.overlay.opaque", b"y"), ("file-metadata", "d")),
    "folder nobody named": (lambda d: (d / "later/deep/x").unlink(), ("file-missing", "later/deep/x")),
}


def test_nothing_is_found_in_what_dockerd_unpacked(loaded):
    assert findings(loaded[0]) == set()


def test_nothing_is_found_beside_what_the_kernel_added(loaded, work):
    """Saving a layer that nothing was built upon mounts it writable."""
    root = copy_tree(loaded[0], work / "root")
    with dockerd(root) as docker:
        docker("save", "-o", work / "saved.tar", "sick:1", "kit:1")
    assert findings(root) == set()


@pytest.mark.parametrize("name", DAMAGE)
def test_each_damage_is_found_and_nothing_else(sick, name):
    root, _, files = sick
    damage, expected = DAMAGE[name]
    with times_kept(files / "d", files, files / "o"):
        damage(files)
    assert findings(root) == {expected}


def test_all_of_it_at_once(sick):
    root, _, files = sick
    with times_kept(files / "d", files, files / "o"):
        for name in ("content", "gone", "extra", "mode", "link target", "whiteout gone", "opaque mark gone", "device number", "time of a folder"):
            DAMAGE[name][0](files)
    expected = {DAMAGE[name][1] for name in ("content", "gone", "extra", "mode", "link target", "whiteout gone", "opaque mark gone",
                                             "device number", "time of a folder")}
    assert findings(root) == expected


# ---- recover ----

@contextlib.contextmanager
def read_only(root):
    """The root as a dead machine's disk should be looked at."""
    run("mount", "--bind", root, root)
    try:
        run("mount", "-o", "remount,bind,ro", root)
        yield root
    finally:
        run("umount", root)


def recover(root, work, *words, check=True):
    """The report, and the exit code; the root is the same afterwards."""
    before = snapshot(root, skip=())
    with read_only(root):
        result = strata("/nonexistent", "recover", "--json", "-o", work / "out.tar", root, *words, check=False)
    assert changes(before, snapshot(root, skip=())) == []
    if check:
        assert result.code in (0, 4), result
    return (json.loads(result.out) if result.out else None), result.code


def loaded_by_docker(work, names):
    """IDs by name, and what each file of the image `sick:1` holds, as a dockerd has it that loaded the archive."""
    with dockerd(work / "fresh") as docker:
        docker("load", "-i", work / "out.tar")
        ids = {name: docker("image", "inspect", "-f", "{{.Id}}", name).out.strip() for name in names}
        listing = docker("run", "--rm", "--network", "none", names[0], "/bin/ls", "-a", "/d", check=False) if names else None
        docker("save", "-o", work / "again.tar", *names)
    return ids, listing.out.split() if listing else None  # ls fails at the whiteout, which hides nothing and shows


def loaded_by_podman(work):
    with podman() as store:
        return store("load", "-i", work / "out.tar").out


def test_a_sound_image_comes_out_as_save_writes_it(sick, work):
    root, image, _ = sick
    report, code = recover(root, work, "sick:1")
    assert code == 0 and report["Images"][0]["AsItWas"] and report["Images"][0]["Is"] == image.id
    strata(root, "save", "-o", work / "saved.tar", "sick:1")
    assert (work / "out.tar").read_bytes() == (work / "saved.tar").read_bytes()
    assert "sick:1" in loaded_by_podman(work)


def test_garbled_names_are_found_by_what_is_left(sick, work):
    root, image, _ = sick
    names = root / "image/overlay2/repositories.json"
    whole = names.read_bytes()
    end = whole.index(b'"sick:1":"sha256:') + len('"sick:1":"sha256:') + 65
    names.write_bytes(whole[:end])
    report, code = recover(root, work, "sick:1")
    assert code == 0 and report["Images"][0]["Is"] == image.id
    names.write_bytes(b"")
    assert recover(root, work, "sick:1", check=False)[1] == 8
    report, code = recover(root, work, image.id[7:19])
    assert code == 0 and report["Images"][0]["Is"] == image.id
    assert loaded_by_docker(work, [image.id])[0] == {image.id: image.id}


def test_metadata_of_files_is_that_of_the_tar_split(sick, work):
    """What the tar-split tells is not lost, so the image is as it was."""
    root, image, files = sick
    for name in ("mode", "owner", "link target", "whiteout gone", "extra", "empty file gone", "opaque mark gone"):
        DAMAGE[name][0](files)
    report, code = recover(root, work, "sick:1")
    assert code == 0 and report["Images"][0]["Is"] == image.id
    assert loaded_by_docker(work, ["sick:1"])[0] == {"sick:1": image.id}


def test_what_is_lost_is_listed_and_the_rest_loads(sick, work):
    root, image, files = sick
    for name in ("content", "length", "gone"):
        DAMAGE[name][0](files)
    (files / "d/linked").unlink()
    report, code = recover(root, work, "sick:1")
    assert code == 4
    out = report["Images"][0]
    assert out["Was"] == image.id != out["Is"] and not out["AsItWas"]
    assert sorted((loss["Name"], loss["What"]) for loss in out["Losses"]) == [
        ("d/changed", "changed"), ("d/gone", "left out"), ("d/hard", "moved"), ("d/linked", "left out"), ("d/short", "changed")]
    assert all(loss["Layer"] == image.diff_ids[1] for loss in out["Losses"])
    ids, listing = loaded_by_docker(work, ["sick:1"])
    assert ids == {"sick:1": out["Is"]}
    assert "sick:1" in loaded_by_podman(work)
    assert "gone" not in listing and {"changed", "short", "hard", "able", "link", "strict"} <= set(listing)


@pytest.mark.parametrize("records", ["one", "all"])
def test_records_that_are_gone_leave_the_files(sick, work, records):
    """What lies on a layer names its folder, and of a top layer there is but one that lies where it must."""
    root, image, _ = sick
    for number in (0, 1) if records == "all" else (0,):
        shutil.rmtree(record_of(root, image, number))
    report, code = recover(root, work, "sick:1")
    out = report["Images"][0]
    lost = {loss["Layer"] for loss in out["Losses"]}
    assert code == 4 and lost <= set(image.diff_ids) and all("gone" not in loss["Reason"] for loss in out["Losses"])
    assert len([source for source in out["Sources"] if "folder" in source]) == (2 if records == "all" else 1)
    ids, listing = loaded_by_docker(work, ["sick:1"])
    assert ids == {"sick:1": out["Is"]} and "changed" in listing


def test_a_tar_split_that_is_gone_leaves_the_files(sick, work):
    root, image, files = sick
    (record_of(root, image, 1) / "tar-split.json.gz").write_bytes(b"")
    report, code = recover(root, work, "sick:1")
    assert code == 4 and [loss["Name"] for loss in report["Images"][0]["Losses"]] == ["."]
    ids, listing = loaded_by_docker(work, ["sick:1"])
    assert ids == {"sick:1": report["Images"][0]["Is"]} and "changed" in listing


def test_a_record_that_lost_its_folder_finds_it_by_content(sick, work):
    root, image, _ = sick
    record = record_of(root, image, 1)
    (record / "cache-id").write_bytes(b"")
    (record / "size").write_bytes(b"\n")
    report, code = recover(root, work, "sick:1")
    assert code == 0 and report["Images"][0]["Is"] == image.id and "folder" in report["Images"][0]["Sources"][0]


@contextlib.contextmanager
def copy_of(image, loaded, work, kind):
    """The image, whole, at a place of that kind, as --from names it."""
    if kind == "archive":
        (work / "copy.tar").write_bytes(docker_2010(image))
        yield work / "copy.tar"
    elif kind == "folder":
        strata(loaded[0], "copy", f"root:{loaded[0]}:sick:1", f"oci:{work / 'oci'}:1")
        yield work / "oci"
    elif kind == "registry":
        with registry() as server:
            strata(loaded[0], "copy", f"root:{loaded[0]}:sick:1", f"docker://{server.host}/sick:1")
            yield f"docker://{server.host}/sick:1"
    else:
        yield f"root:{loaded[0]}"


@pytest.mark.parametrize("kind", ["archive", "root", "folder", "registry"])
def test_what_is_damaged_comes_from_elsewhere(sick, loaded, work, kind):
    root, image, files = sick
    DAMAGE["content"][0](files)
    (root / "image/overlay2/imagedb/content/sha256" / image.id[7:]).write_bytes(b"{}")
    with copy_of(image, loaded, work, kind) as place:
        report, code = recover(root, work, "--from", place, "sick:1")
    assert code == 0 and report["Images"][0]["Is"] == image.id and len(report["Images"][0]["Sources"]) == 2


def test_a_layer_without_files_is_empty_and_one_image_lost_does_not_keep_others(sick, work):
    root, image, files = sick
    remove_tree(files.parent)
    report, code = recover(root, work, "sick:1", "odd:0", "nope:1")
    assert code == 4 and report["Failures"] == ["No such image: nope:1"]
    by_name = {i["Word"]: i for i in report["Images"]}
    assert not by_name["sick:1"]["AsItWas"] and by_name["odd:0"]["AsItWas"]
    assert by_name["sick:1"]["Losses"][0]["What"] == "left out"
    ids, _ = loaded_by_docker(work, ["sick:1", "odd:0"])
    assert ids == {name: by_name[name]["Is"] for name in ids}
