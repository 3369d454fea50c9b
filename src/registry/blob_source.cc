// SPDX-License-Identifier: Apache-2.0
#include "registry/blob_source.h"

#include <algorithm>
#include <thread>

namespace strata::registry {
namespace {

constexpr std::chrono::milliseconds kLookAgain{20};  // whether another process has ended

}  // namespace

BlobSource::~BlobSource() {
  if (read_bytes_ > 0 && !verified_ && !failed_) fate_.given_up = true;
}

Result<size_t> BlobSource::read(MutableByteSpan buffer) {
  if (failed_) return *failed_;
  Result<size_t> size = read_next(buffer);
  if (!size.ok()) failed_ = size.error();
  return size;
}

Result<size_t> BlobSource::read_next(MutableByteSpan buffer) {
  if (verified_) return size_t{0};
  if (!transfer_) STRATA_CHECK(begin());
  if (read_bytes_ < size_bytes_) {
    STRATA_TRY(uint64_t end, transfer_->wait_for(read_bytes_));
    size_t wanted = std::min<uint64_t>(buffer.size(), end - read_bytes_);
    buffer = buffer.first(wanted);
    STRATA_TRY(size_t found, pread_full(claim_.data(), buffer, read_bytes_));
    // After a power cut the journal may know more than the file.
    std::fill(buffer.begin() + static_cast<ptrdiff_t>(found), buffer.end(), std::byte{0});
    hash_.update(buffer);
    read_bytes_ += wanted;
    if (context_.watcher != nullptr) {
      context_.watcher->blob_read(claim_.blob(), read_bytes_, size_bytes_);
    }
  } else {
    buffer = buffer.first(0);
  }
  // Before the last bytes are handed over: who has them all has the right ones.
  if (read_bytes_ == size_bytes_) STRATA_CHECK(verify());
  return buffer.size();
}

Status BlobSource::begin() {
  std::optional<FileLock> lock;
  for (bool told = false; true; told = true) {
    STRATA_TRY(lock, folder_.try_lock_journal(claim_));
    if (lock) break;
    if (!told && context_.watcher != nullptr) context_.watcher->blob_waits(claim_.blob());
    if (context_.is_over()) return error(ErrorCode::kCancelled, "interrupted");
    std::this_thread::sleep_for(kLookAgain);
  }
  STRATA_TRY(BlobJournal journal, BlobJournal::open(std::move(*lock), size_bytes_));
  transfer_ = std::make_unique<Transfer>(context_, claim_.blob(), size_bytes_, claim_.data(),
                                         std::move(journal));
  if (transfer_->is_patchwork()) fate_.patchwork = true;
  transfer_->start();
  return {};
}

Status BlobSource::verify() {
  STRATA_CHECK(transfer_->wait_for_end());
  Digest found = hash_.finish();
  if (transfer_->is_patchwork()) fate_.patchwork = true;
  if (found != claim_.blob()) {
    STRATA_CHECK(transfer_->forget());
    return error(ErrorCode::kCorrupt, "what the registry sent has digest {}", found);
  }
  verified_ = true;
  fate_.verified = true;
  if (context_.watcher != nullptr) context_.watcher->blob_verified(claim_.blob());
  return {};
}

}  // namespace strata::registry
