# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "compat"))

from suite import pytest_configure, pytest_runtest_setup, work  # noqa: E402,F401
