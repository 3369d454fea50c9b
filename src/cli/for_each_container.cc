// SPDX-License-Identifier: Apache-2.0
#include "cli/for_each_container.h"

namespace strata::cli {

Result<int> for_each_container(Context& context, const store::Store& store,
                               const std::vector<std::string>& names,
                               const std::function<Status(const runtime::ContainerRecord& record,
                                                          const std::string& name)>& body,
                               bool unknown_is_fine) {
  int code = 0;
  for (const std::string& name : names) {
    Result<runtime::ContainerRecord> record = runtime::find_container(store, name);
    const bool unknown = !record.ok() && record.error().code() == ErrorCode::kNotFound;
    Status done = record.ok() ? body(*record, name) : Status(record.error());
    if (done.ok()) continue;
    if (done.error().code() == ErrorCode::kCancelled) return std::move(done).error();
    context.fail("Error: " + done.error().message());
    if (!unknown || !unknown_is_fine) code = 1;
  }
  return code;
}

}  // namespace strata::cli
