#pragma once

#include "runtime/service/member.hpp"

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace sandfleet::service {

/// Ready sandboxes of some images that belong to nobody yet. Who takes one has it alone.
/// Thread-safe. Knows nothing of how they are started.
class warm_pool {
 public:
  explicit warm_pool(std::map<std::string, std::size_t> wanted) : wanted_(std::move(wanted)) {}

  /// The image of the pool that may serve a request for this one: itself or, of a provider whose
  /// image is not the client's to choose, the only one. Empty: none.
  [[nodiscard]] std::string image_for(const std::string& image, bool chosen_by_client) const;

  /// How many are to be started now, which are counted from here on.
  std::size_t claim_missing(const std::string& image);
  [[nodiscard]] bool has_room(const std::string& image) const;
  /// What became of one that was claimed, or was found after a restart (`claimed`: false).
  void has_come(const std::string& image, std::shared_ptr<member> one, bool claimed);
  void has_failed(const std::string& image);

  /// One that lives, which is then no more of the pool; null when there is none.
  std::shared_ptr<member> take(const std::string& image);
  /// Whether it was one of the pool's, and is no more: it has ended.
  bool drop(const std::shared_ptr<member>& one);

  [[nodiscard]] std::map<std::string, std::size_t> ready() const;
  [[nodiscard]] const std::map<std::string, std::size_t>& wanted() const { return wanted_; }

 private:
  const std::map<std::string, std::size_t> wanted_;
  mutable std::mutex mutex_;
  std::map<std::string, std::deque<std::shared_ptr<member>>> ready_;
  std::map<std::string, std::size_t> coming_;
};

} // namespace sandfleet::service
