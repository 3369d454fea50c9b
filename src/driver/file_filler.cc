// SPDX-License-Identifier: Apache-2.0
#include "driver/file_filler.h"

#include <unistd.h>

#include <cerrno>

namespace strata::driver {
namespace {

// Whole files that one task writes: waking a worker costs as much as writing a small file.
constexpr size_t kBatchFiles = 32;
// Batches that wait for a worker or have one: at most 224 open files, also where the disk is slow.
constexpr size_t kMaxUnderWay = 6;

}  // namespace

struct FileFiller::File {
  Fd fd;
  FileMetadata metadata;
  std::string path;
  uint64_t end_bytes = 0;   // where the last part ended
  uint64_t size_bytes = 0;  // known at end()
  std::vector<FilePart> gathered;
  bool long_file = false;
  struct Queue {
    std::deque<FilePart> parts;
    bool ended = false;
    bool busy = false;  // a task is emptying it
  };
  Guarded<Queue> queue;  // of a long file
};

FileFiller::FileFiller(Pool& pool, bool privileged) : pool_(pool), privileged_(privileged) {}

FileFiller::~FileFiller() {
  abandon();
  (void)drain().ok();
}

void FileFiller::begin(Fd file, FileMetadata metadata, std::string path) {
  current_ = std::make_shared<File>();
  current_->fd = std::move(file);
  current_->metadata = std::move(metadata);
  current_->path = std::move(path);
}

void FileFiller::append(const Slice& data, uint64_t offset) {
  File& file = *current_;
  file.end_bytes = offset + data.bytes.size();
  if (!file.gathered.empty()) {
    FilePart& last = file.gathered.back();
    bool adjoins = last.offset + last.data.bytes.size() == offset &&
                   last.data.bytes.data() + last.data.bytes.size() == data.bytes.data();
    if (adjoins && last.data.block == data.block) {
      last.data.bytes = {last.data.bytes.data(), last.data.bytes.size() + data.bytes.size()};
      return;
    }
  }
  file.gathered.push_back({data, offset});
}

void FileFiller::flush() {
  if (current_ != nullptr && !current_->gathered.empty()) hand_over_parts(current_, false);
  flush_batch();
}

// Puts what was gathered into the file's queue, and starts a task for it unless one is at work.
void FileFiller::hand_over_parts(const std::shared_ptr<File>& file, bool ended) {
  if (!file->long_file) {
    file->long_file = true;
    count_one_more();
  }
  bool start = false;
  {
    auto queue = file->queue.lock();
    for (FilePart& part : file->gathered) queue->parts.push_back(std::move(part));
    queue->ended = ended;
    if (!queue->busy) start = queue->busy = true;
  }
  file->gathered.clear();
  if (start) pool_.run([this, file] { empty_queue(file); });
}

void FileFiller::end(uint64_t size_bytes) {
  std::shared_ptr<File> file = std::move(current_);
  file->size_bytes = size_bytes;
  if (file->long_file) return hand_over_parts(file, true);
  batch_.push_back(std::move(file));
  if (batch_.size() >= kBatchFiles) flush_batch();
}

void FileFiller::abandon() {
  if (current_ == nullptr) return;
  if (current_->long_file) {
    fail(Error(ErrorCode::kCancelled, "unfinished file"));
    end(0);
  }
  current_ = nullptr;
}

// A long file is under way until it ends, but only one at a time waits for more of the tar.
void FileFiller::count_one_more() {
  auto shared = shared_.lock();
  shared.wait(idle_, [&] { return shared->under_way < kMaxUnderWay; });
  ++shared->under_way;
}

void FileFiller::flush_batch() {
  if (batch_.empty()) return;
  count_one_more();
  pool_.run([this, files = std::move(batch_)]() mutable {
    for (std::shared_ptr<File>& file : files) {
      write_whole(*file);
      file.reset();  // gives its blocks back at once
    }
    auto shared = shared_.lock();
    --shared->under_way;
    idle_.notify_all();
  });
  batch_ = {};
}

void FileFiller::write_whole(File& file) {
  if (shared_.lock()->failure) return;
  for (const FilePart& part : file.gathered) {
    Status written = pwrite_all(file.fd.get(), part.data.bytes, part.offset);
    if (!written.ok())
      return fail(written.error().add_context(fmt::format("file \"{}\"", file.path)));
  }
  finish_file(file);
}

void FileFiller::empty_queue(const std::shared_ptr<File>& file) {
  while (true) {
    std::optional<FilePart> part;
    {
      auto queue = file->queue.lock();
      if (queue->parts.empty()) {
        queue->busy = false;
        if (!queue->ended) return;
        break;
      }
      part = std::move(queue->parts.front());
      queue->parts.pop_front();
    }
    if (shared_.lock()->failure) continue;
    Status written = pwrite_all(file->fd.get(), part->data.bytes, part->offset);
    if (!written.ok()) fail(written.error().add_context(fmt::format("file \"{}\"", file->path)));
  }
  if (!shared_.lock()->failure) finish_file(*file);
  auto shared = shared_.lock();
  --shared->under_way;
  idle_.notify_all();
}

void FileFiller::finish_file(File& file) {
  RefusedXattrs refused;
  auto finish = [&]() -> Status {
    if (file.size_bytes > file.end_bytes &&
        ::ftruncate(file.fd.get(), static_cast<off_t>(file.size_bytes)) != 0) {
      return errno_error(errno, "extend");
    }
    STRATA_CHECK(apply_to_fd(file.fd.get(), file.metadata, privileged_, refused));
    return file.fd.close();
  };
  Status finished = finish();
  if (!finished.ok()) fail(finished.error().add_context(fmt::format("file \"{}\"", file.path)));
  if (!refused.names().empty()) shared_.lock()->refused.add(refused);
}

void FileFiller::fail(Error error) {
  auto shared = shared_.lock();
  if (!shared->failure) shared->failure = std::move(error);
}

Status FileFiller::drain() {
  flush_batch();
  auto shared = shared_.lock();
  shared.wait(idle_, [&] { return shared->under_way == 0; });
  if (shared->failure) return *shared->failure;
  return {};
}

RefusedXattrs FileFiller::refused() { return shared_.lock()->refused; }

}  // namespace strata::driver
