# SPDX-License-Identifier: Apache-2.0
"""The judges are judged: the checker accepts what docker makes, and each kind of damage is seen."""
import json
import shutil

import pytest

from peers import dockerd
from roots import Root, changes, problems, snapshot

pytestmark = pytest.mark.no_strata


def test_checker_accepts_a_root_built_by_docker(built_root):
    assert problems(built_root) == []


def test_opening_a_root_with_docker_changes_no_image_file(root):
    before = {p: v for p, v in snapshot(root).items() if p.startswith("image/")}
    with dockerd(root) as docker:
        docker("images", "-a")
    after = {p: v for p, v in snapshot(root).items() if p.startswith("image/")}
    assert changes(before, after) == []


def damage_layer_file(root, name, text):
    chain = sorted(Root(root).layers())[0]
    (Root(root).image / "layerdb/sha256" / chain[7:] / name).write_text(text)


def damage_content(root):
    for chain in Root(root).layers():
        file = Root(root).layer_diff(chain) / "etc/passwd"
        if file.exists():
            return file.write_text("other")


def damage_link(root):
    shutil.rmtree(root / "overlay2/l")
    (root / "overlay2/l").mkdir()


def damage_reference(root):
    file = root / "image/overlay2/repositories.json"
    data = json.loads(file.read_text())
    data["Repositories"]["x"] = {"x:1": "sha256:" + "0" * 64}
    file.write_text(json.dumps(data))


def leave_staging(root):
    (root / "image/overlay2/layerdb/tmp/write-set-1").mkdir()


def orphan_folder(root):
    (root / "overlay2" / ("e" * 64) / "diff").mkdir(parents=True)


def remove_image_config(root):
    image = Root(root).references()["odd:1"]
    (Root(root).image / "imagedb/content/sha256" / image[7:]).unlink()


@pytest.mark.parametrize("spoil, word", [
    (lambda r: damage_layer_file(r, "size", "1"), "size says"),
    (lambda r: damage_layer_file(r, "diff", "sha256:" + "0" * 64), "another chainID"),
    (damage_content, "put together it is"),
    (damage_link, "is not in l/"),
    (damage_reference, "names unknown"),
    (leave_staging, "nobody knows"),
    (orphan_folder, "belongs to nothing"),
    (remove_image_config, "used by nothing"),
])
def test_checker_sees(root, spoil, word):
    spoil(root)
    assert any(word in line for line in problems(root)), problems(root)
