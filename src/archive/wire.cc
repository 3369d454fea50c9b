// SPDX-License-Identifier: Apache-2.0
//   stream   = greeting *frame
//   greeting = "strata-transfer " version " " program LF;  version is decimal, program free text
//   frame    = type length payload;  type is a byte (FrameType), length 4 bytes, big-endian
//   error    = {"code":"<name of an ErrorCode>","message":"…"}
// Source: docs/formats/transfer.md.
#include "archive/wire.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <cerrno>

#include "archive/contents.h"
#include "base/fd.h"
#include "oci/json.h"

namespace strata::archive {
namespace {

constexpr std::string_view kName = "strata-transfer ";
constexpr std::string_view kTypes = "RIJOWVLDEKCFX";
constexpr size_t kHeadBytes = 5;
constexpr size_t kMaxLineBytes = 4096;
constexpr size_t kShownBytes = 200;
constexpr int kLookUpMilliseconds = 200;  // how soon a wait notices that it should end

Status make_non_blocking(int fd) {
  int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
    return errno_error(errno, "fcntl");
  return {};
}

ErrorCode code_of(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::kCancelled); ++i) {
    if (to_string(static_cast<ErrorCode>(i)) == name) return static_cast<ErrorCode>(i);
  }
  return ErrorCode::kIo;
}

