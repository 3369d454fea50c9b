// SPDX-License-Identifier: Apache-2.0
#include "build/parser.h"

#include <gmock/gmock.h>

#include "build/mount.h"
#include "build/parser_dump.h"
#include "build/test_data.h"

namespace strata::build {
namespace {

using ::testing::ElementsAre;

TEST(DockerfileParser, RefusesWithDockersWords) {
  for (const auto& [text, expected] : test_pairs("errors.txt")) {
    const auto file = parse_dockerfile(text);
    EXPECT_EQ(file.ok() ? "read" : file.error().message(), expected) << text;
  }
}

TEST(DockerfileParser, ReadsEveryInstructionAndFlag) {
  const auto file = parse_dockerfile(test_data("good.Dockerfile"));
  ASSERT_TRUE(file.ok()) << file.error().message();
  EXPECT_EQ(dump(*file), test_data("good.tree"));
}

TEST(DockerfileParser, TakesEveryTruncationWithoutHarm) {
  const std::string text = test_data("good.Dockerfile");
  for (size_t length = 0; length < text.size(); ++length) {
    const auto file = parse_dockerfile(std::string_view(text).substr(0, length));
    if (file.ok()) {
      EXPECT_FALSE(file->stages.empty());
    } else {
      EXPECT_FALSE(file.error().message().empty());
    }
  }
}

// After a failure a file with one instruction of no use, so that the test goes on to its end.
Dockerfile parsed(std::string_view text) {
  auto file = parse_dockerfile(text);
  if (file.ok()) return std::move(*file);
  ADD_FAILURE() << file.error().message();
  Dockerfile none;
  none.directives.emplace_back();
  none.stages.emplace_back().instructions.emplace_back();
  return none;
}

TEST(DockerfileParser, LineEndsOfOtherSystemsAndByteOrderMarks) {
  const Dockerfile file =
      parsed("\xEF\xBB\xBF# escape=`\r\nFROM scratch\r\nLABEL a=b `\r\n c=d\r\n");
  ASSERT_EQ(file.stages.size(), 1u);
  ASSERT_EQ(file.stages[0].instructions.size(), 1u);
  EXPECT_EQ(file.stages[0].instructions[0].original, "LABEL a=b  c=d");
  EXPECT_EQ(file.stages[0].instructions[0].lines, (LineRange{3, 4}));
}

TEST(DockerfileParser, ADirectiveAfterAnythingElseIsAComment) {
  EXPECT_EQ(parsed("# hello\n# escape=`\nFROM scratch\n").escape, '\\');
  EXPECT_EQ(parsed("\n# escape=`\nFROM scratch\n").escape, '\\');
  EXPECT_EQ(parsed("#SYNTAX = x y\n#  Escape=`\nFROM scratch\n").escape, '`');
  EXPECT_EQ(parsed("#SYNTAX = x y \nFROM scratch\n").directives[0].value, "x y");
}

TEST(DockerfileParser, CommentsBetweenContinuedLinesAreDropped) {
  const Dockerfile file = parsed("FROM scratch\nLABEL a=b \\\n# x\n   # y\n\n  c=d\n");
  EXPECT_EQ(file.stages[0].instructions[0].original, "LABEL a=b   c=d");
  ASSERT_EQ(file.empty_continuations.size(), 1u);
  EXPECT_EQ(file.empty_continuations[0].lines, (LineRange{6, 6}));
}

TEST(DockerfileParser, FindsStagesByNameNumberAndOnlyBefore) {
  const Dockerfile file = parsed("FROM a AS One\nFROM b\nFROM c AS one\n");
  EXPECT_EQ(file.find_stage("ONE", 3), 2u);
  EXPECT_EQ(file.find_stage("one", 2), 0u);
  EXPECT_EQ(file.find_stage("1", 2), 1u);
  EXPECT_EQ(file.find_stage("1", 1), std::nullopt);
  EXPECT_EQ(file.find_stage("two", 3), std::nullopt);
  EXPECT_EQ(file.find_stage("", 3), std::nullopt);
}

TEST(DockerfileParser, TriggersKeepTheirHeredocs) {
  const Dockerfile file = parsed("FROM scratch\nONBUILD  RUN <<-E x\n\ta\n\tE\n");
  const auto& onbuild = std::get<Onbuild>(file.stages[0].instructions[0].body);
  EXPECT_EQ(onbuild.trigger, "RUN <<-E x\n\ta\nE");
  const auto trigger = parse_instruction(onbuild.trigger);
  ASSERT_TRUE(trigger.ok()) << trigger.error().message();
  EXPECT_EQ(std::get<build::Run>(trigger->body).command.heredocs[0].text(), "a\n");
}

TEST(DockerfileParser, AnOnbuildTriggerIsOneInstruction) {
  EXPECT_EQ(parse_instruction("RUN a\nRUN b").error().message(),
            "onbuild trigger should be a single expression");
  EXPECT_EQ(parse_instruction("FOO a").error().message(), "unknown instruction: FOO");
}

RunScript script_of(std::string_view run) {
  const Dockerfile file = parsed("FROM scratch\n" + std::string(run));
  auto script = run_script(std::get<build::Run>(file.stages[0].instructions[0].body));
  EXPECT_TRUE(script.ok());
  return script.ok() ? *script : RunScript{};
}

TEST(DockerfileParser, AHeredocAloneIsTheScript) {
  EXPECT_EQ(script_of("RUN <<EOF\necho $a\nEOF\n").text, "echo $a\n");
  EXPECT_EQ(script_of("RUN <<-EOF\n\techo\n\t\tb\n\tEOF\n").text, "echo\nb\n");
  const RunScript executed = script_of("RUN <<X\n#!/usr/bin/env python3\nX\n");
  EXPECT_EQ(executed.file_name, "X");
  EXPECT_EQ(executed.text, "#!/usr/bin/env python3\n");
  EXPECT_EQ(script_of("RUN cat <<A && cat 3<<'B'\na\nA\nb\nB\n").text,
            "cat <<A && cat 3<<'B'\na\nA\nb\nB");
}

TEST(DockerfileParser, ChangesTouchTheConfigOnly) {
  const std::vector<std::string> good{"ENV a=b", "cmd [\"x\"]"};
  ASSERT_TRUE(parse_changes(good).ok());
  EXPECT_EQ(parse_changes(good)->size(), 2u);
  const std::vector<std::string> none;
  EXPECT_TRUE(parse_changes(none)->empty());
  for (const std::string bad : {"RUN x", "copy a b", "SHELL [\"x\"]", "maintainer x", "FOO"}) {
    const std::vector<std::string> list{bad};
    const std::string word = bad == "RUN x"             ? "run"
                             : bad == "copy a b"        ? "copy"
                             : bad.starts_with("SHELL") ? "shell"
                             : bad == "FOO"             ? "foo"
                                                        : "maintainer";
    EXPECT_EQ(parse_changes(list).error().message(), word + " is not a valid change command");
  }
  const std::vector<std::string> wrong{"ENV a"};
  EXPECT_EQ(parse_changes(wrong).error().message(), "ENV must have two arguments");
}

TEST(RunMount, ReadsItsFieldsAndDefaults) {
  const auto cache =
      parse_mount("type=cache,dst=/c,id=x,sharing=Locked,mode=0750,uid=3,from=s,source=p");
  ASSERT_TRUE(cache.ok()) << cache.error().message();
  EXPECT_EQ(cache->type, Mount::Type::kCache);
  EXPECT_EQ(cache->sharing, Mount::Sharing::kLocked);
  EXPECT_EQ(cache->mode, 0750u);
  EXPECT_EQ(cache->uid, 3u);
  EXPECT_EQ(cache->gid, std::nullopt);
  EXPECT_FALSE(cache->read_only);
  EXPECT_EQ(cache->from, "s");
  EXPECT_TRUE(parse_mount("target=/x")->read_only);
  EXPECT_FALSE(parse_mount("target=/x,rw")->read_only);
  EXPECT_TRUE(parse_mount("target=/x,rw=false")->read_only);
  EXPECT_TRUE(parse_mount("type=cache,target=/x,ro")->read_only);
  EXPECT_FALSE(parse_mount("type=tmpfs,target=/x")->read_only);
  EXPECT_EQ(parse_mount("type=tmpfs,target=/x,size=1.5m")->size_limit_bytes, 1572864u);
  EXPECT_EQ(parse_mount("type=secret,id=a,env=A,required")->env, "A");
  EXPECT_TRUE(parse_mount("type=ssh,required=1")->required);
  EXPECT_EQ(parse_mount("\"target=/a,b\",type=bind")->target, "/a,b");
}

TEST(RunMount, ExpandsWhenTheStepRuns) {
  const ExpandWord expand = [](std::string_view word) -> Result<std::string> {
    return word == "$T" ? "cache" : word == "$U" ? "7" : std::string(word);
  };
  const std::string text = "type=$T,target=/x,uid=$U,sharing=private";
  ASSERT_TRUE(parse_mount(text).ok());
  const auto mount = parse_mount(text, expand);
  ASSERT_TRUE(mount.ok()) << mount.error().message();
  EXPECT_EQ(mount->type, Mount::Type::kCache);
  EXPECT_EQ(mount->uid, 7u);
  EXPECT_FALSE(parse_mount("target=/x,uid=$U", expand).ok());
}

}  // namespace
}  // namespace strata::build
