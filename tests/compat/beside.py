# SPDX-License-Identifier: Apache-2.0
"""docker and strata side by side: what each printed, brought to a form that can be compared.

Left out of a comparison is only what depends on the clock ("2 minutes ago") or on Go's map order.
"""
import json
import re
import tarfile

AGO = re.compile(r"(Less than a|About an?|\d+) (second|minute|hour|day|week|month|year)s?( ago)?")
ERROR_KINDS = {
    "needs force, repositories": r"must be forced.*(image is referenced|referenced in (multiple|one or more) repositories)",
    "needs force, stopped container": r"must (be forced|force).*(stopped container|container \w+ is using its referenced image)",
    "cannot, children": r"cannot be forced.*dependent child images",
    "cannot, running container": r"cannot be forced.*running container",
    "unknown image": r"(?i)no such image|unable to find|reference does not exist",
    "invalid reference": r"(?i)invalid reference format|is not a valid repository/tag|repository name must be lowercase",
    "invalid filter": r"(?i)invalid filter|invalid argument",
    "two filters": r"more than one until filter specified$",
    "arguments": r"(?i)requires (exactly|at least|at most) \d|accepts? \d|is required",
}


def error_kind(text):
    """Which of docker's refusals a message is; the message itself where it is none of them."""
    for kind, pattern in ERROR_KINDS.items():
        if re.search(pattern, text):
            return kind
    return text.strip()


def without_clock(text):
    """Every "… ago" is one word, and runs of spaces are one: their widths depend on it."""
    return [re.sub(r"\s{2,}", "  ", AGO.sub("AGO", line)).rstrip() for line in text.splitlines()]


def rows(result, drop=("CreatedSince",)):
    """The rows of `--format '{{json .}}'` as sorted texts, so that order among equals does not matter."""
    found = []
    for line in result.lines:
        row = {k: v for k, v in json.loads(line).items() if k not in drop}
        found.append(json.dumps(row, sort_keys=True))
    return sorted(found)


def created_order(result):
    return [json.loads(line)["CreatedAt"] for line in result.lines]


def field_differences(want, got, path=""):
    """One line for each place where two JSON values differ."""
    if isinstance(want, dict) and isinstance(got, dict):
        lines = [f"{path}.{k}: docker has {want[k]!r}, strata has no such field" for k in want.keys() - got.keys()]
        lines += [f"{path}.{k}: strata has {got[k]!r}, docker has no such field" for k in got.keys() - want.keys()]
        for key in sorted(want.keys() & got.keys()):
            lines += field_differences(want[key], got[key], f"{path}.{key}")
        return lines
    if isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        return [line for i, (w, g) in enumerate(zip(want, got)) for line in field_differences(w, g, f"{path}[{i}]")]
    return [] if want == got and type(want) is type(got) else [f"{path}: docker {want!r}, strata {got!r}"]


def archive_members(file):
    """name -> (mode, owner, bytes) of an archive of several images. Whose time a shared layer has, and which of two
    equal layers is the link, depends on map order: times are left out, links are followed."""
    found = {}
    with tarfile.open(file) as tar:
        for m in tar:
            body = tar.extractfile(m).read() if m.isreg() or m.issym() else None
            if m.name in ("manifest.json", "repositories"):
                body = _any_order(json.loads(body))
            found[m.name] = (None if m.name.endswith("layer.tar") else m.mode, m.uid, m.gid, m.uname, m.gname, body)
    return found


def _any_order(value):
    if isinstance(value, list) and all(isinstance(v, dict) for v in value):
        return sorted((json.dumps(v | {"RepoTags": sorted(v.get("RepoTags") or [])}, sort_keys=True) for v in value))
    return json.dumps(value, sort_keys=True)


def layer_bytes(file):
    """The layers of a docker archive, per image: config digest -> [sha256 of each layer's bytes]."""
    import hashlib
    with tarfile.open(file) as tar:
        items = json.load(tar.extractfile("manifest.json"))

        def digest(name):
            return hashlib.sha256(tar.extractfile(name).read()).hexdigest()

        return {digest(i["Config"]): [digest(layer) for layer in i["Layers"]] for i in items}


def state(docker):
    """All that a user sees of the images: rows, and the parent of each."""
    images = docker("images", "-a", "--no-trunc", "--digests", "--format", "{{json .}}")
    return rows(images)


def same_file(a, b):
    with open(a, "rb") as x, open(b, "rb") as y:
        while True:
            left, right = x.read(1 << 20), y.read(1 << 20)
            if left != right:
                return False
            if not left:
                return True
