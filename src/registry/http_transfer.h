// SPDX-License-Identifier: Apache-2.0
// One transfer over one curl handle: what the handle is told, and what it calls back.
// Internal to http.cc.
// Threads: one.
#pragma once

#include "registry/http.h"

namespace strata::registry {

class HttpTransfer {
 public:
  HttpTransfer(const CurlLibrary& curl, const HttpRequest& request, const Url& url,
               bool may_authorize, HttpSink* sink);
  HttpTransfer(const HttpTransfer&) = delete;
  ~HttpTransfer();

  const Url& url() const { return response_.url; }
  Status set_up(CURL* easy, const TlsSettings& tls, std::chrono::seconds connect_timeout);
  // How long nothing has moved, the time in our own callbacks left out.
  std::chrono::steady_clock::duration idle_for();
  bool is_wanted() const { return sink_ == nullptr || sink_->is_wanted(); }
  // Behind a redirect to another server, that one has to show who it is.
  bool is_insecure() const { return request_.insecure && url().same_origin(request_.url); }
  // The error of a callback, or that of curl.
  Status outcome(CURLcode code);
  bool failed_in_callback() const { return !callback_status_.ok(); }
  HttpResponse take_response() { return std::move(response_); }

 private:
  static size_t on_header(char* data, size_t size, size_t count, void* self);
  static size_t on_body(char* data, size_t size, size_t count, void* self);
  static size_t on_upload(char* buffer, size_t size, size_t count, void* self);
  static int on_progress(void* self, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up);
  Status take_header(std::string_view line);
  Status take_body(ByteSpan bytes);
  Status begin_body();

  template <typename Value>
  void set(CURLoption option, Value value);
  void set_headers();
  void set_body();
  void set_tls(const TlsSettings& tls);
  Status set_proxy();

  const CurlLibrary& curl_;
  const HttpRequest& request_;
  const bool may_authorize_;
  HttpSink* const sink_;
  CURL* easy_ = nullptr;
  CURLcode set_up_code_ = CURLE_OK;
  curl_slist* headers_ = nullptr;
  char error_text_[CURL_ERROR_SIZE] = {};
  size_t header_bytes_ = 0;
  bool body_begun_ = false;
  bool to_sink_ = false;
  Status callback_status_;
  HttpResponse response_;
  std::chrono::steady_clock::time_point moved_at_;
  curl_off_t moved_bytes_ = 0;
};

}  // namespace strata::registry
