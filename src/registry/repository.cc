// SPDX-License-Identifier: Apache-2.0
//   GET HEAD PUT DELETE /v2/<name>/manifests/<reference>
//   GET HEAD            /v2/<name>/blobs/<digest>           Range, If-Range -> 206 Content-Range
//   GET                 /v2/<name>/tags/list?n=N            Link: <…>; rel="next"
// Source: Distribution spec v1.1, "Endpoints". Uploads: upload.cc.
#include "oci/json.h"
#include "registry/client.h"
#include "registry/error_body.h"
#include "registry/exchange.h"
#include "registry/http_fields.h"

namespace strata::registry {
namespace {

constexpr std::string_view kSchema1 = "application/vnd.docker.distribution.manifest.v1";
constexpr size_t kTagPage = 1000;
constexpr size_t kMaxTagPageBytes = 8 << 20;

std::vector<std::string> accept_headers() {
  std::vector<std::string> headers;
  for (std::string_view type : {oci::media_type::kDockerManifest, oci::media_type::kDockerList,
                                oci::media_type::kOciManifest, oci::media_type::kOciIndex}) {
    headers.push_back(fmt::format("Accept: {}", type));
  }
  return headers;
}

// A reference to be put into messages and paths. Errors: kInvalid.
Result<oci::Reference> with(const oci::Reference& name, std::string_view reference) {
  if (reference.find(':') == reference.npos) return name.with_tag(reference);
  STRATA_TRY(Digest digest, Digest::parse(reference));
  return name.with_digest(digest);
}

std::string manifest_target(std::string_view reference) {
  return "manifests/" + std::string(reference);
}

std::string blob_target(const Digest& blob) { return "blobs/" + blob.to_string(); }

// "application/json; charset=utf-8" without its parameters; the text's own word where the header
// says nothing of use.
Result<std::string> media_type_of(const HttpResponse& answer) {
  std::string_view header = answer.header("content-type");
  std::string type(header.substr(0, header.find(';')));
  while (type.ends_with(' ')) type.pop_back();
  STRATA_TRY(boost::json::value value, oci::parse_json(answer.text, answer.url.shown()));
  if (!value.is_object()) return oci::type_error(value, "manifest");
  STRATA_TRY(int64_t version, oci::get_int64(value.get_object(), "Manifest", "schemaVersion"));
  STRATA_TRY(std::string own, oci::get_string(value.get_object(), "Manifest", "mediaType"));
  if (version == 1 || type.starts_with(kSchema1) || own.starts_with(kSchema1))
    return std::string(kSchema1);
  bool is_vague = type.empty() || type == "application/json" || type == "text/plain" ||
                  type == "application/octet-stream";
  return is_vague && !own.empty() ? own : type;
}

Status check_digest(const oci::Reference& asked, const HttpResponse& answer, const Digest& found) {
  if (asked.digest() && *asked.digest() != found) {
    return error(ErrorCode::kCorrupt, "manifest verification failed for digest {}: found {}",
                 *asked.digest(), found);
  }
  Result<Digest> said = Digest::parse(answer.header("docker-content-digest"));
  if (said.ok() && *said != found) {
    return error(ErrorCode::kCorrupt,
                 "manifest for {}: the registry says that its digest is {}, but it is {}",
                 asked.familiar_string(), *said, found);
  }
  return {};
}

// Hands a blob's bytes on, once the answer has been understood.
class BlobReceiver final : public HttpSink {
 public:
  BlobReceiver(const Digest& blob, const BlobRange& range, BlobSink& sink)
      : blob_(blob), range_(range), sink_(sink) {}

  Status begin(const HttpResponse& response) override {
    BlobAnswer answer;
    answer.validator = strong_validator(response.header("etag"));
    std::optional<uint64_t> length = parse_length(response.header("content-length"));
    if (response.status == 206) {
      STRATA_CHECK(read_range(response, answer));
    } else {
      answer.total_bytes = length;
      answer.takes_ranges = response.header("accept-ranges") == "bytes";
      rest_bytes_ = length;
    }
    if (answer.offset == range_.offset && range_.size_bytes) {
      rest_bytes_ = std::min(rest_bytes_.value_or(*range_.size_bytes), *range_.size_bytes);
    }
    return sink_.begin(answer);
  }

