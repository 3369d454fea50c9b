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
    std::string pattern = ::testing::TempDir() + "/strata-log-XXXXXX";
    file_ = Fd(::mkstemp(pattern.data()));
    EXPECT_TRUE(unlink_at(Fd(), pattern).ok());
  }
  const Fd& file() const { return file_; }
  void add(std::string_view text) { ASSERT_TRUE(write_all(file_.get(), as_bytes(text)).ok()); }
  void print(std::initializer_list<std::string_view> pieces) {
    LogSink sink(file_.get(), "stdout");
    for (std::string_view piece : pieces) ASSERT_TRUE(sink.write(as_bytes(piece)).ok());
    ASSERT_TRUE(sink.finish().ok());
  }
  std::vector<std::string> lines(uint64_t offset = 0) const {
    std::vector<std::string> all;
    EXPECT_TRUE(visit_log(file_, offset, [&](std::string_view line) -> Status {
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
  std::vector<std::string> tail(size_t count) const {
    Result<uint64_t> offset = offset_of_tail(file_, count);
    EXPECT_TRUE(offset.ok());
    return offset.ok() ? texts(*offset) : std::vector<std::string>();
  }

 private:
  Fd file_;
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
