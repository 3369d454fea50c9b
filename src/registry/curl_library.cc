// SPDX-License-Identifier: Apache-2.0
#include "registry/curl_library.h"

#include <dlfcn.h>

#include <string>

namespace strata::registry {
namespace {

constexpr const char* kSoname = "libcurl.so.4";

// curl's header turns some names into macros that check types; they must not be touched here.
template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

bool find_all(void* library, CurlLibrary& curl) {
  return find(library, "curl_easy_init", curl.easy_init) &&
         find(library, "curl_easy_setopt", curl.easy_setopt) &&
         find(library, "curl_easy_getinfo", curl.easy_getinfo) &&
         find(library, "curl_easy_reset", curl.easy_reset) &&
         find(library, "curl_easy_cleanup", curl.easy_cleanup) &&
         find(library, "curl_easy_strerror", curl.easy_strerror) &&
         find(library, "curl_slist_append", curl.slist_append) &&
         find(library, "curl_slist_free_all", curl.slist_free_all) &&
         find(library, "curl_multi_init", curl.multi_init) &&
         find(library, "curl_multi_add_handle", curl.multi_add_handle) &&
         find(library, "curl_multi_remove_handle", curl.multi_remove_handle) &&
         find(library, "curl_multi_perform", curl.multi_perform) &&
         find(library, "curl_multi_poll", curl.multi_poll) &&
         find(library, "curl_multi_info_read", curl.multi_info_read) &&
         find(library, "curl_multi_cleanup", curl.multi_cleanup);
}

Result<CurlLibrary> open_library() {
  CurlLibrary curl{};
  void* library = ::dlopen(kSoname, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return error(ErrorCode::kUnsupported,
                 "registries are spoken to through libcurl, which cannot be opened: {}; install it "
                 "(Debian: apt-get install libcurl4)",
                 ::dlerror());
  }
  decltype(&curl_global_init) global_init = nullptr;
  if (!find(library, "curl_global_init", global_init) || !find_all(library, curl)) {
    return error(ErrorCode::kUnsupported, "{} is too old: {}; 7.66 or newer is needed", kSoname,
                 ::dlerror());
  }
  if (CURLcode code = global_init(CURL_GLOBAL_DEFAULT); code != CURLE_OK) {
    return error(ErrorCode::kUnsupported, "{} cannot be started: {}", kSoname,
                 curl.easy_strerror(code));
  }
  return curl;
}

}  // namespace

Result<const CurlLibrary*> curl_library() {
  static const Result<CurlLibrary> library = open_library();
  if (!library.ok()) return Error(library.error());
  return &*library;
}

}  // namespace strata::registry
