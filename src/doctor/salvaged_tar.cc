// SPDX-License-Identifier: Apache-2.0
#include "doctor/salvaged_tar.h"

#include <algorithm>
#include <map>

#include "doctor/member_check.h"
#include "doctor/place.h"
#include "doctor/split_members.h"
#include "driver/member_places.h"
#include "hash/crc64.h"
#include "tar/path.h"
#include "tar/writer.h"

namespace strata::doctor {
namespace {

constexpr size_t kBlockBytes = 256 << 10;
constexpr tar::HeaderStyle kStyle = tar::HeaderStyle::kDocker28;

class SalvagedTar final : public SplitEvents {
 public:
  SalvagedTar(const driver::LayerFiles& layer, Unreadable& unreadable, ByteSink& to)
      : places_(*layer.files), unreadable_(unreadable), to_(to), block_(kBlockBytes) {}

  Salvage take() { return std::move(salvage_); }

  Status finish() { return to_.write(tar::kEndOfArchive); }

  // Padding of the member before, then the header of the next.
  Status on_raw(ByteSpan bytes) override {
    raw_.append(as_text(bytes));
    // What follows the end of the tar is no header, whatever its length.
    constexpr size_t kHeadersMax = 8 * tar::kMaxMetaBytes;
    if (raw_.size() > kHeadersMax) raw_.clear();
    return {};
  }

  Status on_member(const tar::Member& member) override {
    ++number_;
    header_ = raw_.substr(std::min(raw_.size(), padding_bytes_));
    raw_.clear();
    padding_bytes_ = tar::padding_bytes(member.size_bytes);
    member_ = member;
    state_ = State::kWaiting;
    return {};
  }

  // Content that the tar-split has itself.
  Status on_payload(ByteSpan bytes, uint64_t) override {
    if (state_ == State::kWaiting) STRATA_CHECK(begin_as_it_was());
    return to_.write(bytes);
  }

  Status on_content(const tar::SplitEntry& entry, uint64_t bytes, bool expanded) override {
    state_ = State::kDone;
    if (expanded) lose(entry.name, "changed", "a sparse file, which is whole now");
    return write_file(entry, bytes, expanded);
  }

  Status on_headless(const tar::SplitEntry& entry, uint64_t bytes) override {
    lose(entry.name, "changed",
         "a sparse file whose header is lost; mode and owner are those of the file");
    padding_bytes_ = 0;
    raw_.clear();
    header_.clear();
    member_ = tar::Member();
    member_.name = entry.name;
    STRATA_CHECK(take_over_status(member_));
    return write_file(entry, bytes, true);
  }

  Status on_member_end() override {
    if (state_ == State::kInPayload) STRATA_CHECK(pad(member_.size_bytes));
    if (state_ == State::kWaiting) {
      STRATA_CHECK(member_.type == tar::kHardLink ? write_link() : begin_as_it_was());
    }
    state_ = State::kDone;
    return {};
  }

 private:
  enum class State { kWaiting, kInPayload, kDone };

  Status begin_as_it_was() {
    state_ = State::kInPayload;
    return to_.write(as_bytes(header_));
  }

  Status pad(uint64_t bytes) {
    const std::string zeros(tar::padding_bytes(bytes), '\0');
    return to_.write(as_bytes(zeros));
  }

  void lose(const std::string& name, std::string what, std::string reason) {
    salvage_.losses.push_back({tar::clean_path(name), std::move(what), std::move(reason)});
  }

  Status leave_out(std::string reason) {
    lose(member_.name, "left out", std::move(reason));
    gone_[tar::clean_path(member_.name)] = "";
    return {};
  }

  Status take_over_status(tar::Member& member) {
    Result<driver::MemberPlace> place = places_.find(tar::clean_path(member.name));
    if (!place.ok()) return {};
    Result<struct stat> info = lstat_at(*place->folder, place->name);
    if (!info.ok()) return {};
    member.mode = info->st_mode & 07777;
    member.uid = info->st_uid;
    member.gid = info->st_gid;
    member.mtime_seconds = info->st_mtim.tv_sec;
    return {};
  }

  // The member as a plain file of that many bytes.
  Status write_new_header(tar::Member member, uint64_t size_bytes) {
    member.type = tar::kRegular;
    member.link_name.clear();
    member.sparse.reset();
    member.size_bytes = size_bytes;
    member.declared_size_bytes = static_cast<int64_t>(size_bytes);
    STRATA_TRY(std::string header, tar::encode_header(member, kStyle));
    return to_.write(as_bytes(header));
  }

