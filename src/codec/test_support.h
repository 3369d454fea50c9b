// SPDX-License-Identifier: Apache-2.0
// For the tests of codec/: streams in pieces, streams that fail, and the files of tests/data/codec.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "base/fs_at.h"
#include "base/stream.h"
#include "codec/decompress.h"

namespace strata::codec {

// Gives at most `piece` bytes a call.
class PieceSource final : public ByteSource {
 public:
  PieceSource(std::string_view text, size_t piece) : from_(as_bytes(text)), piece_(piece) {}
  Result<size_t> read(MutableByteSpan buffer) override {
    return from_.read(buffer.first(std::min(buffer.size(), piece_)));
  }

 private:
  SpanSource from_;
  size_t piece_;
};

// Gives some bytes, then fails.
class FailingSource final : public ByteSource {
 public:
  explicit FailingSource(std::string_view text) : from_(as_bytes(text)) {}
  Result<size_t> read(MutableByteSpan buffer) override {
    STRATA_TRY(size_t count, from_.read(buffer));
    if (count == 0) return error(ErrorCode::kIo, "the disk is gone");
    return count;
  }

 private:
  SpanSource from_;
};

// Takes `limit_bytes`, then fails.
class FailingSink final : public ByteSink {
 public:
  explicit FailingSink(size_t limit_bytes) : rest_bytes_(limit_bytes) {}
  Status write(ByteSpan bytes) override {
    if (bytes.size() > rest_bytes_) return error(ErrorCode::kNoSpace, "the disk is full");
    rest_bytes_ -= bytes.size();
    return {};
  }

 private:
  size_t rest_bytes_;
};

struct Outcome {
  std::string content;  // what came before the end or the error
  std::string error;    // empty: a good end
  ErrorCode code = ErrorCode::kIo;
};

// Reads to the end with calls of `call_bytes`.
inline Outcome read_all(ByteSource& source, size_t call_bytes = 64 * 1024) {
  Outcome outcome;
  std::string buffer(call_bytes, '\0');
  while (true) {
    auto got = source.read({reinterpret_cast<std::byte*>(buffer.data()), buffer.size()});
    if (!got.ok()) {
      outcome.error = got.error().message();
      outcome.code = got.error().code();
      return outcome;
    }
    if (*got == 0) return outcome;
    outcome.content.append(buffer, 0, *got);
  }
}

inline Outcome decode(Compression kind, std::string_view text, size_t piece = 64 * 1024,
                      size_t call_bytes = 64 * 1024) {
  PieceSource source(text, piece);
  return read_all(*make_decompressor(kind, source), call_bytes);
}

inline constexpr const char* kDataDir = "tests/data/codec/";

inline std::string data_file(const std::string& name) {
  auto text = read_file_at(Fd(), kDataDir + name);
  EXPECT_TRUE(text.ok()) << (text.ok() ? "" : text.error().message());
  return text.ok() ? *text : "";
}

// The names in a folder of tests/data/codec, sorted.
inline std::vector<std::string> data_files(const std::string& folder) {
  std::vector<std::string> names;
  auto dir = open_path(kDataDir + folder, O_RDONLY | O_DIRECTORY);
  EXPECT_TRUE(dir.ok());
  if (!dir.ok()) return names;
  auto entries = list_dir_at(*dir, ".");
  EXPECT_TRUE(entries.ok());
  if (!entries.ok()) return names;
  for (const DirEntry& entry : *entries) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  return names;
}

inline Compression kind_by_suffix(const std::string& name) {
  if (name.ends_with(".gz")) return Compression::kGzip;
  if (name.ends_with(".bz2")) return Compression::kBzip2;
  if (name.ends_with(".xz")) return Compression::kXz;
  return Compression::kZstd;
}

// `seq 1 1000`.
inline std::string numbers() {
  std::string text;
  for (int i = 1; i <= 1000; ++i) text += std::to_string(i) + "\n";
  return text;
}

// What the first word of a name in good/ stands for (tests/data/codec/README.md).
inline std::string expected_content(const std::string& name) {
  std::string kind = name.substr(0, name.find('-'));
  if (kind == "empty") return "";
  if (kind == "two") return numbers() + numbers();
  if (kind != "runs") return numbers();
  std::string text;
  while (text.size() < 300000) text += "strata\n";
  return text.substr(0, 300000);
}

// Text that compresses by about two thirds, with matches from far back; the same for one seed.
inline std::string sample(size_t size_bytes, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < size_bytes) {
    if (text.size() > 1000 && random() % 2 == 0) {
      size_t length = 20 + random() % 200;
      size_t back = length + random() % std::min<size_t>(text.size() - length, 100000);
      text += text.substr(text.size() - back, length);
    } else {
      for (int i = 0; i < 30; ++i) text += static_cast<char>(random());
    }
  }
  return text.substr(0, size_bytes);
}

}  // namespace strata::codec
