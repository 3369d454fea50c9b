// SPDX-License-Identifier: Apache-2.0
#include "archive/send_images.h"

#include <algorithm>
#include <map>
#include <set>

#include "archive/save_plan.h"
#include "base/timer.h"
#include "driver/layer_reader.h"
#include "driver/split_file.h"

namespace strata::archive {
namespace {

Result<SavePlan> choose(const store::Store& store, const SendOptions& options, Pool& pool) {
  Timer timer("plan");
  STRATA_TRY(SavePlan plan, choose_images(store, options.names));
  if (options.parents) STRATA_CHECK(add_parents(store, plan));
  if (options.sizes) STRATA_CHECK(measure_layers(store, plan, pool));
  if (plan.images.size() > kMaxTransferImages) {
    return error(ErrorCode::kUnsupported, "{} images at once; {} are possible", plan.images.size(),
                 kMaxTransferImages);
  }
  return plan;
}

using DigestKeys = std::map<ImageId, std::vector<std::string>>;

// name@digest of the images, of the repositories that were named.
Result<DigestKeys> digest_keys(const store::Store& store, const SendOptions& options) {
  DigestKeys found;
  if (!options.digests) return found;
  STRATA_TRY(store::References references, store.references());
  for (const std::string& name : options.names) {
    Result<oci::Reference> parsed = oci::Reference::parse(name);  // else it is an ID
    if (!parsed.ok()) continue;
    auto repository = references.repositories().find(parsed->familiar_name());
    if (repository == references.repositories().end()) continue;
    for (const auto& [key, image] : repository->second) {
      Result<ImageId> id = ImageId::parse(image);
      if (!id.ok() || !store::is_digest_key(key)) continue;
      std::vector<std::string>& keys = found[*id];
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
    }
  }
  return found;
}

Status offer(const SavePlan& plan, DigestKeys digests, bool sizes, Wire& wire) {
  for (const SaveImage& image : plan.images) {
    const std::string& config = image.config.raw();
    OfferedImage offered{image.config.id(),          image.parent,  {},
                         digests[image.config.id()], config.size(), {}};
    for (const oci::Reference& tag : image.tags) offered.tags.push_back(tag.familiar_string());
    for (const SaveLayer& layer : image.layers) {
      if (sizes) offered.layer_bytes.push_back(layer.tar_bytes);
    }
    STRATA_CHECK(wire.write(FrameType::kImage, offered_text(offered)));
    for (size_t at = 0; at < config.size(); at += kBlockBytes) {
      STRATA_CHECK(
          wire.write(FrameType::kConfig, std::string_view(config).substr(at, kBlockBytes)));
    }
  }
  return wire.write(FrameType::kOffered, "");
}

// The layers that the other side asks for: some of those offered, each once.
Result<std::vector<SaveLayer>> read_wanted(const SavePlan& plan, Wire& wire) {
  std::map<ChainId, const SaveLayer*> offered;
  for (const SaveImage& image : plan.images) {
    for (const SaveLayer& layer : image.layers) offered[layer.record.chain] = &layer;
  }
  std::vector<SaveLayer> wanted;
  while (true) {
    STRATA_TRY(FrameHead head, wire.next());
    if (head.type == FrameType::kWanted) return wanted;
    if (head.type != FrameType::kWant) {
      return error(ErrorCode::kInvalid, "the other side sent a frame of type '{}', expected 'W'",
                   static_cast<char>(head.type));
    }
    STRATA_TRY(std::string text, wire.read_text(head));
    STRATA_TRY(std::vector<ChainId> chains, parse_want(text));
    for (const ChainId& chain : chains) {
      auto layer = offered.find(chain);
      if (layer == offered.end()) {
        return error(ErrorCode::kInvalid, "the other side wants layer {} twice, or one not offered",
                     chain);
      }
      wanted.push_back(*layer->second);
      offered.erase(layer);
    }
  }
}

std::vector<DiffId> others(const SavePlan& plan, const std::vector<SaveLayer>& wanted) {
  std::set<ChainId> seen;
  for (const SaveLayer& layer : wanted) seen.insert(layer.record.chain);
  std::vector<DiffId> there;
  for (const SaveImage& image : plan.images) {
    for (const SaveLayer& layer : image.layers) {
      if (seen.insert(layer.record.chain).second) there.push_back(layer.record.diff);
    }
  }
  return there;
}

// Hears what the other side says while we send: that layers are done, the end, or an error.
class Listener {
 public:
  Listener(Wire& wire, const std::vector<SaveLayer>& wanted, LoadProgress* progress)
      : wire_(wire), progress_(progress) {
    for (const SaveLayer& layer : wanted) diffs_[layer.record.chain] = layer.record.diff;
    stage_.start([this] { return listen(); });
  }
  ~Listener() { (void)stage_.join().ok(); }
  Listener(const Listener&) = delete;

  // Waits for the end. Errors: what the other side told, or the end of the connection.
  Result<LoadReport> join() {
    STRATA_CHECK(stage_.join());
    return std::move(report_);
  }

