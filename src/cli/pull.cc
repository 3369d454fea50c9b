// SPDX-License-Identifier: Apache-2.0
// pull: images from registries, or from another host.
#include "registry/pull.h"

#include <malloc.h>

#include "cli/confine_to.h"
#include "cli/pull_display.h"
#include "cli/registry_options.h"
#include "cli/routes.h"
#include "cli/ssh_transfer.h"
#include "cli/units.h"
#include "oci/platform.h"

namespace strata::cli {
namespace {

using registry::PullPolicy;

constexpr int kHeaps = 2;

struct PolicyName {
  std::string_view name;
  PullPolicy policy;
};
constexpr PolicyName kPolicies[] = {{"always", PullPolicy::kAlways},
                                    {"missing", PullPolicy::kMissing},
                                    {"newer", PullPolicy::kNewer},
                                    {"never", PullPolicy::kNever}};

const PolicyName* find_policy(std::string_view name) {
  for (const PolicyName& policy : kPolicies) {
    if (policy.name == name) return &policy;
  }
  return nullptr;
}

ProgressMode progress_mode(Context& context, bool quiet) {
  const std::string& wanted = context.global().progress;
  if (quiet || context.global().quiet) return ProgressMode::kNone;
  if (wanted == "json") return ProgressMode::kJson;
  bool terminal = wanted == "tty" || (wanted != "plain" && context.out().is_terminal());
  return terminal ? ProgressMode::kTerminal : ProgressMode::kPlain;
}

class Pull final : public Command {
 public:
  void declare(Options& options) override {
    options.flag('a', "all-tags", "Download all tagged images in the repository", all_tags_);
    options.flag(kNoShort, "dry-run", "Say what would be fetched, and fetch nothing", dry_run_);
    options.text(kNoShort, "platform", "string", "Pull this platform of a multi-platform image",
                 platform_);
    options.text(kNoShort, "policy", "string",
                 "When to fetch: always, missing, newer (if the registry can be asked) or never",
                 policy_);
    options.check_last([](const std::string& value) {
      return find_policy(value) != nullptr
                 ? Status()
                 : Status(Error(ErrorCode::kInvalid, "must be always, missing, newer or never"));
    });
    options.flag(kNoShort, "for-run", "", for_run_);
    options.hide_last();
    options.flag('q', "quiet", "Suppress verbose output", quiet_);
    registry_.declare(options);
    registry_.declare_content_trust(options);
    ssh_.declare(options);
  }

  Result<int> run(Context& context, const std::vector<std::string>& names) override {
    // Many threads, few heaps: else glibc keeps freed blocks for each of them (a peak of 72 MiB
    // instead of 64).
    ::mallopt(M_ARENA_MAX, kHeaps);
    STRATA_CHECK(read_terms());
    if (is_ssh_url(names.front())) {
      if (all_tags_) STRATA_CHECK(check_all_tags(names));
      SshPullTerms terms{options_.policy, options_.platform};
      if (dry_run_) return forecast_over_ssh(context, names, ssh_, terms);
      return pull_over_ssh(context, names, ssh_, terms, is_quiet(context));
    }
    std::vector<oci::Reference> references;
    for (const std::string& name : names) {
      STRATA_TRY(oci::Reference reference, oci::Reference::parse(name));
      if (all_tags_ && !reference.is_name_only()) {
        return context.fail("tag can't be used with --all-tags/-a");
      }
      references.push_back(std::move(reference));
    }
    registry::ClientOptions client_options = registry_.client_options();
    options_.download.first_wait = client_options.first_wait;
    options_.download.attempts = client_options.attempts;
    if (!dry_run_) return pull_all(context, references);
    STRATA_TRY(client_, registry_.open_client(context, quiet_));
    return forecast_all(context, references);
  }

 private:
  Status read_terms() {
    options_.policy = find_policy(policy_)->policy;
    if (platform_.empty()) return {};
    STRATA_TRY(options_.platform, oci::Platform::parse(platform_));
    return {};
  }

  bool is_quiet(const Context& context) const { return quiet_ || context.global().quiet; }

  void say(Context& context, std::string_view text) const {
    context.out().print(status_line(progress_mode(context, quiet_), text));
  }

  // One after the other. What goes wrong with one does not keep the others away.
  template <typename Body>
  static Result<int> for_each(Context& context, const std::vector<oci::Reference>& references,
                              const Body& body) {
    if (references.size() == 1) STRATA_CHECK(body(references.front()));
    if (references.size() == 1) return 0;
    int code = 0;
    for (const oci::Reference& reference : references) {
      Status done = body(reference);
      if (done.ok()) continue;
      if (done.error().code() == ErrorCode::kCancelled) return std::move(done).error();
      code = context.fail("Error: " + done.error().message(), exit_code(done.error().code()));
    }
    return code;
  }

