// SPDX-License-Identifier: Apache-2.0
#include "runtime/json_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace strata::runtime {
namespace {

using ::testing::ElementsAre;

// A log that goes away with the test.
class Log {
 public:
  Log() {
    path_ = ::testing::TempDir() + "/strata-log-XXXXXX";
    EXPECT_NE(::mkdtemp(path_.data()), nullptr);
    Result<Fd> folder = open_path(path_, O_RDONLY | O_DIRECTORY);
    EXPECT_TRUE(folder.ok());
    folder_ = std::move(*folder);
  }
  ~Log() { EXPECT_TRUE(remove_tree_at(Fd(), path_).ok()); }
  Log(const Log&) = delete;
  void limit(uint64_t max_bytes, unsigned max_files) { limits_ = {max_bytes, max_files}; }
  void add(std::string_view text) {
    Result<LogFile> file = LogFile::open(folder_, "log", limits_);
    ASSERT_TRUE(file.ok() && file->append(text).ok());
  }
  void print(std::initializer_list<std::string_view> pieces) {
    Result<LogFile> file = LogFile::open(folder_, "log", limits_);
    ASSERT_TRUE(file.ok());
    LogSink sink(*file, "stdout");
    for (std::string_view piece : pieces) ASSERT_TRUE(sink.write(as_bytes(piece)).ok());
    ASSERT_TRUE(sink.finish().ok());
  }
  std::vector<std::string> lines(uint64_t offset = 0) const {
    std::vector<std::string> all;
    EXPECT_TRUE(visit_log(newest(), offset, [&](std::string_view line) -> Status {
                  all.emplace_back(line);
                  return {};
                }).ok());
    return all;
  }
  std::vector<std::string> texts(uint64_t offset = 0) const {
    std::vector<std::string> all;
    for (const std::string& line : lines(offset)) all.push_back(parse_log_record(line)->text);
    return all;
  }
  // The texts of each file, oldest first.
  std::vector<std::vector<std::string>> files() const {
    std::vector<std::vector<std::string>> all;
    Result<std::vector<Fd>> files = open_log_files(folder_, "log", limits_.max_files);
    EXPECT_TRUE(files.ok());
    for (const Fd& file : *files) {
      uint64_t offset = 0;
      std::vector<std::string>& texts = all.emplace_back();
      EXPECT_TRUE(visit_log(file, offset, [&](std::string_view line) -> Status {
                    texts.push_back(parse_log_record(line)->text);
                    return {};
                  }).ok());
    }
    return all;
  }
  std::vector<std::string> tail(size_t count) const {
    Result<uint64_t> offset = offset_of_tail(newest(), count);
    EXPECT_TRUE(offset.ok());
    return offset.ok() ? texts(*offset) : std::vector<std::string>();
  }

 private:
  Fd newest() const {
    Result<Fd> file = open_at(folder_, "log", O_RDONLY);
    EXPECT_TRUE(file.ok());
    return std::move(*file);
  }
  std::string path_;
  Fd folder_;
  LogLimits limits_;
};

TEST(JsonLog, LinesAreRecordsWhereverThePiecesEnd) {
  Log log;
  log.print({"on", "e\ntwo", "\n", "\nthree"});
  EXPECT_THAT(log.texts(), ElementsAre("one\n", "two\n", "\n", "three"));
}

TEST(JsonLog, TextIsEscapedAndComesBack) {
  Log log;
  log.print({"a\"b\\c\t<&>\x01\n"});
  EXPECT_THAT(log.texts(), ElementsAre("a\"b\\c\t<&>\x01\n"));
  EXPECT_NE(log.lines()[0].find("\\u003c"), std::string::npos);
}

TEST(JsonLog, LongLinesAreCutAt16KiB) {
  Log log;
  log.print({std::string(20000, 'x') + "\n"});
  const auto texts = log.texts();
  ASSERT_EQ(texts.size(), 2u);
  EXPECT_EQ(texts[0].size(), 16384u);
  EXPECT_EQ(texts[0] + texts[1], std::string(20000, 'x') + "\n");
}

TEST(JsonLog, LineThatIsNotWholeIsLeftOut) {
  Log log;
  log.print({"one\n"});
  log.add(R"({"log":"tw)");
  EXPECT_EQ(log.texts().size(), 1u);
}

TEST(JsonLog, TailCountsWholeLines) {
  Log log;
  for (int i = 0; i < 3000; ++i) log.print({fmt::format("line {}\n", i)});
  EXPECT_THAT(log.tail(2), ElementsAre("line 2998\n", "line 2999\n"));
  EXPECT_TRUE(log.tail(0).empty());
  EXPECT_EQ(log.tail(2999).front(), "line 1\n");
  EXPECT_EQ(log.tail(5000).size(), 3000u);
}

TEST(JsonLog, FullFileIsRotatedAwayBeforeTheNextRecord) {
  Log log;
  log.limit(100, 3);  // two records fit
  for (int i = 1; i <= 9; ++i) log.print({fmt::format("{}\n", i)});
  EXPECT_THAT(log.files(), ElementsAre(ElementsAre("5\n", "6\n"), ElementsAre("7\n", "8\n"),
                                       ElementsAre("9\n")));
}

TEST(JsonLog, FullFileIsEmptiedWhenItIsTheOnlyOne) {
  Log log;
  log.limit(100, 1);
  for (int i = 1; i <= 5; ++i) log.print({fmt::format("{}\n", i)});
  EXPECT_THAT(log.files(), ElementsAre(ElementsAre("5\n")));
}

TEST(JsonLog, LimitsAreReadAsDockerWritesThem) {
  EXPECT_EQ(LogLimits::parse({{"max-size", "1.5k"}, {"max-file", "3"}})->max_bytes, 1500u);
  EXPECT_EQ(LogLimits::parse({{"max-size", "10MB"}})->max_bytes, 10'000'000u);
  EXPECT_FALSE(LogLimits::parse({{"max-size", "-1"}}).ok());
  EXPECT_FALSE(LogLimits::parse({{"max-size", "1x"}}).ok());
  EXPECT_FALSE(LogLimits::parse({{"max-file", "0"}}).ok());
  EXPECT_EQ(LogLimits::parse({{"odd", "1"}}).error().message(),
            "unknown log opt 'odd' for json-file log driver");
}

TEST(JsonLog, DamagedRecordsAreTold) {
  EXPECT_FALSE(parse_log_record("no json").ok());
  EXPECT_FALSE(parse_log_record("[]").ok());
  EXPECT_FALSE(
      parse_log_record(R"({"log":1,"stream":"stdout","time":"2026-01-01T00:00:00Z"})").ok());
  EXPECT_FALSE(parse_log_record(R"({"log":"x","stream":"stdout","time":"now"})").ok());
}

TEST(JsonLog, StandardErrorIsKnown) {
  EXPECT_TRUE(parse_log_record(R"({"log":"x\n","stream":"stderr","time":"2026-01-01T00:00:00.5Z"})")
                  ->is_error);
}

}  // namespace
}  // namespace strata::runtime
