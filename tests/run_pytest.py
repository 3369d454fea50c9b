#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""run_pytest.py REPORT FILE: runs the tests of one file, for ctest. Exit code 77 when none of them could run here."""
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

NOTHING_RAN = 77


def nothing_ran(report):
    suites = list(ElementTree.parse(report).iter("testsuite"))
    return all(int(suite.get("tests")) == int(suite.get("skipped")) for suite in suites)


def main(report, tests):
    pathlib.Path(report).parent.mkdir(parents=True, exist_ok=True)
    code = subprocess.run([sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider",
                           f"--junitxml={report}", tests]).returncode
    sys.exit(NOTHING_RAN if code == 0 and nothing_ran(report) else code)


main(*sys.argv[1:])
