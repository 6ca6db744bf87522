#pragma once

#include "runtime/journal/database.hpp"
#include "runtime/journal/sealer.hpp"

#include <sandfleet/error.hpp>
#include <sandfleet/ids.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sandfleet::journal {

using time_point = std::chrono::system_clock::time_point; ///< kept to the millisecond

/// A sandbox as its supervisor knows it.
struct sandbox_row {
  sandbox_id id;
  std::string session_id; ///< empty: none
  std::string owner;      ///< the name of the API key that asked for it
  provider_name provider;
  std::string image;
  std::string request;     ///< what it was asked for with, as JSON; sealed
  std::string session_key; ///< of its agent; sealed
  std::string state;       ///< as `to_string(sandbox_state)`
  std::string verdict;     ///< of its last failure, as JSON; empty: none
  std::int64_t restarts = 0;
  std::string restart_reasons; ///< a JSON array; empty: none
  time_point created;
  time_point used;                   ///< by a client, last; after `created`: it was ready
  std::optional<time_point> expires; ///< nothing: never
  std::optional<time_point> ended;   ///< nothing: it lives

  friend bool operator==(const sandbox_row&, const sandbox_row&) = default;
};

/// One change of state.
struct status_row {
  std::int64_t number = 0; ///< grows by one or more from row to row
  sandbox_id id;
  std::string from;
  std::string to;
  std::string verdict; ///< as JSON; empty: none
  time_point at;

  friend bool operator==(const status_row&, const status_row&) = default;
};

/// One change of state, and whose sandbox it was.
struct owned_status {
  status_row change;
  std::string session_id;
};

/// One action that a client named by an idempotency key.
struct action_row {
  sandbox_id id;
  std::string key;
  std::string method;
  std::string path;
  time_point begun;
  std::optional<time_point> ended; ///< nothing: it runs, or ran when its supervisor died
  std::int64_t status = 0;         ///< of the reply; 0 while there is none

  friend bool operator==(const action_row&, const action_row&) = default;
};

/// What `retain` keeps of what has ended.
struct retention {
  std::chrono::hours age{24 * 7};
  std::int64_t most_rows = 1'000'000; ///< of each table
};

/// What runs, and the history of its states: `journal.db` and its key in one directory. For one
/// thread at a time. Errors: those of `database` and `sealer`.
class store {
 public:
  static result<store> open(const std::string& directory);

  /// Adds a sandbox or replaces what is known of it.
  result<void> put(const sandbox_row& row);
  /// Notes a change of state in the history and in the sandbox's row, which may be missing.
  result<void> note(const status_row& row);
  result<void> touch(const sandbox_id& id, time_point used);
  result<void> begin(const action_row& row);
  result<void> end(const action_row& row);

  result<std::optional<sandbox_row>> find(const sandbox_id& id);
  /// Those that live, and with `ended` the others too, in the order of their making.
  result<std::vector<sandbox_row>> sandboxes(bool ended);
  /// What came after `number`, the oldest first; of one sandbox when `id` is not empty.
  result<std::vector<status_row>> history(const sandbox_id& id, std::int64_t number,
                                          std::int64_t limit);
  /// The same of the sandboxes of an owner.
  result<std::vector<owned_status>> history_of(const std::string& owner, const std::string& id,
                                               std::int64_t number, std::int64_t limit);
  /// The number of the last change; 0: there was none.
  result<std::int64_t> latest_status();
  result<std::optional<action_row>> action(const sandbox_id& id, const std::string& key);

  /// Forgets what has ended and is older, or more, than is to be kept; how many rows.
  result<std::int64_t> retain(const retention& what, time_point now);

 private:
  store(database db, sealer seals) : db_(std::move(db)), seals_(std::move(seals)) {}
  result<std::vector<sandbox_row>> read_sandboxes(std::string_view sql,
                                                  std::span<const column> values);

  database db_;
  sealer seals_;
};

} // namespace sandfleet::journal
