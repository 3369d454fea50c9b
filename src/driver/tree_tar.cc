// SPDX-License-Identifier: Apache-2.0
#include "driver/tree_tar.h"

#include <cstring>
#include <map>

namespace strata::driver {
namespace {

constexpr std::string_view kWhiteoutPrefix = ".wh.";
// Descriptors of folders that a batch keeps open.
constexpr size_t kMaxFolders = 16;
// ustar block, pax header's block, and room for the records that are not names.
constexpr size_t kHeaderRoomBytes = 2 * tar::kBlockBytes + 256;

struct Entry {
  WalkEntry file;
  std::string link_to;
  bool long_file = false;             // its content comes in batches of its own
  std::shared_ptr<const Fd> content;  // of a long file
  bool poses_as_whiteout = false;     // by its name
};

size_t padded(size_t bytes) { return bytes + tar::padding_bytes(bytes); }

// At least what the headers of the entry take.
size_t header_room(const Entry& entry) {
  size_t target = S_ISLNK(entry.file.info.st_mode) ? static_cast<size_t>(entry.file.info.st_size)
                                                   : entry.link_to.size();
  size_t one = padded(kHeaderRoomBytes + entry.file.path.size() + target);
  return S_ISDIR(entry.file.info.st_mode) ? 2 * one : one;
}

bool has_content(const Entry& entry) {
  return S_ISREG(entry.file.info.st_mode) && entry.link_to.empty() && entry.file.info.st_size > 0;
}

// Nobody else writes to what a tar is made of; where somebody does, it shows here.
Error changed(const std::string& path, std::string_view what) {
  return error(ErrorCode::kCorrupt, "{} changed while it was read: {}", path, what);
}

Status read_part(const Fd& file, const std::string& path, MutableByteSpan into, uint64_t offset) {
  STRATA_TRY(size_t count, pread_full(file.get(), into, offset).context("read {}", path));
  if (count == into.size()) return {};
  return changed(path,
                 fmt::format("{} bytes expected, {} found", offset + into.size(), offset + count));
}

Result<Fd> open_file(const WalkEntry& file) {
  return open_at(*file.folder, file.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
      .context("{}", file.path);
}

}  // namespace

class TreeTarMaker {
 public:
  TreeTarMaker(const LayerStack& tree, const TreeTarOptions& options, Pool& pool,
               BufferPool& buffers, const std::function<bool(std::shared_ptr<TarBatch>)>& give)
      : walk_(tree), options_(options), pool_(pool), buffers_(buffers), give_(give), tasks_(pool) {}

  Result<TreeTarSummary> run() {
    Status walked = walk();
    // A batch that failed comes before what the walk met behind it.
    STRATA_CHECK(tasks_.wait());
    STRATA_CHECK(std::move(walked));
    summary_.tar_bytes = tar_bytes_.load();
    return std::move(summary_);
  }

 private:
  // Entries that are waiting for a task, and the block they will fill.
  struct Plan {
    std::vector<Entry> entries;
    size_t room_bytes = 0;
    size_t folders = 0;
  };

  Status walk() {
    Entry entry;
    while (!stopped_) {
      STRATA_CHECK(pool_.check_cancelled());
      Result<bool> more = walk_.next(entry.file);
      if (!more.ok() && may_skip(more.error())) continue;
      if (!more.ok()) return std::move(more).error();
      if (!*more) break;
      STRATA_CHECK(add(std::move(entry)));
      entry = {};
    }
    flush();
    if (!stopped_) give_end();
    return {};
  }

  // True when what was to be read is gone, and that is fine.
  bool may_skip(const Error& error) const {
    return options_.may_change && error.code() == ErrorCode::kNotFound;
  }

