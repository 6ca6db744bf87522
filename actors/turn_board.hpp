#pragma once

#include "actors/turn_gate.hpp"

#include <sandfleet/ids.hpp>

#include <memory>
#include <mutex>
#include <unordered_map>

namespace sandfleet::actors {

/// Finds the gate of a session without a message. Thread-safe. Split into shards, so that
/// sandboxes do not wait for each other.
class turn_board {
 public:
  /// The sandbox has turns to give from now on, until `close`.
  void open(const sandbox_id& id);
  void close(const sandbox_id& id);

  /// Null when the sandbox is not open.
  [[nodiscard]] std::shared_ptr<turn_gate> find(const sandbox_id& id, const session_name& session);

 private:
  using sessions = std::unordered_map<session_name, std::shared_ptr<turn_gate>>;

  struct shard {
    std::mutex mutex;
    std::unordered_map<sandbox_id, sessions> open;
  };

  shard& shard_of(const sandbox_id& id);

  static constexpr std::size_t shard_count = 16;
  shard shards_[shard_count];
};

} // namespace sandfleet::actors