  // A server that ignores the range sends on and on: then the transfer is ended here.
  Status take(ByteSpan bytes) override {
    if (rest_bytes_) {
      if (*rest_bytes_ == 0) {
        has_enough_ = true;
        return error(ErrorCode::kInvalid, "blob {}: more bytes than asked for", blob_);
      }
      bytes = bytes.first(std::min<uint64_t>(bytes.size(), *rest_bytes_));
      *rest_bytes_ -= bytes.size();
    }
    return sink_.take(bytes);
  }
  bool is_wanted() const override { return sink_.is_wanted(); }

  // What the transfer came to.
  Status outcome(Result<HttpResponse> answer) const {
    if (!answer.ok()) return has_enough_ ? Status() : Status(std::move(answer).error());
    if (rest_bytes_.value_or(0) == 0) return {};
    return error(ErrorCode::kIo, "blob {}: the answer ended {} bytes too early", blob_,
                 *rest_bytes_);
  }

 private:
  Status read_range(const HttpResponse& response, BlobAnswer& answer) {
    std::string_view header = response.header("content-range");
    std::optional<ContentRange> range = parse_content_range(header);
    if (!range || !range->first || *range->first != range_.offset) {
      return error(ErrorCode::kInvalid,
                   "blob {}: asked for bytes from {} on, the answer is of \"{}\"", blob_,
                   range_.offset, header.substr(0, 100));
    }
    answer.offset = *range->first;
    answer.total_bytes = range->total;
    answer.takes_ranges = true;
    rest_bytes_ = *range->last - *range->first + 1;
    return {};
  }