  Status add(Entry entry) {
    const mode_t type = entry.file.info.st_mode & S_IFMT;
    if (type == S_IFSOCK) return drop(entry.file);
    bool layer = options_.rules.form == TreeForm::kLayer;
    if (layer && entry.file.name.starts_with(kWhiteoutPrefix)) {
      summary_.whiteout_names.push_back(entry.file.path);
      entry.poses_as_whiteout = true;
    }
    if (type != S_IFDIR) note_inode(entry);
    size_t room = header_room(entry);
    if (has_content(entry)) {
      size_t content = padded(static_cast<size_t>(entry.file.info.st_size));
      entry.long_file = room + content > buffers_.block_bytes();
      if (!entry.long_file) room += content;
    }
    bool new_folder =
        plan_.entries.empty() || plan_.entries.back().file.folder != entry.file.folder;
    bool full = plan_.room_bytes + room > buffers_.block_bytes() ||
                (new_folder && plan_.folders == kMaxFolders);
    if (!plan_.entries.empty() && full) flush();
    plan_.folders += new_folder ? 1 : 0;
    plan_.room_bytes += room;
    plan_.entries.push_back(std::move(entry));
    return plan_.entries.back().long_file ? add_content() : Status();
  }

  // Sizes and hard links: what has a name in this tree already is a link to it.
  void note_inode(Entry& entry) {
    const struct stat& info = entry.file.info;
    if (info.st_nlink > 1) {
      auto [seen, is_new] = links_.try_emplace({info.st_dev, info.st_ino});
      if (is_new) seen->second = {entry.file.path, info.st_nlink};
      if (!is_new) entry.link_to = seen->second.first_name;
      if (--seen->second.names_left == 0) links_.erase(seen);
      if (!is_new) return;
    }
    summary_.size_bytes += static_cast<uint64_t>(info.st_size);
  }

  // docker makes no members of sockets. The folder keeps the time that its member tells.
  Status drop(const WalkEntry& socket) {
    if (!options_.tidy) return {};
    STRATA_TRY(struct stat folder, stat_fd(socket.folder->get()));
    STRATA_CHECK(unlink_at(*socket.folder, socket.name).context("{}", socket.path));
    return set_mtime(*socket.folder, mtime_of(folder, options_.rules)).context("{}", socket.path);
  }

  std::shared_ptr<TarBatch> new_batch(size_t room_bytes) {
    auto batch = std::make_shared<TarBatch>();
    std::shared_ptr<std::byte[]> block;
    if (room_bytes <= buffers_.block_bytes())
      block = buffers_.acquire();
    else
      block = std::make_shared<std::byte[]>(room_bytes);  // a name of many KiB
    batch->bytes_ = {block, {block.get(), std::max(room_bytes, buffers_.block_bytes())}};
    return batch;
  }

  // Hands a batch out, and has it filled.
  void send(std::shared_ptr<TarBatch> batch, std::function<Status(TarBatch&)> fill) {
    if (stopped_) return;
    if (!give_(batch)) {
      // Another consumer may have taken it, and waits.
      settle(*batch, error(ErrorCode::kCancelled, "the tar is not wanted any more"));
      stopped_ = true;
      return;
    }
    tasks_.run([this, batch = std::move(batch), fill = std::move(fill)]() mutable {
      Status filled = fill(*batch);
      tar_bytes_ += batch->bytes_.bytes.size();
      settle(*batch, filled);
      batch.reset();  // the task may outlive the pool that the block goes back to
      return filled;
    });
  }

  static void settle(TarBatch& batch, Status status) {
    batch.status_ = std::move(status);
    batch.filled_.store(true);
    batch.filled_.notify_all();
  }

  void flush() {
    if (plan_.entries.empty()) return;
    Plan plan = std::exchange(plan_, {});
    send(new_batch(plan.room_bytes), [this, entries = std::move(plan.entries)](TarBatch& batch) {
      return fill_entries(entries, batch);
    });
  }

