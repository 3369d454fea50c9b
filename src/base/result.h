// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error, never an exception. Status is Result<void>.
//
//   Result<std::string> read_name(const Fd& dir) {
//     STRATA_TRY(Fd fd, open_at(dir, "name", O_RDONLY));           // assign, or return the error
//     STRATA_CHECK(sync(fd).context("layer {}", diff_id));         // the same, saying who we were
//     return std::string("x");
//   }
// Threads: values; no shared state.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace strata {

// What kind of failure it is. exit_code() and the API's HTTP status follow from it; nothing else
// does.
enum class ErrorCode {
  kIo,           // the system said no: a disk, a file, a pipe
  kNotFound,     // an image, layer, file or reference that is not there
  kInvalid,      // an argument or input that is not well formed
  kCorrupt,      // content differs from its digest or checksum, or metadata contradicts itself
  kConflict,     // docker's "conflict: unable to ..."
  kBusy,         // a running dockerd, or another process, holds what is needed
  kPermission,   // EACCES, EPERM
  kNoSpace,      // ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM: the machine has no more of it
  kUnsupported,  // known, but not something this build or system can do
  kCancelled,    // the user interrupted, or a sibling task failed first
};

// The name of the code as used in JSON output, e.g. "not-found".
std::string_view to_string(ErrorCode code);

// The exit code of the program for an error of this kind (docker: 1 for nearly everything, 125
// never here).
int exit_code(ErrorCode code);

class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }

  // Puts "outer: " in front of the message.
  Error& add_context(std::string_view outer) {
    message_ = fmt::format("{}: {}", outer, message_);
    return *this;
  }

 private:
  ErrorCode code_;
  std::string message_;
};

// An error with a formatted message: error(ErrorCode::kNotFound, "No such image: {}", name).
template <typename... Args>
Error error(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return Error(code, fmt::format(format, std::forward<Args>(args)...));
}

// The error of a failed system call: "<what>: <text of errno>", the code by errno. `what` names the
// call and the object.
Error errno_error(int errno_value, std::string_view what);

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by intent
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }

  template <typename... Args>
  Result context(fmt::format_string<Args...> format, Args&&... args) && {
    if (!ok()) error().add_context(fmt::format(format, std::forward<Args>(args)...));
    return std::move(*this);
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit by intent

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  Error& error() & { return *error_; }
  const Error& error() const& { return *error_; }
  Error&& error() && { return *std::move(error_); }

  template <typename... Args>
  Result context(fmt::format_string<Args...> format, Args&&... args) && {
    if (!ok()) error_->add_context(fmt::format(format, std::forward<Args>(args)...));
    return std::move(*this);
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

#define STRATA_CONCAT_INNER(a, b) a##b
#define STRATA_CONCAT(a, b) STRATA_CONCAT_INNER(a, b)

// STRATA_TRY(T x, expression): declares x with the value, or returns the error from the enclosing
// function.
#define STRATA_TRY(declaration, ...) \
  STRATA_TRY_NAMED(STRATA_CONCAT(strata_result_, __COUNTER__), declaration, __VA_ARGS__)
#define STRATA_TRY_NAMED(name, declaration, ...)  \
  auto name = (__VA_ARGS__);                      \
  if (!name.ok()) return std::move(name).error(); \
  declaration = std::move(name).value()

// STRATA_CHECK(expression): returns the error of a Status from the enclosing function.
#define STRATA_CHECK(...)                                        \
  do {                                                           \
    if (auto strata_status = (__VA_ARGS__); !strata_status.ok()) \
      return std::move(strata_status).error();                   \
  } while (false)

}  // namespace strata
