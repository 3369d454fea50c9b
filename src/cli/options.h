// SPDX-License-Identifier: Apache-2.0
// Options of a command line by docker's rules (those of Go's pflag): "--name value",
// "--name=value",
// "-nvalue", "-n=value", flags in one word ("-aq", "--all=false"), options and arguments in any
// order,
// "--" before arguments that look like options.
// Errors: kInvalid in docker's words, "unknown flag: --x", without "See 'docker images --help'.".
// Threads: one at a time per object.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::cli {

inline constexpr char kNoShort = '\0';

class Options {
 public:
  // Each declares one option; `target` keeps its value as default and must live as long as this.
  // `kind` is the word for the value in the help ("string", "filter").
  void flag(char letter, std::string_view name, std::string_view help, bool& target);
  void text(char letter, std::string_view name, std::string_view kind, std::string_view help,
            std::string& target);
  // May come several times.
  void list(char letter, std::string_view name, std::string_view kind, std::string_view help,
            std::vector<std::string>& target);
  void number(char letter, std::string_view name, std::string_view help, unsigned& target);

  // After the last option was declared: refuses values before the command runs.
  using Check = std::function<Status(const std::string& value)>;
  void check_last(Check check) { options_.back().check = std::move(check); }
  // Left out of the help: forms that exist for scripts only.
  void hide_last() { options_.back().hidden = true; }

  // Reads the words and returns those that are arguments. kStop ends at the first argument and
  // leaves it and all behind it to the caller: what stands before a command.
  enum class AtArgument { kGoOn, kStop };
  Result<std::vector<std::string>> parse(std::span<const std::string> words,
                                         AtArgument at_argument = AtArgument::kGoOn);

  // The block of lines below "Options:", aligned; empty if there are none.
  std::string help() const;
  // All names, "--format" and "-f", for completion.
  std::vector<std::string> names() const;

 private:
  struct Option {
    char letter;
    std::string_view name;
    std::string_view kind;  // empty: a flag
    std::string_view help;
    std::string default_text;
    std::function<Status(const std::string& value)> set;
    Check check;
    bool hidden = false;
    bool is_flag() const { return kind.empty(); }
    std::string shown() const;
  };
  class Parse;

  Option* find(std::string_view name);
  Option* find(char letter);
  Status apply(Option& option, const std::string& value);
  std::vector<Option> options_;
};

}  // namespace strata::cli
