# SPDX-License-Identifier: Apache-2.0
"""Results of all rounds, the targets, and the table that says how they compare."""

import dataclasses
import statistics

MIB = 1 << 20
PEAK_LIMIT_BYTES = 64 * MIB
SLOWER_OF = "slower of sha256, tar -x"
LIMITS = ("tar -x", "igzip+tar", "cp", "sha256", SLOWER_OF)
# Actions that others do not have: compared with what they did for this one.
COMPARED_WITH = {"save-default": "save", "push-zstd": "push", "images-first": "images"}


@dataclasses.dataclass
class Target:
    """What strata set itself.

    An engine as `peer`: strata is at least `bound` times as fast. A limit as `peer`: strata takes
    at most `bound` times as long. `peer` None: strata needs at most `bound` seconds.
    """

    peer: str | None
    bound: float
    only_tmpfs: bool = True


TARGETS = {
    ("distro", "load"): [Target("docker", 10, False), Target("podman", 5), Target("tar -x", 1.5)],
    ("distro", "load-again"): [Target(None, 0.020)],
    ("distro", "save"): [Target("docker", 10, False), Target("cp", 1.5)],
    ("distro", "save-default"): [Target("docker", 10, False), Target("cp", 1.5)],
    ("big-layer", "load"): [Target(SLOWER_OF, 1.3)],
    ("registry", "pull"): [Target("docker", 10), Target("podman", 5), Target("igzip+tar", 1.5)],
    ("registry", "pull-again"): [Target(None, 0.050)],
    ("registry", "push"): [Target("docker", 3)],
    ("registry", "push-zstd"): [Target("docker", 3)],
    ("many-images", "images"): [Target(None, 0.050, False)],
    ("many-images", "check"): [Target(None, 1.0, False)],
    ("build", "build-run"): [Target("docker", 3, False), Target("buildah", 5, False)],
    ("build", "build-copy"): [Target("cp", 1.5)],
    ("build", "build-cached"): [Target(None, 0.150, False), Target("docker", 10, False)],
    ("build", "build-metadata"): [Target("docker", 4, False)],
    ("build", "build-metadata-cached"): [Target("docker", 4, False)],
    ("container", "commit"): [Target("docker", 5, False)],
}


class Results:
    """Samples and failures by (input, action, peer, round)."""

    def __init__(self):
        self._samples = {}
        self.failures = []

    def add(self, case, peer, number, sample):
        self._samples.setdefault((*case, peer), {})[number] = sample

    def add_failure(self, case, peer, message):
        self.failures.append((*case, peer, message))

    def failures_of(self, case):
        return [(peer, message) for *where, peer, message in self.failures
                if tuple(where) in (case, (case[0], "start"))]

    def samples(self, case, peer):
        """round -> Sample"""
        input_name, action = case
        found = self._samples.get((input_name, action, peer))
        if found is None and peer != "strata" and action in COMPARED_WITH:
            found = self._samples.get((input_name, COMPARED_WITH[action], peer))
        return found or {}

    def seconds(self, case, peer):
        """round -> seconds; the slower of two limits is taken round by round."""
        if peer == SLOWER_OF:
            first, second = self.seconds(case, "sha256"), self.seconds(case, "tar -x")
            return {number: max(first[number], second[number])
                    for number in first.keys() & second.keys()}
        return {number: sample.seconds for number, sample in self.samples(case, peer).items()}

    def ratios(self, case, peer):
        """Of the rounds that both took part in: peer / strata, or strata / peer for a limit."""
        ours, theirs = self.seconds(case, "strata"), self.seconds(case, peer)
        both = sorted(ours.keys() & theirs.keys())
        if peer in LIMITS:
            return [ours[number] / theirs[number] for number in both]
        return [theirs[number] / ours[number] for number in both]

    def as_json(self):
        return [{"input": key[0], "action": key[1], "peer": key[2], "samples": [
                    {"round": number, "seconds": sample.seconds, "cpu_seconds": sample.cpu_seconds,
                     "peak_rss_bytes": sample.peak_rss_bytes}
                    for number, sample in sorted(rounds.items())]}
                for key, rounds in self._samples.items()]


def spread(values, digits):
    middle, low, high = (f"{value:.{digits}f}"
                         for value in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({low} .. {high})"


def blobs_text(rounds):
    """What a push made of the layers; nothing for what is no push."""
    sizes = [sample.blob_bytes for sample in rounds.values()]
    return f", blobs {max(sizes) / MIB:.1f} MiB" if any(sizes) else ""


def verdict(met):
    return "met" if met else "MISSED"


class Table:
    """Prints one block a case. `judged`: targets apply (full-size inputs)."""

    def __init__(self, results, on_tmpfs, judged):
        self._results, self._on_tmpfs, self._judged = results, on_tmpfs, judged
        self.missed = 0

    def print_case(self, case, peers):
        print(f"\n{case[0]}: {case[1]}")
        print(f"  {'':26}{'seconds: median (min .. max)':32}{'compared with strata':40}target")
        self._print_strata(case)
        extra = [SLOWER_OF] if any(t.peer == SLOWER_OF for t in TARGETS.get(case, [])) else []
        for peer in [*(p for p in peers if p != "strata"), *extra]:
            if self._results.seconds(case, peer):
                self._print_peer(case, peer)
        for peer, message in self._results.failures_of(case):
            print(f"  {peer:26}FAILED: {message}")

    def _targets(self, case, peer):
        return [target for target in TARGETS.get(case, []) if target.peer == peer and self._judged
                and (self._on_tmpfs or not target.only_tmpfs)]

    def _print_strata(self, case):
        rounds = self._results.samples(case, "strata")
        if not rounds:
            return
        seconds = self._results.seconds(case, "strata").values()
        cores = statistics.median(s.cpu_seconds / s.seconds for s in rounds.values())
        peak = max(s.peak_rss_bytes for s in rounds.values())
        words = []
        for target in self._targets(case, None):
            words.append(f"<= {target.bound * 1000:.0f} ms " + self._judge(
                statistics.median(seconds) <= target.bound))
        if self._judged:
            words.append("peak < 64 MiB " + self._judge(peak < PEAK_LIMIT_BYTES))
        facts = f"{cores:.1f} cores busy, peak {peak / MIB:.0f} MiB" + blobs_text(rounds)
        self._print_row("strata", spread(seconds, 3), facts, words)

    def _print_peer(self, case, peer):
        seconds = self._results.seconds(case, peer).values()
        ratios = self._results.ratios(case, peer)
        words, comparison = [], ""
        if ratios:
            limit = peer in LIMITS
            comparison = (f"strata takes {spread(ratios, 2)} x" if limit
                          else f"strata is {spread(ratios, 1)} x as fast")
            for target in self._targets(case, peer):
                median = statistics.median(ratios)
                met = median <= target.bound if limit else median >= target.bound
                words.append(f"{'<=' if limit else '>='} {target.bound:g} x {self._judge(met)}")
        comparison += blobs_text(self._results.samples(case, peer))
        self._print_row(peer, spread(seconds, 3), comparison, words)

    def _judge(self, met):
        self.missed += not met
        return verdict(met)

    @staticmethod
    def _print_row(name, seconds, comparison, words):
        print(f"  {name:26}{seconds:32}{comparison:40}{', '.join(words)}".rstrip())