  // The file, if it is one. Errors: why it is not.
  Result<std::pair<Fd, uint64_t>> open_file(const std::string& name) {
    STRATA_TRY(driver::MemberPlace place, places_.find(tar::clean_path(name)));
    STRATA_TRY(struct stat info, lstat_at(*place.folder, place.name));
    if (!S_ISREG(info.st_mode)) {
      return error(ErrorCode::kCorrupt, "expected a file, found {}", type_name(info.st_mode));
    }
    STRATA_TRY(Fd file, open_at(*place.folder, place.name, O_RDONLY | O_NOFOLLOW));
    return std::pair(std::move(file), static_cast<uint64_t>(info.st_size));
  }

  // The member's file and its size; none: it has been left out, and `what` stands before the reason.
  Result<std::optional<std::pair<Fd, uint64_t>>> open_or_leave_out(const std::string& what) {
    using Opened = std::optional<std::pair<Fd, uint64_t>>;
    if (auto known = unreadable_.find(number_); known != unreadable_.end()) {
      STRATA_CHECK(leave_out("it cannot be read: " + known->second));
      return Opened();
    }
    auto opened = open_file(member_.name);
    STRATA_CHECK(unless_all_ends(opened));
    if (opened.ok()) return Opened(std::move(*opened));
    if (opened.error().code() == ErrorCode::kIo) cannot_read(opened.error().message());
    STRATA_CHECK(leave_out(what + opened.error().message()));
    return Opened();
  }

  Status write_file(const tar::SplitEntry& entry, uint64_t bytes, bool new_header) {
    STRATA_TRY(auto opened, open_or_leave_out(""));
    if (!opened) return {};
    const auto& [file, size_bytes] = *opened;
    if (new_header || size_bytes != bytes) {
      STRATA_CHECK(write_new_header(member_, size_bytes));
    } else {
      STRATA_CHECK(to_.write(as_bytes(header_)));
    }
    Crc64 crc;
    STRATA_CHECK(copy(file, size_bytes, crc));
    if (size_bytes != bytes) {
      lose(member_.name, "changed", fmt::format("{} bytes expected, {} found", bytes, size_bytes));
    } else if (crc.big_endian() != entry.crc) {
      lose(member_.name, "changed", "its checksum is another one");
    }
    return pad(size_bytes);
  }

  // It is left out from now on, even if it could be read the next time: all tars of this layer shall be the same.
  void cannot_read(const std::string& why) {
    salvage_.again |= unreadable_.emplace(number_, why).second;
  }

  Status copy(const Fd& file, uint64_t size_bytes, Crc64& crc) {
    for (uint64_t done = 0; done < size_bytes;) {
      const size_t wanted =
          static_cast<size_t>(std::min<uint64_t>(block_.size(), size_bytes - done));
      MutableByteSpan space = MutableByteSpan(block_).first(wanted);
      Result<size_t> count = pread_full(file.get(), space, done);
      if (!count.ok() || *count != wanted) {
        STRATA_CHECK(unless_all_ends(count));
        const std::string why = count.ok() ? "it ends too early" : count.error().message();
        cannot_read(why);
        std::ranges::fill(space, std::byte{0});
      }
      crc.update(space);
      STRATA_CHECK(to_.write(space));
      done += wanted;
    }
    return {};
  }

  // A link to what was left out has the content, or is left out, too.
  Status write_link() {
    auto gone = gone_.find(tar::clean_path(member_.link_name));
    if (gone == gone_.end()) return to_.write(as_bytes(header_));
    if (!gone->second.empty()) {
      tar::Member link = member_;
      link.link_name = gone->second;
      STRATA_TRY(std::string header, tar::encode_header(link, kStyle));
      return to_.write(as_bytes(header));
    }
    STRATA_TRY(auto opened, open_or_leave_out("a hard link to " + member_.link_name + ": "));
    if (!opened) return {};
    gone->second = tar::clean_path(member_.name);
    lose(member_.name, "moved", "the content of " + member_.link_name);
    STRATA_CHECK(write_new_header(member_, opened->second));
    Crc64 crc;
    STRATA_CHECK(copy(opened->first, opened->second, crc));
    return pad(opened->second);
  }

  driver::MemberPlaces places_;
  Unreadable& unreadable_;
  ByteSink& to_;
  std::vector<std::byte> block_;
  Salvage salvage_;
  std::string raw_;           // since the last member
  size_t padding_bytes_ = 0;  // of that, the first belong to the last member
  std::string header_;        // of the member
  tar::Member member_;
  State state_ = State::kDone;
  uint64_t number_ = 0;
  std::map<std::string, std::string>
      gone_;  // what was left out, and the name that its content has now
};

}  // namespace

Result<Salvage> write_salvaged_tar(const driver::LayerFiles& layer, Unreadable& unreadable,
                                   ByteSink& to, const Pool& pool) {
  SalvagedTar tar(layer, unreadable, to);
  STRATA_TRY(std::string trouble, read_split(*layer.split_file, tar, pool));
  if (!trouble.empty()) return error(ErrorCode::kCorrupt, "tar-split: {}", trouble);
  STRATA_CHECK(tar.finish());
  return tar.take();
}

}  // namespace strata::doctor
