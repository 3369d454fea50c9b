# SPDX-License-Identifier: Apache-2.0
# What strata links; docs/dependencies.md says why each of them.
# Static where Debian has the archive: a program that lists images for a script should not spend half its time in
# the dynamic loader (docs/dependencies.md has the figures).
set(CMAKE_FIND_LIBRARY_SUFFIXES .a .so)
set(OPENSSL_USE_STATIC_LIBS ON)
set(Boost_USE_STATIC_LIBS ON)
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED COMPONENTS Crypto)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(fmt REQUIRED)
find_package(GTest REQUIRED)
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(LZMA REQUIRED IMPORTED_TARGET liblzma)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)  # of a program that runs while strata is built
pkg_check_modules(DEFLATE REQUIRED IMPORTED_TARGET libdeflate)
find_package(BZip2 REQUIRED)
find_path(CURL_INCLUDE_DIR curl/curl.h REQUIRED)
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
