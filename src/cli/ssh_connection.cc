// SPDX-License-Identifier: Apache-2.0
//   bootstrap = "strata-bootstrap " system " " machine LF    from there: what `uname -s -m` says
//               <the program's bytes>                        to there, as many as were announced
//               ( "strata-ready" | "strata-missing " text ) LF
// and then the greeting of wire.cc. Source: docs/formats/transfer.md, "Bootstrap".
#include "cli/ssh_connection.h"

#include <sys/utsname.h>

#include <charconv>
#include <cstdlib>
#include <sstream>
#include <vector>

#include "base/fs_at.h"

namespace strata::cli {
namespace {

constexpr std::string_view kBootstrap = "strata-bootstrap ";
constexpr std::string_view kReady = "strata-ready";
constexpr std::string_view kMissing = "strata-missing ";
constexpr size_t kBlockBytes = 64 * 1024;
constexpr int kNoProgram = 127;  // of a POSIX shell
constexpr int kNotExecutable = 126;
constexpr int kSshFailed = 255;
constexpr std::string_view kShellCharacters = "|&;<>()$`\\\"'\t\n*?[]{}!#~=%";
// Until the greeting. A connection may take two minutes to be made (TCP), and somebody two more to
// type a password (LoginGraceTime of sshd_config(5)): what is silent for longer is no strata.
constexpr std::chrono::seconds kPatience{300};

// $1: the size of the program; the rest: how to call it. The folder goes when the script ends; the
// program removes it before that. What ldd says goes back in one line.
constexpr std::string_view kScript = R"SH(
size=$1; shift
d=$(mktemp -d "${TMPDIR:-/tmp}/strata-XXXXXXXXXX") || exit 1
trap 'rm -rf "$d"' EXIT
trap 'exit 1' HUP INT TERM
echo "strata-bootstrap $(uname -s) $(uname -m)"
head -c "$size" >"$d/strata" || exit 1
[ "$(wc -c <"$d/strata")" -eq "$size" ] || exit 1
chmod 700 "$d/strata" || exit 1
if missing=$(LC_ALL=C ldd "$d/strata" 2>&1 | grep 'not found'); then
  echo "strata-missing $(echo "$missing" | tr '\t\n' ' ;')"
  exit 1
fi
echo strata-ready
"$d/strata" "$@" --bootstrapped "$d"
)SH";

Result<uint64_t> size_of_program(const Fd& program) {
  STRATA_TRY(struct stat info, stat_fd(program.get()));
  return static_cast<uint64_t>(info.st_size);
}

Result<Fd> open_program() { return open_path("/proc/self/exe", O_RDONLY); }

std::string machine_here() {
  utsname name{};
  return ::uname(&name) == 0 ? fmt::format("{} {}", name.sysname, name.machine) : "";
}

// With blanks between them, and nothing that a shell would make of them.
std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream blanks_between(text);
  for (std::string word; blanks_between >> word;) words.push_back(word);
  return words;
}

// What the other side's shell is given.
Result<std::string> command_there(const SshUrl& url, const SshOptions& options) {
  std::vector<std::string> words;
  if (!url.root.empty()) words = {"--root", url.root};
  words.insert(words.end(), {"system", "serve-stdio"});
  if (!options.bootstrap) {
    std::vector<std::string> program = words_of(options.program);
    if (program.empty()) return error(ErrorCode::kInvalid, "--remote-program names no program");
    words.insert(words.begin(), program.begin(), program.end());
    return quote_for_shell(words);
  }
  STRATA_TRY(Fd program, open_program());
  STRATA_TRY(uint64_t size_bytes, size_of_program(program));
  words.insert(words.begin(), {"sh", "-c", std::string(kScript), "sh", std::to_string(size_bytes)});
  return quote_for_shell(words);
}

std::chrono::seconds patience() {
  const char* text = std::getenv("STRATA_GREETING_SECONDS");
  const std::string_view digits = text == nullptr ? "" : text;
  unsigned seconds = 0;
  auto [end, failure] = std::from_chars(digits.begin(), digits.end(), seconds);
  if (failure != std::errc() || end != digits.end() || seconds == 0) return kPatience;
  return std::chrono::seconds(seconds);
}

// ssh, or what STRATA_SSH says. Without a shell between us where none is needed: what is killed is
// ssh then.
std::vector<std::string> ssh_words() {
  const char* text = std::getenv("STRATA_SSH");
  const std::string instead = text == nullptr ? "" : text;
  if (instead.find_first_of(kShellCharacters) != instead.npos) {
    return {"/bin/sh", "-c", fmt::format("{} \"$@\"", instead), instead};
  }
  std::vector<std::string> words = words_of(instead);
  if (words.empty()) words = {"ssh"};
  return words;
}

