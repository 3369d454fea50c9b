// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cerrno>
#include <random>

#include "base/fs_at.h"

namespace strata {
namespace {

std::string hidden_name(const std::string& name) {
  std::random_device random;
  return fmt::format(".{}.{:08x}", name.substr(0, 200), random());
}

}  // namespace

Result<OutputFile> OutputFile::create(const std::string& path) {
  OutputFile out;
  size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  out.name_ = slash == std::string::npos ? path : path.substr(slash + 1);
  if (out.name_.empty() || out.name_ == "." || out.name_ == "..") {
    return error(ErrorCode::kInvalid, "cannot write to \"{}\": a file name is expected", path);
  }
  Result<Fd> dir = open_path(folder, O_RDONLY | O_DIRECTORY);
  if (!dir.ok() && dir.error().code() == ErrorCode::kNotFound) {
    return error(ErrorCode::kNotFound, "invalid output path: directory \"{}\" does not exist",
                 folder);
  }
  STRATA_TRY(out.dir_, std::move(dir));
  Result<struct stat> old = lstat_at(out.dir_, out.name_);
  if (old.ok() && S_ISDIR(old->st_mode)) {
    return error(ErrorCode::kInvalid, "cannot write to \"{}\": it is a directory", path);
  }
  if (old.ok() && !S_ISREG(old->st_mode)) {  // a device, a fifo, or a link to whatever
    STRATA_TRY(out.fd_, open_at(out.dir_, out.name_, O_WRONLY | O_CREAT | O_TRUNC, 0666));
    out.direct_ = true;
    out.seekable_ = ::lseek(out.fd_.get(), 0, SEEK_CUR) == 0 && stat_fd(out.fd_.get()).ok() &&
                    S_ISREG(stat_fd(out.fd_.get())->st_mode);
    return out;
  }
  Result<Fd> nameless = open_at(out.dir_, ".", O_RDWR | O_TMPFILE, 0666);
  if (nameless.ok()) {
    out.fd_ = std::move(nameless).value();
    return out;
  }
  out.temp_name_ = hidden_name(out.name_);
  STRATA_TRY(out.fd_, open_at(out.dir_, out.temp_name_, O_RDWR | O_CREAT | O_EXCL, 0666));
  return out;
}

OutputFile::~OutputFile() {
  if (fd_.valid() && !temp_name_.empty()) ::unlinkat(dir_.get(), temp_name_.c_str(), 0);
}

Status OutputFile::publish(bool wait_for_disk) {
  if (direct_) return fd_.close();
  STRATA_TRY(bool replaces, exists_at(dir_, name_));
  if (replaces || wait_for_disk) STRATA_CHECK(sync(fd_.get()).context("{}", name_));
  if (temp_name_.empty()) {
    std::string self = fmt::format("/proc/self/fd/{}", fd_.get());
    if (::linkat(AT_FDCWD, self.c_str(), dir_.get(), name_.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      if (errno != EEXIST) return errno_error(errno, "create " + name_);
      // linkat never replaces: a name beside it, then rename.
      temp_name_ = hidden_name(name_);
      if (::linkat(AT_FDCWD, self.c_str(), dir_.get(), temp_name_.c_str(), AT_SYMLINK_FOLLOW) !=
          0) {
        return errno_error(errno, "create " + temp_name_);
      }
    }
  }
  if (!temp_name_.empty()) {
    STRATA_CHECK(rename_at(dir_, temp_name_, dir_, name_, Existing::kReplace));
    temp_name_.clear();
  }
  if (wait_for_disk) STRATA_CHECK(sync(dir_.get()));
  return fd_.close();
}

}  // namespace strata
