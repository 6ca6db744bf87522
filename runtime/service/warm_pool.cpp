#include "runtime/service/warm_pool.hpp"

#include <algorithm>

namespace sandfleet::service {

std::string warm_pool::image_for(const std::string& image, bool chosen_by_client) const {
  if (wanted_.empty())
    return {};
  if (!chosen_by_client)
    return wanted_.begin()->first;
  return wanted_.contains(image) ? image : std::string();
}

bool warm_pool::has_room(const std::string& image) const {
  const auto target = wanted_.find(image);
  const std::lock_guard lock(mutex_);
  const auto line = ready_.find(image);
  return target != wanted_.end() && (line == ready_.end() || line->second.size() < target->second);
}

std::size_t warm_pool::claim_missing(const std::string& image) {
  const auto target = wanted_.find(image);
  if (target == wanted_.end())
    return 0;
  const std::lock_guard lock(mutex_);
  const auto there = ready_[image].size() + coming_[image];
  const auto missing = target->second > there ? target->second - there : 0;
  coming_[image] += missing;
  return missing;
}

void warm_pool::has_come(const std::string& image, std::shared_ptr<member> one, bool claimed) {
  const std::lock_guard lock(mutex_);
  if (claimed)
    --coming_[image];
  ready_[image].push_back(std::move(one));
}

void warm_pool::has_failed(const std::string& image) {
  const std::lock_guard lock(mutex_);
  --coming_[image];
}

std::shared_ptr<member> warm_pool::take(const std::string& image) {
  const std::lock_guard lock(mutex_);
  auto& line = ready_[image];
  while (!line.empty()) {
    auto first = std::move(line.front());
    line.pop_front();
    if (!first->has_ended())
      return first;
  }
  return nullptr;
}

bool warm_pool::drop(const std::shared_ptr<member>& one) {
  const std::lock_guard lock(mutex_);
  for (auto& [image, line] : ready_)
    if (const auto at = std::ranges::find(line, one); at != line.end()) {
      line.erase(at);
      return true;
    }
  return false;
}

std::map<std::string, std::size_t> warm_pool::ready() const {
  std::map<std::string, std::size_t> found;
  const std::lock_guard lock(mutex_);
  for (const auto& [image, target] : wanted_)
    found[image] = ready_.contains(image) ? ready_.at(image).size() : 0;
  return found;
}

} // namespace sandfleet::service
