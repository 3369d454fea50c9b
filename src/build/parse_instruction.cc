// SPDX-License-Identifier: Apache-2.0
// Grammar (J: a JSON array of strings; text: the rest of the line; words and names: words.cc):
//   FROM [--platform=] image [AS name]         name: letter { letter | digit | "-" "_" "." }
//   RUN [--mount=]* [--network=] [--security=] [--device=]* ( J | text )
//   CMD ( J | text )   ENTRYPOINT ( J | text )   SHELL J
//   COPY [--from=] [--chown=] [--chmod=] [--link] [--parents] [--exclude=]* ( J | name name { name } )
//   ADD  [--chown=] [--chmod=] [--link] [--exclude=]* [--checksum=] [--keep-git-dir] [--unpack] ( same )
//   ENV, LABEL ( word "=" word { S word "=" word } | name S text )
//   ARG word [ "=" word ] { S word [ "=" word ] }
//   EXPOSE name { S name }   VOLUME ( J | name { S name } )
//   USER, WORKDIR, STOPSIGNAL, MAINTAINER text
//   HEALTHCHECK ( NONE | [--interval=] [--timeout=] [--start-period=] [--start-interval=] [--retries=]
//                 CMD ( J | text ) )
//   ONBUILD instruction                        none of ONBUILD, FROM, MAINTAINER
// Source: the Dockerfile reference; texts of errors and their order: dockerd 20.10's classic builder.
// What is newer there is read as BuildKit reads it: a start-period and retries may be 0.
#include "build/parse_instruction.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "build/flag_set.h"
#include "build/mount.h"
#include "build/words.h"
#include "oci/go_text.h"