  // The content of the entry that was planned last.
  Status add_content() {
    Entry& entry = plan_.entries.back();
    const WalkEntry file = entry.file;
    Result<Fd> opened = open_file(file);
    if (!opened.ok() && may_skip(opened.error())) {
      plan_.entries.pop_back();
      return {};
    }
    if (!opened.ok()) return std::move(opened).error();
    auto fd = entry.content = std::make_shared<const Fd>(std::move(*opened));
    flush();
    const uint64_t size = static_cast<uint64_t>(file.info.st_size);
    for (uint64_t offset = 0; offset < size && !stopped_; offset += buffers_.block_bytes()) {
      STRATA_CHECK(pool_.check_cancelled());
      size_t part = static_cast<size_t>(std::min<uint64_t>(size - offset, buffers_.block_bytes()));
      bool ends = offset + part == size;
      send(new_batch(part), [=, this](TarBatch& batch) -> Status {
        TarItem item;
        item.payload_bytes = part;
        item.payload_offset = offset;
        item.padding_bytes = tar::padding_bytes(part);
        item.ends = ends;
        STRATA_CHECK(fill_content(*fd, file.path, std::move(item), batch));
        return ends ? check_unchanged(*fd, file) : Status();
      });
    }
    return {};
  }

  void give_end() {
    send(new_batch(tar::kEndOfArchive.size()), [](TarBatch& batch) -> Status {
      batch.items_.emplace_back().padding_bytes = tar::kEndOfArchive.size();
      return finish_batch(batch, fill_zeros(batch, 0, tar::kEndOfArchive.size()));
    });
  }

  static size_t fill_zeros(TarBatch& batch, size_t at, size_t count) {
    std::memset(batch.bytes_.block.get() + at, 0, count);
    return at + count;
  }

  static Status finish_batch(TarBatch& batch, size_t used_bytes) {
    batch.bytes_.bytes = batch.bytes_.bytes.first(used_bytes);
    return {};
  }

  // Whoever copies a file apart from what is read here relies on it. Tidying changes times itself.
  Status check_unchanged(const Fd& fd, const WalkEntry& file) const {
    if (options_.tidy || options_.may_change) return {};
    STRATA_TRY(struct stat now, stat_fd(fd.get()));
    const struct timespec &before = file.info.st_mtim, &after = now.st_mtim;
    if (before.tv_sec == after.tv_sec && before.tv_nsec == after.tv_nsec &&
        now.st_size == file.info.st_size) {
      return {};
    }
    return changed(file.path, "it has been written to");
  }

  static Status fill_content(const Fd& file, const std::string& path, TarItem item,
                             TarBatch& batch) {
    MutableByteSpan into(batch.bytes_.block.get(), item.payload_bytes);
    STRATA_CHECK(read_part(file, path, into, item.payload_offset));
    size_t end = fill_zeros(batch, item.payload_bytes, item.padding_bytes);
    batch.items_.push_back(std::move(item));
    return finish_batch(batch, end);
  }

  Status fill_entries(const std::vector<Entry>& entries, TarBatch& batch) const {
    size_t at = 0;
    for (const Entry& entry : entries) {
      Status filled = fill_entry(entry, batch, at);
      if (!filled.ok() && !may_skip(filled.error())) return filled;
    }
    return finish_batch(batch, at);
  }

  Status fill_entry(const Entry& entry, TarBatch& batch, size_t& at) const {
    STRATA_TRY(TreeMembers made, members_of(entry.file, entry.link_to, options_.rules));
    if (options_.tidy) STRATA_CHECK(tidy_file(entry.file, made));
    STRATA_CHECK(fill_member(entry, std::move(made.member), batch, at));
    return made.opaque ? fill_member(Entry(), *made.opaque, batch, at) : Status();
  }

