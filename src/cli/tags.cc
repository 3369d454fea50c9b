// SPDX-License-Identifier: Apache-2.0
// tags: what a registry has of a repository.
#include <algorithm>

#include "cli/registry_options.h"
#include "cli/routes.h"

namespace strata::cli {
namespace {

class Tags final : public Command {
 public:
  void declare(Options& options) override { registry_.declare(options); }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    STRATA_TRY(oci::Reference name, oci::Reference::parse(arguments[0]));
    STRATA_TRY(std::unique_ptr<registry::Client> client, registry_.open_client(context));
    STRATA_TRY(std::unique_ptr<registry::Repository> repository,
               client->repository(name.name_only(), registry::Access::kPull));
    STRATA_TRY(std::vector<std::string> tags, repository->list_tags());
    std::sort(tags.begin(), tags.end());  // docker-registry's order is that of its disk
    for (const std::string& tag : tags) context.out().print(tag + "\n");
    return 0;
  }

 private:
  RegistryOptions registry_;
};

}  // namespace

std::unique_ptr<Command> make_tags() { return std::make_unique<Tags>(); }

}  // namespace strata::cli
