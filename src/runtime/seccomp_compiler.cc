// SPDX-License-Identifier: Apache-2.0
// seccomp_compiler   run while strata is built: writes the default profile's filter to stdout, as C++.
//
// libseccomp takes some 20 ms for the profile's 400 rules on three architectures: half of the time that it takes to start a
// container. The rules go in as crun 1.8 puts them in, so that the filter is the one that it would have made.
// Source: seccomp_rule_add(3), seccomp_export_bpf(3); runtime-spec config-linux.md, seccomp.
#include <seccomp.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <type_traits>

#include "base/fd.h"
#include "runtime/capabilities.h"
#include "runtime/seccomp.h"
#include "tar/base64.h"

namespace strata::runtime {
namespace {

namespace json = boost::json;

struct Release {
  void operator()(scmp_filter_ctx context) const { ::seccomp_release(context); }
};
using Filter = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, Release>;

Error failed(int code, std::string_view what) { return errno_error(-code, std::string(what)); }

std::string text_of(const json::value& value) { return std::string(value.as_string()); }

uint32_t action_of(const json::object& rule, const char* action, const char* error_number) {
  if (rule.at(action).as_string() == "SCMP_ACT_ALLOW") return SCMP_ACT_ALLOW;
  return SCMP_ACT_ERRNO(rule.at(error_number).to_number<uint16_t>());
}

// "SCMP_ARCH_X86_64" is libseccomp's "x86_64".
Status add_architecture(const Filter& filter, std::string name) {
  name.erase(0, std::string_view("SCMP_ARCH_").size());
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const uint32_t token = ::seccomp_arch_resolve_name(name.c_str());
  if (token == 0) return error(ErrorCode::kInvalid, "unknown architecture {}", name);
  const int code = ::seccomp_arch_add(filter.get(), token);
  return code == 0 || code == -EEXIST ? Status() : Status(failed(code, "seccomp_arch_add"));
}

scmp_arg_cmp comparison_of(const json::object& argument) {
  scmp_arg_cmp comparison{};
  comparison.arg = argument.at("index").to_number<unsigned>();
  const bool masked = argument.at("op").as_string() == "SCMP_CMP_MASKED_EQ";
  comparison.op = masked ? SCMP_CMP_MASKED_EQ : SCMP_CMP_EQ;
  comparison.datum_a = argument.at("value").to_number<uint64_t>();
  if (masked) comparison.datum_b = argument.at("valueTwo").to_number<uint64_t>();
  return comparison;
}

Status add_rule(const Filter& filter, const json::object& rule) {
  std::array<scmp_arg_cmp, 1> comparison{};
  unsigned compared = 0;
  if (const json::value* arguments = rule.if_contains("args")) {
    comparison[0] = comparison_of(arguments->as_array().at(0).as_object());
    compared = 1;
  }
  for (const json::value& name : rule.at("names").as_array()) {
    const int call = ::seccomp_syscall_resolve_name(name.as_string().c_str());
    if (call == __NR_SCMP_ERROR) continue;  // of other architectures, or newer than libseccomp
    const int code = ::seccomp_rule_add_array(filter.get(), action_of(rule, "action", "errnoRet"),
                                              call, compared, comparison.data());
    if (code != 0) return failed(code, text_of(name));
  }
  return {};
}

Result<std::string> compile(const json::object& profile) {
  const Filter filter(::seccomp_init(action_of(profile, "defaultAction", "defaultErrnoRet")));
  if (filter == nullptr) return error(ErrorCode::kIo, "seccomp_init failed");
  for (const json::value& name : profile.at("architectures").as_array()) {
    STRATA_CHECK(add_architecture(filter, text_of(name)));
  }
  for (const json::value& rule : profile.at("syscalls").as_array()) {
    STRATA_CHECK(add_rule(filter, rule.as_object()));
  }
  Fd file(::memfd_create("filter", MFD_CLOEXEC));
  if (!file.valid()) return errno_error(errno, "memfd_create");
  const int code = ::seccomp_export_bpf(filter.get(), file.get());
  if (code != 0) return failed(code, "seccomp_export_bpf");
  STRATA_TRY(const struct stat made, stat_fd(file.get()));
  std::string bytes(static_cast<size_t>(made.st_size), '\0');
  STRATA_TRY(size_t count,
             pread_full(file.get(), {reinterpret_cast<std::byte*>(bytes.data()), bytes.size()}, 0));
  bytes.resize(count);
  return bytes;
}

void print_source(std::string_view text) {
  constexpr size_t kLine = 96;
  fmt::print(
      "#include \"runtime/seccomp.h\"\nconst std::string_view strata::runtime::kDefaultFilter =\n");
  for (; !text.empty(); text.remove_prefix(std::min(kLine, text.size()))) {
    fmt::print("\"{}\"\n", text.substr(0, kLine));
  }
  fmt::print(";\n");
}

int run() {
  Result<std::string> filter = compile(seccomp_profile(default_capabilities()));
  if (!filter.ok()) {
    fmt::print(stderr, "seccomp_compiler: {}\n", filter.error().message());
    return 1;
  }
  print_source(tar::to_base64(as_bytes(*filter)));
  return 0;
}

}  // namespace
}  // namespace strata::runtime

int main() { return strata::runtime::run(); }
