// SPDX-License-Identifier: Apache-2.0
// Go templates, as --format takes them: {{.ID}}, {{json .Config}}, {{range .RepoTags}}{{.}}
// {{end}}. All of Go's text/template but define, template, block, call and js; functions are in
// template_functions.h.
// Source:  Go 1.19, package text/template; errors in its words. Threads: a template may be executed
// by several threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/value.h"

namespace strata::cli {

struct Node;

class Template {
 public:
  // Errors: kInvalid, `template: :1: unclosed action`. `name` stands before the first colon in
  // errors.
  static Result<Template> parse(std::string text, std::string name = {});

  // The text for `data`, which is {{.}}. Functions are the usual ones, or for `header` those that
  // leave a table's heading as it is ({{upper .ID}} is "IMAGE ID" there).
  // Errors: kInvalid, `template: :1:2: executing "" at <.Foo>: can't evaluate field Foo in type x`.
  enum class Functions { kUsual, kHeader };
  Result<std::string> execute(const Value& data, Functions functions = Functions::kUsual) const;

 private:
  Template(std::string text, std::string name, std::vector<Node> nodes);
  std::string text_;
  std::string name_;
  std::shared_ptr<const std::vector<Node>> nodes_;
};

}  // namespace strata::cli
