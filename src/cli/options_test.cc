// SPDX-License-Identifier: Apache-2.0
// Expected texts are those of docker 20.10.24 for the same words, with its name changed to ours.
#include "cli/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "base/fs_at.h"
#include "cli/program.h"

namespace strata::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

struct Read {
  bool all = false;
  bool quiet = false;
  bool human = true;
  std::string format;
  std::vector<std::string> filters;
  std::vector<std::string> arguments;
  std::string error;
};

Read read(const std::vector<std::string>& words,
          Options::AtArgument at_argument = Options::AtArgument::kGoOn) {
  Read found;
  Options options;
  options.flag('a', "all", "", found.all);
  options.flag('q', "quiet", "", found.quiet);
  options.flag('H', "human", "", found.human);
  options.text(kNoShort, "format", "string", "", found.format);
  options.list('f', "filter", "filter", "", found.filters);
  Result<std::vector<std::string>> arguments = options.parse(words, at_argument);
  if (arguments.ok()) {
    found.arguments = *arguments;
  } else {
    found.error = arguments.error().message();
  }
  return found;
}

TEST(Options, ComeInEveryForm) {
  Read found = read({"-aq", "x", "--format={{.ID}}", "-f", "a=b", "-fc=d", "-f=e=f", "--filter",
                     "g=h", "-H=false", "y"});
  EXPECT_EQ(found.error, "");
  EXPECT_TRUE(found.all && found.quiet && !found.human);
  EXPECT_EQ(found.format, "{{.ID}}");
  EXPECT_THAT(found.filters, ElementsAre("a=b", "c=d", "e=f", "g=h"));
  EXPECT_THAT(found.arguments, ElementsAre("x", "y"));
}

TEST(Options, EmptyValuesAreValues) {
  Read found = read({"--format=", "x", "--filter", ""});
  EXPECT_EQ(found.error, "");
  EXPECT_THAT(found.filters, ElementsAre(""));
  EXPECT_THAT(found.arguments, ElementsAre("x"));
}

TEST(Options, TwoDashesEndThem) {
  EXPECT_THAT(read({"-a", "--", "-q", "--nope"}).arguments, ElementsAre("-q", "--nope"));
  EXPECT_THAT(read({"-"}).arguments, ElementsAre("-"));
}

TEST(Options, BeforeACommandTheyEndAtTheFirstArgument) {
  Read found = read({"-a", "images", "--nope"}, Options::AtArgument::kStop);
  EXPECT_TRUE(found.all);
  EXPECT_THAT(found.arguments, ElementsAre("images", "--nope"));
}

TEST(Options, RefusalsAreDockers) {
  EXPECT_EQ(read({"--foo"}).error, "unknown flag: --foo");
  EXPECT_EQ(read({"--foo=1"}).error, "unknown flag: --foo");
  EXPECT_EQ(read({"-z"}).error, "unknown shorthand flag: 'z' in -z");
  EXPECT_EQ(read({"-az"}).error, "unknown shorthand flag: 'z' in -z");
  EXPECT_EQ(read({"--filter"}).error, "flag needs an argument: --filter");
  EXPECT_EQ(read({"-qf"}).error, "flag needs an argument: 'f' in -f");
  EXPECT_EQ(read({"--all=foo"}).error,
            "invalid argument \"foo\" for \"-a, --all\" flag: strconv.ParseBool: parsing \"foo\": "
            "invalid syntax");
}

// The whole program, with its output in files.
struct Ran {
  int code;
  std::string out, err;
};

Ran run(const std::vector<std::string>& words) {
  auto temporary = [] { return open_path("/tmp", O_TMPFILE | O_RDWR, 0600).value(); };
  Fd out_file = temporary(), err_file = temporary();
  Ran ran;
  {
    Output out(out_file.get()), err(err_file.get(), Output::Hold::kAtOnce);
    ran.code = run_program(words, out, err);
  }
  for (auto [fd, text] :
       {std::pair(out_file.get(), &ran.out), std::pair(err_file.get(), &ran.err)}) {
    text->resize(64 * 1024);
    size_t size = pread_full(fd, std::as_writable_bytes(std::span(*text)), 0).value();
    text->resize(size);
  }
  return ran;
}

TEST(Program, WrongOptionsExitWith125) {
  Ran ran = run({"images", "--foo"});
  EXPECT_EQ(ran.code, 125);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, "unknown flag: --foo\nSee 'strata images --help'.\n");
  EXPECT_EQ(run({"image", "ls", "-f", "foo"}).err,
            "invalid argument \"foo\" for \"-f, --filter\" flag: bad format of filter (expected "
            "name=value)\nSee 'strata image ls --help'.\n");
  EXPECT_EQ(run({"--foo"}).code, 125);
  EXPECT_EQ(run({"--jobs", "0", "images"}).code, 125);
  EXPECT_EQ(run({"image", "--foo", "ls"}).code, 125);
}

