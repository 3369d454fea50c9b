// SPDX-License-Identifier: Apache-2.0
// The grammar stands in image_config.cc; how fast this is, bench/ says (microseconds per config).
#include "oci/config_summary.h"

#include "oci/image_config.h"
#include "oci/json_cursor.h"

namespace strata::oci {
namespace {

using Kind = JsonCursor::Kind;

std::string_view go_kind(Kind kind) {
  switch (kind) {
    case Kind::kObject:
      return "object";
    case Kind::kArray:
      return "array";
    case Kind::kString:
      return "string";
    case Kind::kBool:
      return "bool";
    default:
      return "number";
  }
}

// One pass over a config. The first problem stays; reading goes on to check the syntax, whose
// errors go first, as in Go.
class Scanner {
 public:
  explicit Scanner(std::string_view raw) : cursor_(raw) {}

  Result<ConfigSummary> scan() {
    if (expect(Kind::kObject, "", "image.Image") && cursor_.enter_object()) {
      for (JsonString key; cursor_.next_member(key);) read_member(key);
    }
    if (!cursor_.failed()) cursor_.finish();
    if (cursor_.failed()) return Error(ErrorCode::kInvalid, cursor_.error());
    if (!problem_.empty()) return Error(ErrorCode::kInvalid, std::move(problem_));
    if (!has_rootfs_) return Error(ErrorCode::kInvalid, "invalid image JSON, no RootFS key");
    return std::move(summary_);
  }

 private:
  void read_member(const JsonString& key) {
    if (key.names("created")) return read_created();
    if (key.names("os")) return read_string("Image.os", summary_.os);
    if (key.names("architecture")) return read_string("Image.architecture", summary_.architecture);
    if (key.names("variant")) return read_string("Image.variant", summary_.variant);
    if (key.names("config")) return read_config();
    if (key.names("rootfs")) return read_rootfs();
    cursor_.skip();
  }

  // True when a value of that kind comes next. null is skipped in silence, another kind with an
  // error that names the field (none: the outermost value).
  bool expect(Kind kind, std::string_view field, std::string_view go_type) {
    Kind found = cursor_.peek();
    if (found == kind) return true;
    cursor_.skip();
    if (found != Kind::kNull && problem_.empty()) {
      problem_ = field.empty()
                     ? fmt::format("json: cannot unmarshal {} into Go value of type {}",
                                   go_kind(found), go_type)
                     : fmt::format("json: cannot unmarshal {} into Go struct field {} of type {}",
                                   go_kind(found), field, go_type);
    }
    return false;
  }

  void read_string(std::string_view field, std::string& out) {
    JsonString text;
    if (expect(Kind::kString, field, "string") && cursor_.read_string(text)) out = text.decode();
  }

  void read_created() {
    Kind found = cursor_.peek();
    size_t from = cursor_.offset();
    if (!cursor_.skip() || found == Kind::kNull) return;
    keep(parse_json_time(cursor_.since(from)));
  }

  void keep(Result<Time> time) {
    if (time.ok()) {
      summary_.created = *time;
    } else if (problem_.empty()) {
      problem_ = time.error().message();
    }
  }

  void read_config() {
    if (!expect(Kind::kObject, "Image.config", "container.Config")) return;
    summary_.labels.clear();
    cursor_.enter_object();
    for (JsonString key; cursor_.next_member(key);) {
      if (key.names("Labels")) {
        read_labels();
      } else {
        cursor_.skip();
      }
    }
  }

  void read_labels() {
    if (!expect(Kind::kObject, "Config.config.Labels", "map[string]string")) return;
    summary_.labels.clear();
    cursor_.enter_object();
    for (JsonString key; cursor_.next_member(key);) {
      std::string name = key.decode();
      std::string value;
      read_string("Config.config.Labels", value);
      summary_.labels.emplace_back(std::move(name), std::move(value));
    }
  }

  void read_rootfs() {
    if (!expect(Kind::kObject, "Image.rootfs", "image.RootFS")) return;
    has_rootfs_ = true;
    summary_.diff_ids.clear();
    cursor_.enter_object();
    for (JsonString key; cursor_.next_member(key);) {
      if (key.names("diff_ids")) {
        read_diff_ids();
      } else {
        cursor_.skip();
      }
    }
  }

  void read_diff_ids() {
    if (!expect(Kind::kArray, "RootFS.rootfs.diff_ids", "[]layer.DiffID")) return;
    summary_.diff_ids.clear();
    size_t count = 0;
    cursor_.enter_array();
    while (cursor_.next_element()) {
      if (++count > kMaxDiffIds) {
        cursor_.skip();
      } else {
        read_diff_id();
      }
    }
    if (count > kMaxDiffIds && problem_.empty()) {
      problem_ = fmt::format("image config lists {} diff_ids; at most {} are accepted", count,
                             kMaxDiffIds);
    }
  }

  void read_diff_id() {
    Kind found = cursor_.peek();
    JsonString text;
    if (!expect(Kind::kString, "RootFS.rootfs.diff_ids", "layer.DiffID")) {
      if (found == Kind::kNull) keep(DiffId::parse(""));
      return;
    }
    if (!cursor_.read_string(text)) return;
    keep(text.has_escapes ? DiffId::parse(text.decode()) : DiffId::parse(text.raw));
  }

  void keep(Result<DiffId> diff_id) {
    if (diff_id.ok()) {
      summary_.diff_ids.push_back(*diff_id);
    } else if (problem_.empty()) {
      problem_ = "diff_ids of the image config: " + diff_id.error().message();
    }
  }

  JsonCursor cursor_;
  ConfigSummary summary_;
  bool has_rootfs_ = false;
  std::string problem_;
};

}  // namespace

Result<ConfigSummary> summarize_config(std::string_view raw) { return Scanner(raw).scan(); }

}  // namespace strata::oci