 private:
  Status listen() {
    while (true) {
      STRATA_TRY(FrameHead head, wire_.next());
      STRATA_TRY(std::string text, wire_.read_text(head));
      if (head.type == FrameType::kFinished) {
        STRATA_TRY(report_, parse_finished(text));
        return {};
      }
      if (head.type != FrameType::kLayerDone) {
        return error(ErrorCode::kInvalid, "the other side sent a frame of type '{}' while we send",
                     static_cast<char>(head.type));
      }
      STRATA_TRY(ChainId chain, ChainId::parse(text));
      auto diff = diffs_.find(chain);
      if (diff != diffs_.end() && progress_ != nullptr) progress_->layer_finished(diff->second);
    }
  }

  Wire& wire_;
  LoadProgress* progress_;
  std::map<ChainId, DiffId> diffs_;
  LoadReport report_;
  Stage stage_;
};

struct Sending {
  const store::Store& store;
  Wire& wire;
  const SendOptions& options;
  Pool& pool;
  BufferPool& buffers;
};

Status send_layer(const SaveLayer& layer, const Sending& sending, SendReport& report) {
  Timer timer("send a layer");
  const store::Store& store = sending.store;
  STRATA_TRY(Fd files, store.driver().open_files(layer.record.cache));
  STRATA_TRY(Fd split, store.layers().open_tar_split(layer.record.chain));
  STRATA_TRY(uint64_t tar_bytes, driver::tar_bytes_of(split));
  LoadProgress* progress = sending.options.progress;
  if (progress != nullptr) progress->layer_started(layer.record.diff, tar_bytes);
  LayerHead head{layer.record.chain, tar_bytes, sending.options.compression.kind};
  STRATA_CHECK(sending.wire.write(FrameType::kLayer, layer_text(head)));
  DataFrameSink frames(sending.wire);
  STRATA_TRY(std::unique_ptr<ByteSink> packer,
             codec::make_parallel_compressor(sending.options.compression, frames, sending.pool));
  CountingSink counted(*packer, [&](uint64_t bytes) {
    if (progress != nullptr) progress->layer_advanced(layer.record.diff, bytes);
  });
  STRATA_CHECK(driver::read_layer({&files, &split}, layer.record.diff, counted, sending.buffers,
                                  sending.pool));
  STRATA_CHECK(packer->finish());
  ++report.layers_sent;
  report.tar_bytes += counted.bytes();
  return sending.wire.write(FrameType::kLayerEnd, "");
}

Status send_layers(const std::vector<SaveLayer>& wanted, const Sending& sending,
                   SendReport& report) {
  for (const SaveLayer& layer : wanted) {
    STRATA_CHECK(send_layer(layer, sending, report)
                     .context("layer {} (folder {})", layer.record.diff, layer.record.cache));
  }
  return sending.wire.write(FrameType::kCommit, "");
}

// What is shown is what we sent: of the other side's words only those that are about it count.
LoadReport our_report(const SavePlan& plan, LoadReport theirs) {
  LoadReport ours;
  std::set<std::string> tags;
  for (const SaveImage& image : plan.images) {
    if (image.is_step) continue;
    LoadedImage sent{image.config.id(), {}};
    for (const oci::Reference& tag : image.tags) sent.tags.push_back(tag.familiar_string());
    tags.insert(sent.tags.begin(), sent.tags.end());
    ours.images.push_back(std::move(sent));
  }
  for (store::MovedReference& moved : theirs.moved) {
    if (tags.contains(moved.key)) ours.moved.push_back(std::move(moved));
  }
  for (const std::string& warning : theirs.warnings) ours.warnings.push_back(printable(warning));
  return ours;
}

Result<SendReport> send(const store::Store& store, Wire& wire, const SendOptions& options,
                        Pool& pool) {
  BufferPool buffers(kBlockBytes, kBlocks);
  STRATA_TRY(SavePlan plan, choose(store, options, pool));  // images, layers, parents
  STRATA_TRY(DigestKeys digests, digest_keys(store, options));
  STRATA_CHECK(offer(plan, std::move(digests), options.sizes, wire));
  STRATA_TRY(std::vector<SaveLayer> wanted, read_wanted(plan, wire));
  // Beyond this point the set of layers to send is fixed.

  SendReport report;
  report.already_there = others(plan, wanted);
  Listener listener(wire, wanted, options.progress);
  Status sent = send_layers(wanted, {store, wire, options, pool, buffers}, report);
  if (!sent.ok() && !wire.write_failed()) {  // the other side waits, and must know
    wire.write_error(sent.error());
    (void)listener.join().ok();
    return std::move(sent).error();
  }
  // Where the connection broke, the other side may have told us why.
  STRATA_TRY(LoadReport theirs, listener.join());
  STRATA_CHECK(std::move(sent));
  report.received = our_report(plan, std::move(theirs));
  report.wire_bytes = wire.data_bytes_written();
  return report;
}

}  // namespace

Result<SendReport> send_images(const store::Store& store, Wire& wire, const SendOptions& options,
                               Pool& pool) {
  Result<SendReport> report = send(store, wire, options, pool);
  if (report.ok() || !wire.write_failed()) return report;
  return wire.told_before_end(std::move(report).error());
}

}  // namespace strata::archive
