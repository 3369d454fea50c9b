// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <gtest/gtest.h>

#include "cli/test_data.h"

namespace strata::cli {
namespace {

TEST(ProgressText, IsThatOfJsonmessage) {
  const boost::json::value all = expectations("progress.json");
  for (const boost::json::value& each : all.as_array()) {
    auto number = [&](const char* name) {
      return static_cast<uint64_t>(each.at(name).to_number<int64_t>());
    };
    EXPECT_EQ(progress_text(number("done"), number("total"), 200), text_of(each, "text"));
  }
}

TEST(ProgressText, HasNoBarOnANarrowScreen) {
  EXPECT_EQ(progress_text(1024, 2048, 110), " 1.024kB/2.048kB");
}

// A terminal of our own: keeps rows of text, understands what the display sends.
class Screen {
 public:
  explicit Screen(ScreenSize size) : size_(size), rows_(1) {}

  void write(std::string_view text) {
    for (size_t at = 0; at < text.size(); ++at) {
      if (text[at] == '\n') {
        if (++row_ == rows_.size()) rows_.emplace_back();
      } else if (text[at] == '\r') {
        column_ = 0;
      } else if (text[at] == '\x1b') {
        at = escape(text, at + 2);
      } else {
        rows_[row_].resize(std::max(rows_[row_].size(), column_ + 1), ' ');
        rows_[row_][column_++] = text[at];
        EXPECT_LE(column_, size_.columns) << "a line that wraps cannot be redrawn";
      }
    }
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> filled = rows_;
    while (!filled.empty() && filled.back().empty()) filled.pop_back();
    return filled;
  }
  ScreenSize size() const { return size_; }

 private:
  size_t escape(std::string_view text, size_t at) {
    size_t count = 0;
    while (text[at] >= '0' && text[at] <= '9') count = count * 10 + (text[at++] - '0');
    if (text[at] == 'A') {
      // The cursor stops at the top of what is visible; scrolled rows are out of reach.
      size_t top = rows_.size() > size_.rows ? rows_.size() - size_.rows : 0;
      EXPECT_LE(count, row_ - top) << "up beyond the top of the screen";
      row_ -= std::min(count, row_ - top);
    } else if (text[at] == 'K') {
      rows_[row_].clear();
    } else if (text[at] == 'J') {
      rows_.resize(row_ + 1);
      rows_[row_].resize(std::min(rows_[row_].size(), column_));
    }
    return at;
  }

  ScreenSize size_;
  std::vector<std::string> rows_;
  size_t row_ = 0;
  size_t column_ = 0;
};

DiffId layer(int number) { return DiffId(Digest::of(std::to_string(number))); }
std::string id(int number) { return layer(number).short_hex(); }

class ProgressTest : public ::testing::Test {
 protected:
  ProgressDisplay display(ProgressMode mode) {
    return ProgressDisplay(mode, "Loading layer",
                           {[this](std::string_view text) {
                              written += text;
                              if (written.find('\x1b') != written.npos) screen.write(text);
                            },
                            [this] { return screen.size(); },
                            [this] { return now += std::chrono::milliseconds(200); }});
  }
  std::string written;
  Screen screen{{200, 5}};
  std::chrono::steady_clock::time_point now{};
};

TEST_F(ProgressTest, TerminalRedrawsOneLineForEachLayer) {
  ProgressDisplay shown = display(ProgressMode::kTerminal);
  shown.layer_started(layer(1), 2048);
  shown.layer_started(layer(2), 1000);
  shown.layer_advanced(layer(2), 500);
  shown.layer_finished(layer(1));
  shown.layer_finished(layer(2));
  shown.close();
  std::vector<std::string> lines = screen.lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], id(1) + ": Loading layer [" + std::string(50, '=') + ">]  2.048kB/2.048kB");
  EXPECT_EQ(lines[1], id(2) + ": Loading layer [" + std::string(50, '=') + ">]      1kB/1kB");
}

