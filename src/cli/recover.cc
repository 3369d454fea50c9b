// SPDX-License-Identifier: Apache-2.0
// recover: images out of a root whose daemon does not start.
#include "doctor/recover.h"

#include "cli/formatter.h"
#include "cli/fsck_codes.h"
#include "cli/registry_options.h"
#include "cli/routes.h"

namespace strata::cli {
namespace {

constexpr size_t kLossesShown = 20;  // of an image; JSON has all

Value value_of(const doctor::ImageLoss& loss) {
  return Struct::make("doctor.Loss",
                      {{"Layer", "", Value::string(loss.layer ? loss.layer->to_string() : "")},
                       {"Now", "", Value::string(loss.now ? loss.now->to_string() : "")},
                       {"Name", "", Value::string(loss.loss.name)},
                       {"What", "", Value::string(loss.loss.what)},
                       {"Reason", "", Value::string(loss.loss.reason)}});
}

Value value_of(const doctor::RecoveredImage& image) {
  Value::List losses;
  losses.item_type = "doctor.Loss";
  for (const doctor::ImageLoss& loss : image.losses) losses.items.push_back(value_of(loss));
  return Struct::make("doctor.Recovered", {{"Word", "", Value::string(image.word)},
                                           {"Was", "", Value::string(image.was.to_string())},
                                           {"Is", "", Value::string(image.is.to_string())},
                                           {"AsItWas", "", Value::boolean(image.is == image.was)},
                                           {"Tags", "", Value::strings(image.tags)},
                                           {"Sources", "", Value::strings(image.sources)},
                                           {"Losses", "", Value::list(std::move(losses))}});
}

Value value_of(const doctor::RecoverReport& report) {
  Value::List images;
  images.item_type = "doctor.Recovered";
  for (const doctor::RecoveredImage& image : report.images) images.items.push_back(value_of(image));
  return Struct::make("doctor.RecoverReport", {{"Images", "", Value::list(std::move(images))},
                                               {"Failures", "", Value::strings(report.failures)}});
}

std::string text_of(const doctor::RecoveredImage& image) {
  const std::string name =
      in_one_line(image.tags.empty() ? image.word : fmt::format("{}", fmt::join(image.tags, ", ")));
  std::string text = image.is == image.was ? fmt::format("{}: as it was, {}\n", name, image.is)
                                           : fmt::format("{}: NOT as it was: {} is now {}\n", name,
                                                         image.was, image.is);
  for (const std::string& source : image.sources)
    text += fmt::format("    {}\n", in_one_line(source));
  for (size_t i = 0; i < image.losses.size() && i < kLossesShown; ++i) {
    const doctor::ImageLoss& loss = image.losses[i];
    text += fmt::format("    {:<9} {}{}: {}\n", loss.loss.what,
                        loss.layer ? "layer " + loss.layer->hex().substr(0, 12) + " " : "",
                        in_one_line(loss.loss.name), in_one_line(loss.loss.reason));
  }
  if (image.losses.size() > kLossesShown)
    text += fmt::format("    and {} more\n", image.losses.size() - kLossesShown);
  return text;
}

class Recover final : public Command {
 public:
  void declare(Options& options) override {
    options.text(kNoShort, "format", "string", "docker, docker-legacy or oci", format_);
    options.list(kNoShort, "from", "place",
                 "Take what is damaged from an archive, a folder, root:PATH or docker://NAME",
                 from_);
    options.flag(kNoShort, "json", "Print what was done, and all that was lost, as JSON", json_);
    options.text('o', "output", "string", "Write to a file", output_);
    registry_.declare(options);
  }

  std::optional<int> usage_exit() const override { return fsck::kUsage; }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    if (output_.empty())
      return context.fail("recover needs a file to write to: -o FILE", fsck::kUsage);
    doctor::RecoverOptions options{.root = arguments.front(),
                                   .driver = context.global().driver,
                                   .words = {arguments.begin() + 1, arguments.end()},
                                   .output = output_};
    Result<doctor::RecoverReport> report = recover(context, options);
    if (!report.ok() && report.error().code() == ErrorCode::kCancelled) return report.error();
    if (!report.ok())
      return context.fail("Error: " + in_one_line(report.error().message()), fsck::kCouldNotWork);
    if (json_) {
      if (context.print(format_value("json", value_of(*report))) != 0) return fsck::kCouldNotWork;
    } else {
      for (const doctor::RecoveredImage& image : report->images)
        context.out().print(text_of(image));
      for (const std::string& failure : report->failures)
        context.err().print("Error: " + in_one_line(failure) + "\n");
    }
    return fsck::code_when_told(context, report->all_as_it_was() ? fsck::kClean : fsck::kLeft);
  }

 private:
  Result<doctor::RecoverReport> recover(Context& context, doctor::RecoverOptions& options) {
    STRATA_TRY(options.format, archive::parse_archive_format(format_));
    std::unique_ptr<registry::Client> client;
    std::vector<std::unique_ptr<doctor::LayerSource>> sources;
    for (const std::string& place : from_) {
      if (client == nullptr && place.starts_with("docker://")) {
        STRATA_TRY(client, registry_.open_client(context));
      }
      STRATA_TRY(std::unique_ptr<doctor::LayerSource> source,
                 doctor::open_layer_source(place, context.pool(), client.get()));
      options.sources.push_back(source.get());
      sources.push_back(std::move(source));
    }
    return doctor::recover(options, context.pool());
  }

  std::string format_ = "docker";
  std::vector<std::string> from_;
  bool json_ = false;
  std::string output_;
  RegistryOptions registry_;
};

}  // namespace

std::unique_ptr<Command> make_recover() { return std::make_unique<Recover>(); }

}  // namespace strata::cli
