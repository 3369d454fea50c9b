// SPDX-License-Identifier: Apache-2.0
// Runs a container's program in the foreground, through an OCI runtime.
//
// The runtime is started as the first process of a PID namespace (base/contained_child.h). So whatever
// ends it, or us, ends the container: no process, mount or network namespace is left, and the
// container's files and cgroup go here, or with the next run (run_folder.h).
// Threads: any; run_process() blocks the calling one, which must not end meanwhile.
// Crash:   kill -9 ends the program at once; its folder and cgroup go with the next run.
#pragma once

#include <functional>
#include <string>

#include "base/fs_at.h"
#include "base/stream.h"
#include "runtime/run_folder.h"
#include "runtime/run_spec.h"

namespace strata::runtime {

// Where the program's standard files lead to. Everything is borrowed. The functions are called by the
// thread that runs run_process().
struct RunIo {
  // Read by us and handed on, until its end. -1: the program's input is /dev/null.
  int input = -1;
  // Descriptors that the program gets as they are, where no sink is named.
  int output = -1;
  int error = -1;
  // What the program prints, as it comes; of a terminal all of it goes to `output_sink`, which then is needed. An error of
  // a sink ends the program and is returned.
  ByteSink* output_sink = nullptr;
  ByteSink* error_sink = nullptr;
  // Readable when the program shall be killed (Pool::cancelled_fd); then kCancelled is returned.
  int cancelled = -1;
  // Each byte read from it is the number of a signal, which the program gets. SIGKILL ends all of
  // it. SIGWINCH: the terminal's size is taken over from `input`.
  int signals = -1;
  // The runtime runs: `pid` is the process to which others may send signals for the program.
  std::function<Status(int pid)> on_runtime = {};
  // The program has started. Not called when it could not.
  std::function<Status()> on_start = {};
  // Something that is not as docker has it (no cgroups, say), for who wants to know.
  std::function<void(const std::string& text)> note = {};
};

// Runs the program of `spec` and returns its exit code, 128 + number after a signal. `state_dir` is a
// folder of our own, on a disk or not; several runs may share it. `runtime`: name or path, empty:
// crun, else runc.
// Errors: kNotFound: there is no such program in the container (docker's exit code 127);
// kPermission: it may not be executed (126); kCancelled; kInvalid, kIo and others: it did not
// start (125). Texts are docker's where it has one.
Result<int> run_process(RunSpec spec, const RunIo& io, const Fd& state_dir,
                        const std::string& runtime = {});
// The same in a folder of the caller's, which has `spec.id` and stays.
Result<int> run_process(RunSpec spec, const RunIo& io, const RunFolder& run,
                        const std::string& runtime = {});

// The exit code for a program that could not be started, docker's 125, 126 or 127, by the error of
// run_process().
int start_failure_exit(const Error& error);

}  // namespace strata::runtime
