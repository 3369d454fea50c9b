// SPDX-License-Identifier: Apache-2.0
#include "cli/template.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "cli/go_print.h"
#include "cli/template_ast.h"
#include "cli/template_functions.h"

namespace strata::cli {
namespace {

using Kind = Value::Kind;
using Parameter = TemplateFunction::Parameter;

// One run of a template: the output so far and the variables in scope.
class Execution {
 public:
  Execution(std::string_view text, std::string_view name, const Value& data,
            Template::Functions functions)
      : text_(text), name_(name), header_(functions == Template::Functions::kHeader) {
    variables_.emplace_back("$", data);
  }

  enum class Flow { kOn, kBreak, kContinue };
  Result<Flow> walk(const std::vector<Node>& nodes, const Value& dot);
  std::string take_output() { return std::move(output_); }

 private:
  Error fail(size_t position, std::string_view context, std::string message) const;
  // An error where the execution stands.
  Error fail(std::string message) const {
    return fail(at_->position, at_->text, std::move(message));
  }
  void print(const Value& value) {
    if (value.is_text()) {
      output_ += value.text();
    } else {
      output_ += value.kind() == Kind::kMissing ? "<no value>" : go_text(value);
    }
  }

  Result<Flow> walk_branch(const Node& node, const Value& dot);
  Result<Flow> walk_range(const Node& node, const Value& dot);

  // The words of a command: the function or value first, then its arguments.
  using Words = std::span<const Operand>;
  enum class Given { kNothing, kArguments };

  Result<Value> evaluate(const Pipe& pipe, const Value& dot);
  Result<Value> evaluate(const Command& command, const Value& dot, const Value* final);
  Result<Value> evaluate(const Operand& operand, const Value& dot, Given given = Given::kNothing);
  Result<Value> follow(const Operand& operand, const Value& from, size_t first_name,
                       Given given) const;
  Result<Value> field(const Value& from, const std::string& name, Given given) const;
  Result<Value> call(Words words, const Value& dot, const Value* final);
  Result<Value> call_lazily(const TemplateFunction& function, Words words, const Value& dot,
                            const Value* final);
  Result<Value> argument(Parameter parameter, const Operand& operand, const Value& dot);
  Result<Value> checked(Parameter parameter, Value value) const;
  Status check_count(const TemplateFunction& function, Words words, size_t given) const;

  Status bind(const Pipe& pipe, const Value& value);
  Value* find_variable(std::string_view name);

