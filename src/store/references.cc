// SPDX-License-Identifier: Apache-2.0
//   repositories.json = {"Repositories":{<repository>:{<key>:<image ID>,…},…}}    compact, no
//   newline repository        = familiar name: no "docker.io/", no "library/" key               =
//   repository ":" tag | repository "@sha256:" 64HEX
// Objects are sorted bytewise. A new store's file is {"Repositories":{}}. Source: FORMATS
// section 1.2.
#include "store/references.h"

#include <algorithm>

#include "oci/json.h"
#include "oci/json_cursor.h"
#include "store/our_files.h"

namespace strata::store {
namespace {

constexpr std::string_view kField = "Repositories";
constexpr std::string_view kLockName = "refs";

Error corrupt(std::string_view what) {
  return error(ErrorCode::kCorrupt, "repositories.json: {}", what);
}

void append_member(std::string& out, std::string_view key, std::string_view value_json) {
  if (out.back() != '{') out += ',';
  oci::append_go_string(out, key);
  out += ':';
  out += value_json;
}

std::string quoted(std::string_view text) {
  std::string out;
  oci::append_go_string(out, text);
  return out;
}

}  // namespace

std::string_view repository_of(std::string_view key) {
  size_t at = key.find('@');
  if (at != std::string_view::npos) return key.substr(0, at);
  size_t colon = key.rfind(':');
  size_t slash = key.rfind('/');
  bool tagged =
      colon != std::string_view::npos && (slash == std::string_view::npos || slash < colon);
  return tagged ? key.substr(0, colon) : key;
}

// One pass without a tree: the file of 10,000 images holds megabytes, and every command reads it.
class References::Parser {
 public:
  explicit Parser(std::string_view json) : cursor_(json) {}

  Result<References> run() {
    if (cursor_.peek() == Kind::kNull) {
      cursor_.read_null();
    } else if (expect(Kind::kObject, "the file") && cursor_.enter_object()) {
      for (oci::JsonString field; cursor_.next_member(field);) read_field(field);
    }
    if (!cursor_.failed()) cursor_.finish();
    if (cursor_.failed()) return corrupt(cursor_.error());
    if (!problem_.empty()) return corrupt(problem_);
    return std::move(references_);
  }

 private:
  using Kind = oci::JsonCursor::Kind;

  // False when something else comes; it is skipped then.
  bool expect(Kind kind, std::string_view what) {
    if (cursor_.peek() == kind) return true;
    cursor_.skip();
    if (problem_.empty()) {
      problem_ =
          fmt::format("{}: expected {}", what, kind == Kind::kObject ? "an object" : "a string");
    }
    return false;
  }

  void read_field(const oci::JsonString& field) {
    if (!field.names(kField)) {
      cursor_.peek();  // moves to the value's first character
      size_t from = cursor_.offset();
      if (!cursor_.skip()) return;
      Result<std::string> value = oci::compact_json(cursor_.since(from));
      if (value.ok()) references_.unknown_[field.decode()] = std::move(value).value();
      return;
    }
    if (cursor_.peek() == Kind::kNull) {
      cursor_.read_null();
    } else if (expect(Kind::kObject, kField) && cursor_.enter_object()) {
      for (oci::JsonString name; cursor_.next_member(name);) read_repository(name.decode());
    }
  }

  void read_repository(const std::string& name) {
    if (!expect(Kind::kObject, name) || !cursor_.enter_object()) return;
    Repository& repository = references_.repositories_[name];
    oci::JsonString image;
    for (oci::JsonString key; cursor_.next_member(key);) {
      std::string text = key.decode();
      if (!expect(Kind::kString, text) || !cursor_.read_string(image)) continue;
      // dockerd writes them sorted, so the place is nearly always at the end.
      repository.insert_or_assign(repository.end(), std::move(text), image.decode());
    }
  }

  oci::JsonCursor cursor_;
  References references_;
  std::string problem_;
};

Result<References> References::parse(std::string_view json) { return Parser(json).run(); }

std::string References::to_json() const {
  std::string repositories = "{";
  for (const auto& [repository, keys] : repositories_) {
    std::string members = "{";
    for (const auto& [key, image] : keys) append_member(members, key, quoted(image));
    append_member(repositories, repository, members + "}");
  }
  std::string json = "{";
  append_member(json, kField, repositories + "}");
  for (const auto& [field, value] : unknown_) append_member(json, field, value);
  return json + "}";
}

std::optional<ImageId> References::find(std::string_view key) const {
  auto repository = repositories_.find(repository_of(key));
  if (repository == repositories_.end()) return std::nullopt;
  auto entry = repository->second.find(key);
  if (entry == repository->second.end()) return std::nullopt;
  Result<ImageId> image = ImageId::parse(entry->second);
  if (!image.ok()) return std::nullopt;
  return *image;
}

std::vector<std::string> References::of_image(const ImageId& image) const {
  std::string wanted = image.to_string();
  std::vector<std::string> keys;
  for (const auto& [repository, entries] : repositories_) {
    for (const auto& [key, value] : entries) {
      if (value == wanted) keys.push_back(key);
    }
  }
  std::sort(keys.begin(), keys.end());
  std::stable_partition(keys.begin(), keys.end(),
                        [](const std::string& key) { return !is_digest_key(key); });
  return keys;
}

std::vector<std::pair<std::string, ImageId>> References::all() const {
  std::vector<std::pair<std::string, ImageId>> all;
  for (const auto& [repository, entries] : repositories_) {
    for (const auto& [key, value] : entries) {
      Result<ImageId> image = ImageId::parse(value);
      if (image.ok()) all.emplace_back(key, *image);
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::optional<ImageId> References::set(const std::string& key, const ImageId& image) {
  std::optional<ImageId> before = find(key);
  if (before == image) return std::nullopt;
  if (before && is_digest_key(key)) return std::nullopt;
  repositories_[std::string(repository_of(key))][key] = image.to_string();
  return before;
}

bool References::remove(std::string_view key) { return remove_in(repository_of(key), key); }

bool References::remove_in(std::string_view name, std::string_view key) {
  auto repository = repositories_.find(name);
  if (repository == repositories_.end()) return false;
  auto entry = repository->second.find(key);
  if (entry == repository->second.end()) return false;
  repository->second.erase(entry);
  if (repository->second.empty()) repositories_.erase(repository);
  return true;
}

Result<References> ReferenceFile::read() const {
  STRATA_TRY(std::optional<std::string> text, read_file_if_exists_at(root_, path_, kFileBytesMax));
  if (!text) return References();
  return References::parse(*text);
}

Result<FileLock> ReferenceFile::lock() const {
  return lock_in_root(root_, kLockName, FileLock::Mode::kExclusive);
}

Status ReferenceFile::write(const References& references) const {
  return replace_under_lock(root_, kLockName, path_, references.to_json(), 0600,
                            Durability::kSynced);
}

Status ReferenceFile::update(const std::function<Status(References&)>& change) const {
  STRATA_TRY(FileLock held, lock());
  STRATA_TRY(References references, read());
  std::string before = references.to_json();
  STRATA_CHECK(change(references));
  return references.to_json() == before ? Status() : write(references);
}

}  // namespace strata::store