namespace strata::build {
namespace {

// A line taken apart, on its way to a typed instruction.
struct Request {
  std::string name;  // upper case
  CommandText command;
  std::optional<std::vector<std::string>> json;  // the arguments, if they are a JSON array
  const JoinedLine& line;
  char escape;
};

using Body = Result<InstructionBody>;

Error invalid(std::string text) { return Error(ErrorCode::kInvalid, std::move(text)); }
Error needs_one(const Request& request) {
  return invalid(request.name + " requires exactly one argument");
}
Error needs_some(const Request& request) {
  return invalid(request.name + " requires at least one argument");
}

Status no_flags(const Request& request) { return FlagSet().parse(request.command.flags); }

// The arguments of instructions that take a list of names.
std::vector<std::string> names_of(const Request& request) {
  return request.json ? *request.json : split_at_spaces(request.command.arguments);
}

CommandLine command_line(const Request& request) {
  CommandLine out;
  out.is_shell = !request.json.has_value();
  out.heredocs = request.line.heredocs;
  if (request.json) {
    out.words = *request.json;
  } else if (!request.command.arguments.empty()) {
    out.words = {request.command.arguments};
  }
  return out;
}

Body parse_run(const Request& request) {
  Run out;
  std::vector<std::string> mounts;
  STRATA_CHECK(FlagSet()
                   .texts("mount", &mounts)
                   .text("network", &out.network)
                   .text("security", &out.security)
                   .texts("device", &out.devices)
                   .parse(request.command.flags));
  for (std::string& text : mounts) {
    STRATA_TRY(Mount mount, parse_mount(text));
    out.mounts.push_back({std::move(text), std::move(mount.from)});
  }
  const auto one_of = [](std::string_view value, std::initializer_list<std::string_view> values) {
    return value.empty() || std::find(values.begin(), values.end(), value) != values.end();
  };
  if (!one_of(out.network, {"default", "none", "host"})) {
    return invalid("invalid network mode " + oci::go_quote(out.network));
  }
  if (!one_of(out.security, {"insecure", "sandbox"})) {
    return invalid("security " + oci::go_quote(out.security) + " is not valid");
  }
  out.command = command_line(request);
  return InstructionBody(std::move(out));
}

Body parse_cmd(const Request& request) {
  STRATA_CHECK(no_flags(request));
  return InstructionBody(Cmd{command_line(request)});
}

Body parse_entrypoint(const Request& request) {
  STRATA_CHECK(no_flags(request));
  return InstructionBody(Entrypoint{command_line(request)});
}

Body parse_shell(const Request& request) {
  STRATA_CHECK(no_flags(request));
  if (request.command.arguments.empty() || (request.json && request.json->empty())) {
    return needs_some(request);
  }
  if (!request.json) return invalid("SHELL requires the arguments to be in JSON form");
  return InstructionBody(Shell{*request.json});
}

Status place_sources(const Request& request, std::vector<std::string> names, Copy& out) {
  out.destination = std::move(names.back());
  names.pop_back();
  const bool takes_heredocs = !request.json;
  if (takes_heredocs && parse_heredoc(out.destination)) {
    return invalid(request.name + " cannot accept a heredoc as a destination");
  }
  for (std::string& name : names) {
    const std::optional<Heredoc> opened = takes_heredocs ? parse_heredoc(name) : std::nullopt;
    const auto& heredocs = request.line.heredocs;
    const auto found = std::find_if(heredocs.rbegin(), heredocs.rend(), [&](const Heredoc& each) {
      return opened && each.name == opened->name;
    });
    if (found != heredocs.rend()) {
      out.heredocs.push_back(*found);
    } else {
      out.sources.push_back(std::move(name));
    }
  }
  return {};
}

Body parse_copy(const Request& request) {
  Copy out;
  out.is_add = request.name == "ADD";
  std::vector<std::string> names = names_of(request);
  if (names.size() < 2) {
    return invalid(request.name +
                   " requires at least two arguments, but only one was provided. Destination could "
                   "not be determined");
  }
  std::optional<bool> link, parents, keep_git_dir;
  FlagSet flags;
  flags.text("chown", &out.chown).text("chmod", &out.chmod).yes_or_no("link", &link);
  flags.texts("exclude", &out.excludes);
  if (out.is_add) {
    flags.text("checksum", &out.checksum);
    flags.yes_or_no("keep-git-dir", &keep_git_dir).yes_or_no("unpack", &out.unpack);
  } else {
    flags.text("from", &out.from).yes_or_no("parents", &parents);
  }
  STRATA_CHECK(flags.parse(request.command.flags));
  out.link = link.value_or(false);
  out.parents = parents.value_or(false);
  out.keep_git_dir = keep_git_dir.value_or(false);
  STRATA_CHECK(place_sources(request, std::move(names), out));
  return InstructionBody(std::move(out));
}

Result<std::vector<KeyValue>> key_values(const Request& request) {
  const std::vector<std::string> words = split_words(request.command.arguments, request.escape);
  if (words.empty()) return needs_some(request);
  std::vector<KeyValue> out;
  if (words[0].find('=') == std::string::npos) {
    auto [key, value] = split_first(request.command.arguments);
    if (!value) return invalid(request.name + " must have two arguments");
    out.push_back({std::move(key), std::move(*value), false});
    return out;
  }
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) {
      return invalid(
          fmt::format("Syntax error - can't find = in {}. Must be of the form: name=value",
                      oci::go_quote(word)));
    }
    if (equals == 0) return invalid(request.name + " names can not be blank");
    out.push_back({word.substr(0, equals), word.substr(equals + 1), true});
  }
  return out;
}

Body parse_env(const Request& request) {
  STRATA_TRY(std::vector<KeyValue> variables, key_values(request));
  STRATA_CHECK(no_flags(request));
  return InstructionBody(Env{std::move(variables)});
}

Body parse_label(const Request& request) {
  STRATA_TRY(std::vector<KeyValue> labels, key_values(request));
  STRATA_CHECK(no_flags(request));
  return InstructionBody(Label{std::move(labels)});
}

