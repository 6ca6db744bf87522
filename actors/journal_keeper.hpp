#pragma once

#include "actors/protocols.hpp"

#include <memory>

namespace sandfleet::actors {

/// Owns the journal, on a thread of its own, because SQLite blocks.
class journal_keeper_state {
 public:
  static inline const char* name = "journal";

  std::unique_ptr<journal::store> store;
};

/// Ends when `last`, behind whom nobody has anything to note, has ended.
journal_actor::behavior_type
journal_keeper(journal_actor::stateful_pointer<journal_keeper_state> self,
               std::shared_ptr<std::unique_ptr<journal::store>> store, caf::strong_actor_ptr last);

} // namespace sandfleet::actors
