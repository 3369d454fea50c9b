# SPDX-License-Identifier: Apache-2.0
"""Timed processes. A process that does not exit with 0 is an error, never a fast result."""

import dataclasses
import os
import subprocess
import tempfile
import time

READ_BYTES = 4 << 20


class Failed(Exception):
    """A measured command failed, or its result was not the expected one."""


@dataclasses.dataclass
class Sample:
    """One run. `peak_rss_bytes`: ru_maxrss of the process or its largest child, the greater one."""

    seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    output: str = dataclasses.field(default="", repr=False)
    blob_bytes: int = 0  # what a push made of the layers


def timed(*commands, stdin=None, env=None):
    """Runs the commands side by side, returns one Sample from the first start to the last end.

    `stdin`: one open file a command (optional).
    """
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complaints:
        started = time.monotonic()
        processes = [subprocess.Popen([str(word) for word in command],
                                      stdin=stdin[number] if stdin else subprocess.DEVNULL,
                                      stdout=said, stderr=complaints, env=env)
                     for number, command in enumerate(commands)]
        cpu_seconds, peak, bad = 0.0, 0, None
        for process in processes:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            cpu_seconds += usage.ru_utime + usage.ru_stime
            peak = max(peak, usage.ru_maxrss * 1024)
            if process.returncode != 0:
                bad = process
        seconds = time.monotonic() - started
        if bad:
            raise Failed(f"{' '.join(bad.args)}: exit code {bad.returncode}\n"
                         f"{text_of(complaints)[-1500:]}")
        return Sample(seconds, cpu_seconds, peak, text_of(said))


def text_of(file):
    file.seek(0)
    return file.read().decode(errors="replace")


def output_of(command, env=None):
    """stdout of a command that is not measured."""
    answer = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, env=env,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if answer.returncode != 0:
        raise Failed(f"{' '.join(answer.args)}: exit code {answer.returncode}\n"
                     f"{answer.stderr[-1500:]}")
    return answer.stdout


def expect(what, found, expected):
    if found != expected:
        raise Failed(f"{what}: expected {expected}, found {found}")


def read_into_cache(path):
    buffer = bytearray(READ_BYTES)
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def drop_caches():
    """Everything clean leaves the page cache of the whole machine."""
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as control:
        control.write("3\n")