Body parse_arg(const Request& request) {
  STRATA_CHECK(no_flags(request));
  const std::vector<std::string> words = split_words(request.command.arguments, request.escape);
  if (words.empty()) return needs_some(request);
  Arg out;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == 0) return invalid("ARG names can not be blank");
    Arg::Variable variable{word.substr(0, equals), std::nullopt};
    if (equals != std::string::npos) variable.value = word.substr(equals + 1);
    out.variables.push_back(std::move(variable));
  }
  return InstructionBody(std::move(out));
}

Body parse_expose(const Request& request) {
  std::vector<std::string> ports = split_at_spaces(request.command.arguments);
  if (ports.empty()) return needs_some(request);
  STRATA_CHECK(no_flags(request));
  return InstructionBody(Expose{std::move(ports)});
}

Body parse_volume(const Request& request) {
  STRATA_CHECK(no_flags(request));
  std::vector<std::string> paths = names_of(request);
  if (paths.empty()) return needs_some(request);
  for (std::string& path : paths) {
    path = trim(path);
    if (path.empty()) return invalid("VOLUME specified can not be an empty string");
  }
  return InstructionBody(Volume{std::move(paths)});
}

// Instructions whose argument is the rest of the line.
template <typename T>
Body parse_text(const Request& request) {
  if (request.command.arguments.empty()) return needs_one(request);
  STRATA_CHECK(no_flags(request));
  return InstructionBody(T{request.command.arguments});
}

Result<std::chrono::nanoseconds> parse_interval(std::string_view name, const std::string& text) {
  if (text.empty()) return std::chrono::nanoseconds(0);
  STRATA_TRY(const int64_t nanoseconds, oci::parse_duration(text));
  const std::chrono::nanoseconds out(nanoseconds);
  if (out.count() != 0 && out < std::chrono::milliseconds(1)) {
    return invalid(fmt::format("Interval \"{}\" cannot be less than 1ms", name));
  }
  return out;
}

Result<int> parse_retries(const std::string& text) {
  if (text.empty()) return 0;
  int out = 0;
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  const bool whole = end == digits.data() + digits.size();
  if (whole && failed == std::errc() && out < 0) {
    return invalid(fmt::format("--retries cannot be negative ({})", out));
  }
  if (!whole || failed == std::errc::invalid_argument) {
    return invalid(
        fmt::format("strconv.ParseInt: parsing {}: invalid syntax", oci::go_quote(text)));
  }
  if (failed != std::errc()) {
    return invalid(
        fmt::format("strconv.ParseInt: parsing {}: value out of range", oci::go_quote(text)));
  }
  return out;
}

Body parse_healthcheck(const Request& request) {
  auto [type_text, rest] = split_first(request.command.arguments);
  if (type_text.empty()) return needs_some(request);
  Healthcheck out;
  const std::string type = to_upper(type_text);
  Request command = request;
  command.command.arguments = rest.value_or("");
  STRATA_TRY(command.json, parse_json_words(command.command.arguments));
  out.command = command_line(command);
  if (type == "NONE") {
    if (!out.command.words.empty()) return invalid("HEALTHCHECK NONE takes no arguments");
    out.none = true;
    return InstructionBody(std::move(out));
  }
  std::string interval, timeout, start_period, start_interval, retries;
  STRATA_CHECK(FlagSet()
                   .text("interval", &interval)
                   .text("timeout", &timeout)
                   .text("start-period", &start_period)
                   .text("start-interval", &start_interval)
                   .text("retries", &retries)
                   .parse(request.command.flags));
  if (type != "CMD") {
    return invalid(fmt::format("Unknown type {} in HEALTHCHECK (try CMD)", oci::go_quote(type)));
  }
  if (out.command.words.empty()) return invalid("Missing command after HEALTHCHECK CMD");
  STRATA_TRY(out.interval, parse_interval("interval", interval));
  STRATA_TRY(out.timeout, parse_interval("timeout", timeout));
  STRATA_TRY(out.start_period, parse_interval("start-period", start_period));
  STRATA_TRY(out.start_interval, parse_interval("start-interval", start_interval));
  STRATA_TRY(out.retries, parse_retries(retries));
  return InstructionBody(std::move(out));
}

