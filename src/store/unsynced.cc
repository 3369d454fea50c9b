// SPDX-License-Identifier: Apache-2.0
//   strata/unsynced/<boot id>           lines, added in one write each:
//       "since" SP seconds              first: when the file was made, of the epoch
//       "layer" SP 64HEX(chain) SP cache-id
//       "verified" SP 64HEX(chain) SP cache-id      of a layer named before
//   strata/unsynced/<boot id>.<16HEX>   the same, while somebody waits for the disk
// A line that is cut off or makes no sense counts as not there: its layer had not been published.
// Boot ids come from /proc/sys/kernel/random/boot_id.   Source: random(4)
#include "store/unsynced.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace strata::store {
namespace {

constexpr const char* kFolder = "strata/unsynced";
constexpr size_t kFileBytesMax = 256u << 20;
constexpr std::chrono::seconds kSettleAfter = std::chrono::minutes(10);

std::string path_of(const std::string& file) { return fmt::format("{}/{}", kFolder, file); }

int64_t now_seconds() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

Result<std::string> this_boot() {
  STRATA_TRY(std::string id, read_file_at(Fd(), "/proc/sys/kernel/random/boot_id"));
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

Result<UnsyncedLayer> parse_layer(std::string_view text) {
  size_t space = std::min(text.find(' '), text.size());
  STRATA_TRY(ChainId chain, ChainId::parse_hex(text.substr(0, space)));
  STRATA_TRY(CacheId cache, CacheId::parse(text.substr(std::min(space + 1, text.size()))));
  return UnsyncedLayer{chain, cache};
}

// What is still to be verified of one file.
std::map<ChainId, CacheId> parse(std::string_view text) {
  constexpr std::string_view kLayer = "layer ";
  constexpr std::string_view kVerified = "verified ";
  std::map<ChainId, CacheId> layers;
  for (size_t end = text.find('\n'); end != text.npos; end = text.find('\n')) {
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const bool is_layer = line.starts_with(kLayer);
    if (!is_layer && !line.starts_with(kVerified)) continue;
    line.remove_prefix(is_layer ? kLayer.size() : kVerified.size());
    Result<UnsyncedLayer> layer = parse_layer(line);
    if (!layer.ok()) continue;
    if (is_layer) {
      layers.insert_or_assign(layer->chain, layer->cache);
    } else if (auto found = layers.find(layer->chain);
               found != layers.end() && found->second == layer->cache) {
      layers.erase(found);
    }
  }
  return layers;
}

Result<Fd> open_for_adding(const Fd& root, const std::string& file) {
  STRATA_CHECK(ensure_dirs_at(root, kFolder, 0700));
  Result<Fd> made = open_at(root, path_of(file), O_WRONLY | O_APPEND | O_CREAT | O_EXCL, 0600);
  if (!made.ok() && made.error().code() == ErrorCode::kConflict) {
    return open_at(root, path_of(file), O_WRONLY | O_APPEND | O_NOFOLLOW);
  }
  if (!made.ok()) return made;
  STRATA_CHECK(write_all(made->get(), as_bytes(fmt::format("since {}\n", now_seconds()))));
  STRATA_TRY(Fd folder, open_dir_at(root, kFolder));
  STRATA_CHECK(sync(folder.get()));
  STRATA_TRY(Fd ours, open_dir_at(root, "strata"));
  STRATA_CHECK(sync(ours.get()));
  return made;
}

}  // namespace

Status Unsynced::read() const {
  auto state = state_.lock();
  if (state->is_read) return {};
  STRATA_TRY(boot_, this_boot());
  Result<std::vector<DirEntry>> files = list_dir_at(root_, kFolder);
  if (!files.ok() && files.error().code() != ErrorCode::kNotFound) {
    return std::move(files).error();
  }
  for (const DirEntry& file : files.ok() ? *files : std::vector<DirEntry>()) {
    if (file.name.starts_with(boot_)) continue;
    STRATA_TRY(std::optional<std::string> text,
               read_file_if_exists_at(root_, path_of(file.name), kFileBytesMax));
    if (text) state->suspects.emplace(file.name, parse(*text));
  }
  state->is_read = true;
  return {};
}

Result<bool> Unsynced::is_suspect(const ChainId& chain, const CacheId& cache) const {
  STRATA_CHECK(read());
  auto state = state_.lock();
  for (const auto& [boot, layers] : state->suspects) {
    auto found = layers.find(chain);
    if (found != layers.end() && found->second == cache) return true;
  }
  return false;
}

Result<std::vector<CacheId>> Unsynced::suspect_files(const ChainId& chain) const {
  STRATA_CHECK(read());
  std::vector<CacheId> caches;
  auto state = state_.lock();
  for (const auto& [boot, layers] : state->suspects) {
    auto found = layers.find(chain);
    if (found != layers.end()) caches.push_back(found->second);
  }
  return caches;
}

void Unsynced::trust(const ChainId& chain, const CacheId& cache) {
  auto state = state_.lock();
  for (auto& [boot, layers] : state->suspects) {
    auto found = layers.find(chain);
    if (found == layers.end() || found->second != cache) continue;
    layers.erase(found);
    // If it cannot be kept, the next process verifies the layer once more.
    Result<Fd> file = open_at(root_, path_of(boot), O_WRONLY | O_APPEND | O_NOFOLLOW);
    if (!file.ok()) continue;
    std::string line = fmt::format("verified {} {}\n", chain.hex(), cache.name());
    (void)write_all(file->get(), as_bytes(line)).ok();
  }
}

Status Unsynced::add(std::span<const UnsyncedLayer> layers) const {
  STRATA_TRY(Fd file, open_for_adding(root_, boot_));
  std::string lines;
  for (const UnsyncedLayer& layer : layers) {
    lines += fmt::format("layer {} {}\n", layer.chain.hex(), layer.cache.name());
  }
  STRATA_CHECK(write_all(file.get(), as_bytes(lines)).context(kFolder));
  return sync(file.get());
}

Status Unsynced::settle(FileLock held) const {
  STRATA_CHECK(ensure_dirs_at(root_, kFolder, 0700));
  STRATA_TRY(Fd folder, open_dir_at(root_, kFolder));
  const std::string aside = fmt::format("{}.{}", boot_, random_hex(8));
  Status moved = rename_at(folder, boot_, folder, aside, Existing::kKeep);
  if (!moved.ok() && moved.error().code() != ErrorCode::kNotFound) return moved;
  std::vector<std::string> put_aside;  // by us, and by those who were killed while they waited
  STRATA_CHECK(visit_dir_at(folder, ".", [&](const DirEntry& file) -> Status {
    if (file.name.starts_with(boot_ + ".")) put_aside.push_back(file.name);
    return {};
  }));
  { FileLock released = std::move(held); }
  // Layers that are added from here on are recorded in a new file.
  STRATA_CHECK(sync_file_system(folder.get()));
  for (const std::string& name : put_aside) STRATA_CHECK(unlink_at(folder, name));
  return {};
}

bool Unsynced::is_due() const {
  Result<Fd> file = open_at(root_, path_of(boot_), O_RDONLY | O_NOFOLLOW);
  if (!file.ok()) return false;
  constexpr std::string_view kSince = "since ";
  std::array<char, 32> start{};
  Result<size_t> count = pread_full(file->get(), std::as_writable_bytes(std::span(start)), 0);
  if (!count.ok()) return false;
  std::string_view text(start.data(), *count);
  int64_t since = 0;
  if (!text.starts_with(kSince)) return true;
  text.remove_prefix(kSince.size());
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), since);
  const int64_t age = now_seconds() - since;
  return failure != std::errc() || age < 0 || age > kSettleAfter.count();
}

Status Unsynced::drop_done(const std::function<bool(const UnsyncedLayer&)>& is_there) {
  auto state = state_.lock();
  std::map<std::string, Suspects>& suspects = state->suspects;
  for (auto boot = suspects.begin(); boot != suspects.end();) {
    std::erase_if(boot->second, [&](const auto& layer) {
      return !is_there({layer.first, layer.second});
    });
    if (!boot->second.empty()) {
      ++boot;
      continue;
    }
    STRATA_CHECK(unlink_at(root_, path_of(boot->first)));
    boot = suspects.erase(boot);
  }
  return {};
}

}  // namespace strata::store
