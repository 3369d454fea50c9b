// SPDX-License-Identifier: Apache-2.0
#include "archive/tar_file_contents.h"

#include <algorithm>
#include <map>

#include "archive/links.h"
#include "tar/parser.h"
#include "tar/path.h"

namespace strata::archive {
namespace {

constexpr uint64_t kBlock = 512;

// What the maps of all sparse members may take in memory: 16 MiB.
constexpr size_t kMaxExtents = size_t{1} << 20;

struct Body {
  uint64_t offset = 0;
  uint64_t size_bytes = 0;                       // with the holes
  std::shared_ptr<const tar::SparseMap> sparse;  // null: no holes
};

// The content of a sparse member, its holes as zeros.
class SparseSource final : public ByteSource {
 public:
  SparseSource(int fd, const Body& body) : fd_(fd), offset_(body.offset), map_(body.sparse) {}

  Result<size_t> read(MutableByteSpan buffer) override {
    const bool behind_all = extent_ == map_->extents.size();
    const uint64_t data = behind_all ? map_->logical_size_bytes : map_->extents[extent_].offset;
    if (position_ < data) {
      auto zeros = static_cast<size_t>(std::min<uint64_t>(buffer.size(), data - position_));
      std::fill_n(buffer.begin(), zeros, std::byte{0});
      position_ += zeros;
      return zeros;
    }
    if (behind_all) return size_t{0};
    const uint64_t end = data + map_->extents[extent_].length;
    RangeSource range(fd_, offset_, end - position_);
    STRATA_TRY(size_t count, range.read(buffer));
    offset_ += count;
    position_ += count;
    if (position_ == end) ++extent_;
    return count;
  }

 private:
  const int fd_;
  uint64_t offset_;  // in the archive
  const std::shared_ptr<const tar::SparseMap> map_;
  uint64_t position_ = 0;  // in the member
  size_t extent_ = 0;
};

// Remembers the member whose header was just parsed.
class MemberCatcher final : public tar::ParserEvents {
 public:
  Status on_raw(ByteSpan) override { return {}; }
  Status on_member(const tar::Member& found) override {
    member = found;
    return {};
  }
  Status on_payload(ByteSpan, uint64_t) override { return {}; }
  Status on_member_end() override { return {}; }

  std::optional<tar::Member> member;
};

class TarFileContents final : public Contents {
 public:
  explicit TarFileContents(const Fd& file) : file_(file) {}

  // Each member is parsed by a parser of its own, fed block by block, so that nothing behind its
  // header is read.
  Status index() {
    STRATA_TRY(struct stat info, stat_fd(file_.get()));
    auto end = static_cast<uint64_t>(info.st_size);
    std::array<std::byte, kBlock> first;
    STRATA_TRY(size_t count, pread_full(file_.get(), first, 0));
    STRATA_CHECK(check_is_tar(ByteSpan(first).first(count)));
    uint64_t offset = 0;
    while (true) {
      tar::Parser parser;
      MemberCatcher events;
      STRATA_TRY(offset, parse_header(parser, events, offset));
      if (!events.member) return {};
      const tar::Member& member = *events.member;
      if (member.size_bytes > end - offset) {
        return error(ErrorCode::kInvalid,
                     "unexpected EOF: \"{}\" has {} bytes, the archive ends after {} of them",
                     member.name, member.size_bytes, end - offset);
      }
      STRATA_CHECK(add(member, offset));
      offset += (member.size_bytes + kBlock - 1) / kBlock * kBlock;
    }
  }

  bool has(const std::string& name) const override {
    Result<std::string> target = links_.resolve(name);
    return target.ok() && bodies_.contains(*target);
  }

  Result<OpenedFile> open(const std::string& name) const override {
    STRATA_TRY(std::string target, links_.resolve(name));
    auto body = bodies_.find(target);
    if (body == bodies_.end()) {
      return error(ErrorCode::kNotFound, "open {}: no such file or directory in the archive", name);
    }
    const Body& found = body->second;
    if (found.sparse) {
      return OpenedFile{std::make_unique<SparseSource>(file_.get(), found), found.size_bytes};
    }
    return OpenedFile{std::make_unique<RangeSource>(file_.get(), found.offset, found.size_bytes),
                      found.size_bytes};
  }

  Result<std::vector<std::string>> names() const override {
    std::vector<std::string> all;
    for (const auto& [name, body] : bodies_) all.push_back(name);
    return all;
  }

 private:
  // Returns the offset behind the header. No member: the archive's end.
  Result<uint64_t> parse_header(tar::Parser& parser, MemberCatcher& events, uint64_t offset) {
    std::array<std::byte, kBlock> block;
    while (!events.member && !parser.at_end()) {
      STRATA_TRY(size_t count, pread_full(file_.get(), block, offset));
      STRATA_CHECK(parser.feed(ByteSpan(block).first(count), events));
      offset += count;
      if (count < kBlock) {
        STRATA_CHECK(parser.finish());
        break;
      }
    }
    return offset;
  }

  Status add(const tar::Member& member, uint64_t offset) {
    if (tar::leaves_root(member.name)) {
      return error(ErrorCode::kInvalid, "invalid path \"{}\" in the archive: it points outside",
                   member.name);
    }
    std::string name = tar::clean_path(member.name);
    STRATA_CHECK(links_.add_member(name, member.link_name));
    links_.remove(name);  // of a name that occurs twice the last one counts
    bodies_.erase(name);
    if (member.type == tar::kRegular || member.type == tar::kGnuSparse) {
      STRATA_TRY(bodies_[name], body_of(member, offset));
    } else if (member.type == tar::kSymlink) {
      links_.add_symlink(name, member.link_name);
    } else if (member.type == tar::kHardLink) {
      auto target = bodies_.find(tar::clean_path(member.link_name));
      if (target != bodies_.end()) bodies_[name] = target->second;
    }
    return {};
  }

  Result<Body> body_of(const tar::Member& member, uint64_t offset) {
    Body body{offset, member.logical_size_bytes(), nullptr};
    if (!member.sparse) return body;
    STRATA_CHECK(check_holes(member));
    extents_ += member.sparse->extents.size();
    if (extents_ > kMaxExtents) {
      return error(ErrorCode::kUnsupported,
                   "\"{}\": the sparse files of the archive have more than {} pieces", member.name,
                   kMaxExtents);
    }
    body.sparse = std::make_shared<tar::SparseMap>(*member.sparse);
    return body;
  }

  const Fd& file_;
  std::map<std::string, Body> bodies_;
  size_t extents_ = 0;
  Links links_;
};

}  // namespace

Result<std::unique_ptr<Contents>> index_tar_file(const Fd& file) {
  auto contents = std::make_unique<TarFileContents>(file);
  STRATA_CHECK(contents->index());
  return std::unique_ptr<Contents>(std::move(contents));
}

}  // namespace strata::archive
