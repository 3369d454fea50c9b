// SPDX-License-Identifier: Apache-2.0
#include "archive/tar_file_contents.h"

#include <map>

#include "archive/links.h"
#include "tar/parser.h"
#include "tar/path.h"

namespace strata::archive {
namespace {

constexpr uint64_t kBlock = 512;

struct Body {
  uint64_t offset = 0;
  uint64_t size_bytes = 0;
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
    if (member.type == tar::kRegular && !member.sparse) {
      bodies_[name] = {offset, member.size_bytes};
    } else if (member.type == tar::kSymlink) {
      links_.add_symlink(name, member.link_name);
    } else if (member.type == tar::kHardLink) {
      auto target = bodies_.find(tar::clean_path(member.link_name));
      if (target != bodies_.end()) bodies_[name] = target->second;
    }
    return {};
  }

  const Fd& file_;
  std::map<std::string, Body> bodies_;
  Links links_;
};

}  // namespace

Result<std::unique_ptr<Contents>> index_tar_file(const Fd& file) {
  auto contents = std::make_unique<TarFileContents>(file);
  STRATA_CHECK(contents->index());
  return std::unique_ptr<Contents>(std::move(contents));
}

}  // namespace strata::archive
