// SPDX-License-Identifier: Apache-2.0
#include "archive/save.h"

#include "archive/archive_writer.h"
#include "archive/contents.h"
#include "archive/layout.h"

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

bool compressed(const SaveOptions& options) {
  return options.compression && options.compression->kind != codec::Compression::kNone;
}

Status write_stream(Layout layout, const SaveOptions& options, int fd,
                    const WriteContext& context) {
  tar::HeaderStyle style = layout.style();
  FdSink out(fd);
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

Status save_to_file(const store::Store& store, const SaveOptions& options, const std::string& path,
                    Pool& pool) {
  BufferPool buffers(kBlockBytes, kBlocks);
  STRATA_TRY(SavePlan plan, plan_save(store, options.names, pool));  // images, layers, sizes
  STRATA_TRY(Layout layout, lay_out(plan, options.format));          // files and their order
  // Beyond this point every byte of the archive has its place.

  STRATA_TRY(OutputFile out, OutputFile::create(path));  // nameless until it is whole
  WriteContext context{store, pool, buffers};
  if (out.seekable() && !compressed(options)) {
    tar::HeaderStyle style = layout.style();
    STRATA_CHECK(write_archive_file(layout.take_entries(), style, out.fd(),
                                    context));  // verified on the way
  } else {
    STRATA_CHECK(write_stream(std::move(layout), options, out.fd(), context));
  }
  return out.publish();
}

Status save_to_stream(const store::Store& store, const SaveOptions& options, int fd, Pool& pool) {
  BufferPool buffers(kBlockBytes, kBlocks);
  STRATA_TRY(SavePlan plan, plan_save(store, options.names, pool));
  STRATA_TRY(Layout layout, lay_out(plan, options.format));
  return write_stream(std::move(layout), options, fd, {store, pool, buffers});
}

}  // namespace strata::archive
