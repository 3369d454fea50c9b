# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "compat"))

import pytest  # noqa: E402

pytest.register_assert_rewrite("verbs", "scenarios", "beside")

from suite import canary, pytest_configure, pytest_runtest_setup, work  # noqa: E402,F401