TEST(Program, WrongNumberOfArgumentsExitsWith1) {
  Ran ran = run({"tag", "x"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err,
            "\"strata tag\" requires exactly 2 arguments.\nSee 'strata tag --help'.\n\n"
            "Usage:  strata tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]\n\n"
            "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE\n");
  EXPECT_THAT(run({"images", "a", "b"}).err,
              StartsWith("\"strata images\" requires at most 1 argument.\n"));
  EXPECT_THAT(run({"history"}).err,
              StartsWith("\"strata history\" requires exactly 1 argument.\n"));
  EXPECT_THAT(run({"rmi"}).err, StartsWith("\"strata rmi\" requires at least 1 argument.\n"));
  EXPECT_THAT(run({"image", "remove"}).err,
              StartsWith("\"strata image rm\" requires at least 1 argument.\n"));
  EXPECT_THAT(run({"load", "x"}).err, StartsWith("\"strata load\" accepts no arguments.\n"));
}

TEST(Program, UnknownCommandsExitWith1) {
  Ran ran = run({"nosuch"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err, "strata: 'nosuch' is not a strata command.\nSee 'strata --help'\n");
  EXPECT_EQ(run({"image", "nosuch"}).code, 1);
  EXPECT_THAT(run({"image", "nosuch"}).err, StartsWith("\nUsage:  strata image COMMAND\n"));
  EXPECT_EQ(run({"help", "nope"}).err, "unknown help topic: nope\n");
}

TEST(Program, HelpIsOnStandardOutput) {
  const Ran ran = run({"image", "rm", "--help"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out,
            "\nUsage:  strata image rm [OPTIONS] IMAGE [IMAGE...]\n\nRemove one or more images\n\n"
            "Aliases:\n  rm, rmi, remove\n\nOptions:\n"
            "  -f, --force      Force removal of the image\n"
            "      --no-prune   Do not delete untagged parents\n");
  EXPECT_EQ(run({"help", "image", "rm"}).out, ran.out);
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{}, {"--help"}, {"help"}, {"image", "--help"}}) {
    EXPECT_EQ(run(words).code, 0);
    EXPECT_THAT(run(words).out, HasSubstr("Usage:  strata"));
  }
}

TEST(Program, GlobalOptionsStandBeforeOrBehindTheCommand) {
  const std::string root = "/nonexistent-data-root";
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--root", root, "info"},
                                                {"info", "--root", root},
                                                {"system", "--root=" + root, "info"},
                                                {"system", "info", "--root", root}}) {
    EXPECT_THAT(run(words).out, HasSubstr("Root Dir: " + root + " (not there yet)\n"));
  }
}

TEST(Program, NumbersHaveTheirBounds) {
  EXPECT_EQ(run({"ps", "-n", "4294967296"}).err,
            "invalid argument \"4294967296\" for \"-n, --last\" flag: strconv.ParseUint: parsing "
            "\"4294967296\": value out of range\nSee 'strata ps --help'.\n");
  for (const std::string jobs : {"1025", "4294967296"}) {
    EXPECT_EQ(run({"--jobs", jobs, "info"}).err,
              "invalid argument \"" + jobs +
                  "\" for \"--jobs\" flag: must be at most 1024\nSee 'strata --help'.\n");
  }
  EXPECT_THAT(run({"--jobs", "0", "info"}).err, HasSubstr("must be at least 1"));
  EXPECT_THAT(run({"--jobs", "4x", "info"}).err, HasSubstr("\"4x\": invalid syntax"));
}

TEST(Program, ARootHasAName) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--root", "", "images"}, {"images", "--root="}}) {
    Ran ran = run(words);
    EXPECT_EQ(ran.code, 125);
    EXPECT_THAT(ran.err,
                HasSubstr("invalid argument \"\" for \"--root\" flag: must not be empty\n"));
  }
}

TEST(Program, ARootThatIsNotThereHasNoImages) {
  Ran ran = run({"--root", "/nonexistent-data-root", "images"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "REPOSITORY   TAG       IMAGE ID   CREATED   SIZE\n");
  EXPECT_EQ(run({"--root", "/nonexistent-data-root", "history", "x"}).code, 1);
}

TEST(Program, AFullOutputIsAnError) {
  Fd full = open_path("/dev/full", O_WRONLY).value();
  Fd err_file = open_path("/tmp", O_TMPFILE | O_RDWR, 0600).value();
  Output out(full.get()), err(err_file.get(), Output::Hold::kAtOnce);
  const std::vector<std::string> words{"--help"};
  EXPECT_EQ(run_program(words, out, err), 1);
  EXPECT_GT(stat_fd(err_file.get())->st_size, 0);
}

}  // namespace
}  // namespace strata::cli
