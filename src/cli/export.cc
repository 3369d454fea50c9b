// SPDX-License-Identifier: Apache-2.0
// export: the files of a container or an image as a tar.
#include "runtime/export.h"

#include "base/interrupt.h"
#include "cli/routes.h"

namespace strata::cli {
namespace {

class Export final : public Command {
 public:
  void declare(Options& options) override {
    options.flag(kNoShort, "image", "Export the files of an image; no container is made", image_);
    options.text('o', "output", "string", "Write to a file, instead of STDOUT", output_);
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    if (output_.empty() && context.out().is_terminal()) {
      return context.fail("cowardly refusing to save to a terminal. Use the -o flag or redirect");
    }
    STRATA_TRY(store::Store store, context.open_for_reading());
    if (output_.empty()) {
      WaitingSink out(context.out().fd());
      STRATA_CHECK(write_to(store, arguments[0], out, context.pool()));
      return 0;
    }
    STRATA_TRY(OutputFile file, OutputFile::create(output_));
    WaitingSink out(file.fd());
    STRATA_CHECK(write_to(store, arguments[0], out, context.pool()));
    STRATA_CHECK(file.publish(context.global().sync));
    return 0;
  }

 private:
  Status write_to(const store::Store& store, const std::string& name, ByteSink& out,
                  Pool& pool) const {
    return image_ ? runtime::export_image(store, name, out, pool)
                  : runtime::export_container(store, name, out, pool);
  }

  bool image_ = false;
  std::string output_;
};

}  // namespace

std::unique_ptr<Command> make_export() { return std::make_unique<Export>(); }

}  // namespace strata::cli
