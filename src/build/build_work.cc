// SPDX-License-Identifier: Apache-2.0
#include "build/build_work.h"

namespace strata::build {

void StageResults::set(size_t stage, StageImage image) {
  state_.lock()->images.insert_or_assign(stage, std::move(image));
  changed_.notify_all();
}

void StageResults::fail() {
  state_.lock()->failed = true;
  changed_.notify_all();
}

Result<StageImage> StageResults::wait(size_t stage) {
  auto locked = state_.lock();
  locked.wait(changed_, [&] { return locked->failed || locked->images.contains(stage); });
  if (locked->failed) return error(ErrorCode::kCancelled, "another stage has failed");
  return locked->images.at(stage);
}

bool SharedSteps::claim(const std::string& key, std::optional<StageImage>& image) {
  auto locked = steps_.lock();
  auto [step, is_new] = locked->try_emplace(key);
  if (is_new) return true;
  locked.wait(changed_, [&] { return step->second.done; });
  image = step->second.image;
  return false;
}

void SharedSteps::done(const std::string& key, std::optional<StageImage> image) {
  {
    auto locked = steps_.lock();
    Step& step = (*locked)[key];
    step.done = true;
    step.image = std::move(image);
  }
  changed_.notify_all();
}

oci::Time time_of_build(const BuildRequest& request) {
  if (!request.time.has_value()) return oci::current_time();
  oci::Time time;
  time.seconds = *request.time;
  return time;
}

}  // namespace strata::build
