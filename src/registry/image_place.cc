// SPDX-License-Identifier: Apache-2.0
//   docker://NAME[:TAG|@DIGEST]       a registry; ":latest" if neither is given
//   root:[PATH:]IMAGE                 a data root; PATH begins with '/' or '.'
//   docker-daemon:IMAGE               the same without PATH: skopeo's word
//   docker-archive:FILE[:NAME[:TAG]]  what `save` writes; a source also FILE:@NUMBER
//   oci-archive:FILE[:TAG]            an OCI layout in a tar
//   oci:FOLDER[:TAG]                  an OCI layout
// FILE and FOLDER end at the first ':'. TAG of a layout: org.opencontainers.image.ref.name.
// Source: containers-transports(5); containers/image 5.22, docker/archive, oci/layout, oci/archive.
#include "registry/image_place.h"

#include <algorithm>

namespace strata::registry {
namespace {

constexpr std::string_view kKnown =
    "docker://, root:, docker-daemon:, docker-archive:, oci-archive: or oci:";

struct Word {
  std::string_view word;
  Transport transport;
};
constexpr Word kWords[] = {
    {"docker", Transport::kRegistry},        {"root", Transport::kRoot},
    {"docker-daemon", Transport::kRoot},     {"docker-archive", Transport::kDockerArchive},
    {"oci-archive", Transport::kOciArchive}, {"oci", Transport::kOciFolder}};
constexpr std::string_view kNotDone[] = {"containers-storage", "dir", "ostree", "sif", "tarball"};

// Cuts at the first ':'; the second part is empty without one.
std::pair<std::string_view, std::string_view> cut(std::string_view text) {
  size_t colon = text.find(':');
  if (colon == text.npos) return {text, {}};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

Status parse_registry(std::string_view rest, ImagePlace& place) {
  if (!rest.starts_with("//")) {
    return error(ErrorCode::kInvalid, "{}: expected docker://NAME, found no \"//\"", place.text);
  }
  STRATA_TRY(oci::Reference name, oci::Reference::parse(rest.substr(2)).context("{}", place.text));
  if (!name.tag().empty() && name.digest()) {
    return error(ErrorCode::kInvalid, "{}: expected a tag or a digest, found both", place.text);
  }
  place.name = name.with_default_tag();
  return {};
}

Status parse_root(std::string_view word, std::string_view rest, ImagePlace& place) {
  if (word == "root" && (rest.starts_with('/') || rest.starts_with('.'))) {
    auto [path, image] = cut(rest);
    place.path = path;
    rest = image;
  }
  place.image = rest;
  if (!rest.empty()) return {};
  return error(ErrorCode::kInvalid, "{}: expected the name of an image", place.text);
}

// "@2" of a source, or a name.
Status parse_archive_name(std::string_view rest, ImagePlace& place) {
  if (rest.starts_with('@')) {
    std::string_view digits = rest.substr(1);
    bool is_number = !digits.empty() && digits.size() < 9 &&
                     digits.find_first_not_of("0123456789") == digits.npos;
    if (!is_number) {
      return error(ErrorCode::kInvalid, "{}: expected a number behind '@'", place.text);
    }
    place.number = static_cast<unsigned>(std::stoul(std::string(digits)));
    return {};
  }
  STRATA_TRY(oci::Reference name, oci::Reference::parse(rest).context("{}", place.text));
  if (name.digest()) {
    return error(ErrorCode::kInvalid, "{}: a docker archive knows tags only, found a digest",
                 place.text);
  }
  place.name = name.with_default_tag();
  return {};
}

// What c/image takes for a name in an OCI layout: words joined by - . _ : @ / and "--", "++".
Status check_layout_tag(const ImagePlace& place) {
  bool sound = std::all_of(place.tag.begin(), place.tag.end(), [](char c) {
    bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return word || std::string_view("-._:@/+").find(c) != std::string_view::npos;
  });
  if (sound) return {};
  return error(ErrorCode::kInvalid, "{}: invalid tag \"{}\"", place.text, place.tag);
}

}  // namespace

Result<ImagePlace> ImagePlace::parse(std::string_view text) {
  ImagePlace place;
  place.text = text;
  size_t colon = text.find(':');
  std::string_view word = text.substr(0, colon);
  const Word* known = std::find_if(std::begin(kWords), std::end(kWords),
                                   [&](const Word& one) { return one.word == word; });
  bool not_done = std::find(std::begin(kNotDone), std::end(kNotDone), word) != std::end(kNotDone);
  if (colon != text.npos && not_done) {
    return error(ErrorCode::kUnsupported, "transport \"{}\" is not known here; expected {}", word,
                 kKnown);
  }
  if (colon == text.npos || known == std::end(kWords)) {
    return error(ErrorCode::kInvalid, "invalid image name \"{}\": expected {} in front", text,
                 kKnown);
  }
  place.transport = known->transport;
  std::string_view rest = text.substr(colon + 1);
  if (place.transport == Transport::kRegistry) {
    STRATA_CHECK(parse_registry(rest, place));
    return place;
  }
  if (place.transport == Transport::kRoot) {
    STRATA_CHECK(parse_root(word, rest, place));
    return place;
  }
  auto [path, name] = cut(rest);
  place.path = path;
  if (path.empty()) return error(ErrorCode::kInvalid, "{}: expected a path", text);
  if (place.transport == Transport::kDockerArchive) {
    if (!name.empty()) STRATA_CHECK(parse_archive_name(name, place));
    return place;
  }
  place.tag = name;
  STRATA_CHECK(check_layout_tag(place));
  return place;
}

}  // namespace strata::registry
