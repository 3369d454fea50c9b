// SPDX-License-Identifier: Apache-2.0
// libcurl, opened when it is first needed: it brings some 25 shared libraries, and commands that
// never speak to a registry must not wait for them.
// Threads: any.
#pragma once

#include <curl/curl.h>

#include "base/result.h"

namespace strata::registry {

// The functions that we use, under curl's names without the prefix.
struct CurlLibrary {
  decltype(&curl_easy_init) easy_init;
  decltype(&curl_easy_setopt) easy_setopt;
  decltype(&curl_easy_getinfo) easy_getinfo;
  decltype(&curl_easy_reset) easy_reset;
  decltype(&curl_easy_cleanup) easy_cleanup;
  decltype(&curl_easy_strerror) easy_strerror;
  decltype(&curl_slist_append) slist_append;
  decltype(&curl_slist_free_all) slist_free_all;
  decltype(&curl_multi_init) multi_init;
  decltype(&curl_multi_add_handle) multi_add_handle;
  decltype(&curl_multi_remove_handle) multi_remove_handle;
  decltype(&curl_multi_perform) multi_perform;
  decltype(&curl_multi_poll) multi_poll;
  decltype(&curl_multi_info_read) multi_info_read;
  decltype(&curl_multi_cleanup) multi_cleanup;
};

// Opened once for the process, and never closed. Errors: kUnsupported, with the loader's words and
// the package to install.
Result<const CurlLibrary*> curl_library();

}  // namespace strata::registry
