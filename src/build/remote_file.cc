// SPDX-License-Identifier: Apache-2.0
#include "build/remote_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <chrono>

#include "registry/client_options.h"
#include "registry/http.h"
#include "registry/http_fields.h"
#include "registry/web_file.h"

namespace strata::build {
namespace {

constexpr char kUnnamed[] = "__unnamed__";

// Writes the body.
class FileSink final : public registry::HttpSink {
 public:
  explicit FileSink(const Fd& file) : file_(file) {}
  Status begin(const registry::HttpResponse&) override { return {}; }
  Status take(ByteSpan bytes) override { return write_all(file_.get(), bytes); }

 private:
  const Fd& file_;
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size();
    if (escape && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// The last component of a path, if that is the name of a file.
std::string file_name(std::string_view path) {
  const std::string name(path.substr(path.rfind('/') + 1));
  const bool usable = !name.empty() && name != "." && name != ".." &&
                      name.find('\0') == std::string::npos && name.size() <= NAME_MAX;
  return usable ? name : "";
}

// filename="..." or filename=... of a Content-Disposition.
std::string disposition_name(std::string_view header) {
  constexpr std::string_view kKey = "filename=";
  const size_t at = header.find(kKey);
  if (at == std::string_view::npos) return "";
  std::string_view value = header.substr(at + kKey.size());
  if (value.starts_with('"')) {
    value.remove_prefix(1);
    return file_name(value.substr(0, value.find('"')));
  }
  return file_name(value.substr(0, value.find_first_of("; ")));
}

// Seconds since 1970; 0 where the server says nothing that is a date.
int64_t modified_at(const registry::HttpResponse& response) {
  const auto epoch = std::chrono::system_clock::from_time_t(0);
  return registry::parse_retry_after(response.header("last-modified"), epoch)
      .value_or(std::chrono::seconds(0))
      .count();
}

}  // namespace

bool is_http_url(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

Result<RemoteFile> download(const std::string& url, const Fd& folder, Pool& pool) {
  registry::HttpRequest request;
  STRATA_TRY(request.url, registry::Url::parse(url));
  STRATA_TRY(const std::unique_ptr<registry::Http> http,
             registry::open_web(registry::client_options(), pool));
  STRATA_TRY(Fd file, open_at(folder, ".download", O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  FileSink sink(file);
  STRATA_TRY(const registry::HttpResponse response, http->perform(request, &sink));
  if (response.status < 200 || response.status >= 300) {
    return registry::refused_file(url, response);
  }
  RemoteFile remote;
  remote.given_name = file_name(decoded(request.url.path));
  if (remote.given_name.empty()) {
    remote.given_name = disposition_name(response.header("content-disposition"));
  }
  remote.name = remote.given_name.empty() ? kUnnamed : remote.given_name;
  const struct timespec time = {modified_at(response), 0};
  const struct timespec times[2] = {time, time};
  if (::futimens(file.get(), times) != 0) return errno_error(errno, "set times of " + remote.name);
  STRATA_CHECK(file.close());
  STRATA_CHECK(rename_at(folder, ".download", folder, remote.name, Existing::kReplace));
  return remote;
}

}  // namespace strata::build
