// SPDX-License-Identifier: Apache-2.0
#include "doctor/place.h"

namespace strata::doctor {
namespace {

SmallFile unreadable(std::string trouble) {
  return {SmallFile::State::kUnreadable, "", std::move(trouble), std::nullopt};
}
SmallFile unreadable(Error failure) {
  return {SmallFile::State::kUnreadable, "", failure.message(), std::move(failure)};
}

}  // namespace

bool is_trouble(const Error& error) {
  return error.code() == ErrorCode::kIo || error.code() == ErrorCode::kNoSpace ||
         error.code() == ErrorCode::kPermission;
}

bool ends_all(const Error& error) {
  return error.code() == ErrorCode::kCancelled || error.code() == ErrorCode::kNoSpace;
}

void Troubles::note(const std::string& path, const Error& error) {
  if (!is_trouble(error)) return;
  auto state = state_.lock();
  if (error.code() == ErrorCode::kNoSpace && !state->fatal) state->fatal = error;
  if (error.code() == ErrorCode::kPermission && !state->denied) {
    state->denied = Error(error).add_context(path);
  }
  if (!state->first) state->first = error;
  state->by_path.try_emplace(path, error.message());
}

std::optional<Error> Troubles::fatal() const { return state_.lock()->fatal; }

std::optional<Error> Troubles::denied() const { return state_.lock()->denied; }

Status Troubles::first() const {
  auto state = state_.lock();
  if (state->fatal) return *state->fatal;
  return state->first ? Status(*state->first) : Status();
}

std::map<std::string, std::string> Troubles::take() { return std::move(state_.lock()->by_path); }

void Place::note(const std::string& name, const Error& error) const {
  troubles_.note(path_ + "/" + name, error);
}

SmallFile Place::small_file(const std::string& name, size_t limit_bytes) const {
  SmallFile file = read_small_file(folder_, name, limit_bytes);
  if (file.failure) note(name, *file.failure);
  return file;
}

Result<struct stat> Place::stat(const std::string& name) const {
  Result<struct stat> info = lstat_at(folder_, name);
  if (!info.ok()) note(name, info.error());
  return info;
}

Result<Fd> Place::open(const std::string& name, int flags) const {
  Result<Fd> file = open_at(folder_, name, flags);
  if (!file.ok()) note(name, file.error());
  return file;
}

bool Place::has_folder(const std::string& name) const {
  Result<struct stat> info = stat(name);
  return info.ok() ? S_ISDIR(info->st_mode) : is_trouble(info.error());
}

bool Place::has(const std::string& name) const {
  Result<struct stat> info = stat(name);
  return info.ok() || is_trouble(info.error());
}

std::string Place::target(const std::string& name) const {
  Result<struct stat> info = stat(name);
  if (!info.ok() || !S_ISLNK(info->st_mode)) return "";
  Result<std::string> target = readlink_at(folder_, name);
  if (!target.ok()) note(name, target.error());
  return target.ok() ? std::move(*target) : "";
}

std::string kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISLNK(mode)) return "a symlink";
  if (S_ISFIFO(mode)) return "a fifo";
  if (S_ISSOCK(mode)) return "a socket";
  return S_ISREG(mode) ? "a plain file" : "a device";
}

SmallFile read_small_file(const Fd& folder, const std::string& name, size_t limit_bytes) {
  Result<struct stat> info = lstat_at(folder, name);
  if (!info.ok() && info.error().code() == ErrorCode::kNotFound) return {};
  if (!info.ok()) return unreadable(std::move(info).error());
  // Looked at before it is opened: to open a device can do something.
  if (!S_ISREG(info->st_mode)) return unreadable(kind_of(info->st_mode));
  Result<Fd> file = open_at(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (!file.ok() && file.error().code() == ErrorCode::kNotFound) return {};
  if (!file.ok()) return unreadable(std::move(file).error());
  info = stat_fd(file->get());
  if (!info.ok()) return unreadable(std::move(info).error());
  if (!S_ISREG(info->st_mode)) return unreadable("exchanged while it was opened");
  const auto size_bytes = static_cast<uint64_t>(info->st_size);
  if (size_bytes > limit_bytes) {
    return unreadable(fmt::format("{} bytes; at most {} are expected", size_bytes, limit_bytes));
  }
  std::string text(size_bytes, '\0');
  Result<size_t> count = pread_full(file->get(), std::as_writable_bytes(std::span(text)), 0);
  if (!count.ok()) return unreadable(std::move(count).error());
  text.resize(*count);
  return {SmallFile::State::kRead, std::move(text), "", std::nullopt};
}

}  // namespace strata::doctor
