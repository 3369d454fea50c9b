// SPDX-License-Identifier: Apache-2.0
// Instructions that touch nothing but the config of the image to be.
// Source:  the Dockerfile reference; FORMATS section 7.2 for the words of the history.
// Threads: values.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "build/content_sum.h"
#include "build/expand.h"
#include "build/instruction.h"
#include "oci/container_config.h"

namespace strata::build {

// What the instructions of a stage change, one after the other.
struct StageConfig {
  oci::ContainerConfig config;
  std::string author;
  SumForm form = SumForm::kDocker25;  // of the words
  bool cmd_set = false;               // CMD stood in this stage: ENTRYPOINT leaves it alone
};

// PATH as docker sets it where an image has none.
inline constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// The words of SHELL, or the default ones.
std::vector<std::string> shell_of(const oci::ContainerConfig& config);
// A command's words as they are executed: with the shell before them where it is in shell form.
std::vector<std::string> command_words(const CommandLine& command,
                                       const oci::ContainerConfig& config);

// WORKDIR's path below the one in force, cleaned: "/a/b".
std::string resolve_workdir(std::string_view current, std::string_view path);

// Expands the variables of an instruction where docker does.
Status expand_body(InstructionBody& body, const oci::ContainerConfig& config, const BuildArgs& args,
                   char escape);

// What `-c` of commit and import says: applies the instructions in order; nothing after an error.
// Errors: those of parse_changes and apply_to_config.
Status apply_changes(std::span<const std::string> changes, oci::ContainerConfig& config);

// Applies an instruction that is no RUN, COPY or ADD with all variables expanded, and
// returns what the history calls it: "ENV A=b". `args` takes what ARG declares; `stage` is
// unchanged after an error. WORKDIR only sets the config; who builds makes the folder.
// Errors: kInvalid, with docker's texts; also for RUN, COPY and ADD.
Result<std::string> apply_to_config(const Instruction& instruction, StageConfig& stage,
                                    BuildArgs& args, char escape);

// config.Cmd of a step that ran nothing: {"/bin/sh", "-c", "#(nop) ", "ENV A=b"}.
std::vector<std::string> no_command(const oci::ContainerConfig& config, const std::string& what);

}  // namespace strata::build
