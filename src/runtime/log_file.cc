// SPDX-License-Identifier: Apache-2.0
#include "runtime/log_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>

#include "base/nameless_file.h"
#include "codec/decompress.h"

namespace strata::runtime {
namespace {

constexpr unsigned kMostFiles = 1000;  // a limit for names that are tried
// How often the files are opened anew because they are rotated all the time.
constexpr int kMostOpenings = 100;

// "10m": decimal units.
Result<uint64_t> parse_max_size(const std::string& text) {
  double number = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit(end, text.data() + text.size());
  if (unit.ends_with('b') || unit.ends_with('B')) unit.pop_back();
  constexpr std::string_view kUnits = "kmgtp";
  size_t power = 0;
  if (unit.size() == 1) power = kUnits.find(static_cast<char>(unit[0] | 0x20)) + 1;
  if (failure != std::errc() || unit.size() > 1 || (unit.size() == 1 && power == 0)) {
    return error(ErrorCode::kInvalid, "invalid size: '{}'", text);
  }
  for (; power > 0; --power) number *= 1000;
  if (number < 1 || number > 9e18) {
    return error(ErrorCode::kInvalid, "max-size must be a positive number");
  }
  return static_cast<uint64_t>(number);
}

Result<unsigned> parse_max_file(const std::string& text) {
  unsigned number = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) {
    return error(ErrorCode::kInvalid, "strconv.Atoi: parsing \"{}\": invalid syntax", text);
  }
  if (number < 1) return error(ErrorCode::kInvalid, "max-file cannot be less than 1");
  return std::min(number, kMostFiles);
}

// Renamed if it is there.
Status move(const Fd& folder, const std::string& from, const std::string& to) {
  Status moved = rename_at(folder, from, folder, to, Existing::kReplace);
  return !moved.ok() && moved.error().code() == ErrorCode::kNotFound ? Status() : moved;
}

Result<Fd> open_if_there(const Fd& folder, const std::string& name) {
  Result<Fd> file = open_at(folder, name, O_RDONLY);
  if (!file.ok() && file.error().code() == ErrorCode::kNotFound) return Fd();
  return file;
}

Result<Fd> open_packed(const Fd& folder, const std::string& name) {
  STRATA_TRY(Fd packed, open_if_there(folder, name));
  if (!packed.valid()) return Fd();
  STRATA_TRY(Fd plain, temporary_file());
  FdSource from(packed.get());
  FdSink to(plain.get());
  STRATA_TRY(std::unique_ptr<ByteSource> content, codec::open_decompressed(from));
  STRATA_TRY(uint64_t bytes, copy_stream(*content, to).context("{}", name));
  (void)bytes;
  return plain;
}

// As they stand at this moment, the newest first. A rotation may be under way: then one is missing
// where the next older one has its name already, or comes again under the next name.
Result<std::vector<Fd>> open_as_they_stand(const Fd& folder, const std::string& name,
                                           unsigned max_files) {
  std::vector<Fd> files;
  STRATA_TRY(Fd newest, open_if_there(folder, name));
  if (newest.valid()) files.push_back(std::move(newest));
  unsigned missing = 0;
  for (unsigned age = 1; age < max_files && missing < 2; ++age) {
    const std::string older = fmt::format("{}.{}", name, age);
    STRATA_TRY(Fd file, open_if_there(folder, older));
    if (!file.valid()) {
      STRATA_TRY(file, open_packed(folder, older + ".gz"));
    }
    missing = file.valid() ? 0 : missing + 1;
    if (!file.valid()) continue;
    if (!files.empty()) {
      STRATA_TRY(const struct stat last, stat_fd(files.back().get()));
      STRATA_TRY(const struct stat info, stat_fd(file.get()));
      if (is_same_file(info, last)) continue;
    }
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace

Result<LogLimits> LogLimits::parse(const std::map<std::string, std::string>& options) {
  LogLimits limits;
  for (const auto& [name, value] : options) {
    if (name == "max-size") {
      STRATA_TRY(limits.max_bytes, parse_max_size(value));
    } else if (name == "max-file") {
      STRATA_TRY(limits.max_files, parse_max_file(value));
    } else if (name != "compress" && name != "labels" && name != "labels-regex" && name != "env" &&
               name != "env-regex" && name != "tag" && name != "mode" &&
               name != "max-buffer-size") {
      return error(ErrorCode::kInvalid, "unknown log opt '{}' for json-file log driver", name);
    }
  }
  return limits;
}

Result<LogFile> LogFile::open(const Fd& folder, std::string name, const LogLimits& limits) {
  LogFile log(folder, std::move(name), limits);
  STRATA_CHECK(log.open_file(0));
  return log;
}

Status LogFile::open_file(int more_flags) {
  STRATA_TRY(file_, open_at(*folder_, name_, O_WRONLY | O_CREAT | O_APPEND | more_flags, 0640));
  STRATA_TRY(struct stat info, stat_fd(file_.get()));
  size_ = static_cast<uint64_t>(info.st_size);
  return {};
}

Status LogFile::append(std::string_view record) {
  if (limits_.max_bytes != 0 && size_ >= limits_.max_bytes) STRATA_CHECK(rotate());
  size_ += record.size();
  return write_all(file_.get(), as_bytes(record));
}

// The oldest is replaced by the one that is a file younger.
Status LogFile::rotate() {
  if (limits_.max_files == 1) return open_file(O_TRUNC);
  for (unsigned age = limits_.max_files - 1; age > 1; --age) {
    const std::string younger = fmt::format("{}.{}", name_, age - 1);
    STRATA_CHECK(move(*folder_, younger, fmt::format("{}.{}", name_, age)));
    STRATA_CHECK(move(*folder_, younger + ".gz", fmt::format("{}.{}.gz", name_, age)));
  }
  STRATA_CHECK(move(*folder_, name_, name_ + ".1"));
  return open_file(0);
}

Result<std::vector<Fd>> open_log_files(const Fd& folder, const std::string& name,
                                       unsigned max_files) {
  for (int opened = 1;; ++opened) {
    STRATA_TRY(std::vector<Fd> files, open_as_they_stand(folder, name, max_files));
    if (!files.empty() && opened < kMostOpenings) {
      STRATA_TRY(const struct stat newest, stat_fd(files.front().get()));
      Result<struct stat> named = lstat_at(folder, name);
      // Rotated away while the others were opened: they may be in no order.
      if (named.ok() && !is_same_file(*named, newest)) continue;
    }
    std::reverse(files.begin(), files.end());
    return files;
  }
}

}  // namespace strata::runtime
