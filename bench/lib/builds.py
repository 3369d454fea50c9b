# SPDX-License-Identifier: Apache-2.0
"""Builds from Dockerfiles: the input, and what every engine with a `build` command does with it."""

import pathlib

from measure import Failed, expect, output_of, timed

METADATA_STEPS = 50


class Contexts:
    """What make_build has left: contexts with their Dockerfiles."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.small, self.large = self.path / "small", self.path / "large"
        files = [file for file in (self.large / "files").rglob("*") if file.is_file()]
        self.file_bytes = sum(file.stat().st_size for file in files)
        self.size_bytes = 4 * self.file_bytes  # what a store may come to


class Builds:
    """Mixed into an engine. Each action builds on `base:1`, which is made when it is first needed."""

    build_words = ("build", "--network", "host", "-q")

    def _build(self, context, dockerfile, *words):
        return self.command(*self.build_words, *words, "-t", "t:1", "-f", context / dockerfile,
                            context)

    def _timed_build(self, *words):
        if not getattr(self, "_has_base", False):
            small = self.subject.small
            output_of(self.command(*self.build_words, "-t", "base:1", small), self.env)
            self._has_base = True
        return timed(self._build(*words), env=self.env)

    def _inspect(self, template):
        return output_of(self.command("inspect", "--format", template, "t:1"), self.env).strip()

    def build_run(self):
        return self._timed_build(self.subject.small, "Dockerfile.run", "--no-cache")

    def build_copy(self):
        sample = self._timed_build(self.subject.large, "Dockerfile.copy", "--no-cache")
        if int(self._inspect("{{.Size}}")) < self.subject.file_bytes:
            raise Failed(f"{self.name}: the image is smaller than the files that were copied")
        return sample

    def build_cached(self):
        before = self._timed_build(self.subject.large, "Dockerfile.cached")
        sample = self._timed_build(self.subject.large, "Dockerfile.cached")
        expect(f"{self.name}: image of the second build", sample.output, before.output)
        return sample

    def build_metadata(self):
        sample = self._timed_build(self.subject.small, "Dockerfile.metadata", "--no-cache")
        expect(f"{self.name}: variables", self._inspect("{{len .Config.Env}}"),
               str(METADATA_STEPS + 1))
        return sample

    def build_metadata_cached(self):
        before = self._timed_build(self.subject.small, "Dockerfile.metadata")
        sample = self._timed_build(self.subject.small, "Dockerfile.metadata")
        expect(f"{self.name}: image of the second build", sample.output, before.output)
        return sample