TEST_F(ProgressTest, TerminalShowsAStreamUntilItsLayersAreKnown) {
  ProgressDisplay shown = display(ProgressMode::kTerminal);
  shown.archive_advanced(1000, 0);
  shown.archive_advanced(123'400'000, 0);
  EXPECT_EQ(screen.lines(), std::vector<std::string>{"Reading archive  123.4MB"});
  shown.layer_started(layer(1), 2000);
  shown.layer_finished(layer(1));
  EXPECT_EQ(screen.lines(), std::vector<std::string>{id(1) + ": Loading layer [" +
                                                     std::string(50, '=') + ">]      2kB/2kB"});
  shown.close();
  EXPECT_EQ(screen.lines().size(), 1u);
}

TEST_F(ProgressTest, NothingIsLeftOfAStreamWithoutNewLayers) {
  ProgressDisplay shown = display(ProgressMode::kTerminal);
  shown.archive_advanced(1000, 2000);
  EXPECT_TRUE(screen.lines().at(0).ends_with("1kB/2kB"));
  shown.close();
  EXPECT_TRUE(screen.lines().empty());
}

TEST_F(ProgressTest, MoreLayersThanTheScreenHasRowsAllEndUpInIt) {
  ProgressDisplay shown = display(ProgressMode::kTerminal);
  for (int i = 0; i < 20; ++i) shown.layer_started(layer(i), 1000);
  for (int i = 19; i >= 0; --i) {
    shown.layer_advanced(layer(i), 300);
    shown.layer_finished(layer(i));
  }
  shown.close();
  std::vector<std::string> lines = screen.lines();
  ASSERT_EQ(lines.size(), 20u);
  for (int i = 0; i < 20; ++i) {
    size_t found = 0;
    for (const std::string& line : lines) {
      found += line.starts_with(id(i)) && line.ends_with("1kB/1kB") ? 1 : 0;
    }
    EXPECT_EQ(found, 1u) << i;
  }
}

TEST_F(ProgressTest, NarrowTerminalCutsTheLine) {
  screen = Screen({20, 5});
  ProgressDisplay shown = display(ProgressMode::kTerminal);
  shown.layer_started(layer(1), 2048);
  shown.layer_finished(layer(1));
  shown.close();
  EXPECT_EQ(screen.lines(), std::vector<std::string>{(id(1) + ": Loading layer").substr(0, 19)});
}

TEST_F(ProgressTest, PlainHasOneLineWhenALayerIsDone) {
  ProgressDisplay shown = display(ProgressMode::kPlain);
  shown.layer_started(layer(1), 58440000);
  shown.layer_advanced(layer(1), 1000);
  shown.layer_finished(layer(1));
  shown.close();
  EXPECT_EQ(written, id(1) + ": Loading layer  58.44MB/58.44MB\n");
}

TEST_F(ProgressTest, PlainSaysNothingOfAStream) {
  ProgressDisplay shown = display(ProgressMode::kPlain);
  shown.archive_advanced(1000, 0);
  shown.close();
  EXPECT_EQ(written, "");
}

TEST_F(ProgressTest, JsonTellsHowFarAStreamIs) {
  ProgressDisplay shown = display(ProgressMode::kJson);
  shown.archive_advanced(2048, 0);
  EXPECT_EQ(written,
            "{\"status\":\"Reading archive\",\"progressDetail\":{\"current\":2048,\"total\":0},"
            "\"progress\":\" 2.048kB\"}\n");
}

TEST_F(ProgressTest, JsonIsTheStreamOfDockersApi) {
  ProgressDisplay shown = display(ProgressMode::kJson);
  shown.layer_started(layer(1), 2048);
  shown.layer_finished(layer(1));
  // FORMATS section 10, with the layer's own name.
  EXPECT_EQ(written,
            "{\"status\":\"Loading layer\",\"progressDetail\":{\"current\":2048,\"total\":2048},"
            "\"progress\":\"[==================================================\\u003e]  "
            "2.048kB/2.048kB\",\"id\":\"" +
                id(1) + "\"}\n");
}

TEST_F(ProgressTest, NoneWritesNothing) {
  ProgressDisplay shown = display(ProgressMode::kNone);
  shown.layer_started(layer(1), 2048);
  shown.layer_advanced(layer(1), 1000);
  shown.layer_finished(layer(1));
  shown.close();
  EXPECT_EQ(written, "");
}

}  // namespace
}  // namespace strata::cli
