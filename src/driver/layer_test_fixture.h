// SPDX-License-Identifier: Apache-2.0
// What the tests of unpacking and rebuilding share: tars made member by member, and a layer folder
// in a temporary place.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include "driver/layer_reader.h"
#include "driver/layer_unpacker.h"
#include "driver/split_file.h"
#include "tar/split.h"
#include "tar/writer.h"

namespace strata::driver {

// Builds a tar in memory.
class TarText {
 public:
  TarText& add(tar::Member member, std::string_view payload = "") {
    member.size_bytes = payload.size();
    if (member.mode == 0) member.mode = member.type == tar::kDirectory ? 0755 : 0644;
    member.mtime_seconds = 1'000'000;
    text_ += tar::encode_header(member, tar::HeaderStyle::kDocker28).value();
    text_ += payload;
    text_.resize((text_.size() + 511) / 512 * 512, '\0');
    return *this;
  }
  TarText& file(const std::string& name, std::string_view payload) {
    tar::Member member;
    member.name = name;
    return add(member, payload);
  }
  TarText& other(char type, const std::string& name, const std::string& target = "") {
    tar::Member member;
    member.name = name;
    member.type = type;
    member.link_name = target;
    return add(member);
  }
  TarText& folder(const std::string& name) { return other(tar::kDirectory, name); }
  TarText& raw(std::string_view bytes) {
    text_ += bytes;
    return *this;
  }
  std::string end() const { return text_ + std::string(1024, '\0'); }

 private:
  std::string text_;
};

class LayerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "strata-layer-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
    top_ = open_path(path_, O_RDONLY | O_DIRECTORY).value();
    fresh_layer();
  }
  void TearDown() override { ASSERT_TRUE(remove_tree_at(Fd(), path_).ok()); }

  void fresh_layer() {
    ASSERT_TRUE(remove_tree_at(top_, "layer").ok());
    for (const char* name : {"layer", "layer/diff", "layer/meta"})
      ASSERT_TRUE(mkdir_at(top_, name, 0755).ok());
    folder_ = open_dir_at(top_, "layer").value();
    diff_ = open_dir_at(top_, "layer/diff").value();
    meta_ = open_dir_at(top_, "layer/meta").value();
  }

  Result<UnpackedLayer> unpack(std::string_view tar) {
    SpanSource source(as_bytes(tar));
    return unpack_layer(source, {&folder_, &diff_, &meta_}, pool_, buffers_, nullptr);
  }

  // Unpacks and proves that the same bytes come out again.
  UnpackedLayer round_trip(const std::string& tar) {
    Result<UnpackedLayer> layer = unpack(tar);
    EXPECT_TRUE(layer.ok()) << layer.error().message();
    if (!layer.ok()) return {};
    EXPECT_EQ(layer->diff_id.digest(), Digest::of(tar));
    std::string again;
    Status read = rebuild(layer->diff_id, again);
    EXPECT_TRUE(read.ok()) << read.error().message();
    EXPECT_TRUE(again == tar);
    Fd split = open_at(meta_, kSplitFileName, O_RDONLY).value();
    EXPECT_EQ(tar_bytes_of(split).value(), tar.size());
    return std::move(layer).value();
  }

  Status rebuild(const DiffId& expected, std::string& tar) {
    Fd split = open_at(meta_, kSplitFileName, O_RDONLY).value();
    StringSink sink(tar);
    return read_layer({&diff_, &split}, expected, sink, buffers_, pool_);
  }

  std::string error_of(const std::string& tar) {
    Result<UnpackedLayer> layer = unpack(tar);
    EXPECT_FALSE(layer.ok());
    return layer.ok() ? "" : layer.error().message();
  }

  std::string content(const std::string& name) { return read_file_at(diff_, name).value(); }
  struct stat info(const std::string& name) {
    return lstat_at(diff_, name).value();
  }
  bool exists(const std::string& name) { return exists_at(diff_, name).value(); }

  std::string path_;
  Fd top_, folder_, diff_, meta_;
  Pool pool_{3};
  // Small blocks, so that members lie across their borders, and few, so that whoever keeps one too
  // long stops the test.
  BufferPool buffers_{4096, 3};
};

}  // namespace strata::driver
