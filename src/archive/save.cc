// SPDX-License-Identifier: Apache-2.0
#include "archive/save.h"

#include "archive/archive_writer.h"
#include "archive/contents.h"
#include "archive/layout.h"
#include "archive/thin.h"
#include "base/interrupt.h"

namespace strata::archive {
namespace {

Result<Layout> lay_out(const SavePlan& plan, ArchiveFormat format) {
  switch (format) {
    case ArchiveFormat::kDockerLegacy:
      return docker_legacy_layout(plan);
    case ArchiveFormat::kOci:
      return oci_layout(plan);
    case ArchiveFormat::kDocker:
      break;
  }
  return docker_layout(plan);
}

// What is to be written, where, and what is said about it in the end.
struct Prepared {
  SavePlan plan;
  Layout layout;
  SaveReport report;
};

Result<Prepared> prepare(const store::Store& store, const SaveOptions& options, Pool& pool) {
  STRATA_TRY(SavePlan plan, plan_save(store, options.names, pool));  // images, layers, sizes
  for (SaveImage& image : plan.images) {
    if (options.tags) image.tags = *options.tags;
  }
  std::vector<LeftOutLayer> left_out = leave_out(plan, options.receiver);
  STRATA_TRY(Layout layout, lay_out(plan, options.format));  // files and their order
  if (!left_out.empty()) layout.add_text(kThinFile, thin_record_text(left_out), 0);
  SaveReport report{left_out.size(), bytes_left_out(plan), options.receiver.unrelated(plan)};
  return Prepared{std::move(plan), std::move(layout), std::move(report)};
}

bool compressed(const SaveOptions& options) {
  return options.compression && options.compression->kind != codec::Compression::kNone;
}

Status write_stream(Layout layout, const SaveOptions& options, int fd,
                    const WriteContext& context) {
  tar::HeaderStyle style = layout.style();
  WaitingSink out(fd);
  if (!compressed(options)) return write_archive_stream(layout.take_entries(), style, out, context);
  STRATA_TRY(std::unique_ptr<ByteSink> packer,
             codec::make_parallel_compressor(*options.compression, out, context.pool));
  STRATA_CHECK(write_archive_stream(layout.take_entries(), style, *packer, context));
  return packer->finish();
}

}  // namespace

Result<ArchiveFormat> parse_archive_format(std::string_view text) {
  if (text == "docker") return ArchiveFormat::kDocker;
  if (text == "docker-legacy") return ArchiveFormat::kDockerLegacy;
  if (text == "oci") return ArchiveFormat::kOci;
  return error(ErrorCode::kInvalid,
               "unknown archive format \"{}\": expected docker, docker-legacy or oci", text);
}

Result<SaveReport> save_to_file(const store::Store& store, const SaveOptions& options,
                                const std::string& path, Pool& pool) {
  BufferPool buffers(kBlockBytes, kBlocks);
  STRATA_TRY(Prepared archive, prepare(store, options, pool));
  // Beyond this point every byte of the archive has its place.

  STRATA_TRY(OutputFile out, OutputFile::create(path));  // nameless until it is whole
  WriteContext context{store, pool, buffers};
  Status written;
  if (out.seekable() && !compressed(options)) {
    tar::HeaderStyle style = archive.layout.style();
    written = write_archive_file(archive.layout.take_entries(), style, out.fd(),
                                 context);  // verified on the way
  } else {
    written = write_stream(std::move(archive.layout), options, out.fd(), context);
  }
  if (!written.ok()) return unless_removed(written.error(), store, archive.plan);
  STRATA_CHECK(out.publish(options.wait_for_disk));
  return std::move(archive.report);
}

Result<SaveReport> save_to_stream(const store::Store& store, const SaveOptions& options, int fd,
                                  Pool& pool) {
  BufferPool buffers(kBlockBytes, kBlocks);
  STRATA_TRY(Prepared archive, prepare(store, options, pool));
  Status written = write_stream(std::move(archive.layout), options, fd, {store, pool, buffers});
  if (!written.ok()) return unless_removed(written.error(), store, archive.plan);
  return std::move(archive.report);
}

}  // namespace strata::archive
