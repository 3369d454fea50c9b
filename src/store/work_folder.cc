// SPDX-License-Identifier: Apache-2.0
//   strata/staging/<16HEX>.lock     exclusively locked (flock) as long as the operation lives
//   strata/staging/<16HEX>/journal  text, lines:
//       "layer" SP 64HEX(chain) SP cache-id SP side-name      side-name is "-" when there is none
//       "image" SP 64HEX
//       "reference" SP 64HEX SP key
//       "removed" SP record SP cache-id                       cache-id is "-" when it is not known
//       "container" SP id SP mount-id SP side-name SP side-name    of the layer and of its init layer
//       "held" SP 64HEX(chain)
//       "end"                                                 without it, nothing of this was begun
//   strata/staging/<16HEX>/lease    64HEX(chain) LF, each a layer that must stay
//   strata/staging/<16HEX>/…        staged things: layer-<n>, record-<n>, image-<64HEX>, file-<n>
#include "store/work_folder.h"

#include <algorithm>

namespace strata::store {
namespace {

constexpr std::string_view kStaging = "strata/staging";
constexpr std::string_view kLockSuffix = ".lock";
constexpr size_t kNameBytes = 8;
constexpr size_t kJournalBytesMax = 256u << 20;

// Cuts the next word, or the whole rest when `separator` does not come.
std::string_view take(std::string_view& rest, char separator) {
  size_t end = std::min(rest.find(separator), rest.size());
  std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }
std::string from_dash(std::string_view text) { return text == "-" ? "" : std::string(text); }

Status parse_line(std::string_view line, Journal& journal) {
  std::string_view kind = take(line, ' ');
  if (kind == "layer") {
    STRATA_TRY(ChainId chain, ChainId::parse_hex(take(line, ' ')));
    STRATA_TRY(CacheId cache, CacheId::parse(take(line, ' ')));
    journal.layers.push_back({chain, cache, from_dash(line)});
  } else if (kind == "image") {
    STRATA_TRY(ImageId image, ImageId::parse_hex(line));
    journal.images.push_back(image);
  } else if (kind == "reference") {
    STRATA_TRY(ImageId image, ImageId::parse_hex(take(line, ' ')));
    journal.references.push_back({std::string(line), image});
  } else if (kind == "removed") {
    std::string record(take(line, ' '));
    journal.removed.push_back({std::move(record), from_dash(line)});
  } else if (kind == "held") {
    STRATA_TRY(ChainId chain, ChainId::parse_hex(line));
    journal.held.push_back(chain);
  } else if (kind == "container") {
    Journal::ContainerChange container;
    container.id = take(line, ' ');
    container.mount_id = from_dash(take(line, ' '));
    container.side_name = from_dash(take(line, ' '));
    container.init_side_name = from_dash(line);
    journal.containers.push_back(std::move(container));
  } else {
    return error(ErrorCode::kCorrupt, "journal: unknown line \"{}\"", kind.substr(0, 40));
  }
  return {};
}

Result<FileLock> new_lock(const Fd& root, const std::string& path) {
  STRATA_TRY(Fd file, open_at(root, path, O_RDWR | O_CREAT, 0600));
  return FileLock::acquire(std::move(file), FileLock::Mode::kExclusive);
}

// A recovering process may have taken and removed the lock between our making it and our locking
// it.
Result<bool> still_named(const FileLock& lock) {
  STRATA_TRY(struct stat info, stat_fd(lock.fd()));
  return info.st_nlink > 0;
}

// The lock of a dead operation; empty when its process lives or it is gone.
Result<std::optional<FileLock>> take_dead(const Fd& root, const std::string& path) {
  Result<Fd> file = open_at(root, path, O_RDWR);
  if (!file.ok() && file.error().code() == ErrorCode::kNotFound) return std::optional<FileLock>();
  if (!file.ok()) return std::move(file).error();
  STRATA_TRY(std::optional<FileLock> lock,
             FileLock::try_acquire(std::move(file).value(), FileLock::Mode::kExclusive));
  if (!lock) return std::optional<FileLock>();
  STRATA_TRY(bool named, still_named(*lock));
  if (!named) return std::optional<FileLock>();
  return lock;
}

// Names of all operations, living or dead; sorted, so that recovery is the same every time.
Result<std::vector<std::string>> operation_names(const Fd& root) {
  std::vector<std::string> names;
  Result<std::vector<DirEntry>> entries = list_dir_at(root, std::string(kStaging));
  if (!entries.ok() && entries.error().code() == ErrorCode::kNotFound) return names;
  if (!entries.ok()) return std::move(entries).error();
  for (const DirEntry& entry : *entries) {
    if (!entry.name.ends_with(kLockSuffix)) continue;
    names.push_back(entry.name.substr(0, entry.name.size() - kLockSuffix.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::string Journal::to_text() const {
  std::string text;
  for (const PublishedLayer& layer : layers) {
    text +=
        fmt::format("layer {} {} {}\n", layer.chain.hex(), layer.cache, or_dash(layer.side_name));
  }
  for (const ImageId& image : images) text += fmt::format("image {}\n", image.hex());
  for (const SetReference& set : references) {
    text += fmt::format("reference {} {}\n", set.image.hex(), set.key);
  }
  for (const RemovedLayer& layer : removed) {
    text += fmt::format("removed {} {}\n", layer.record, or_dash(layer.cache));
  }
  for (const ContainerChange& container : containers) {
    text += fmt::format("container {} {} {} {}\n", container.id, or_dash(container.mount_id),
                        or_dash(container.side_name), or_dash(container.init_side_name));
  }
  for (const ChainId& chain : held) text += fmt::format("held {}\n", chain.hex());
  return text + "end\n";
}

Result<Journal> Journal::parse(std::string_view text) {
  Journal journal;
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    if (line == "end" && text.empty()) return journal;
    STRATA_CHECK(parse_line(line, journal));
  }
  return error(ErrorCode::kCorrupt, "journal: the last line is missing");
}

std::string WorkFolder::path(std::string_view suffix) const {
  return fmt::format("{}/{}{}", kStaging, name_, suffix);
}

Result<WorkFolder> WorkFolder::create(const Fd& root) {
  while (true) {
    std::string name = random_hex(kNameBytes);
    STRATA_TRY(FileLock lock, new_lock(root, fmt::format("{}/{}{}", kStaging, name, kLockSuffix)));
    STRATA_TRY(bool named, still_named(lock));
    if (!named) continue;
    WorkFolder work(root, std::move(name), std::move(lock));
    Status made = mkdir_at(root, work.path(""), 0700);
    // A recovering process took the lock before us, made the folder, and was killed.
    if (!made.ok() && made.error().code() == ErrorCode::kConflict) continue;
    STRATA_CHECK(std::move(made));
    STRATA_TRY(work.folder_, open_dir_at(root, work.path("")));
    return work;
  }
}

Result<std::vector<WorkFolder>> WorkFolder::adopt_dead(const Fd& root) {
  STRATA_TRY(std::vector<std::string> names, operation_names(root));
  std::vector<WorkFolder> dead;
  for (std::string& name : names) {
    std::string lock_path = fmt::format("{}/{}{}", kStaging, name, kLockSuffix);
    STRATA_TRY(std::optional<FileLock> lock, take_dead(root, lock_path));
    if (!lock) continue;
    WorkFolder work(root, std::move(name), std::move(*lock));
    work.has_journal_ = true;  // or may have
    STRATA_CHECK(ensure_dir_at(root, work.path(""), 0700));
    STRATA_TRY(work.folder_, open_dir_at(root, work.path("")));
    dead.push_back(std::move(work));
  }
  return dead;
}

WorkFolder::WorkFolder(WorkFolder&& other) noexcept
    : root_(other.root_),
      name_(std::exchange(other.name_, {})),
      has_journal_(other.has_journal_),
      lock_(std::exchange(other.lock_, std::nullopt)),
      folder_(std::move(other.folder_)) {}

WorkFolder::~WorkFolder() {
  // What cannot be removed now is found by the next writer: its lock is free as soon as this object
  // is gone.
  if (!has_journal_) (void)finish();
}

Status WorkFolder::write_journal(const Journal& journal) {
  has_journal_ = true;
  return write_file_at(folder_, "journal", journal.to_text(), 0600);
}

Status WorkFolder::sync_journal() const {
  STRATA_TRY(Fd file, open_at(folder_, "journal", O_RDONLY));
  STRATA_CHECK(sync(file.get()));
  return sync(folder_.get());
}

Result<std::optional<Journal>> WorkFolder::read_journal() const {
  STRATA_TRY(std::optional<std::string> text,
             read_file_if_exists_at(folder_, "journal", kJournalBytesMax));
  if (!text) return std::optional<Journal>();
  Result<Journal> journal = Journal::parse(*text);
  if (!journal.ok()) return std::optional<Journal>();
  return std::optional<Journal>(std::move(journal).value());
}

Status WorkFolder::write_lease(const std::set<ChainId>& chains) const {
  std::string text;
  for (const ChainId& chain : chains) text += chain.hex() + "\n";
  // Not synced: a lease ends with its process, and so with the power.
  STRATA_CHECK(write_file_at(folder_, "lease.new", text, 0600));
  return rename_at(folder_, "lease.new", folder_, "lease", Existing::kReplace);
}

Status WorkFolder::drop_lease() const { return unlink_at(folder_, "lease"); }

Status WorkFolder::finish() {
  if (name_.empty() || !lock_) return {};
  if (folder_.valid()) STRATA_CHECK(unlink_at(folder_, "journal"));
  STRATA_CHECK(remove_tree_at(*root_, path("")));
  STRATA_CHECK(unlink_at(*root_, path(kLockSuffix)));
  name_.clear();
  lock_.reset();
  return {};
}

Result<std::vector<Operation>> list_operations(const Fd& root) {
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
  STRATA_TRY(std::vector<std::string> names, operation_names(root));
  std::vector<Operation> operations;
  for (std::string& name : names) {
    const std::string base = fmt::format("{}/{}", kStaging, name);
    Result<Fd> file = open_at(root, base + std::string(kLockSuffix), kFlags);
    if (!file.ok() && file.error().code() == ErrorCode::kNotFound) continue;  // ended since
    if (!file.ok()) return std::move(file).error();
    STRATA_TRY(std::optional<FileLock> dead,
               FileLock::try_acquire(std::move(*file), FileLock::Mode::kShared));
    Operation operation{
        .name = std::move(name), .lives = !dead.has_value(), .leased = {}, .held = {}};
    if (!operation.lives) {
      Result<std::string> text = read_file_at(root, base + "/journal", kJournalBytesMax);
      if (!text.ok() && text.error().code() != ErrorCode::kNotFound &&
          text.error().code() != ErrorCode::kCorrupt) {
        return std::move(text).error();
      }
      Result<Journal> journal = Journal::parse(text.ok() ? std::string_view(*text) : "");
      if (journal.ok()) operation.held.insert(journal->held.begin(), journal->held.end());
    }
    Result<std::string> lease = operation.lives
                                    ? read_file_at(root, base + "/lease", kJournalBytesMax)
                                    : Result<std::string>(std::string());
    if (!lease.ok() && lease.error().code() != ErrorCode::kNotFound)
      return std::move(lease).error();
    std::string_view rest = lease.ok() ? std::string_view(*lease) : std::string_view();
    while (!rest.empty()) {
      Result<ChainId> chain = ChainId::parse_hex(take(rest, '\n'));
      if (chain.ok()) operation.leased.insert(*chain);
    }
    operations.push_back(std::move(operation));
  }
  return operations;
}

Result<std::set<ChainId>> leased_layers(const Fd& root) {
  STRATA_TRY(std::vector<std::string> names, operation_names(root));
  std::set<ChainId> leased;
  for (const std::string& name : names) {
    std::string base = fmt::format("{}/{}", kStaging, name);
    STRATA_TRY(std::optional<FileLock> dead, take_dead(root, base + std::string(kLockSuffix)));
    if (dead) continue;
    STRATA_TRY(std::optional<std::string> lease,
               read_file_if_exists_at(root, base + "/lease", kJournalBytesMax));
    std::string_view rest = lease ? std::string_view(*lease) : std::string_view();
    while (!rest.empty()) {
      STRATA_TRY(ChainId chain, ChainId::parse_hex(take(rest, '\n')));
      leased.insert(chain);
    }
  }
  return leased;
}

}  // namespace strata::store
