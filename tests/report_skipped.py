#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""report_skipped.py FOLDER: which tests did not run, and why, from the JUnit files that pytest left there."""
import collections
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def skipped(folder):
    by_reason = collections.defaultdict(list)
    for report in sorted(pathlib.Path(folder).glob("*.xml")):
        for case in ElementTree.parse(report).iter("testcase"):
            for skip in case.iter("skipped"):
                by_reason[skip.get("message")].append(f"{case.get('classname')}::{case.get('name')}")
    return by_reason


def main(folder):
    by_reason = skipped(folder)
    if not by_reason:
        return
    print(f"\nSkipped: {sum(map(len, by_reason.values()))} tests did not run here.")
    for reason, tests in sorted(by_reason.items()):
        print(f"  {reason}: {len(tests)}")
        for test in tests[:5]:
            print(f"    {test}")
        if len(tests) > 5:
            print(f"    ... and {len(tests) - 5} more")
    print()


main(sys.argv[1])
