// SPDX-License-Identifier: Apache-2.0
#include "build/instruction.h"

#include <array>

namespace strata::build {

std::string Heredoc::text() const {
  if (!chomp) return content;
  std::string out;
  bool at_start = true;
  for (const char c : content) {
    if (at_start && c == '\t') continue;
    out += c;
    at_start = c == '\n';
  }
  return out;
}

namespace {
struct Name {
  std::string_view operator()(const Run&) const { return "RUN"; }
  std::string_view operator()(const Copy& copy) const { return copy.is_add ? "ADD" : "COPY"; }
  std::string_view operator()(const Env&) const { return "ENV"; }
  std::string_view operator()(const Arg&) const { return "ARG"; }
  std::string_view operator()(const Label&) const { return "LABEL"; }
  std::string_view operator()(const Expose&) const { return "EXPOSE"; }
  std::string_view operator()(const Volume&) const { return "VOLUME"; }
  std::string_view operator()(const User&) const { return "USER"; }
  std::string_view operator()(const Workdir&) const { return "WORKDIR"; }
  std::string_view operator()(const Cmd&) const { return "CMD"; }
  std::string_view operator()(const Entrypoint&) const { return "ENTRYPOINT"; }
  std::string_view operator()(const Shell&) const { return "SHELL"; }
  std::string_view operator()(const Healthcheck&) const { return "HEALTHCHECK"; }
  std::string_view operator()(const StopSignal&) const { return "STOPSIGNAL"; }
  std::string_view operator()(const Onbuild&) const { return "ONBUILD"; }
  std::string_view operator()(const Maintainer&) const { return "MAINTAINER"; }
};
}  // namespace

std::string_view instruction_name(const InstructionBody& body) { return std::visit(Name{}, body); }

}  // namespace strata::build