Body parse_onbuild(const Request& request) {
  const CommandText trigger = split_command(request.command.arguments);
  if (trigger.keyword.empty()) return needs_some(request);
  STRATA_CHECK(no_flags(request));
  const std::string name = to_upper(trigger.keyword);
  if (name == "ONBUILD") return invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (name == "FROM" || name == "MAINTAINER") {
    return invalid(name + " isn't allowed as an ONBUILD trigger");
  }
  Onbuild out{std::string(split_first(trim(request.line.text)).second.value_or(""))};
  for (const Heredoc& heredoc : request.line.heredocs) {
    out.trigger += "\n" + heredoc.content + heredoc.name;
  }
  return InstructionBody(std::move(out));
}

using Parse = Body (*)(const Request&);
const std::map<std::string_view, Parse>& parsers() {
  static const std::map<std::string_view, Parse> kParsers{
      {"ADD", parse_copy},
      {"ARG", parse_arg},
      {"CMD", parse_cmd},
      {"COPY", parse_copy},
      {"ENTRYPOINT", parse_entrypoint},
      {"ENV", parse_env},
      {"EXPOSE", parse_expose},
      {"HEALTHCHECK", parse_healthcheck},
      {"LABEL", parse_label},
      {"MAINTAINER", parse_text<Maintainer>},
      {"ONBUILD", parse_onbuild},
      {"RUN", parse_run},
      {"SHELL", parse_shell},
      {"STOPSIGNAL", parse_text<StopSignal>},
      {"USER", parse_text<User>},
      {"VOLUME", parse_volume},
      {"WORKDIR", parse_text<Workdir>},
  };
  return kParsers;
}

bool is_stage_name(std::string_view name) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
         });
}

Result<Stage> parse_from(const Request& request) {
  const std::vector<std::string> words = split_at_spaces(request.command.arguments);
  const bool is_named = words.size() == 3 && to_lower(words[1]) == "as";
  if (words.size() != 1 && !is_named) {
    return invalid("FROM requires either one or three arguments");
  }
  Stage out;
  out.base = words[0];
  out.keyword = request.command.keyword;
  out.original = trim(request.line.text);
  out.lines = request.line.lines;
  out.flags = request.command.flags;
  out.comments = request.line.comments;
  if (is_named) {
    out.name = to_lower(words[2]);
    out.as_keyword = words[1];
    out.name_as_written = words[2];
    if (!is_stage_name(out.name)) {
      return invalid(fmt::format(
          "invalid name for build stage: {}, name can't start with a number or contain symbols",
          oci::go_quote(words[2])));
    }
  }
  STRATA_CHECK(FlagSet().text("platform", &out.platform).parse(request.command.flags));
  return out;
}

}  // namespace

Result<std::variant<Stage, Instruction>> parse_line(const JoinedLine& line, char escape) {
  CommandText command = split_command(line.text);
  Request request{to_upper(command.keyword), std::move(command), std::nullopt, line, escape};
  if (request.name == "FROM") {
    STRATA_TRY(Stage stage, parse_from(request));
    return std::variant<Stage, Instruction>(std::move(stage));
  }
  const auto parse = parsers().find(request.name);
  if (parse == parsers().end()) {
    return invalid("unknown instruction: " + request.command.keyword);
  }
  const bool may_be_json = request.name != "ENV" && request.name != "LABEL" &&
                           request.name != "ARG" && request.name != "EXPOSE";
  if (may_be_json) {
    STRATA_TRY(request.json, parse_json_words(request.command.arguments));
  }
  STRATA_TRY(InstructionBody body, parse->second(request));
  return std::variant<Stage, Instruction>(Instruction{.body = std::move(body),
                                                      .keyword = request.command.keyword,
                                                      .original = std::string(trim(line.text)),
                                                      .lines = line.lines,
                                                      .flags = std::move(request.command.flags),
                                                      .comments = line.comments,
                                                      .is_json = request.json.has_value()});
}

}  // namespace strata::build
