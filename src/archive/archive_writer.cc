// SPDX-License-Identifier: Apache-2.0
#include "archive/archive_writer.h"

#include <algorithm>

#include "archive/tar_file.h"
#include "base/timer.h"
#include "driver/layer_reader.h"

namespace strata::archive {
namespace {

constexpr uint64_t kTarBlock = 512;

uint64_t padding_of(uint64_t size_bytes) {
  return (kTarBlock - size_bytes % kTarBlock) % kTarBlock;
}

// Counts, and stops what grows beyond the size that the header promised.
class ExactSink final : public ByteSink {
 public:
  ExactSink(ByteSink& next, uint64_t size_bytes) : next_(next), rest_bytes_(size_bytes) {}
  Status write(ByteSpan bytes) override {
    if (bytes.size() > rest_bytes_)
      return error(ErrorCode::kCorrupt, "its tar is longer than its tar-split says");
    rest_bytes_ -= bytes.size();
    Status written = next_.write(bytes);
    output_failed_ = !written.ok();
    return written;
  }
  // Then the layer is not to blame.
  bool output_failed() const { return output_failed_; }
  Status complete() const {
    if (rest_bytes_ == 0) return {};
    return error(ErrorCode::kCorrupt, "its tar is {} bytes shorter than its tar-split says",
                 rest_bytes_);
  }

 private:
  ByteSink& next_;
  uint64_t rest_bytes_;
  bool output_failed_ = false;
};

Status write_layer(const SaveLayer& layer, ByteSink& to, const WriteContext& context) {
  Timer timer("rebuild a layer");
  ExactSink exact(to, layer.tar_bytes);
  auto write = [&]() -> Status {
    if (context.give_layer) {
      STRATA_CHECK(context.give_layer(layer, exact));
      return exact.complete();
    }
    STRATA_TRY(Fd files, context.store.driver().open_files(layer.record.cache));
    STRATA_TRY(Fd split, context.store.layers().open_tar_split(layer.record.chain));
    STRATA_CHECK(driver::read_layer({&files, &split}, layer.record.diff, exact, context.buffers,
                                    context.pool));
    return exact.complete();
  };
  Status written = write();
  if (exact.output_failed()) return written;
  if (context.give_layer) return std::move(written).context("layer {}", layer.record.diff);
  return std::move(written).context("layer {} (folder {})", layer.record.diff, layer.record.cache);
}

struct Placed {
  std::string header;
  uint64_t offset = 0;  // of the header
};

Result<std::vector<Placed>> place_entries(const std::vector<Entry>& entries, tar::HeaderStyle style,
                                          uint64_t& end) {
  std::vector<Placed> placed;
  end = 0;
  for (const Entry& entry : entries) {
    STRATA_TRY(std::string header, tar::encode_header(entry.header, style));
    uint64_t offset = end;
    end += header.size() + entry.header.size_bytes + padding_of(entry.header.size_bytes);
    placed.push_back({std::move(header), offset});
  }
  return placed;
}

}  // namespace

Status write_archive_file(std::vector<Entry> entries, tar::HeaderStyle style, int fd,
                          const WriteContext& context) {
  Timer timer("write the archive");
  uint64_t end = 0;
  STRATA_TRY(std::vector<Placed> placed, place_entries(entries, style, end));
  std::vector<std::pair<uint64_t, size_t>> layers;  // size, number
  for (size_t i = 0; i < entries.size(); ++i) {
    STRATA_CHECK(pwrite_all(fd, as_bytes(placed[i].header), placed[i].offset));
    STRATA_CHECK(
        pwrite_all(fd, as_bytes(entries[i].text), placed[i].offset + placed[i].header.size()));
    if (entries[i].layer) layers.emplace_back(entries[i].layer->tar_bytes, i);
  }
  // The padding between is a hole, which reads as the zeros that it should be. The end marker fixes
  // the length.
  STRATA_CHECK(pwrite_all(fd, tar::kEndOfArchive, end));

  std::stable_sort(layers.begin(), layers.end(),
                   [](auto& a, auto& b) { return a.first > b.first; });
  return run_in_lanes(context.pool.jobs(), layers.size(), [&](size_t i) -> Status {
    size_t number = layers[i].second;
    PlaceSink place(fd, placed[number].offset + placed[number].header.size());
    return write_layer(*entries[number].layer, place, context);
  });
}

Status write_archive_stream(std::vector<Entry> entries, tar::HeaderStyle style, ByteSink& to,
                            const WriteContext& context) {
  Timer timer("write the archive");
  const std::string zeros(kTarBlock, '\0');
  for (const Entry& entry : entries) {
    STRATA_CHECK(context.pool.check_cancelled());
    STRATA_TRY(std::string header, tar::encode_header(entry.header, style));
    STRATA_CHECK(to.write(as_bytes(header)));
    if (entry.layer) {
      STRATA_CHECK(write_layer(*entry.layer, to, context));
    } else if (!entry.text.empty()) {
      STRATA_CHECK(to.write(as_bytes(entry.text)));
    }
    if (entry.header.size_bytes % kTarBlock != 0) {
      STRATA_CHECK(to.write(
          as_bytes(std::string_view(zeros).substr(0, padding_of(entry.header.size_bytes)))));
    }
  }
  return to.write(tar::kEndOfArchive);
}

}  // namespace strata::archive