Result<Child> start_ssh(const SshUrl& url, const std::string& command) {
  std::vector<std::string> words = ssh_words();
  if (!url.port.empty()) words.insert(words.end(), {"-p", url.port});
  words.insert(words.end(), {url.destination, command});
  return Child::start(words).context("cannot start ssh (STRATA_SSH names another program)");
}

}  // namespace

Result<SshConnection> SshConnection::open(const SshUrl& url, const SshOptions& options,
                                          const Pool& pool) {
  STRATA_TRY(std::string command, command_there(url, options));
  STRATA_TRY(Child child, start_ssh(url, command));
  SshConnection connection(std::move(child), url);
  Status heard = connection.hear(options, pool);
  if (!heard.ok()) return connection.explain(std::move(heard).error(), options);
  Status greeted = connection.wire_->greet(STRATA_VERSION);
  if (!greeted.ok()) return connection.wire_->told_before_end(std::move(greeted).error());
  return connection;
}

Status SshConnection::hear(const SshOptions& options, const Pool& pool) {
  STRATA_TRY(archive::Wire wire, archive::Wire::open(child_->output().get(), child_->input().get(),
                                                     pool, url_.destination));
  wire_.emplace(std::move(wire));
  wire_->set_patience(patience());
  if (options.bootstrap) STRATA_CHECK(send_program());
  STRATA_CHECK(wire_->expect_greeting());
  wire_->set_patience(std::nullopt);  // unpacking a large layer may take its time
  return {};
}

Status SshConnection::send_program() {
  STRATA_TRY(std::string hello, wire_->read_line());
  if (!hello.starts_with(kBootstrap)) {
    return error(ErrorCode::kInvalid, "expected \"{}...\" from {}, found \"{}\"", kBootstrap,
                 url_.destination, hello.substr(0, 200));
  }
  std::string there = hello.substr(kBootstrap.size());
  if (there != machine_here()) {
    return error(ErrorCode::kUnsupported,
                 "{} is a {} machine, and this strata is for {}: install strata there",
                 url_.destination, there.substr(0, 60), machine_here());
  }
  STRATA_TRY(Fd program, open_program());
  STRATA_TRY(uint64_t rest, size_of_program(program));
  std::vector<std::byte> block(kBlockBytes);
  for (uint64_t at = 0; at < rest;) {
    STRATA_TRY(size_t count, pread_full(program.get(), block, at));
    if (count == 0) return error(ErrorCode::kIo, "this program has been cut short meanwhile");
    STRATA_CHECK(wire_->write_raw(ByteSpan(block).first(count)));
    at += count;
  }
  STRATA_TRY(std::string answer, wire_->read_line());
  if (answer == kReady) return {};
  if (!answer.starts_with(kMissing)) {
    return error(ErrorCode::kInvalid, "expected \"{}\" from {}, found \"{}\"", kReady,
                 url_.destination, answer.substr(0, 200));
  }
  return error(ErrorCode::kUnsupported,
               "{} lacks libraries that this strata needs: {} Install them there (Debian: the "
               "packages that strata's own depends on), or strata itself",
               url_.destination, answer.substr(kMissing.size()));
}

// When the program there has ended before it said anything, its exit code says more.
Error SshConnection::explain(Error error, const SshOptions& options) {
  if (error.code() == ErrorCode::kBusy) {
    child_->kill();
    return strata::error(ErrorCode::kIo,
                         "{}; expected the greeting of strata. Does \"ssh {} true\" end by itself, "
                         "without a question or a start-up file that waits? "
                         "STRATA_GREETING_SECONDS sets another limit",
                         error.message(), url_.destination);
  }
  bool silent = error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kIo;
  if (!silent) return error;
  const std::string& host = url_.destination;
  switch (int code = child_->wait()) {
    case kNoProgram:
      return strata::error(
          ErrorCode::kNotFound,
          "there is no program \"{}\" on {}. Install strata there, name its path with "
          "--remote-program, or add --bootstrap to copy this one there for the occasion",
          options.bootstrap ? "sh" : options.program, host);
    case kNotExecutable:
      return strata::error(ErrorCode::kPermission, "\"{}\" on {} cannot be run",
                           options.bootstrap ? "the copy of strata" : options.program, host);
    case kSshFailed:
      return strata::error(ErrorCode::kIo, "no connection to {}: ssh says why", host);
    default:
      return strata::error(
          ErrorCode::kIo,
          "the program on {} ended with exit code {} before it said what it is: is "
          "the strata there too old?",
          host, code);
  }
}

}  // namespace strata::cli