  Result<int> pull_all(Context& context, const std::vector<oci::Reference>& references) {
    STRATA_CHECK(registry_.check());  // first: what is wrong there leaves no new root behind
    STRATA_TRY(store::Store store, context.open_for_writing(Context::IfMissing::kCreate));
    // As part of `run` there is more to do; a credential helper has files of its own. The threads that unpack
    // are confined in any case.
    if (!for_run_ && !registry_.may_start_programs()) confine_to(context, store, Network::kNeeded);
    STRATA_TRY(client_, registry_.open_client(context, quiet_));
    return for_each(context, references, [&](const oci::Reference& reference) {
      return all_tags_ ? pull_tags(context, store, reference)
                       : pull_named(context, store, reference);
    });
  }

  Status pull_named(Context& context, store::Store& store, const oci::Reference& name) {
    const oci::Reference asked = name.with_default_tag();
    // Beside a digest a tag does not count, as for docker.
    const oci::Reference reference = name.digest() ? name.with_digest(*name.digest()) : asked;
    if (name.is_name_only() && !is_quiet(context)) {
      say(context, fmt::format("Using default tag: {}", reference.tag()));
    }
    STRATA_TRY(auto repository, client_->repository(reference, registry::Access::kPull));
    STRATA_TRY(bool is_new, pull_one(context, store, *repository, reference));
    print_status(context, is_new, reference.familiar_string(), asked.full_string());
    return {};
  }

  Status pull_tags(Context& context, store::Store& store, const oci::Reference& name) {
    STRATA_TRY(auto repository, client_->repository(name, registry::Access::kPull));
    STRATA_TRY(std::vector<std::string> tags, repository->list_tags());
    bool any_new = false;
    for (const std::string& tag : tags) {
      STRATA_TRY(oci::Reference reference, name.with_tag(tag));
      STRATA_TRY(bool is_new, pull_one(context, store, *repository, reference));
      any_new = any_new || is_new;
    }
    print_status(context, any_new, name.familiar_string(), name.full_string());
    return {};
  }

  Result<bool> pull_one(Context& context, store::Store& store, registry::Repository& repository,
                        const oci::Reference& reference) {
    STRATA_CHECK(context.out().flush());
    PullDisplay display(progress_mode(context, quiet_),
                        ProgressDisplay::to_descriptor(context.out().fd()));
    options_.watcher = &display;
    Result<registry::PullReport> report =
        registry::pull(store, repository, reference, options_, context.pool());
    display.close();
    if (!report.ok()) return std::move(report).error();
    for (const std::string& warning : report->warnings) context.warn(warning);
    if (report->digest && !is_quiet(context)) {
      say(context, fmt::format("Digest: {}", *report->digest));
    }
    return report->is_new;
  }

  void print_status(Context& context, bool is_new, const std::string& familiar,
                    const std::string& full) const {
    if (!is_quiet(context)) {
      say(context,
          fmt::format("Status: {} for {}",
                      is_new ? "Downloaded newer image" : "Image is up to date", familiar));
    }
    // Docker's client prints the name behind the stream that JSON is.
    const bool is_json = progress_mode(context, quiet_) == ProgressMode::kJson;
    if (!for_run_ && !is_json) context.out().print(full + "\n");
  }

  Result<int> forecast_all(Context& context, const std::vector<oci::Reference>& references) {
    STRATA_TRY(std::optional<store::Store> store, context.open_if_there());
    return for_each(context, references, [&](const oci::Reference& name) -> Status {
      STRATA_TRY(auto repository, client_->repository(name, registry::Access::kPull));
      std::vector<std::string> tags;
      if (all_tags_) {
        STRATA_TRY(tags, repository->list_tags());
      }
      if (!all_tags_) return forecast(context, store, *repository, name.with_default_tag());
      for (const std::string& tag : tags) {
        STRATA_TRY(oci::Reference reference, name.with_tag(tag));
        STRATA_CHECK(forecast(context, store, *repository, reference));
      }
      return {};
    });
  }

  Status forecast(Context& context, const std::optional<store::Store>& store,
                  registry::Repository& repository, const oci::Reference& reference) const {
    STRATA_TRY(registry::PullForecast forecast,
               registry::forecast_pull(store ? &*store : nullptr, repository, reference, options_));
    auto size = [](uint64_t bytes) { return human_size(static_cast<double>(bytes)); };
    std::string unknown =
        forecast.unknown_sizes.empty()
            ? ""
            : fmt::format(", and what {} of the layers unpack to, which do not say it",
                          forecast.unknown_sizes.size());
    context.out().print(
        fmt::format("{}\n  Digest:      {}\n  Layers:      {}, {} of them here\n  To fetch:    {}\n"
                    "  Disk needed: about {}{}\n",
                    reference.full_string(), forecast.digest, forecast.layers, forecast.layers_here,
                    size(forecast.fetch_bytes), size(forecast.disk_bytes()), unknown));
    return {};
  }

  bool all_tags_ = false;
  bool dry_run_ = false;
  bool quiet_ = false;
  bool for_run_ = false;  // as `run` does it: the name is not the result
  std::string platform_;
  std::string policy_ = "always";
  RegistryOptions registry_;
  SshTransferOptions ssh_;
  registry::PullOptions options_;
  std::unique_ptr<registry::Client> client_;
};

}  // namespace

std::unique_ptr<Command> make_pull() { return std::make_unique<Pull>(); }

}  // namespace strata::cli
