// SPDX-License-Identifier: Apache-2.0
// cp: files between a container and the host.
#include <unistd.h>

#include "base/interrupt.h"
#include "cli/routes.h"
#include "codec/decompress.h"
#include "runtime/copy.h"

namespace strata::cli {
namespace {

struct Place {
  std::string container;  // empty: the host
  std::string path;
};

// "CONTAINER:PATH", but for what begins with "/" or ".", as docker has it.
Place place_of(const std::string& text) {
  if (text.starts_with('/') || text.starts_with('.')) return {"", text};
  const size_t colon = text.find(':');
  if (colon == text.npos) return {"", text};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

class Cp final : public Command {
 public:
  void declare(Options& options) override {
    options.flag('a', "archive", "Archive mode (copy all uid/gid information)",
                 options_.keep_owners);
    options.flag('L', "follow-link", "Always follow symbol link in SRC_PATH", options_.follow_link);
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    const Place from = place_of(arguments[0]);
    const Place to = place_of(arguments[1]);
    if (from.container.empty() && to.container.empty()) {
      return context.fail("must specify at least one container source");
    }
    if (!from.container.empty() && !to.container.empty()) {
      return context.fail("copying between containers is not supported");
    }
    STRATA_TRY(store::Store store, context.open_for_writing());
    const std::string& name = from.container.empty() ? to.container : from.container;
    STRATA_TRY(runtime::ContainerRecord record, runtime::find_container(store, name));
    STRATA_CHECK(from.container.empty()
                     ? copy_in(store, record, name, from.path, to.path)
                     : copy_out(context, store, record, name, from.path, to.path));
    return 0;
  }

 private:
  Status copy_in(store::Store& store, const runtime::ContainerRecord& record,
                 const std::string& name, const std::string& from, const std::string& to) const {
    if (from != "-") return runtime::copy_to_container(store, record, name, from, to, options_);
    WaitingSource input(STDIN_FILENO);
    STRATA_TRY(std::unique_ptr<ByteSource> tar, codec::open_decompressed(input));
    return runtime::extract_to_container(store, record, name, *tar, to);
  }

  Status copy_out(Context& context, store::Store& store, const runtime::ContainerRecord& record,
                  const std::string& name, const std::string& from, const std::string& to) const {
    if (from.empty()) return error(ErrorCode::kInvalid, "bad parameter: path cannot be empty");
    if (to != "-") return runtime::copy_from_container(store, record, name, from, to, options_);
    WaitingSink tar(context.out().fd());
    return runtime::archive_from_container(store, record, name, from, options_, tar);
  }

  runtime::CopyOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_cp() { return std::make_unique<Cp>(); }

}  // namespace strata::cli
