// SPDX-License-Identifier: Apache-2.0
// system serve-stdio: what push and pull to ssh:// start on the other host. It speaks on standard
// input and output; docs/formats/transfer.md. Errors go to the other end, which shows them.
#include <unistd.h>

#include "archive/receive_images.h"
#include "archive/send_images.h"
#include "base/fs_at.h"
#include "cli/confine_to.h"
#include "cli/routes.h"

namespace strata::cli {
namespace {

// A copy that was made for the occasion: nothing of it stays, however this process ends.
Status remove_own_copy(const std::string& folder) {
  STRATA_TRY(std::string program, readlink_at(Fd(), "/proc/self/exe"));
  STRATA_TRY(std::string real, real_path(folder));
  if (program != real + "/strata") {
    return error(ErrorCode::kInvalid, "--bootstrapped {}: this program is {}", folder, program);
  }
  return remove_tree_at(Fd(), real);
}

class ServeStdio final : public Command {
 public:
  void declare(Options& options) override {
    options.text(kNoShort, "bootstrapped", "folder", "Remove this program's folder", bootstrapped_);
    options.hide_last();
  }

  Result<int> run(Context& context, const std::vector<std::string>&) override {
    if (::isatty(STDIN_FILENO) == 1) {
      return error(ErrorCode::kInvalid, "this command is for strata push ssh:// on another host");
    }
    if (!bootstrapped_.empty()) STRATA_CHECK(remove_own_copy(bootstrapped_));
    STRATA_TRY(archive::Wire wire,
               archive::Wire::open(STDIN_FILENO, STDOUT_FILENO, context.pool(), "the other side"));
    STRATA_CHECK(wire.greet(STRATA_VERSION));
    Status greeted = wire.expect_greeting();
    if (!greeted.ok()) return 1;  // it has our greeting, and says what does not fit
    Status served = serve(context, wire);
    if (!served.ok() && !told_) wire.write_error(served.error());
    return served.ok() ? 0 : 1;
  }

 private:
  Status serve(Context& context, archive::Wire& wire) {
    STRATA_TRY(archive::FrameHead head, wire.expect(archive::FrameType::kRequest));
    STRATA_TRY(std::string text, wire.read_text(head));
    STRATA_TRY(archive::TransferRequest request, archive::parse_request(text));
    return request.send ? send(context, wire, request) : receive(context, wire, request);
  }

  static Status send(Context& context, archive::Wire& wire,
                     const archive::TransferRequest& request) {
    STRATA_TRY(store::Store store, context.open_for_reading());
    archive::SendOptions options{.names = request.names,
                                 .compression = request.compression,
                                 .parents = request.parents,
                                 .digests = request.digests,
                                 .sizes = request.sizes};
    STRATA_TRY([[maybe_unused]] archive::SendReport report,
               archive::send_images(store, wire, options, context.pool()));
    return {};
  }

  Status receive(Context& context, archive::Wire& wire, const archive::TransferRequest& request) {
    STRATA_TRY(store::Store store, context.open_for_writing(Context::IfMissing::kCreate));
    confine_to(context, store, Network::kNone);
    told_ = true;
    archive::ReceiveOptions options{.asked = {}, .digests = request.digests};
    STRATA_TRY([[maybe_unused]] archive::ReceiveReport report,
               archive::receive_images(store, wire, options, context.pool()));
    return {};
  }

  std::string bootstrapped_;
  bool told_ = false;  // the other side learns of errors by itself
};

}  // namespace

std::unique_ptr<Command> make_serve_stdio() { return std::make_unique<ServeStdio>(); }

}  // namespace strata::cli
