// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "cli/go_print.h"
#include "oci/go_text.h"

namespace strata::cli {
namespace {

Error refuse(std::string message) { return Error(ErrorCode::kInvalid, std::move(message)); }

}  // namespace

std::string Options::Option::shown() const {
  return letter == kNoShort ? fmt::format("--{}", name) : fmt::format("-{}, --{}", letter, name);
}

void Options::flag(char letter, std::string_view name, std::string_view help, bool& target) {
  auto set = [&target](const std::string& value) -> Status {
    STRATA_TRY(target, oci::parse_bool(value));
    return {};
  };
  options_.push_back({letter, name, "", help, target ? "true" : "", set, nullptr});
}

void Options::text(char letter, std::string_view name, std::string_view kind, std::string_view help,
                   std::string& target) {
  auto set = [&target](const std::string& value) -> Status {
    target = value;
    return {};
  };
  std::string shown = target.empty() ? "" : go_quote(target);
  options_.push_back({letter, name, kind, help, shown, set, nullptr});
}

void Options::list(char letter, std::string_view name, std::string_view kind, std::string_view help,
                   std::vector<std::string>& target) {
  auto set = [&target](const std::string& value) -> Status {
    target.push_back(value);
    return {};
  };
  options_.push_back({letter, name, kind, help, "", set, nullptr});
}

void Options::number(char letter, std::string_view name, std::string_view help, unsigned& target) {
  auto set = [&target](const std::string& value) -> Status {
    const char* end = value.data() + value.size();
    auto [stop, failed] = std::from_chars(value.data(), end, target);
    if (failed == std::errc() && stop == end) return {};
    const bool large = failed == std::errc::result_out_of_range && stop == end;
    return refuse(fmt::format("strconv.ParseUint: parsing {}: {}", go_quote(value),
                              large ? "value out of range" : "invalid syntax"));
  };
  options_.push_back({letter, name, "uint", help, "", set, nullptr});
}

Options::Option* Options::find(std::string_view name) {
  auto found = std::find_if(options_.begin(), options_.end(),
                            [&](const Option& option) { return option.name == name; });
  return found == options_.end() ? nullptr : &*found;
}

Options::Option* Options::find(char letter) {
  auto found = std::find_if(options_.begin(), options_.end(),
                            [&](const Option& option) { return option.letter == letter; });
  return found == options_.end() ? nullptr : &*found;
}

Status Options::apply(Option& option, const std::string& value) {
  Status status = option.check ? option.check(value) : Status();
  if (status.ok()) status = option.set(value);
  if (status.ok()) return {};
  return refuse(fmt::format("invalid argument {} for \"{}\" flag: {}", go_quote(value),
                            option.shown(), status.error().message()));
}

// One pass over the words.
class Options::Parse {
 public:
  Parse(Options& options, std::span<const std::string> words) : options_(options), words_(words) {}

  Result<std::vector<std::string>> run(AtArgument at_argument) {
    std::vector<std::string> arguments;
    while (at_ < words_.size()) {
      const std::string& word = words_[at_];
      const bool is_argument = word.size() < 2 || word[0] != '-';
      if (is_argument && at_argument == AtArgument::kStop) break;
      ++at_;
      if (is_argument) {
        arguments.push_back(word);
      } else if (word == "--") {
        break;
      } else {
        STRATA_CHECK(word[1] == '-' ? long_option(word.substr(2)) : letters(word.substr(1)));
      }
    }
    arguments.insert(arguments.end(), words_.begin() + static_cast<ptrdiff_t>(at_), words_.end());
    return arguments;
  }

 private:
  Status long_option(const std::string& word) {
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    if (name.empty() || name[0] == '-') return refuse("bad flag syntax: --" + word);
    Option* option = options_.find(name);
    if (option == nullptr) return refuse("unknown flag: --" + name);
    if (equals != word.npos) return options_.apply(*option, word.substr(equals + 1));
    if (option->is_flag()) return options_.apply(*option, "true");
    if (at_ == words_.size()) return refuse("flag needs an argument: --" + name);
    return options_.apply(*option, words_[at_++]);
  }

  Status letters(std::string rest) {  // "aq", "fvalue", "f=value"
    while (!rest.empty()) {
      Option* option = options_.find(rest[0]);
      if (option == nullptr || rest[0] == kNoShort) {
        return refuse(fmt::format("unknown shorthand flag: '{}' in -{}", rest[0], rest));
      }
      if (rest.size() > 2 && rest[1] == '=') return options_.apply(*option, rest.substr(2));
      if (option->is_flag()) {
        STRATA_CHECK(options_.apply(*option, "true"));
        rest.erase(0, 1);
        continue;
      }
      if (rest.size() > 1) return options_.apply(*option, rest.substr(1));
      if (at_ < words_.size()) return options_.apply(*option, words_[at_++]);
      return refuse(fmt::format("flag needs an argument: '{}' in -{}", rest[0], rest));
    }
    return {};
  }

  Options& options_;
  std::span<const std::string> words_;
  size_t at_ = 0;
};

Result<std::vector<std::string>> Options::parse(std::span<const std::string> words,
                                                AtArgument at_argument) {
  return Parse(*this, words).run(at_argument);
}

std::string Options::help() const {
  std::vector<const Option*> sorted;
  for (const Option& option : options_) {
    if (!option.hidden) sorted.push_back(&option);
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const Option* a, const Option* b) { return a->name < b->name; });
  std::vector<std::string> left;
  size_t width = 0;
  for (const Option* option : sorted) {
    std::string text = (option->letter == kNoShort ? "    " : "") + option->shown();
    if (!option->is_flag()) text += fmt::format(" {}", option->kind);
    width = std::max(width, text.size());
    left.push_back(std::move(text));
  }
  std::string out;
  for (size_t i = 0; i < sorted.size(); ++i) {
    out += fmt::format("  {:<{}}   {}", left[i], width, sorted[i]->help);
    if (!sorted[i]->default_text.empty())
      out += fmt::format(" (default {})", sorted[i]->default_text);
    out += '\n';
  }
  return out;
}

std::vector<std::string> Options::names() const {
  std::vector<std::string> names;
  for (const Option& option : options_) {
    if (option.hidden) continue;
    names.push_back(fmt::format("--{}", option.name));
    if (option.letter != kNoShort) names.push_back(fmt::format("-{}", option.letter));
  }
  return names;
}

}  // namespace strata::cli
