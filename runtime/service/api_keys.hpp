#pragma once

#include <sandfleet/error.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::service {

/// What one API key may do. An empty one is not limited.
struct key_quota {
  std::optional<std::int64_t> max_sandboxes; ///< that live at once
  std::optional<std::int64_t> starts_per_minute;

  friend bool operator==(const key_quota&, const key_quota&) = default;
};

/// One API key, as its file gives it.
struct api_key {
  std::string name; ///< owns the sandboxes that are started with it
  std::string secret;
  key_quota quota;
};

/// Who may use the service. Thread-safe.
class api_keys {
 public:
  using clock = std::chrono::steady_clock;

  /// Errors: `invalid_configuration` for none, two with one name or secret, or a short secret.
  static result<api_keys> make(std::vector<api_key> keys);

  /// The name of the key's owner. Takes the same time whatever is wrong with it.
  [[nodiscard]] std::optional<std::string> owner_of(std::string_view secret) const;

  /// Counts a start of one who has `alive` sandboxes. `limit_exceeded`, with evidence
  /// "retry_after_s", beyond the quota.
  result<void> admit(const std::string& owner, std::int64_t alive, clock::time_point now);

 private:
  using digest = std::array<unsigned char, 32>;
  struct account {
    key_quota quota;
    std::deque<clock::time_point> starts; ///< of the last minute
  };

  static digest digest_of(std::string_view secret);

  std::map<digest, std::string> owners_; ///< looked up by the digest, which nobody can aim at
  std::shared_ptr<std::mutex> mutex_ = std::make_shared<std::mutex>();
  std::map<std::string, account> accounts_;
};

} // namespace sandfleet::service
