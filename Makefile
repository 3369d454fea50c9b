# SPDX-License-Identifier: Apache-2.0
# One command each, no arguments to remember. CMake does the work; docs/development.md has the details.
#
#   make              the program: build/strata
#   make deps         install what the build needs (Debian packages)
#   make test-deps    install what the tests need
#   make quickstart   install, build, and try everything on a small real image
#   make test         install, build, and run all tests
#   make unit         the unit tests alone
#   make asan tsan    unit and end-to-end tests in an instrumented build
#   make fuzz         every fuzz target for FUZZ_SECONDS (60)
#   make bench        strata beside docker, podman, skopeo, tar and cp
#   make lint         clang-tidy and the project's own lints
#   make format       clang-format; format-check only looks
#   make install      to PREFIX (/usr/local), below DESTDIR
#   make deb          Debian packages in build/
#   make clean        remove all build folders

BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
export FUZZ_SECONDS

CMAKE_OPTIONS := $(if $(shell command -v ninja),-G Ninja) \
  $(if $(shell command -v ccache),-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
# $(call configure,FOLDER,OPTIONS): says what to install where that fails.
configure = @test -f $(1)/CTestTestfile.cmake || scripts/configure $(1) $(CMAKE_OPTIONS) $(2)
compile = cmake --build $(1) --parallel $(JOBS)

.PHONY: all deps test-deps dev-deps quickstart test unit asan tsan fuzz bench lint format format-check \
  install deb clean tests-built

all:
	$(call configure,$(BUILD))
	$(call compile,$(BUILD)) --target strata

tests-built:
	$(call configure,$(BUILD))
	$(call compile,$(BUILD))

deps:
	@scripts/install-packages scripts/packages-build.txt

test-deps:
	@scripts/install-packages scripts/packages-build.txt scripts/packages-test.txt

dev-deps:
	@scripts/install-packages scripts/packages-build.txt scripts/packages-test.txt scripts/packages-dev.txt

quickstart: deps
	@scripts/install-packages scripts/packages-quickstart.txt
	$(MAKE) all
	@scripts/quickstart $(BUILD)

test: test-deps
	$(MAKE) tests-built
	@scripts/run-tests $(BUILD)

unit: tests-built
	@scripts/run-tests $(BUILD) -L unit

asan: test-deps
	$(call configure,$(BUILD)-asan,-DSTRATA_SANITIZE=address)
	$(call compile,$(BUILD)-asan)
	@scripts/run-tests $(BUILD)-asan -L 'unit|e2e'

tsan: test-deps
	$(call configure,$(BUILD)-tsan,-DSTRATA_SANITIZE=thread)
	$(call compile,$(BUILD)-tsan)
	@scripts/run-tests $(BUILD)-tsan -L 'unit|e2e'

fuzz: dev-deps
	$(call configure,$(BUILD)-fuzz,-DSTRATA_FUZZ=ON -DCMAKE_CXX_COMPILER=clang++-16)
	$(call compile,$(BUILD)-fuzz) --target fuzzers
	@scripts/run-fuzzers $(BUILD)-fuzz

bench: test-deps
	$(MAKE) all
	bench/run

lint: dev-deps
	$(MAKE) tests-built
	@scripts/run-tests $(BUILD) -L lint
	@scripts/run-clang-tidy $(BUILD)

format:
	@scripts/format

format-check:
	@scripts/format --check

install:
	$(call configure,$(BUILD))
	$(call compile,$(BUILD)) --target strata strata_lib
	DESTDIR="$(DESTDIR)" cmake --install $(BUILD) --prefix "$(PREFIX)"

deb: deps
	@scripts/install-packages scripts/packages-deb.txt
	$(call configure,$(BUILD))
	$(call compile,$(BUILD)) --target strata strata_lib
	cd $(BUILD) && cpack -G DEB

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-tsan $(BUILD)-fuzz
