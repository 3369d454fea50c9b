// SPDX-License-Identifier: Apache-2.0
// mode   = octal | clause { "," clause }
// clause = { "u" | "g" | "o" | "a" } step { step }
// step   = ( "+" | "-" | "=" ) { "r" | "w" | "x" | "X" | "s" | "t" | "u" | "g" | "o" }
// Source: chmod(1).
#include "build/mode_change.h"

#include <sys/stat.h>

#include <charconv>

namespace strata::build {
namespace {

constexpr mode_t kAll = 07777;
constexpr mode_t kUser = S_ISUID | S_ISVTX | S_IRWXU;
constexpr mode_t kGroup = S_ISGID | S_ISVTX | S_IRWXG;
constexpr mode_t kOther = S_ISVTX | S_IRWXO;
constexpr mode_t kRead = 0444, kWrite = 0222, kExecute = 0111;

Error invalid(std::string_view text) {
  return error(ErrorCode::kInvalid,
               "invalid chmod parameter: '{}'. it should be octal string and between 0 and 07777",
               text);
}

mode_t who_of(char letter) {
  switch (letter) {
    case 'u':
      return kUser;
    case 'g':
      return kGroup;
    case 'o':
      return kOther;
    case 'a':
      return kAll;
    default:
      return 0;
  }
}

}  // namespace

class ModeChange::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), rest_(text) {}

  Result<std::vector<Step>> run() {
    do {
      mode_t who = 0;
      for (; !rest_.empty() && who_of(rest_.front()) != 0; rest_.remove_prefix(1)) {
        who |= who_of(rest_.front());
      }
      if (who == 0) who = kAll;
      if (!at_action()) return invalid(text_);
      while (at_action()) add_step(who);
    } while (skip(','));
    if (!rest_.empty()) return invalid(text_);
    return std::move(steps_);
  }

 private:
  bool at_action() const {
    return !rest_.empty() && std::string_view("+-=").find(rest_.front()) != std::string_view::npos;
  }
  bool skip(char wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void add_step(mode_t who) {
    Step step{who, rest_.front()};
    rest_.remove_prefix(1);
    for (; !rest_.empty(); rest_.remove_prefix(1)) {
      switch (rest_.front()) {
        case 'r':
          step.bits |= kRead;
          break;
        case 'w':
          step.bits |= kWrite;
          break;
        case 'x':
          step.bits |= kExecute;
          break;
        case 'X':
          step.execute_if_any = true;
          break;
        case 's':
          step.bits |= S_ISUID | S_ISGID;
          break;
        case 't':
          step.bits |= S_ISVTX;
          break;
        case 'u':
          step.copied |= S_IRWXU;
          break;
        case 'g':
          step.copied |= S_IRWXG;
          break;
        case 'o':
          step.copied |= S_IRWXO;
          break;
        default:
          steps_.push_back(step);
          return;
      }
    }
    steps_.push_back(step);
  }

  const std::string_view text_;
  std::string_view rest_;
  std::vector<Step> steps_;
};

Result<ModeChange> ModeChange::parse(std::string_view text) {
  ModeChange change;
  unsigned octal = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), octal, 8);
  if (failure == std::errc() && end == text.data() + text.size()) {
    if (octal > kAll) return invalid(text);
    change.steps_.push_back({kAll, '=', octal});
    return change;
  }
  STRATA_TRY(change.steps_, Parser(text).run());
  return change;
}

mode_t ModeChange::apply(const Step& step, mode_t mode) const {
  mode_t bits = step.bits;
  if (step.execute_if_any && (S_ISDIR(mode) || (mode & kExecute) != 0)) bits |= kExecute;
  // The three bits of one class, put into all three places.
  for (const int shift : {0, 3, 6}) {
    if ((step.copied & (S_IRWXO << shift)) != 0) bits |= ((mode >> shift) & S_IRWXO) * 0111;
  }
  bits &= step.who;
  if (step.action == '+') return mode | bits;
  if (step.action == '-') return mode & ~bits;
  return (mode & ~step.who) | bits;
}

mode_t ModeChange::apply(mode_t mode) const {
  for (const Step& step : steps_) mode = apply(step, mode);
  return mode & kAll;
}

}  // namespace strata::build