Error parse_error(std::string_view text) {
  Result<boost::json::value> value = oci::parse_json(text);
  if (value.ok() && value->is_object()) {
    Result<std::string> code = oci::get_string(value->get_object(), "error", "code");
    Result<std::string> message = oci::get_string(value->get_object(), "error", "message");
    if (code.ok() && message.ok()) return Error(code_of(*code), printable(*message));
  }
  return Error(ErrorCode::kIo, "the other side failed without saying why");
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  for (char c : text.substr(0, kMaxErrorBytes)) {
    bool control = (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f;
    out += control ? '?' : c;
  }
  return out;
}

Result<Wire> Wire::open(int input, int output, const Pool& pool, std::string peer) {
  STRATA_CHECK(make_non_blocking(input));
  STRATA_CHECK(make_non_blocking(output));
  return Wire(input, output, pool, std::move(peer));
}

Wire::Wire(Wire&& other) noexcept
    : input_(other.input_),
      output_(other.output_),
      pool_(other.pool_),
      peer_(std::move(other.peer_)),
      patience_(other.patience_),
      write_failed_(other.write_failed_),
      told_(other.told_),
      data_bytes_written_(other.data_bytes_written_.load()),
      data_bytes_read_(other.data_bytes_read_.load()) {}

Error Wire::connection_ended() const {
  return error(ErrorCode::kIo, "the connection to {} has ended", peer_);
}

Status Wire::wait_until_ready(int fd, short events) const {
  const auto begun = std::chrono::steady_clock::now();
  while (true) {
    STRATA_CHECK(pool_->check_cancelled());
    if (patience_ && std::chrono::steady_clock::now() - begun > *patience_) {
      return error(ErrorCode::kBusy, "{} has been silent for {} seconds", peer_,
                   patience_->count());
    }
    pollfd polled{fd, events, 0};
    int ready = ::poll(&polled, 1, kLookUpMilliseconds);
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return errno_error(errno, "poll");
  }
}

Result<size_t> Wire::read_some(MutableByteSpan buffer) {
  while (true) {
    ssize_t count = ::read(input_, buffer.data(), buffer.size());
    if (count >= 0) return static_cast<size_t>(count);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return errno_error(errno, "read from " + peer_);
    STRATA_CHECK(wait_until_ready(input_, POLLIN));
  }
}

Status Wire::read_payload(MutableByteSpan buffer) {
  while (!buffer.empty()) {
    STRATA_TRY(size_t count, read_some(buffer));
    if (count == 0) return connection_ended();
    buffer = buffer.subspan(count);
  }
  return {};
}

Status Wire::write_raw(ByteSpan bytes) {
  while (!bytes.empty()) {
    ssize_t count = ::write(output_, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes = bytes.subspan(static_cast<size_t>(count));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EPIPE) return connection_ended();
    if (errno != EAGAIN) return errno_error(errno, "write to " + peer_);
    STRATA_CHECK(wait_until_ready(output_, POLLOUT));
  }
  return {};
}

Status Wire::greet(std::string_view program_version) {
  return write_raw(as_bytes(fmt::format("{}{} {}\n", kName, kTransferVersion, program_version)));
}

Result<std::string> Wire::read_line() {
  std::string line;
  while (line.size() < kMaxLineBytes) {
    std::byte one;
    STRATA_TRY(size_t count, read_some({&one, 1}));
    if (count == 0 && line.empty()) {
      return error(ErrorCode::kNotFound, "{} has ended without a word", peer_);
    }
    if (count == 0) break;
    if (static_cast<char>(one) == '\n') return printable(line);
    line += static_cast<char>(one);
  }
  return error(ErrorCode::kInvalid, "expected a greeting of strata from {}, found \"{}\"", peer_,
               printable(std::string_view(line).substr(0, kShownBytes)));
}

Status Wire::expect_greeting() {
  STRATA_TRY(std::string line, read_line());
  if (!line.starts_with(kName)) {
    return error(ErrorCode::kInvalid,
                 "expected a greeting of strata from {}, found \"{}\": does a start-up file of the "
                 "login shell there print something?",
                 peer_, printable(std::string_view(line).substr(0, kShownBytes)));
  }
  std::string_view rest = std::string_view(line).substr(kName.size());
  std::string_view version = rest.substr(0, rest.find(' '));
  if (version == std::to_string(kTransferVersion)) return {};
  return error(ErrorCode::kUnsupported,
               "{} speaks version {} of the transfer protocol (strata {}), this one speaks version "
               "{}: use the same strata on both",
               peer_, printable(version.substr(0, 20)),
               printable(rest.substr(std::min(rest.size(), version.size() + 1)).substr(0, 60)),
               kTransferVersion);
}

Status Wire::write(FrameType type, ByteSpan payload) {
  std::array<std::byte, kHeadBytes> head;
  head[0] = static_cast<std::byte>(type);
  for (size_t i = 0; i < 4; ++i)
    head[1 + i] = static_cast<std::byte>(payload.size() >> (24 - 8 * i));
  Status written = write_raw(head);
  if (written.ok()) written = write_raw(payload);
  write_failed_ = write_failed_ || !written.ok();
  if (type == FrameType::kData) data_bytes_written_ += payload.size();
  return written;
}

void Wire::write_error(const Error& error) {
  boost::json::object object;
  object.emplace("code", to_string(error.code()));
  object.emplace("message", error.message().substr(0, kMaxErrorBytes));
  (void)write(FrameType::kError, oci::go_json(object)).ok();
}

Result<FrameHead> Wire::next() {
  std::array<std::byte, kHeadBytes> head;
  STRATA_CHECK(read_payload(head));
  size_t size = 0;
  for (size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<size_t>(head[1 + i]);
  if (kTypes.find(static_cast<char>(head[0])) == std::string_view::npos || size > kMaxFrameBytes) {
    return error(ErrorCode::kInvalid, "{} sent a frame of type {} and {} bytes, which is none",
                 peer_, static_cast<int>(head[0]), size);
  }
  FrameHead found{static_cast<FrameType>(head[0]), size};
  if (found.type == FrameType::kData) data_bytes_read_ += size;
  if (found.type != FrameType::kError) return found;
  STRATA_TRY(std::string text, read_text(found));
  told_ = true;
  return std::move(parse_error(text).add_context(peer_));
}

Error Wire::told_before_end(Error error) {
  while (!told_) {
    Result<FrameHead> head = next();
    if (!head.ok() && told_) return std::move(head).error();
    if (!head.ok() || !read_text(*head).ok()) break;
  }
  return error;
}

Result<FrameHead> Wire::expect(FrameType expected) {
  STRATA_TRY(FrameHead head, next());
  if (head.type == expected) return head;
  return error(ErrorCode::kInvalid, "{} sent a frame of type '{}', expected '{}'", peer_,
               static_cast<char>(head.type), static_cast<char>(expected));
}

Result<std::string> Wire::read_text(const FrameHead& head) {
  std::string text(head.size_bytes, '\0');
  STRATA_CHECK(read_payload({reinterpret_cast<std::byte*>(text.data()), text.size()}));
  return text;
}

Status DataFrameSink::write(ByteSpan bytes) {
  while (!bytes.empty()) {
    size_t count = std::min(bytes.size(), kBlockBytes);
    STRATA_CHECK(wire_.write(FrameType::kData, bytes.first(count)));
    bytes = bytes.subspan(count);
  }
  return {};
}

}  // namespace strata::archive
