// SPDX-License-Identifier: Apache-2.0
#include "runtime/random_name.h"

#include <algorithm>
#include <array>

#include "hash/digest.h"

namespace strata::runtime {
namespace {

constexpr std::array kAdjectives = {
    "amber",  "ancient", "bold",   "brave",   "bright",  "brisk",  "calm",   "clear",
    "clever", "cosy",    "crisp",  "curious", "eager",   "early",  "even",   "fair",
    "fine",   "firm",    "fleet",  "fond",    "frank",   "fresh",  "gentle", "glad",
    "golden", "grand",   "green",  "happy",   "hardy",   "honest", "humble", "jolly",
    "keen",   "kind",    "lively", "loyal",   "lucid",   "mellow", "merry",  "mild",
    "modest", "neat",    "nimble", "noble",   "patient", "placid", "plain",  "polite",
    "proud",  "quick",   "quiet",  "rapid",   "ready",   "robust", "rustic", "serene",
    "sharp",  "silent",  "simple", "smooth",  "solid",   "spry",   "steady", "sunny"};
constexpr std::array kNouns = {
    "agate",  "alder",  "basalt",  "beacon", "birch",  "bluff",  "brook",   "canyon",
    "cedar",  "chalk",  "cliff",   "cloud",  "copper", "coral",  "crag",    "creek",
    "delta",  "dune",   "elm",     "fern",   "fjord",  "flint",  "gorge",   "granite",
    "grove",  "harbor", "hazel",   "heath",  "hill",   "island", "juniper", "lagoon",
    "larch",  "ledge",  "loam",    "maple",  "marble", "marsh",  "meadow",  "mesa",
    "moss",   "oak",    "onyx",    "opal",   "pebble", "pine",   "prairie", "quarry",
    "quartz", "reef",   "ridge",   "river",  "sand",   "shale",  "slate",   "spruce",
    "stream", "summit", "thicket", "topaz",  "tundra", "valley", "willow",  "zircon"};

unsigned random_number() { return static_cast<unsigned>(std::stoul(random_hex(4), nullptr, 16)); }

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

std::string random_container_name(unsigned attempt) {
  const unsigned number = random_number();
  std::string name = fmt::format("{}_{}", kAdjectives[number % kAdjectives.size()],
                                 kNouns[number / kAdjectives.size() % kNouns.size()]);
  return attempt == 0 ? name : name + std::to_string(random_number() % 10);
}

Status check_container_name(std::string_view name) {
  const bool fits = name.size() > 1 && is_letter_or_digit(name[0]) &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-';
                    });
  if (fits) return {};
  return error(ErrorCode::kInvalid,
               "Invalid container name ({}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name);
}

}  // namespace strata::runtime
