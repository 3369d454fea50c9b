// SPDX-License-Identifier: Apache-2.0
#include "build/expand_instruction.h"

#include "build/expand.h"

namespace strata::build {
namespace {

// Of all words of one instruction together.
constexpr size_t kMaxInstructionBytes = 8 * kMaxExpandedBytes;

struct InPlace {
  const ExpandWord& expand_word;
  const ExpandWord& expand_text;
  size_t& total_bytes;

  Status word(std::string& text) const {
    STRATA_TRY(text, expand_word(text));
    total_bytes += text.size();
    if (total_bytes <= kMaxInstructionBytes) return {};
    return error(ErrorCode::kInvalid, "variables make the instruction longer than {} bytes",
                 kMaxInstructionBytes);
  }
  Status words(std::vector<std::string>& texts) const {
    for (std::string& text : texts) STRATA_CHECK(word(text));
    return {};
  }
  Status pairs(std::vector<KeyValue>& all) const {
    for (KeyValue& each : all) {
      STRATA_CHECK(word(each.key));
      STRATA_CHECK(word(each.value));
    }
    return {};
  }

  Status operator()(Copy& copy) const {
    for (std::string* text : {&copy.chown, &copy.chmod, &copy.checksum}) {
      if (!text->empty()) STRATA_CHECK(word(*text));
    }
    STRATA_CHECK(words(copy.excludes));
    STRATA_CHECK(words(copy.sources));
    STRATA_CHECK(word(copy.destination));
    for (Heredoc& heredoc : copy.heredocs) {
      if (!heredoc.expand) continue;
      STRATA_TRY(heredoc.content, expand_text(heredoc.content));
    }
    return {};
  }
  Status operator()(Env& env) const { return pairs(env.variables); }
  Status operator()(Label& label) const { return pairs(label.labels); }
  Status operator()(Arg& arg) const {
    for (auto& [key, value] : arg.variables) {
      STRATA_CHECK(word(key));
      if (value) STRATA_CHECK(word(*value));
    }
    return {};
  }
  Status operator()(User& user) const { return word(user.user); }
  Status operator()(Volume& volume) const { return words(volume.paths); }
  Status operator()(Workdir& workdir) const { return word(workdir.path); }
  Status operator()(StopSignal& stop) const { return word(stop.signal); }
  template <typename T>
  Status operator()(T&) const {
    return {};
  }
};

}  // namespace

Status expand_instruction(InstructionBody& body, const ExpandWord& expand_word,
                          const ExpandWord& expand_text) {
  size_t total_bytes = 0;
  return std::visit(InPlace{expand_word, expand_text, total_bytes}, body);
}

}  // namespace strata::build
