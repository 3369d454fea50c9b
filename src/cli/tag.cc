// SPDX-License-Identifier: Apache-2.0
// tag: another name for an image.
#include "cli/routes.h"
#include "oci/reference.h"
#include "store/resolve.h"
#include "store/transaction.h"

namespace strata::cli {
namespace {

class Tag final : public Command {
 public:
  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    const std::string& target = arguments[1];
    Result<oci::Reference> name = oci::Reference::parse(target);
    if (!name.ok()) {
      return context.fail(
          fmt::format("Error parsing reference: \"{}\" is not a valid repository/tag: {}", target,
                      name.error().message()));
    }
    if (name->digest()) return context.fail("refusing to create a tag with a digest reference");
    STRATA_CHECK(name->check_storable());
    STRATA_TRY(store::Store store, context.open_for_writing());
    STRATA_TRY(store::Resolved source, store::resolve(store, arguments[0]));
    STRATA_TRY(store::Transaction txn, store.begin());
    STRATA_CHECK(txn.set_reference(name->with_default_tag().store_key(), source.image));
    STRATA_CHECK(txn.touch(source.image));
    STRATA_CHECK(txn.commit());
    return 0;
  }
};

}  // namespace

std::unique_ptr<Command> make_tag() { return std::make_unique<Tag>(); }

}  // namespace strata::cli
