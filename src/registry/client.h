// SPDX-License-Identifier: Apache-2.0
// A registry's repository: manifests, blobs, tags and uploads over the Distribution protocol.
//
//   STRATA_TRY(std::unique_ptr<Client> client, Client::open(client_options(), pool));
//   STRATA_TRY(std::unique_ptr<Repository> repository, client->repository(name, Access::kPull));
//   STRATA_TRY(RemoteManifest manifest, repository->get_manifest("latest"));
//
// Source:  Distribution spec v1.1; FORMATS section 9. Where a name is to be found: registries.h.
//          Who may: auth.h, credentials.h. Retries, and errors in docker's words: exchange.h.
// Threads: Client and Repository take calls from any thread at once. A Repository must not outlive
//          its Client.
// Memory:  a connection's buffers for each call, and a manifest.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/pool.h"
#include "base/stream.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "registry/blob_server.h"
#include "registry/client_options.h"

namespace strata::registry {

// A manifest or an index as the registry sent it: whole, and of that digest.
struct RemoteManifest {
  std::string bytes;       // at most oci::kMaxManifestBytes
  std::string media_type;  // Content-Type, or the mediaType of the text where that says nothing
  Digest digest;           // of `bytes`
};

// What an upload reads. open() begins anew each time it is called: once, and again for each retry.
struct UploadSource {
  std::function<Result<std::unique_ptr<ByteSource>>()> open;
  std::optional<Digest> digest = {};        // known beforehand: what is read must be that
  std::optional<uint64_t> size_bytes = {};  // the same
};

struct UploadedBlob {
  Digest digest;
  uint64_t size_bytes = 0;
};

// What came of asking for a blob to be mounted.
struct MountAnswer {
  bool mounted = false;
  std::string session =
      {};  // not mounted: an upload that the registry has begun for it; may be empty
};

// What a repository is opened for: the rights to ask a token server for.
enum class Access { kPull, kPush, kDelete };
// kShort: an answer is welcome, but there are other ways; a server that is away is not waited for.
enum class Patience { kUsual, kShort };

struct Endpoint;
class Client;
class Exchange;

class Repository final : public BlobServer {
 public:
  ~Repository() override;

  const oci::Reference& name() const;  // without tag and digest

  // `reference` is a tag or "sha256:…". Verified against a digest asked for, and against the
  // registry's Docker-Content-Digest.
  // Errors: kNotFound (`manifest for x:1 not found: manifest unknown: manifest unknown`),
  // kPermission (`pull access denied for x, repository does not exist or may require 'docker
  // login'…`), kUnsupported (schema 1), kCorrupt (digest, or more than kMaxManifestBytes), and
  // those of all calls: kBusy (`toomanyrequests: …`), kIo, kInvalid, kCancelled.
  Result<RemoteManifest> get_manifest(std::string_view reference);
  // The digest alone: HEAD, or GET where the registry does not answer HEAD with a digest.
  Result<Digest> head_manifest(std::string_view reference);

  Status get_blob(const Digest& blob, const BlobRange& range, BlobSink& sink) override;
  Status get_blob_from(const std::string& url, const Digest& blob, const BlobRange& range,
                       BlobSink& sink) override;
  // The size of the blob, none: the registry does not have it (404).
  Result<std::optional<uint64_t>> head_blob(const Digest& blob);
  Result<bool> has_blob(const Digest& blob);

  // Asks for a blob of another repository of the same registry, by its path ("library/x").
  Result<MountAnswer> mount_blob(const Digest& blob, std::string_view from_path);
  // Streams to the registry, whatever the size, and hashes on the way. `session`: of a mount that
  // was not done. A blob that the registry has is not sent when its digest is known beforehand.
  // Errors: kCorrupt (source is not `digest` or `size_bytes`), those of the source, of all calls.
  Result<UploadedBlob> upload_blob(const UploadSource& source, const std::string& session = "");

  // `reference` as above. The bytes go out as they are; returns their digest.
  Result<Digest> put_manifest(std::string_view reference, std::string_view bytes,
                              std::string_view media_type);
  // Removes a manifest (by digest), or a tag where the registry can do that.
  // Errors: kUnsupported (`The operation is unsupported.`: the registry does not delete).
  Status delete_manifest(std::string_view reference);

  // All tags, as the registry orders them; follows its pages, up to kMaxTags.
  static constexpr size_t kMaxTags = 1000000;
  Result<std::vector<std::string>> list_tags();

 private:
  friend class Client;
  explicit Repository(std::unique_ptr<Exchange> exchange);
  std::unique_ptr<Exchange> exchange_;
};

// All registries: connections, tokens, credentials and configuration of one process.
class Client {
 public:
  // Reads the configuration; does not touch the network. `pool` is borrowed; its cancel() ends all
  // transfers. Errors: kInvalid (a configuration file, naming line or member), kUnsupported (no
  // libcurl on this machine, saying which package).
  static Result<std::unique_ptr<Client>> open(ClientOptions options, const Pool& pool);
  ~Client();

  // `name`'s tag and digest do not count. Errors: kPermission (registries.conf blocks it).
  Result<std::unique_ptr<Repository>> repository(const oci::Reference& name, Access access,
                                                 Patience patience = Patience::kUsual);

  // Whether the server takes the credentials: what `login` asks. Returns an identity token to be
  // stored instead of the secret, or nothing. Errors: kPermission, kIo.
  Result<std::string> check_login(const std::string& server, const std::string& user,
                                  const std::string& secret);

  // Who the user is at that repository, as the key of the HMACs in distribution records.
  Result<std::string> push_record_key(const oci::Reference& name);

  struct State;

 private:
  explicit Client(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace strata::registry