  Status fill_member(const Entry& entry, tar::Member member, TarBatch& batch, size_t& at) const {
    TarItem item;
    STRATA_TRY(std::string header, tar::encode_header(member, options_.rules.style));
    const bool whole = member.size_bytes > 0 && !entry.long_file;
    if (whole) {
      item.payload_bytes = member.size_bytes;
      item.padding_bytes = tar::padding_bytes(member.size_bytes);
    }
    if (at + header.size() + item.payload_bytes + item.padding_bytes > batch.bytes_.bytes.size()) {
      return changed(entry.file.path, "its header has become longer");
    }
    Fd file;
    if (whole) {
      STRATA_TRY(file, open_file(entry.file));  // before the header, which says that it is there
    }
    std::byte* block = batch.bytes_.block.get();
    std::memcpy(block + at, header.data(), header.size());
    at += header.size();
    if (whole) {
      STRATA_CHECK(read_part(file, entry.file.path, {block + at, item.payload_bytes}, 0));
      STRATA_CHECK(check_unchanged(file, entry.file));
      at = fill_zeros(batch, at + item.payload_bytes, item.padding_bytes);
    }
    item.header_bytes = header.size();
    item.ends = !entry.long_file;
    item.content = entry.content;
    item.poses_as_whiteout = entry.poses_as_whiteout;
    item.member = std::make_shared<const tar::Member>(std::move(member));
    batch.items_.push_back(std::move(item));
    return {};
  }

  struct Link {
    std::string first_name;
    nlink_t names_left = 0;
  };

  TreeWalk walk_;
  const TreeTarOptions& options_;
  Pool& pool_;
  BufferPool& buffers_;
  const std::function<bool(std::shared_ptr<TarBatch>)>& give_;
  Plan plan_;
  std::map<std::pair<dev_t, ino_t>, Link> links_;
  TreeTarSummary summary_;
  std::atomic<uint64_t> tar_bytes_ = 0;
  bool stopped_ = false;
  TaskGroup tasks_;
};

Result<TreeTarSummary> make_tree_tar(const LayerStack& tree, const TreeTarOptions& options,
                                     Pool& pool, BufferPool& buffers,
                                     const std::function<bool(std::shared_ptr<TarBatch>)>& give) {
  return TreeTarMaker(tree, options, pool, buffers, give).run();
}

Status write_tree_tar(const LayerStack& tree, const TreeTarOptions& options, ByteSink& to,
                      Pool& pool, BufferPool& buffers) {
  BatchConsumer writer([&](const TarBatch& batch) { return to.write(batch.bytes().bytes); });
  Result<TreeTarSummary> made =
      make_tree_tar(tree, options, pool, buffers,
                    [&](std::shared_ptr<TarBatch> batch) { return writer.push(std::move(batch)); });
  Status written = writer.finish();
  if (!made.ok()) return std::move(made).error();
  return written;
}

BatchConsumer::BatchConsumer(std::function<Status(const TarBatch&)> consume) {
  stage_.start([this, consume = std::move(consume)]() -> Status {
    auto run = [&]() -> Status {
      while (std::optional<std::shared_ptr<TarBatch>> batch = queue_.pop()) {
        STRATA_CHECK((*batch)->wait());
        STRATA_CHECK(consume(**batch));
      }
      return {};
    };
    Status status = run();
    if (!status.ok()) queue_.abandon();
    return status;
  });
}

BatchConsumer::~BatchConsumer() {
  queue_.abandon();
  (void)stage_.join().ok();
}

Status BatchConsumer::finish() {
  queue_.close();
  return stage_.join();
}

Status report(const TarBatch& batch, tar::ParserEvents& events,
              const std::function<void(const Fd*)>& on_content) {
  ByteSpan rest = batch.bytes().bytes;
  auto take = [&rest](size_t count) {
    ByteSpan taken = rest.first(count);
    rest = rest.subspan(count);
    return taken;
  };
  for (const TarItem& item : batch.items()) {
    if (item.header_bytes > 0) {
      STRATA_CHECK(events.on_raw(take(item.header_bytes)));
      on_content(item.content.get());
      STRATA_CHECK(events.on_member(*item.member));
    }
    if (item.payload_bytes > 0) {
      STRATA_CHECK(events.on_payload(take(item.payload_bytes), item.payload_offset));
    }
    if (item.ends) STRATA_CHECK(events.on_member_end());
    if (item.padding_bytes > 0) STRATA_CHECK(events.on_raw(take(item.padding_bytes)));
  }
  return {};
}

}  // namespace strata::driver
