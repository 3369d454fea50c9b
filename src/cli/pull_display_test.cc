// SPDX-License-Identifier: Apache-2.0
// What pull shows. The lines are those that docker 20.10 printed for the same pull.
#include "cli/pull_display.h"

#include <gtest/gtest.h>

namespace strata::cli {
namespace {

class PullDisplayTest : public ::testing::Test {
 protected:
  PullDisplay display(ProgressMode mode, size_t columns = 80) {
    return PullDisplay(mode, {[this](std::string_view text) { shown += text; },
                              [columns] {
                                return ScreenSize{columns, 24};
                              },
                              [this] { return now += std::chrono::seconds(1); }});
  }
  // A layer that is here, and one that comes in two parts.
  void pull(PullDisplay& watcher) const {
    watcher.pull_started("1", "t/run");
    watcher.layer_listed(base, true);
    watcher.layer_listed(top, false);
    watcher.blob_arrived(top, 1'000'000, 4'000'000);
    watcher.blob_read(top, 500'000, 4'000'000);
    watcher.blob_arrived(top, 4'000'000, 4'000'000);
    watcher.blob_read(top, 4'000'000, 4'000'000);
    watcher.blob_verified(top);
    watcher.layer_unpacked(top);
    watcher.blob_arrived(top, 4'000'000, 4'000'000);  // told late
    watcher.close();
  }

  const Digest base = *Digest::parse_hex("50d06eb0d79c" + std::string(52, '0'));
  const Digest top = *Digest::parse_hex("4f4fb700ef54" + std::string(52, '0'));
  std::string shown;
  std::chrono::steady_clock::time_point now{};
};

TEST_F(PullDisplayTest, PlainHasALineForEachStateThatHasNoBar) {
  PullDisplay watcher = display(ProgressMode::kPlain);
  pull(watcher);
  EXPECT_EQ(shown,
            "1: Pulling from t/run\n"
            "50d06eb0d79c: Already exists\n"
            "4f4fb700ef54: Pulling fs layer\n"
            "4f4fb700ef54: Verifying Checksum\n"
            "4f4fb700ef54: Download complete\n"
            "4f4fb700ef54: Pull complete\n");
}

TEST_F(PullDisplayTest, QuietShowsNothing) {
  PullDisplay watcher = display(ProgressMode::kNone);
  pull(watcher);
  EXPECT_EQ(shown, "");
}

TEST_F(PullDisplayTest, TerminalDrawsBarsAndEndsBelowTheLastLine) {
  PullDisplay watcher = display(ProgressMode::kTerminal, 130);
  pull(watcher);
  EXPECT_NE(shown.find("4f4fb700ef54: Downloading [============>"), std::string::npos) << shown;
  EXPECT_NE(shown.find("1MB/4MB"), std::string::npos);
  EXPECT_NE(shown.find("4f4fb700ef54: Extracting ["), std::string::npos);
  std::string end = "\x1b[2K4f4fb700ef54: Pull complete\r\n\x1b[0J";
  ASSERT_GE(shown.size(), end.size());
  EXPECT_EQ(shown.substr(shown.size() - end.size()), end);
}

TEST_F(PullDisplayTest, JsonIsThatOfDockersApi) {
  PullDisplay watcher = display(ProgressMode::kJson);
  pull(watcher);
  EXPECT_NE(shown.find(R"({"status":"Pulling from t/run","id":"1"})"), std::string::npos);
  EXPECT_NE(shown.find(R"({"status":"Already exists","progressDetail":{},"id":"50d06eb0d79c"})"),
            std::string::npos);
  EXPECT_NE(
      shown.find(R"({"status":"Downloading","progressDetail":{"current":1000000,"total":4000000},)"
                 R"("progress":"[============\u003e)"),
      std::string::npos)
      << shown;
}

TEST_F(PullDisplayTest, ABlobOfTwoLayersIsTwoLines) {
  PullDisplay watcher = display(ProgressMode::kPlain);
  watcher.layer_listed(top, false);
  watcher.layer_listed(top, false);
  watcher.blob_verified(top);
  watcher.layer_unpacked(top);
  shown.clear();
  watcher.layer_unpacked(top);
  EXPECT_EQ(shown, "4f4fb700ef54: Pull complete\n");
}

}  // namespace
}  // namespace strata::cli
