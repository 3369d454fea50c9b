// SPDX-License-Identifier: Apache-2.0
// The instructions of a Dockerfile, typed. Words stay as written: nothing here is expanded, as docker
// expands most words only when the step runs and its environment is known (expand.h).
// Source: docs/formats/dockerfile.md.
// Threads: values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace strata::build {

// Lines of the Dockerfile, counted from 1; both are part of the range.
struct LineRange {
  int first = 0;
  int last = 0;

  bool operator==(const LineRange&) const = default;
};

// <<NAME ... NAME. The content has the line ends of the file, the last one too.
struct Heredoc {
  std::string name;
  std::string content;           // as written, with the tabs that chomp takes away
  bool expand = true;            // no part of the name is quoted
  bool chomp = false;            // <<-
  unsigned file_descriptor = 0;  // of 3<<NAME; for a shell

  // The content without the leading tabs of each line if chomp, else as written.
  std::string text() const;
};

// NAME=value, or NAME value (ENV and LABEL, legacy).
struct KeyValue {
  std::string key;
  std::string value;
  bool has_equals = true;
};

// What RUN, CMD, ENTRYPOINT and HEALTHCHECK CMD have to say. In the shell form `words` is one text (or
// none), before which the executor puts the words of SHELL.
struct CommandLine {
  bool is_shell = true;
  std::vector<std::string> words;
  std::vector<Heredoc> heredocs;  // RUN in shell form only
};

// --mount of RUN, well formed; parse_mount (mount.h) gives its fields, expanded or not.
struct MountFlag {
  std::string text;
  std::string from;  // stage, image or named context; empty: none. Docker expands nothing in it
};

struct Run {
  CommandLine command;
  std::vector<MountFlag> mounts;
  std::string network;               // default, none or host; empty: no flag
  std::string security;              // sandbox or insecure; empty: no flag
  std::vector<std::string> devices;  // --device, raw
};

// COPY and ADD.
struct Copy {
  bool is_add = false;
  std::vector<std::string> sources;  // paths, globs; ADD: URLs and git references too
  std::vector<Heredoc> heredocs;     // sources given inline; the file's name is `name`
  std::string destination;
  std::string from;  // COPY; stage name or number, image, named context
  std::string chown;
  std::string chmod;
  bool link = false;
  bool parents = false;  // COPY
  std::vector<std::string> excludes;
  std::string checksum;        // ADD
  bool keep_git_dir = false;   // ADD
  std::optional<bool> unpack;  // ADD; nothing: local archives are unpacked, downloads are not
};

struct Env {
  std::vector<KeyValue> variables;
};

struct Label {
  std::vector<KeyValue> labels;
};

struct Arg {
  struct Variable {
    std::string key;
    std::optional<std::string> value;  // the default
  };
  std::vector<Variable> variables;
};

struct Expose {
  std::vector<std::string> ports;  // in the order written; docker sorts them
};

struct Volume {
  std::vector<std::string> paths;
};

struct User {
  std::string user;
};

struct Workdir {
  std::string path;
};

struct Cmd {
  CommandLine command;
};

struct Entrypoint {
  CommandLine command;
};

struct Shell {
  std::vector<std::string> words;
};

struct Healthcheck {
  bool none = false;    // HEALTHCHECK NONE
  CommandLine command;  // of HEALTHCHECK CMD
  // Zero: the flag is not there, or says 0.
  std::chrono::nanoseconds interval{0}, timeout{0}, start_period{0}, start_interval{0};
  int retries = 0;
};

struct StopSignal {
  std::string signal;
};

struct Onbuild {
  std::string trigger;  // the text after ONBUILD, heredocs included; parse_instruction reads it
};

struct Maintainer {
  std::string name;
};

using InstructionBody =
    std::variant<Run, Copy, Env, Arg, Label, Expose, Volume, User, Workdir, Cmd, Entrypoint, Shell,
                 Healthcheck, StopSignal, Onbuild, Maintainer>;

struct Instruction {
  InstructionBody body;
  std::string keyword;   // as written, "run" or "RUN"
  std::string original;  // as docker prints it after "Step 1/2 : "; continuation lines are joined
  LineRange lines;
  std::vector<std::string> flags;     // as written, "--from=x"
  std::vector<std::string> comments;  // the comment lines right before it, without "#"
  bool is_json = false;               // the arguments are a JSON array
};

// One FROM and what follows it.
struct Stage {
  std::string name;        // lower case; empty: no AS
  std::string base;        // image, stage or scratch; not expanded
  std::string platform;    // not expanded
  std::string keyword;     // "FROM" as written
  std::string as_keyword;  // "AS" as written
  std::string name_as_written;
  std::string original;  // as docker prints it after "Step 1/2 : "
  LineRange lines;       // of FROM
  std::vector<std::string> flags;
  std::vector<std::string> comments;
  std::vector<Instruction> instructions;
};

// "RUN", "COPY", "ADD" ...: the name in upper case.
std::string_view instruction_name(const InstructionBody& body);

}  // namespace strata::build
