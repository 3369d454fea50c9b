// SPDX-License-Identifier: Apache-2.0
//   POST  /v2/<name>/blobs/uploads/?mount=<digest>&from=<path>   201: mounted; 202: a session
//   POST  /v2/<name>/blobs/uploads/                              202 Location: the session
//   PATCH <session>   the bytes, chunked                         202 Location: the session now
//   PUT   <session>[?&]digest=<digest>                           201
// A blob whose digest and size are known goes with the PUT, without a PATCH.
// Source: Distribution spec v1.1, "Pushing blobs"; FORMATS section 9.3.
#include "hash/sha256.h"
#include "registry/client.h"
#include "registry/error_body.h"
#include "registry/exchange.h"

namespace strata::registry {
namespace {

// Hashes and counts what an upload reads; remembers the source's own error.
class HashingSource final : public ByteSource {
 public:
  explicit HashingSource(ByteSource& next) : next_(next) {}
  Result<size_t> read(MutableByteSpan buffer) override {
    Result<size_t> count = next_.read(buffer);
    if (!count.ok()) {
      failed_ = true;
      return count;
    }
    hash_.update(buffer.first(*count));
    size_bytes_ += *count;
    return count;
  }
  bool failed() const { return failed_; }
  uint64_t size_bytes() const { return size_bytes_; }
  Digest digest() { return hash_.finish(); }

 private:
  ByteSource& next_;
  Sha256 hash_;
  uint64_t size_bytes_ = 0;
  bool failed_ = false;
};

Result<Url> session_of(const HttpResponse& answer) {
  std::string_view location = answer.header("location");
  if (location.empty()) {
    return error(ErrorCode::kInvalid, "{}: the registry names no place for the upload",
                 answer.url.shown());
  }
  return answer.url.resolve(location);
}

Status check_content(const UploadSource& source, const UploadedBlob& found) {
  if (source.size_bytes && *source.size_bytes != found.size_bytes) {
    return error(ErrorCode::kCorrupt, "blob to be uploaded: expected {} bytes, found {}",
                 *source.size_bytes, found.size_bytes);
  }
  if (source.digest && *source.digest != found.digest) {
    return error(ErrorCode::kCorrupt, "blob to be uploaded: expected {}, found {}", *source.digest,
                 found.digest);
  }
  return {};
}

// One upload, from the session's beginning to its end. `is_source_bad`: another attempt is of no
// use.
class Upload {
 public:
  Upload(Exchange& exchange, const UploadSource& source) : exchange_(exchange), source_(source) {}

  Result<UploadedBlob> run(const std::string& session) {
    STRATA_CHECK(begin(session));
    STRATA_TRY(std::unique_ptr<ByteSource> bytes, source_.open());
    HashingSource hashing(*bytes);
    bool at_once = source_.digest && source_.size_bytes;
    Status sent = at_once ? put(hashing) : patch(hashing);
    is_source_bad_ = hashing.failed();
    UploadedBlob blob{hashing.digest(), hashing.size_bytes()};
    // What is not the blob the registry refuses as well; but we know more about it.
    bool all_sent = source_.size_bytes && *source_.size_bytes == blob.size_bytes;
    Status right = sent.ok() || all_sent ? check_content(source_, blob) : Status();
    if (!right.ok()) sent = std::move(right);
    if (sent.ok() && !at_once) sent = finish(blob.digest);
    if (!sent.ok()) {
      abandon(sent.error().code());
      return std::move(sent).error();
    }
    return blob;
  }
  bool is_source_bad() const { return is_source_bad_; }

 private:
  Status begin(const std::string& session) {
    if (!session.empty()) {
      STRATA_TRY(session_, Url::parse(session));
      return {};
    }
    STRATA_TRY(HttpResponse answer, exchange_.call({.method = "POST", .target = "blobs/uploads/"}));
    STRATA_TRY(session_, session_of(answer));
    return {};
  }

  Status patch(ByteSource& bytes) {
    Call call{.method = "PATCH", .url = session_};
    call.headers = {"Content-Type: application/octet-stream"};
    call.upload = &bytes;
    call.upload_bytes = source_.size_bytes;
    call.repeatable = false;
    STRATA_TRY(HttpResponse answer, exchange_.call(call));
    if (!answer.header("location").empty()) {
      STRATA_TRY(session_, session_of(answer));
    }
    return {};
  }

  Status put(ByteSource& bytes) {
    Call call{.method = "PUT", .url = session_};
    call.url->add_query("digest", source_.digest->to_string());
    call.headers = {"Content-Type: application/octet-stream"};
    call.upload = &bytes;
    call.upload_bytes = source_.size_bytes;
    call.repeatable = false;
    Result<HttpResponse> answer = exchange_.call(call);
    if (answer.ok()) return {};
    return std::move(answer).error();
  }

  Status finish(const Digest& digest) {
    Call call{.method = "PUT", .url = session_, .repeatable = false};
    call.url->add_query("digest", digest.to_string());
    Result<HttpResponse> answer = exchange_.call(call);
    if (answer.ok()) return {};
    return std::move(answer).error();
  }

  // Registries keep half uploads for a week unless they are told.
  void abandon(ErrorCode why) {
    if (why == ErrorCode::kCancelled || why == ErrorCode::kIo) return;
    (void)exchange_.send({.method = "DELETE", .url = session_, .repeatable = false}).ok();
  }

  Exchange& exchange_;
  const UploadSource& source_;
  Url session_;
  bool is_source_bad_ = false;
};

bool is_worth_another(ErrorCode code) { return code == ErrorCode::kIo || code == ErrorCode::kBusy; }

}  // namespace

Result<MountAnswer> Repository::mount_blob(const Digest& blob, std::string_view from_path) {
  Call call{.method = "POST"};
  call.target = fmt::format("blobs/uploads/?from={}&mount={}", percent_encoded(from_path),
                            percent_encoded(blob.to_string()));
  call.extra_scope = repository_scope(from_path, "pull");
  STRATA_TRY(HttpResponse answer, exchange_->call(call));
  if (answer.status == 201) return MountAnswer{true, ""};
  Result<Url> session = session_of(answer);
  return MountAnswer{false, session.ok() ? session->to_string() : ""};
}

Result<UploadedBlob> Repository::upload_blob(const UploadSource& source,
                                             const std::string& session) {
  if (source.digest) {
    STRATA_TRY(std::optional<uint64_t> there, head_blob(*source.digest));
    if (there) return UploadedBlob{*source.digest, source.size_bytes.value_or(*there)};
  }
  for (unsigned attempt = 1;; ++attempt) {
    Upload upload(*exchange_, source);
    Result<UploadedBlob> blob = upload.run(attempt == 1 ? session : "");
    if (blob.ok() || upload.is_source_bad() || attempt >= exchange_->retrier().attempts() ||
        !is_worth_another(blob.error().code())) {
      return blob;
    }
    STRATA_CHECK(exchange_->retrier().wait(attempt));
  }
}

}  // namespace strata::registry
