#include "actors/turn_board.hpp"

namespace sandfleet::actors {

turn_board::shard& turn_board::shard_of(const sandbox_id& id) {
  return shards_[std::hash<sandbox_id>{}(id) % shard_count];
}

void turn_board::open(const sandbox_id& id) {
  auto& part = shard_of(id);
  const std::lock_guard lock(part.mutex);
  part.open.try_emplace(id);
}

void turn_board::close(const sandbox_id& id) {
  auto& part = shard_of(id);
  const std::lock_guard lock(part.mutex);
  part.open.erase(id);
}

std::shared_ptr<turn_gate> turn_board::find(const sandbox_id& id, const session_name& session) {
  auto& part = shard_of(id);
  const std::lock_guard lock(part.mutex);
  const auto found = part.open.find(id);
  if (found == part.open.end())
    return nullptr;
  auto& gate = found->second[session];
  if (!gate)
    gate = std::make_shared<turn_gate>();
  return gate;
}

} // namespace sandfleet::actors
