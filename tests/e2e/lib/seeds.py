# SPDX-License-Identifier: Apache-2.0
"""One seed for a run; printed, so that STRATA_TEST_SEED=… runs the same again. Counts come from the environment too."""
import os
import random

_SEED = int(os.environ.get("STRATA_TEST_SEED") or random.SystemRandom().randrange(1 << 32))


def seed():
    print(f"replay with STRATA_TEST_SEED={_SEED}")
    return _SEED


def count(name, default):
    return int(os.environ.get(name) or default)
