// SPDX-License-Identifier: Apache-2.0
// strike: runs a program and strikes it at one of its system calls that touch certain folders.
//
//   strike --below DIR... [--report FILE] [--do kill|ENOSPC|EDQUOT|EIO|EMFILE|EROFS] [--at N [--on]]
//          [--only NAME] -- PROGRAM [ARGUMENT...]
//
// With --only, calls of other programs that PROGRAM starts do not count.
// Without --at it strikes nothing and reports every call that it could have struck, a line each:
// "57 renameat2 root/strata/new -> root/image by strata". With it, at the N-th of these, counted over all
// threads and programs: `kill` ends all of them before the call; else this call fails with that
// error, with --on every one from there. The report is then the line of the call, "struck" before
// it, or "passed" and the count when there were fewer. The exit code is the program's, or 128 + its
// signal; 125 when it could not be traced.
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <map>

#include "base/fs_at.h"
#include "tracer.h"

namespace strata::crash {
namespace {

constexpr int kCannotTrace = 125;

struct Stroke {
  int error;       // 0: kill
  unsigned kinds;  // the calls that could fail so
};

const std::map<std::string, Stroke> kStrokes = {
    {"kill", {0, kChanges}},           {"ENOSPC", {ENOSPC, kGrows}}, {"EDQUOT", {EDQUOT, kGrows}},
    {"EIO", {EIO, kChanges | kReads}}, {"EMFILE", {EMFILE, kOpens}}, {"EROFS", {EROFS, kChanges}},
};

struct Options {
  std::vector<std::string> folders;
  std::string report_path = "/dev/stderr";
  std::string only;  // the program whose calls count; empty: all
  Stroke stroke = kStrokes.at("kill");
  uint64_t at = 0;
  bool on = false;
  std::vector<std::string> words;
};

Result<uint64_t> parse_number(const std::string& text) {
  uint64_t number = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure == std::errc() && end == text.data() + text.size()) return number;
  return error(ErrorCode::kInvalid, "\"{}\" is not a number", text);
}

Result<Options> parse(std::vector<std::string> words) {
  Options options;
  for (size_t i = 0; i < words.size(); ++i) {
    const bool last = i + 1 == words.size();
    if (words[i] == "--") {
      options.words.assign(words.begin() + static_cast<ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (words[i] == "--on") {
      options.on = true;
    } else if (words[i] == "--below" && !last) {
      options.folders.push_back(words[++i]);
    } else if (words[i] == "--report" && !last) {
      options.report_path = words[++i];
    } else if (words[i] == "--only" && !last) {
      options.only = words[++i];
    } else if (words[i] == "--at" && !last) {
      STRATA_TRY(options.at, parse_number(words[++i]));
    } else if (words[i] == "--do" && !last && kStrokes.contains(words[i + 1])) {
      options.stroke = kStrokes.at(words[++i]);
    } else {
      return error(ErrorCode::kInvalid, "unknown or incomplete option {}", words[i]);
    }
  }
  if (!options.words.empty() && !options.folders.empty()) return options;
  return error(ErrorCode::kInvalid, "a folder (--below) and a program (behind --) are expected");
}

// Counts the calls and says which is struck.
class Striker {
 public:
  explicit Striker(const Options& options) : options_(options) {}

  Verdict judge(const StoppedCall& stopped) {
    if ((kinds_of(stopped) & options_.stroke.kinds) == 0) return {};
    const std::string program = program_of(stopped.thread);
    if (!options_.only.empty() && program != options_.only) return {};
    std::optional<std::string> place = place_of(stopped, options_.folders);
    // What has no place counts from the first call that had one: the program has been loaded then.
    const bool has_none = stopped.call->target == Target::kNone;
    if (!place && !(has_none && count_ > 0)) return {};
    ++count_;
    const std::string line =
        fmt::format("{} {} {} by {}\n", count_, stopped.call->name, place.value_or("-"), program);
    if (options_.at == 0) report_ += line;
    if (options_.at == 0 || count_ < options_.at) return {};
    if (count_ == options_.at) report_ = "struck " + line;
    if (count_ > options_.at && !options_.on) return {};
    if (options_.stroke.error == 0) return {.act = Verdict::Act::kKill};
    return {.act = Verdict::Act::kFail, .error = options_.stroke.error};
  }

  std::string report() const {
    if (options_.at == 0 || count_ >= options_.at) return report_;
    return fmt::format("passed {}\n", count_);
  }

 private:
  const Options& options_;
  uint64_t count_ = 0;
  std::string report_;
};

Result<int> strike(const std::vector<std::string>& words) {
  STRATA_TRY(Options options, parse(words));
  for (std::string& folder : options.folders) {
    STRATA_TRY(folder, real_path(folder));
  }
  STRATA_TRY(Fd report, open_path(options.report_path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
  Striker striker(options);
  Tracer tracer(options.stroke.kinds, [&](const StoppedCall& call) { return striker.judge(call); });
  STRATA_TRY(int exit_code, tracer.run(options.words));
  STRATA_CHECK(write_all(report.get(), as_bytes(striker.report())));
  return exit_code;
}

}  // namespace
}  // namespace strata::crash

int main(int argc, char** argv) {
  auto done = strata::crash::strike(std::vector<std::string>(argv + 1, argv + argc));
  if (done.ok()) return *done;
  std::fprintf(stderr, "strike: %s\n", done.error().message().c_str());
  return strata::crash::kCannotTrace;
}
