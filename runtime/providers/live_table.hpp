#pragma once

#include "runtime/providers/provider.hpp"

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace sandfleet::providers {

/// The sandboxes that live, and the reports of those that did. Thread-safe.
template <class Box>
class live_table {
 public:
  bool add(std::shared_ptr<Box> made) {
    const std::lock_guard lock(mutex_);
    return live_.emplace(made->id(), made).second;
  }

  [[nodiscard]] std::shared_ptr<Box> find(const sandbox_id& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = live_.find(id);
    return found == live_.end() ? nullptr : found->second;
  }

  [[nodiscard]] std::optional<exit_report> report_of(const sandbox_id& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = reports_.find(id);
    if (found == reports_.end())
      return std::nullopt;
    return found->second;
  }

  void end(const sandbox_id& id, const exit_report& report) {
    const std::lock_guard lock(mutex_);
    live_.erase(id);
    if (!reports_.emplace(id, report).second)
      return;
    order_.push_back(id);
    if (order_.size() > max_reports) {
      reports_.erase(order_.front());
      order_.pop_front();
    }
  }

  void drop(const sandbox_id& id) {
    const std::lock_guard lock(mutex_);
    live_.erase(id);
  }

  [[nodiscard]] std::vector<std::shared_ptr<Box>> all() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Box>> boxes;
    for (const auto& [id, live] : live_)
      boxes.push_back(live);
    return boxes;
  }

 private:
  /// `stop` of a sandbox that is gone answers its report, for this many of them.
  static constexpr std::size_t max_reports = 4096;

  mutable std::mutex mutex_;
  std::map<sandbox_id, std::shared_ptr<Box>> live_;
  std::map<sandbox_id, exit_report> reports_;
  std::deque<sandbox_id> order_;
};

} // namespace sandfleet::providers
