// SPDX-License-Identifier: Apache-2.0
// time = 4digit "-" 2digit "-" 2digit "T" 2digit ":" 2digit ":" 2digit
//        [ ("." | ",") 1*digit ] ( "Z" | ("+" | "-") 2digit ":" 2digit )
// Zones have no limit in Go: +25:00 is one.
// Source: RFC 3339; Go's time.Parse with the layout 2006-01-02T15:04:05Z07:00 (Go 1.19), whose
// errors quote the layout's element that could not be read.
#include "oci/go_time.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <limits>

#include "oci/json.h"

namespace strata::oci {
namespace {

constexpr int64_t kSecondsPerDay = 86400;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Days since 1970-01-01 of a date in the proleptic Gregorian calendar. Months are counted from
// March, so that the leap day is the last day of a year.
int64_t days_from_civil(int64_t year, int month, int day) {
  year -= month <= 2;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  int64_t year_of_era = year - era * 400;
  int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

struct Date {
  int64_t year;
  int month;
  int day;
};

Date civil_from_days(int64_t days) {
  days += 719468;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  int64_t day_of_era = days - era * 146097;
  int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t shifted = (5 * day_of_year + 2) / 153;
  int month = static_cast<int>(shifted < 10 ? shifted + 3 : shifted - 9);
  int day = static_cast<int>(day_of_year - (153 * shifted + 2) / 5 + 1);
  return {year_of_era + era * 400 + (month <= 2), month, day};
}

int days_in_month(int64_t year, int month) {
  static constexpr std::array kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[static_cast<size_t>(month) - 1];
}

std::string go_quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

// Reads the layout's elements one after the other; the first failure stays.
class TimeParser {
 public:
  TimeParser(std::string_view text, bool in_json)
      : quote_(in_json ? "\"" : ""), whole_(text), rest_(text) {}

  Result<Time> parse() {
    literal(quote_);
    int year = number(4, "2006");
    literal("-");
    int month = number(2, "01", 1, 12, "month");
    literal("-");
    int day = number(2, "02", 0, 31, "");
    literal("T");
    int hour = number(2, "15", 0, 23, "hour");
    literal(":");
    int minute = number(2, "04", 0, 59, "minute");
    literal(":");
    int second = number(2, "05", 0, 59, "second");
    int32_t nanoseconds = fraction();
    int32_t offset = zone();
    literal(quote_);
    if (problem_.empty() && !rest_.empty()) problem_ = ": extra text: " + go_quoted(rest_);
    if (problem_.empty() && (day < 1 || day > days_in_month(year, month))) {
      problem_ = ": day out of range";
    }
    if (!problem_.empty()) return failure();
    int64_t seconds = days_from_civil(year, month, day) * kSecondsPerDay + hour * 3600 +
                      minute * 60 + second - offset;
    return Time{seconds, nanoseconds, offset};
  }

 private:
  void cannot_parse(std::string_view element) {
    if (!problem_.empty()) return;
    problem_ = fmt::format(": cannot parse {} as {}", go_quoted(rest_), go_quoted(element));
  }

  void literal(std::string_view text) {
    if (!problem_.empty()) return;
    if (!rest_.starts_with(text)) return cannot_parse(text);
    rest_.remove_prefix(text.size());
  }

  int number(size_t digits, std::string_view element, int low = 0, int high = 9999,
             std::string_view what = "") {
    if (!problem_.empty()) return low;
    bool good = rest_.size() >= digits;
    for (size_t i = 0; good && i < digits; ++i) good = is_digit(rest_[i]);
    if (!good) {
      cannot_parse(element);
      return low;
    }
    int value = 0;
    for (char c : rest_.substr(0, digits)) value = value * 10 + (c - '0');
    rest_.remove_prefix(digits);
    if (!what.empty() && (value < low || value > high)) {
      problem_ = fmt::format(": {} out of range", what);
    }
    return value;
  }

  int32_t fraction() {
    bool present = rest_.size() >= 2 && (rest_[0] == '.' || rest_[0] == ',') && is_digit(rest_[1]);
    if (!problem_.empty() || !present) return 0;
    rest_.remove_prefix(1);
    int32_t value = 0;
    size_t digits = 0;
    for (; digits < rest_.size() && is_digit(rest_[digits]); ++digits) {
      if (digits < 9) value = value * 10 + (rest_[digits] - '0');
    }
    for (size_t i = digits; i < 9; ++i) value *= 10;
    rest_.remove_prefix(digits);
    return value;
  }

  int32_t zone() {
    constexpr std::string_view kElement = "Z07:00";
    if (!problem_.empty()) return 0;
    if (rest_.starts_with('Z')) {
      rest_.remove_prefix(1);
      return 0;
    }
    bool good = rest_.size() >= 6 && (rest_[0] == '+' || rest_[0] == '-') && rest_[3] == ':';
    for (size_t i : {1, 2, 4, 5}) good = good && is_digit(rest_[i]);
    if (!good) {
      cannot_parse(kElement);
      return 0;
    }
    int hours = (rest_[1] - '0') * 10 + (rest_[2] - '0');
    int minutes = (rest_[4] - '0') * 10 + (rest_[5] - '0');
    int sign = rest_[0] == '-' ? -1 : 1;
    rest_.remove_prefix(6);
    return sign * (hours * 3600 + minutes * 60);
  }

  Error failure() const {
    bool ranged = problem_.ends_with("out of range") || problem_.starts_with(": extra text");
    std::string subject = fmt::format("parsing time {}", go_quoted(whole_));
    if (!ranged) {
      subject += " as " + go_quoted(fmt::format("{}2006-01-02T15:04:05Z07:00{}", quote_, quote_));
    }
    return Error(ErrorCode::kInvalid, subject + problem_);
  }

  std::string_view quote_;
  std::string_view whole_;
  std::string_view rest_;
  std::string problem_;
};

}  // namespace

Result<Time> parse_time(std::string_view text) { return TimeParser(text, false).parse(); }
Result<Time> parse_json_time(std::string_view json) { return TimeParser(json, true).parse(); }

std::string format_time(const Time& time) {
  int64_t local = time.seconds + time.offset_seconds;
  int64_t days = local / kSecondsPerDay - (local % kSecondsPerDay < 0);
  int64_t second_of_day = local - days * kSecondsPerDay;
  Date date = civil_from_days(days);
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", date.year, date.month, date.day,
                  second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
  if (time.nanoseconds != 0) {
    std::string digits = fmt::format(".{:09}", time.nanoseconds);
    text += digits.substr(0, digits.find_last_not_of('0') + 1);
  }
  if (time.offset_seconds == 0) return text + "Z";
  int32_t minutes = std::abs(time.offset_seconds) / 60;
  return text + fmt::format("{}{:02}:{:02}", time.offset_seconds < 0 ? '-' : '+', minutes / 60,
                            minutes % 60);
}

int64_t file_seconds(const Time& time) {
  constexpr int64_t kPerSecond = 1'000'000'000;
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const Time last{kMost / kPerSecond, static_cast<int32_t>(kMost % kPerSecond), 0};
  return time.seconds < 0 || time > last ? 0 : time.seconds;
}

Time current_time() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return {now.tv_sec, static_cast<int32_t>(now.tv_nsec), 0};
}

}  // namespace strata::oci