  const Digest& blob_;
  const BlobRange& range_;
  BlobSink& sink_;
  std::optional<uint64_t> rest_bytes_;
  bool has_enough_ = false;
};

Status fetch_blob(Exchange& exchange, Call call, const Digest& blob, const BlobRange& range,
                  BlobSink& sink) {
  call.content_is_checked = true;
  if (range.size_bytes && *range.size_bytes == 0) {
    return error(ErrorCode::kInvalid, "blob {}: a range of no bytes", blob);
  }
  if (range.offset > 0 || range.size_bytes) {
    std::string last = range.size_bytes ? std::to_string(range.offset + *range.size_bytes - 1) : "";
    call.headers.push_back(fmt::format("Range: bytes={}-{}", range.offset, last));
    if (!range.validator.empty()) call.headers.push_back("If-Range: " + range.validator);
  }
  BlobReceiver receiver(blob, range, sink);
  return receiver.outcome(exchange.call(call, &receiver));
}

}  // namespace

Repository::Repository(std::unique_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
Repository::~Repository() = default;

const oci::Reference& Repository::name() const { return exchange_->name(); }

Result<RemoteManifest> Repository::get_manifest(std::string_view reference) {
  STRATA_TRY(oci::Reference asked, with(name(), reference));
  Call call{.target = manifest_target(reference), .headers = accept_headers()};
  call.text_limit_bytes = oci::kMaxManifestBytes;
  call.content_is_checked = asked.digest().has_value();
  STRATA_TRY(HttpResponse answer, exchange_->call(call, nullptr, &asked));
  RemoteManifest manifest;
  manifest.digest = Digest::of(answer.text);
  STRATA_CHECK(check_digest(asked, answer, manifest.digest));
  STRATA_TRY(manifest.media_type, media_type_of(answer));
  if (manifest.media_type == kSchema1) {
    return error(ErrorCode::kUnsupported,
                 "manifest for {} is of Docker image format v1 (schema 1), which is no longer "
                 "supported: push the image anew with a current docker",
                 asked.familiar_string());
  }
  manifest.bytes = std::move(answer.text);
  return manifest;
}

Result<Digest> Repository::head_manifest(std::string_view reference) {
  STRATA_TRY(oci::Reference asked, with(name(), reference));
  Call call{.method = "HEAD", .target = manifest_target(reference), .headers = accept_headers()};
  Result<HttpResponse> answer = exchange_->send(call);
  if (answer.ok() && answer->status == 200) {
    Result<Digest> digest = Digest::parse(answer->header("docker-content-digest"));
    if (digest.ok() && (!asked.digest() || *asked.digest() == *digest)) return *digest;
  }
  if (!answer.ok() && answer.error().code() != ErrorCode::kInvalid) {
    return std::move(answer).error();
  }
  // Anything else: a HEAD has no body that would say why.
  STRATA_TRY(RemoteManifest manifest, get_manifest(reference));
  return manifest.digest;
}

Status Repository::get_blob(const Digest& blob, const BlobRange& range, BlobSink& sink) {
  return fetch_blob(*exchange_, {.target = blob_target(blob)}, blob, range, sink);
}

Status Repository::get_blob_from(const std::string& url, const Digest& blob, const BlobRange& range,
                                 BlobSink& sink) {
  STRATA_TRY(Url place, Url::parse(url).context("blob {}", blob));
  return fetch_blob(*exchange_, {.url = place}, blob, range, sink);
}

Result<std::optional<uint64_t>> Repository::head_blob(const Digest& blob) {
  Call call{.method = "HEAD", .target = blob_target(blob)};
  call.content_is_checked = true;
  STRATA_TRY(HttpResponse answer, exchange_->send(call));
  if (answer.status == 404) return std::optional<uint64_t>();
  if (answer.status != 200) return answer_error(answer, nullptr);
  return std::optional<uint64_t>(parse_length(answer.header("content-length")).value_or(0));
}

Result<bool> Repository::has_blob(const Digest& blob) {
  STRATA_TRY(std::optional<uint64_t> size, head_blob(blob));
  return size.has_value();
}

Result<Digest> Repository::put_manifest(std::string_view reference, std::string_view bytes,
                                        std::string_view media_type) {
  STRATA_TRY(oci::Reference asked, with(name(), reference));
  Call call{.method = "PUT", .target = manifest_target(reference)};
  call.headers = {fmt::format("Content-Type: {}", media_type)};
  call.body = bytes;
  STRATA_TRY(HttpResponse answer, exchange_->call(call));
  Digest digest = Digest::of(bytes);
  STRATA_CHECK(check_digest(asked, answer, digest));
  return digest;
}

Status Repository::delete_manifest(std::string_view reference) {
  STRATA_TRY(oci::Reference asked, with(name(), reference));
  Call call{.method = "DELETE", .target = manifest_target(reference)};
  Result<HttpResponse> answer = exchange_->call(call, nullptr, &asked);
  if (answer.ok()) return {};
  return std::move(answer).error();
}

Result<std::vector<std::string>> Repository::list_tags() {
  std::vector<std::string> tags;
  Call call{.target = fmt::format("tags/list?n={}", kTagPage)};
  call.text_limit_bytes = kMaxTagPageBytes;
  const oci::Reference asked = name();
  while (true) {
    STRATA_TRY(HttpResponse answer, exchange_->call(call, nullptr, &asked));
    STRATA_TRY(boost::json::value value, oci::parse_json(answer.text, answer.url.shown()));
    if (!value.is_object()) return oci::type_error(value, "tags.tagsResponse");
    STRATA_TRY(std::vector<std::string> page,
               oci::get_strings(value.get_object(), "tagsResponse", "tags"));
    for (std::string& tag : page) {
      if (!oci::is_tag(tag)) continue;  // nobody could ask for it
      tags.push_back(std::move(tag));
    }
    std::optional<std::string> next = find_link(answer.header("link"), "next");
    if (!next) return tags;
    STRATA_TRY(Url url, answer.url.resolve(*next));
    bool goes_on = !page.empty() && (!call.url || call.url->to_string() != url.to_string());
    if (!goes_on || tags.size() > kMaxTags) {
      return error(ErrorCode::kInvalid, "tags of {}: the registry's pages do not end",
                   asked.familiar_name());
    }
    call.url = std::move(url);
  }
}

}  // namespace strata::registry
