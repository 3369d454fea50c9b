// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "oci/go_text.h"
#include "oci/json_cursor.h"

namespace strata::cli {

std::string readable(std::string_view message) {
  constexpr size_t kHeadBytes = 12 << 10;
  constexpr size_t kTailBytes = 4 << 10;
  std::string out;
  for (size_t i = 0; i < message.size(); ++i) {
    if (message.size() > kHeadBytes + kTailBytes && i == kHeadBytes) {
      out += " [...] ";
      i = message.size() - kTailBytes;
    }
    const auto c = static_cast<unsigned char>(message[i]);
    const bool is_control = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
    out += is_control ? fmt::format("\\x{:02x}", c) : std::string(1, message[i]);
  }
  return out;
}

std::string in_one_line(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, std::max<size_t>(1, oci::utf8_length(text)));
    text.remove_prefix(one.size());
    const bool is_plain = one == "\"" || one == "\\";
    const std::string quoted = oci::go_quote(one);
    out += is_plain ? one : std::string_view(quoted).substr(1, quoted.size() - 2);
  }
  return out;
}

constexpr size_t kHoldBytes = 64 * 1024;

void Output::print(std::string_view text) {
  held_ += text;
  if (hold_ == Hold::kAtOnce || held_.size() >= kHoldBytes) (void)flush().ok();
}

bool Output::is_terminal() const { return ::isatty(fd_) == 1; }

Status Output::flush() {
  if (status_.ok() && !held_.empty()) {
    if (!sink_) sink_.emplace(fd_);
    status_ = sink_->write(as_bytes(held_));
    reader_is_gone_ = !status_.ok() && errno == EPIPE;
  }
  held_.clear();
  return status_;
}

}  // namespace strata::cli
