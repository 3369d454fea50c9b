// SPDX-License-Identifier: Apache-2.0
// inspect: everything about containers and images, as JSON or through a template.
#include "cli/container_json.h"
#include "cli/formatter.h"
#include "cli/image_record.h"
#include "cli/routes.h"
#include "store/resolve.h"

namespace strata::cli {
namespace {

constexpr int kBadTemplateExit = 64;  // docker's
constexpr std::string_view kIndent = "    ";

// What was found, in the form asked for.
class Report {
 public:
  explicit Report(std::optional<Template> format) : format_(std::move(format)) {}

  // A template first sees docker's struct, where absent label is "<no value>" and {{.ID}} works;
  // where that fails it sees the plain JSON, in which a key that is not there is an error.
  Status add(const Value& record) {
    if (!format_) {
      json_ += (json_.empty() ? "" : ",") + to_json(record);
      return {};
    }
    Result<std::string> text = format_->execute(record);
    if (!text.ok()) text = format_->execute(raw_value(to_json(record)));
    if (!text.ok()) return template_error(std::move(text).error());
    text_ += *text + "\n";
    return {};
  }

  std::string text() const {
    if (!format_) return indent_json("[" + json_ + "]", kIndent) + "\n";
    return text_.empty() ? "\n" : text_;
  }

 private:
  std::optional<Template> format_;
  std::string json_;
  std::string text_;
};

// `docker inspect` looks for objects of every kind, a container first; the others for one kind.
enum class Scope { kAnything, kImages, kContainers };

class Inspect final : public Command {
 public:
  explicit Inspect(Scope scope) : scope_(scope) {}

  void declare(Options& options) override {
    options.text('f', "format", "string", "Format the output using the given Go template, or json",
                 format_);
    if (scope_ != Scope::kImages) {
      options.flag('s', "size", "Display total file sizes if the type is container", size_);
    }
    if (scope_ != Scope::kAnything) return;
    options.text(kNoShort, "type", "string", "Return JSON for specified type (container, image)",
                 type_);
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    if (!type_.empty() && type_ != "image" && type_ != "container") {
      return context.fail(fmt::format("\"{}\" is not a valid value for --type", type_));
    }
    std::optional<Template> format;
    if (!format_.empty() && format_ != "json") {
      Result<Template> parsed = Template::parse(format_);
      if (!parsed.ok()) {
        return context.fail(template_error(std::move(parsed).error()).message(), kBadTemplateExit);
      }
      format = std::move(parsed).value();
    }
    STRATA_TRY(store::Store store, context.open_for_reading());
    Report report(std::move(format));
    std::string failures;
    for (const std::string& name : arguments) {
      Status added = add(context, store, name, report);
      if (!added.ok()) failures += (failures.empty() ? "" : "\n") + added.error().message();
    }
    context.out().print(report.text());
    return failures.empty() ? 0 : context.fail(failures);
  }

 private:
  Status add(Context& context, const store::Store& store, const std::string& name,
             Report& report) const {
    const bool containers = scope_ == Scope::kContainers || type_ == "container";
    const bool images = scope_ == Scope::kImages || type_ == "image";
    if (!images) {
      Result<runtime::ContainerRecord> record = runtime::find_container(store, name);
      if (record.ok()) return add_container(store, *record, report);
      const bool unknown = record.error().code() == ErrorCode::kNotFound;
      if (containers || !unknown) return std::move(record.error().add_context("Error"));
    }
    Result<store::Resolved> found = store::resolve(store, name);
    if (!found.ok() && found.error().code() == ErrorCode::kNotFound) {
      bool any = scope_ == Scope::kAnything && type_.empty();
      return error(ErrorCode::kNotFound, "Error: No such {}: {}", any ? "object" : "image", name);
    }
    if (!found.ok()) return std::move(found.error().add_context("Error"));
    if (size_) context.err().print("WARNING: --size ignored for image\n");
    Result<Value> record = image_record(store, found->image);
    if (!record.ok()) return std::move(record.error().add_context("Error"));
    return report.add(*record);
  }

  Status add_container(const store::Store& store, const runtime::ContainerRecord& record,
                       Report& report) const {
    Result<Value> value = container_value(store, record, size_);
    if (!value.ok()) return std::move(value.error().add_context("Error"));
    return report.add(*value);
  }

  const Scope scope_;
  std::string format_;
  std::string type_;
  bool size_ = false;
};

}  // namespace

std::unique_ptr<Command> make_inspect() { return std::make_unique<Inspect>(Scope::kAnything); }
std::unique_ptr<Command> make_image_inspect() { return std::make_unique<Inspect>(Scope::kImages); }

std::unique_ptr<Command> make_container_inspect() {
  return std::make_unique<Inspect>(Scope::kContainers);
}

}  // namespace strata::cli
