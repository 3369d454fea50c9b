// SPDX-License-Identifier: Apache-2.0
#include "cli/push_display.h"

#include <utility>

namespace strata::cli {

PushDisplay::PushDisplay(Context& context, Output& out, bool quiet)
    : context_(context),
      out_(out),
      quiet_(quiet),
      bars_(quiet || context.progress_mode() == ProgressMode::kPlain ? ProgressMode::kNone
                                                                     : context.progress_mode(),
            "Pushing", ProgressDisplay::to_descriptor(is_json() ? out.fd() : context.err().fd())) {}

void PushDisplay::say(std::string_view status, std::string_view id) {
  print(line_of(status, id));
  flush();
}

void PushDisplay::layers(const std::vector<DiffId>& top_first) {
  auto state = state_.lock();
  state->order = top_first;
  state->done.clear();
  state->printed = 0;
  for (const DiffId& layer : top_first) print(line_of("Preparing", layer.short_hex()));
  flush();
}

void PushDisplay::layer_advanced(const DiffId& layer, uint64_t bytes_done) {
  if (bytes_done == 0) return;
  if (state_.lock()->started.insert(layer).second) bars_.layer_started(layer, 0);
  bars_.layer_advanced(layer, bytes_done);
}

void PushDisplay::layer_done(const DiffId& layer, std::string_view status) {
  auto state = state_.lock();
  if (state->started.contains(layer)) bars_.layer_finished(layer);
  state->done[layer] = status;
  while (state->printed < state->order.size()) {
    const DiffId& next = state->order[state->printed];
    auto found = state->done.find(next);
    if (found == state->done.end()) break;
    state->held += line_of(found->second, next.short_hex());
    ++state->printed;
  }
  if (!bars_shown()) print(std::exchange(state->held, ""));
  flush();
}

void PushDisplay::tag_done(const std::string& tag, const Digest& digest, uint64_t size_bytes) {
  if (bars_shown()) bars_.close();
  print(std::exchange(state_.lock()->held, ""));
  say(fmt::format("{}: digest: {} size: {}", tag, digest, size_bytes));
  if (!is_json()) return;
  print(fmt::format(
      "{{\"progressDetail\":{{}},\"aux\":{{\"Tag\":\"{}\",\"Digest\":\"{}\",\"Size\":{}}}}}\n", tag,
      digest, size_bytes));
  flush();
}

void PushDisplay::note(const std::string& text) { context_.err().print("NOTE: " + text + "\n"); }

std::string PushDisplay::line_of(std::string_view status, std::string_view id) const {
  return status_line(context_.progress_mode(), status, id);
}

void PushDisplay::print(std::string_view text) {
  if (!quiet_) out_.print(text);
}

void PushDisplay::flush() { (void)out_.flush().ok(); }  // reported at the end

}  // namespace strata::cli
