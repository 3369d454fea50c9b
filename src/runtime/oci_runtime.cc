// SPDX-License-Identifier: Apache-2.0
//   crun's log: lines of text                      (--log-format text)
//   runc's log: lines of JSON, {"level":...,"msg":...}
// Source: crun(1) and runc(8); what version 1.8 and 1.1 say. Only the last line counts.
#include "runtime/oci_runtime.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

#include "oci/json.h"
#include "runtime/console_socket.h"

namespace strata::runtime {
namespace {

constexpr std::array kNames = {"crun", "runc"};
// PATH of a service may be without sbin, where Debian has runc.
constexpr std::string_view kMorePlaces = ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";

std::string find_in_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string places = std::string(path == nullptr ? "" : path) + std::string(kMorePlaces);
  std::string_view rest = places;
  while (!rest.empty()) {
    std::string_view place = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(place.size() + 1, rest.size()));
    if (!place.starts_with('/')) continue;
    std::string candidate = fmt::format("{}/{}", place, name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

std::string last_line(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  size_t newline = text.rfind('\n');
  return std::string(newline == text.npos ? text : text.substr(newline + 1));
}

// The message without time and level.
std::string message_of(const std::string& line) {
  Result<boost::json::value> parsed = oci::parse_json(line);
  if (parsed.ok() && parsed->is_object()) {
    Result<std::string> text = oci::get_string(parsed->as_object(), "log", "msg");
    if (text.ok()) return *text;
  }
  return line;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

Result<OciRuntime> find_runtime(const std::string& wanted) {
  OciRuntime runtime;
  if (wanted.find('/') != wanted.npos) {
    runtime.path = ::access(wanted.c_str(), X_OK) == 0 ? wanted : "";
  } else if (!wanted.empty()) {
    runtime.path = find_in_path(wanted);
  } else {
    for (const char* name : kNames) {
      if (runtime.path.empty()) runtime.path = find_in_path(name);
    }
  }
  if (runtime.path.empty()) {
    return error(ErrorCode::kUnsupported,
                 "no OCI runtime {}: install crun (or runc), or name one with STRATA_RUNTIME",
                 wanted.empty() ? "found" : wanted);
  }
  const std::string name = runtime.path.substr(runtime.path.rfind('/') + 1);
  runtime.crun = contains(name, "crun");
  return runtime;
}

Result<std::vector<std::string>> run_words(const OciRuntime& runtime, const std::string& id,
                                           const Cgroups& cgroups, bool console_socket) {
  std::vector<std::string> words = {runtime.path, "--root", "state", "--log", "log"};
  if (runtime.crun) {
    words.insert(words.end(), {"--log-format", "text"});
    if (!cgroups.writable) words.emplace_back("--cgroup-manager=disabled");
  } else {
    words.insert(words.end(), {"--log-format", "json"});
    if (!cgroups.writable) {
      return error(ErrorCode::kUnsupported, "{} needs cgroups, and {}; crun runs without them",
                   runtime.path, cgroups.why_not);
    }
  }
  words.insert(words.end(), {"run", "--bundle", ".", "--pid-file", "pid"});
  if (console_socket) words.insert(words.end(), {"--console-socket", ConsoleSocket::kName});
  words.push_back(id);
  return words;
}

Error start_error(const OciRuntime& runtime, const Fd& bundle, const std::string& program) {
  Result<std::optional<std::string>> log = read_file_if_exists_at(bundle, "log");
  std::string text = message_of(last_line(log.ok() ? log->value_or("") : ""));
  if (program.empty()) {
    return error(ErrorCode::kNotFound,
                 "OCI runtime create failed: exec: \"\": executable file not found in $PATH");
  }
  const bool names_program = contains(text, "executable") || contains(text, "exec: ");
  if (names_program && contains(text, "$PATH")) {
    return error(ErrorCode::kNotFound, "OCI runtime create failed: exec: \"{}\": {}", program,
                 program.find('/') == program.npos
                     ? "executable file not found in $PATH"
                     : fmt::format("stat {}: no such file or directory", program));
  }
  if (names_program && contains(text, "no such file")) {
    return error(ErrorCode::kNotFound,
                 "OCI runtime create failed: exec: \"{0}\": stat {0}: no such file or directory",
                 program);
  }
  if (names_program && (contains(text, "ermission denied") || contains(text, "not permitted"))) {
    return error(ErrorCode::kPermission,
                 "OCI runtime create failed: exec: \"{}\": permission denied", program);
  }
  if (text.empty()) text = "it gave no reason";
  return error(ErrorCode::kIo, "OCI runtime create failed: {}: {}",
               runtime.path.substr(runtime.path.rfind('/') + 1), text);
}

}  // namespace strata::runtime
