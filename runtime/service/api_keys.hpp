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

/// What sandboxes take, or may take.
struct resources {
  double cpus = 0;
  std::int64_t memory_mb = 0;
};

/// What one API key may do. An empty one is not limited.
struct key_quota {
  std::optional<std::int64_t> max_sandboxes; ///< that live at once
  std::optional<std::int64_t> starts_per_minute;
  std::optional<double> max_cpus;            ///< of all that live, by their limits
  std::optional<std::int64_t> max_memory_mb; ///< the same

  friend bool operator==(const key_quota&, const key_quota&) = default;
};

/// What becomes of the sandboxes of one API key.
struct key_policy {
  bool auto_resume = true;                          ///< a request to a paused one resumes it
  std::optional<std::chrono::seconds> idle_pause;   ///< without a request; empty: never
  std::optional<std::chrono::seconds> time_to_live; ///< from the start on; empty: without end

  friend bool operator==(const key_policy&, const key_policy&) = default;
};

/// One API key, as its file gives it.
struct api_key {
  std::string name; ///< owns the sandboxes that are started with it
  std::string secret;
  key_quota quota;
  key_policy policy;
};

/// Who may use the service. Thread-safe.
class api_keys {
 public:
  using clock = std::chrono::steady_clock;

  /// Errors: `invalid_configuration` for none, two with one name or secret, or a short secret.
  static result<std::shared_ptr<api_keys>> make(std::vector<api_key> keys);

  /// These from now on; the starts of names that stay are still counted. Errors as those of `make`,
  /// which change nothing.
  result<void> replace(std::vector<api_key> keys);

  /// The name of the key's owner. Takes the same time whatever is wrong with it.
  [[nodiscard]] std::optional<std::string> owner_of(std::string_view secret) const;
  [[nodiscard]] key_policy policy_of(const std::string& owner) const;
  /// Whether some key may take only so many processors, or so much memory.
  [[nodiscard]] bool limits_cpus() const;
  [[nodiscard]] bool limits_memory() const;

  /// Counts a start of one who has `alive` sandboxes, which take `taken`. `limit_exceeded`, with
  /// evidence "retry_after_s", beyond the quota.
  result<void> admit(const std::string& owner, std::int64_t alive, resources taken,
                     resources wanted, clock::time_point now);

 private:
  using digest = std::array<unsigned char, 32>;
  struct account {
    key_quota quota;
    key_policy policy;
    std::deque<clock::time_point> starts; ///< of the last minute
  };

  static digest digest_of(std::string_view secret);

  mutable std::mutex mutex_;
  std::map<digest, std::string> owners_; ///< looked up by the digest, which nobody can aim at
  std::map<std::string, account> accounts_;
};

} // namespace sandfleet::service
