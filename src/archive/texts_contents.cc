// SPDX-License-Identifier: Apache-2.0
#include "archive/texts_contents.h"

#include <map>

#include "archive/links.h"
#include "base/interrupt.h"
#include "codec/decompress.h"
#include "tar/parser.h"
#include "tar/path.h"

namespace strata::archive {
namespace {

// The source of a text that others keep.
class TextSource final : public ByteSource {
 public:
  explicit TextSource(const std::string& text) : bytes_(as_bytes(text)) {}
  Result<size_t> read(MutableByteSpan buffer) override { return bytes_.read(buffer); }

 private:
  SpanSource bytes_;
};

class TextsContents final : public Contents, private tar::ParserEvents {
 public:
  Status consume(const Fd& input, Pool& pool) {
    WaitingSource raw(input.get());
    STRATA_TRY(std::unique_ptr<ByteSource> tar, codec::open_decompressed(raw));
    std::vector<std::byte> block(kBlockBytes);
    tar::Parser parser;
    while (true) {
      STRATA_CHECK(pool.check_cancelled());
      STRATA_TRY(size_t count, read_full(*tar, block));
      if (parser.offset_bytes() == 0) STRATA_CHECK(check_is_tar(ByteSpan(block).first(count)));
      if (count == 0) return parser.finish();
      STRATA_CHECK(parser.feed(ByteSpan(block).first(count), *this));
    }
  }

  bool has(const std::string& name) const override {
    Result<std::string> target = links_.resolve(name);
    return target.ok() && texts_.contains(*target);
  }

  Result<OpenedFile> open(const std::string& name) const override {
    STRATA_TRY(std::string target, links_.resolve(name));
    auto text = texts_.find(target);
    if (text == texts_.end()) {
      return error(ErrorCode::kNotFound, "open {}: no such file or directory in the archive", name);
    }
    return OpenedFile{std::make_unique<TextSource>(text->second), text->second.size()};
  }

  Result<std::vector<std::string>> names() const override {
    std::vector<std::string> all;
    for (const auto& [name, text] : texts_) all.push_back(name);
    return all;
  }

 private:
  Status on_raw(ByteSpan) override { return {}; }

  Status on_member(const tar::Member& member) override {
    name_ = tar::clean_path(member.name);
    STRATA_CHECK(links_.add_member(name_, member.link_name));
    links_.remove(name_);  // of a name that occurs twice the last one counts
    kept_bytes_ -= texts_.contains(name_) ? texts_[name_].size() : 0;
    texts_.erase(name_);
    undecided_ = (member.type == tar::kRegular || member.type == tar::kGnuSparse) &&
                 !tar::leaves_root(member.name) && member.logical_size_bytes() <= kMaxJsonBytes;
    kept_ = false;
    if (member.type == tar::kSymlink) links_.add_symlink(name_, member.link_name);
    return {};
  }

  Status on_payload(ByteSpan bytes, uint64_t file_offset) override {
    if (undecided_) {
      auto first = static_cast<char>(bytes[0]);
      kept_ = file_offset == 0 && (first == '{' || first == '[');
      undecided_ = false;
    }
    if (!kept_) return {};
    std::string& text = texts_[name_];
    kept_bytes_ += file_offset - text.size() + bytes.size();
    if (kept_bytes_ > kMaxTextsBytes) {
      return error(ErrorCode::kUnsupported,
                   "the manifests and configs of the archive have more than {} bytes",
                   kMaxTextsBytes);
    }
    text.resize(file_offset);  // zeros, should it have holes
    text += as_text(bytes);
    return {};
  }

  Status on_member_end() override { return {}; }

  std::map<std::string, std::string> texts_;
  size_t kept_bytes_ = 0;
  Links links_;

  std::string name_;  // of the member that is arriving
  bool undecided_ = false;
  bool kept_ = false;
};

}  // namespace

Result<std::unique_ptr<Contents>> consume_texts(const Fd& input, Pool& pool) {
  auto contents = std::make_unique<TextsContents>();
  STRATA_CHECK(contents->consume(input, pool));
  return std::unique_ptr<Contents>(std::move(contents));
}

}  // namespace strata::archive
