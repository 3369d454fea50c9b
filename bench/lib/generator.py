# SPDX-License-Identifier: Apache-2.0
"""What the generators share: the command line, and a result that appears only when complete."""

import argparse
import os
import pathlib
import shutil
import signal
import sys

DEFAULT_FOLDER = "/var/tmp/strata-bench"


def cache_folder():
    """Where inputs are kept between runs."""
    return pathlib.Path(os.environ.get("STRATA_BENCH_DIR", DEFAULT_FOLDER))


def main(name, doc, write):
    """Runs a generator: `write(path, scale)` fills FOLDER/name unless that exists."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=cache_folder(),
                        help=f"default: $STRATA_BENCH_DIR, else {DEFAULT_FOLDER}")
    parser.add_argument("--scale", type=float, default=1.0, help="a smaller one, for a quick look")
    options = parser.parse_args()
    target = options.folder / name
    if target.exists():
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    partial = options.folder / f".{name}.{os.getpid()}"
    try:
        write(partial, options.scale)
        partial.rename(target)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial)
        partial.unlink(missing_ok=True)
