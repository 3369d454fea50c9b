// SPDX-License-Identifier: Apache-2.0
// Sizes and ages in the words of docker's tables.
// Source:  the output of docker; FORMATS section 3. Threads: pure functions.
#pragma once

#include <chrono>
#include <string>

namespace strata::cli {

// Decimal units with that many significant digits: "1.98MB" (3: images, history), "2.059MB" (4: df,
// progress).
std::string human_size(double bytes, int digits = 4);
// Binary units: "23.54GiB" (info).
std::string binary_size(double bytes);
// "Less than a second", "5 seconds", "About a minute", "2 hours", "6 years".
std::string human_duration(std::chrono::seconds age);

}  // namespace strata::cli
