#pragma once

#include "runtime/protocol/remote_api.hpp"
#include "runtime/service/member.hpp"
#include "runtime/service/metrics.hpp"

#include <sandfleet/engine.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sandfleet::service {

struct fleet_settings {
  sandbox_spec base; ///< what every sandbox has, unless its request says otherwise
};

using member_ptr = std::shared_ptr<member>;

/// Every sandbox that the service was asked for, by its id and by its session; what clients ask of
/// them, and what becomes of them when the service itself dies. A sandbox is in the journal before
/// it is anywhere else. Thread-safe. `owner` is the name of the key that asks: nobody sees
/// another's sandboxes. Errors: `not_found` (also for another owner's), `invalid_argument`, those
/// of the engine and of the journal.
class fleet : public std::enable_shared_from_this<fleet> {
 public:
  /// The engine must keep a journal (`settings::journal`) and its sandboxes
  /// (`settings::at_close`).
  fleet(engine& runtime, fleet_settings settings, std::shared_ptr<metrics> counted);

  /// Takes up what runs of what the journal knows, begins again the starts that were cut short, and
  /// notes the end of the others. To be awaited before anything else is asked.
  boost::asio::awaitable<result<void>> recover();

  /// Begins a start, which then goes on by itself; for a session whose sandbox lives, that sandbox.
  boost::asio::awaitable<result<member_ptr>> start(std::string owner,
                                                   protocol::runtime_start asked);
  /// Completes when nothing of it is left. Idempotent.
  boost::asio::awaitable<result<void>> stop(member_ptr which);
  boost::asio::awaitable<result<void>> pause(member_ptr which);
  /// Begins to; whoever uses it in the meantime waits.
  result<void> resume(const member_ptr& which);

  [[nodiscard]] result<member_ptr> find(const std::string& owner, std::string_view id) const;
  [[nodiscard]] result<member_ptr> find_session(const std::string& owner,
                                                const std::string& session) const;
  /// How many there are of each status that clients are told.
  [[nodiscard]] std::map<std::string, std::int64_t> count() const;
  /// For requests that show the sandbox's own key instead: of whichever owner.
  [[nodiscard]] result<member_ptr> find(std::string_view id) const;
  /// Those that live, in the order of their making.
  [[nodiscard]] std::vector<member_ptr> of(const std::string& owner) const;

  /// The way to a sandbox's agent; wakes one that is paused, waits for one that starts. `seen` says
  /// what became of an earlier way, of generation `used`. Errors: the sandbox's verdict.
  boost::asio::awaitable<result<member_route>> way_to(member_ptr which, std::uint64_t used,
                                                      error seen);

 private:
  using self_ptr = std::shared_ptr<fleet>;
  template <class T>
  boost::asio::awaitable<result<T>> in_journal(std::function<result<T>(journal::store&)> job);
  void add(const member_ptr& one);
  result<sandbox_spec> specify(const journal::sandbox_row& row,
                               const protocol::runtime_start& asked) const;
  void begin_start(const member_ptr& one, sandbox_spec spec);
  void take_away(sandbox box);
  void on_status(const status_event& event);
  void conclude(const member_ptr& one, std::optional<error> why);
  static boost::asio::awaitable<result<void>> take_up(self_ptr self, journal::sandbox_row row,
                                                      bool runs);

  engine& engine_;
  fleet_settings settings_;
  std::shared_ptr<metrics> counted_;
  subscription listening_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, member_ptr> by_id_;
  std::map<std::pair<std::string, std::string>, member_ptr> by_session_; ///< owner and session
};

} // namespace sandfleet::service