  std::string_view text_;
  std::string_view name_;
  bool header_;
  const Operand* at_ = nullptr;  // what was looked at last: errors name it
  std::string output_;
  std::vector<std::pair<std::string, Value>> variables_;
};

Error Execution::fail(size_t position, std::string_view context, std::string message) const {
  std::string_view before = text_.substr(0, position);
  size_t line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
  size_t column = before.size() - (before.rfind('\n') + 1);
  return error(ErrorCode::kInvalid, "template: {}:{}:{}: executing {} at <{}>: {}", name_, line,
               column, go_quote(name_), context, message);
}

Result<Execution::Flow> Execution::walk(const std::vector<Node>& nodes, const Value& dot) {
  for (const Node& node : nodes) {
    Flow flow = Flow::kOn;
    switch (node.kind) {
      case Node::Kind::kText:
        output_ += node.text;
        break;
      case Node::Kind::kAction: {
        STRATA_TRY(Value value, evaluate(node.pipe, dot));
        if (node.pipe.variables.empty()) print(value);
        break;
      }
      case Node::Kind::kBreak:
        return Flow::kBreak;
      case Node::Kind::kContinue:
        return Flow::kContinue;
      case Node::Kind::kIf:
      case Node::Kind::kWith: {
        STRATA_TRY(flow, walk_branch(node, dot));
        break;
      }
      case Node::Kind::kRange: {
        STRATA_TRY(flow, walk_range(node, dot));
        break;
      }
    }
    if (flow != Flow::kOn) return flow;
  }
  return Flow::kOn;
}

Result<Execution::Flow> Execution::walk_branch(const Node& node, const Value& dot) {
  const size_t scope = variables_.size();
  STRATA_TRY(Value value, evaluate(node.pipe, dot));
  const bool moves_dot = node.kind == Node::Kind::kWith;
  Result<Flow> flow =
      value.truth() ? walk(node.body, moves_dot ? value : dot) : walk(node.otherwise, dot);
  variables_.resize(scope);
  return flow;
}

Result<Execution::Flow> Execution::walk_range(const Node& node, const Value& dot) {
  const size_t scope = variables_.size();
  STRATA_TRY(Value whole, evaluate(node.pipe, dot));
  const size_t body_scope = variables_.size();
  const size_t declared = node.pipe.variables.size();
  auto once = [&](const Value& key, const Value& item) {
    if (declared > 0) variables_[body_scope - 1].second = item;
    if (declared > 1) variables_[body_scope - 2].second = key;
    Result<Flow> flow = walk(node.body, item);
    variables_.resize(body_scope);
    return flow;
  };
  bool any = false;
  if (whole.kind() == Kind::kList) {
    int64_t index = 0;
    for (const Value& item : whole.as_list().items) {
      any = true;
      STRATA_TRY(Flow flow, once(Value::integer(index++), item));
      if (flow == Flow::kBreak) break;
    }
  } else if (whole.kind() == Kind::kMap) {
    for (const auto& [key, item] : whole.as_map().entries) {
      any = true;
      STRATA_TRY(Flow flow, once(Value::string(key), item));
      if (flow == Flow::kBreak) break;
    }
  } else if (whole.kind() != Kind::kMissing && whole.kind() != Kind::kNil) {
    return fail("range can't iterate over " + go_text(whole));
  }
  Result<Flow> flow = any ? Flow::kOn : walk(node.otherwise, dot);
  variables_.resize(scope);
  return flow;
}

Value* Execution::find_variable(std::string_view name) {
  for (size_t i = variables_.size(); i-- > 0;) {
    if (variables_[i].first == name) return &variables_[i].second;
  }
  return nullptr;
}

Status Execution::bind(const Pipe& pipe, const Value& value) {
  for (const std::string& name : pipe.variables) {
    if (!pipe.assigns) {
      variables_.emplace_back(name, value);
      continue;
    }
    Value* existing = find_variable(name);
    if (existing == nullptr) return fail("undefined variable: " + name);
    *existing = value;
  }
  return {};
}

Result<Value> Execution::evaluate(const Pipe& pipe, const Value& dot) {
  Value value;
  const Value* final = nullptr;
  for (const Command& command : pipe.commands) {
    STRATA_TRY(value, evaluate(command, dot, final));
    value.unbox();
    final = &value;
  }
  STRATA_CHECK(bind(pipe, value));
  return value;
}

Result<Value> Execution::evaluate(const Command& command, const Value& dot, const Value* final) {
  const Operand& first = command.words.front();
  if (first.kind == Operand::Kind::kFunction) return call(command.words, dot, final);
  const bool given = command.words.size() > 1 || final != nullptr;
  at_ = &first;
  if (first.kind == Operand::Kind::kNil) return fail("nil is not a command");
  const bool may_be_method = first.kind == Operand::Kind::kField ||
                             first.kind == Operand::Kind::kChain ||
                             (first.kind == Operand::Kind::kVariable && first.names.size() > 1);
  if (given && !may_be_method) return fail("can't give argument to non-function " + first.text);
  return evaluate(first, dot, given ? Given::kArguments : Given::kNothing);
}

Result<Value> Execution::evaluate(const Operand& operand, const Value& dot, Given given) {
  at_ = &operand;
  switch (operand.kind) {
    case Operand::Kind::kDot:
      return dot;
    case Operand::Kind::kField:
      return follow(operand, dot, 0, given);
    case Operand::Kind::kVariable: {
      Value* found = find_variable(operand.names.front());
      if (found == nullptr) return fail("undefined variable: " + operand.names.front());
      return follow(operand, *found, 1, given);
    }
    case Operand::Kind::kPipe:
      return evaluate(*operand.pipe, dot);
    case Operand::Kind::kChain: {
      STRATA_TRY(Value from, evaluate(*operand.pipe, dot));
      return follow(operand, from, 0, given);
    }
    case Operand::Kind::kFunction:
      return call({&operand, 1}, dot, nullptr);
    case Operand::Kind::kNil:
      return Value::nil();
    case Operand::Kind::kConstant:
      return operand.constant;
  }
  return Value();
}

Result<Value> Execution::follow(const Operand& operand, const Value& from, size_t first_name,
                                Given given) const {
  const Value* at = &from;
  Value reached;
  for (size_t i = first_name; i < operand.names.size(); ++i) {
    const bool last = i + 1 == operand.names.size();
    STRATA_TRY(reached, field(*at, operand.names[i], last ? given : Given::kNothing));
    at = &reached;
  }
  return at == &from ? from : std::move(reached);
}

Result<Value> Execution::field(const Value& from, const std::string& name, Given given) const {
  switch (from.kind()) {
    case Kind::kMissing:
      return Value();
    case Kind::kNil:
      return fail(fmt::format("nil pointer evaluating {}.{}", from.interface_type_name(), name));
    case Kind::kMap: {
      if (given == Given::kArguments) return fail(name + " is not a method but has arguments");
      auto found = from.as_map().entries.find(name);
      if (found != from.as_map().entries.end()) return found->second;
      if (!from.as_map().strict) return Value();
      return fail(fmt::format("map has no entry for key {}", go_quote(name)));
    }
    case Kind::kRecord:
      if (std::optional<Value> found = from.as_record().field(name)) {
        if (given == Given::kNothing) return *std::move(found);
        return fail(name + " has arguments but cannot be invoked as function");
      }
      [[fallthrough]];
    default:
      return fail(
          fmt::format("can't evaluate field {} in type {}", name, from.interface_type_name()));
  }
}

Status Execution::check_count(const TemplateFunction& function, Words words, size_t given) const {
  const size_t fixed = function.parameters.size() - (function.variadic ? 1 : 0);
  if (function.variadic ? given >= fixed : given == fixed) return {};
  // Go counts a piped value in only one of the two messages.
  size_t shown = function.variadic ? words.size() - 1 : given;
  return fail(fmt::format("wrong number of args for {}: want {}{} got {}", function.name,
                          function.variadic ? "at least " : "", fixed, shown));
}

Result<Value> Execution::call(Words words, const Value& dot, const Value* final) {
  at_ = &words.front();
  const TemplateFunction* function = find_template_function(words.front().text);
  const size_t given = words.size() - 1 + (final != nullptr ? 1 : 0);
  STRATA_CHECK(check_count(*function, words, given));
  if (function->call == nullptr) return call_lazily(*function, words, dot, final);
  auto parameter = [&](size_t i) {
    return function->parameters[std::min(i, function->parameters.size() - 1)];
  };
  std::vector<Value> arguments;
  for (const Operand& word : words.subspan(1)) {
    STRATA_TRY(Value value, argument(parameter(arguments.size()), word, dot));
    arguments.push_back(std::move(value));
  }
  if (final != nullptr) {
    STRATA_TRY(Value value, checked(parameter(arguments.size()), *final));
    arguments.push_back(std::move(value));
  }
  if (header_ && function->leaves_headings) return arguments.front();
  Result<Value> result = function->call(arguments);
  if (!result.ok()) {
    return fail(words.front().position, text_of(words),
                fmt::format("error calling {}: {}", function->name, result.error().message()));
  }
  return result;
}

Result<Value> Execution::call_lazily(const TemplateFunction& function, Words words,
                                     const Value& dot, const Value* final) {
  const bool stop_at = function.name == "or";
  for (const Operand& word : words.subspan(1)) {
    STRATA_TRY(Value value, argument(Parameter::kAny, word, dot));
    const bool last = &word == &words.back() && final == nullptr;
    if (last || value.truth() == stop_at) return value;
  }
  return *final;
}

Result<Value> Execution::argument(Parameter parameter, const Operand& operand, const Value& dot) {
  at_ = &operand;
  if (parameter == Parameter::kAny ||
      (operand.kind != Operand::Kind::kConstant && operand.kind != Operand::Kind::kNil)) {
    STRATA_TRY(Value value, evaluate(operand, dot));
    return checked(parameter, std::move(value));
  }
  std::string_view type = parameter_type(parameter);
  if (operand.kind == Operand::Kind::kNil)
    return fail(fmt::format("cannot assign nil to {}", type));
  if (parameter == Parameter::kStrings) {
    return fail(fmt::format("can't handle {} for arg of type {}", operand.text, type));
  }
  const Value& constant = operand.constant;
  if (parameter == Parameter::kString && constant.kind() == Kind::kString) return constant;
  if (parameter == Parameter::kInt && constant.kind() == Kind::kInt) {
    return Value::integer(constant.as_int());
  }
  if (parameter == Parameter::kInt && constant.kind() == Kind::kFloat &&
      constant.as_float() == std::trunc(constant.as_float()) &&
      std::fabs(constant.as_float()) < 1e15) {
    return Value::integer(static_cast<int64_t>(constant.as_float()));
  }
  return fail(fmt::format("expected {}; found {}", parameter == Parameter::kInt ? "integer" : type,
                          operand.text));
}

Result<Value> Execution::checked(Parameter parameter, Value value) const {
  if (fits(parameter, value)) return value;
  // In a heading every value is a string, and join and split get no lists.
  if (header_ && value.kind() == Kind::kString) return value;
  std::string_view type = parameter_type(parameter);
  if (value.kind() == Kind::kMissing) {
    if (parameter == Parameter::kStrings) return Value::strings({});
    return fail(fmt::format("invalid value; expected {}", type));
  }
  std::string found = value.kind() == Kind::kNil ? value.interface_type_name() : value.type_name();
  return fail(fmt::format("wrong type for value; expected {}; got {}", type, found));
}

}  // namespace

Template::Template(std::string text, std::string name, std::vector<Node> nodes)
    : text_(std::move(text)),
      name_(std::move(name)),
      nodes_(std::make_shared<const std::vector<Node>>(std::move(nodes))) {}

Result<Template> Template::parse(std::string text, std::string name) {
  Result<std::vector<Node>> nodes = parse_template(text);
  if (!nodes.ok()) {
    return error(ErrorCode::kInvalid, "template: {}:{}", name, nodes.error().message());
  }
  return Template(std::move(text), std::move(name), std::move(nodes).value());
}

Result<std::string> Template::execute(const Value& data, Functions functions) const {
  Execution execution(text_, name_, data, functions);
  STRATA_TRY([[maybe_unused]] auto flow, execution.walk(*nodes_, data));
  return execution.take_output();
}

}  // namespace strata::cli
