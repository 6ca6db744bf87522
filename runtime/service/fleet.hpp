#pragma once

#include "runtime/core/backoff.hpp"
#include "runtime/protocol/remote_api.hpp"
#include "runtime/service/api_keys.hpp"
#include "runtime/service/command.hpp"
#include "runtime/service/member.hpp"
#include "runtime/service/metrics.hpp"
#include "runtime/service/warm_pool.hpp"

#include <sandfleet/engine.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
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
  /// Of commands of clients that end; counted anew after one that ran for ten minutes.
  core::backoff_policy command_restarts{.base = std::chrono::milliseconds(500),
                                        .cap = std::chrono::milliseconds(30'000),
                                        .max_attempts = 6};
  /// Ready sandboxes that are kept in waiting, by their image.
  std::map<std::string, std::size_t> warm;
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
  fleet(engine& runtime, std::shared_ptr<api_keys> keys, fleet_settings settings,
        std::shared_ptr<metrics> counted);

  /// Takes up what runs of what the journal knows, begins again the starts that were cut short, and
  /// notes the end of the others. To be awaited before anything else is asked.
  boost::asio::awaitable<result<void>> recover();

  /// Begins a start, which then goes on by itself; for a session whose sandbox lives, that sandbox.
  /// `limit_exceeded` beyond the quota of the owner's key.
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
  [[nodiscard]] std::map<std::string, std::size_t> warm() const { return pool_.ready(); }
  /// How many there are of each status that clients are told.
  [[nodiscard]] std::map<std::string, std::int64_t> count() const;
  /// For requests that show the sandbox's own key instead: of whichever owner.
  [[nodiscard]] result<member_ptr> find(std::string_view id) const;
  /// Those that live, in the order of their making.
  [[nodiscard]] std::vector<member_ptr> of(const std::string& owner) const;

  /// The way to a sandbox's server; wakes one that is paused, waits for one that starts. `seen`
  /// says what became of an earlier way, of generation `used`. Errors: the sandbox's verdict;
  /// `sandbox_paused` where its key's policy leaves it so.
  boost::asio::awaitable<result<member_route>> way_to(member_ptr which, server_kind server,
                                                      std::uint64_t used, error seen);

  /// Notes an action that its client has named, and how it was answered. Nobody waits.
  void note_action(journal::action_row action);
  /// What the journal knows of it.
  boost::asio::awaitable<std::optional<journal::action_row>> action(sandbox_id id, std::string key);

  /// After the keys have changed.
  void policies_changed() { wake_watch(); }

  /// Ends what goes on beside requests. Sandboxes stay.
  void close();

 private:
  using self_ptr = std::shared_ptr<fleet>;

  journal::sandbox_row new_row(const std::string& owner,
                               const protocol::runtime_start& asked) const;
  result<void> admit(const std::string& owner, const protocol::runtime_start& asked) const;
  void add(const member_ptr& one);
  void begin_start(const member_ptr& one, sandbox_spec spec);
  void has_started(const member_ptr& one, sandbox box);
  void take_away(sandbox box);
  void on_status(const status_event& event);
  void conclude(const member_ptr& one, std::optional<error> why, sandbox_state state);
  /// The same of an end that the service brings about, and the engine knows nothing of.
  void conclude_aloud(const member_ptr& one, error why, sandbox_state state);
  void note(const member_ptr& one);
  void note_use(const member_ptr& one);

  static boost::asio::awaitable<result<void>> take_up(self_ptr self, journal::sandbox_row row,
                                                      bool runs);
  boost::asio::awaitable<void> take_up_all(std::vector<journal::sandbox_row> rows,
                                           std::map<std::string, bool>& runs);

  // Idle pause and times to live (watch.cpp).
  static boost::asio::awaitable<void> watch(std::weak_ptr<fleet> of,
                                            std::shared_ptr<boost::asio::steady_timer> timer);
  member::clock::time_point look_at_all();
  std::vector<member_ptr> living();
  void tidy_journal(member::clock::time_point now);
  static boost::asio::awaitable<void> pause_idle(self_ptr self, member_ptr one);
  static boost::asio::awaitable<void> end_old(self_ptr self, member_ptr one);
  void wake_watch();

  // Ready sandboxes that belong to nobody (warm.cpp).
  void refill();
  static boost::asio::awaitable<void> start_warm(self_ptr self, std::string image);
  result<sandbox_spec> specify_warm(const journal::sandbox_row& row) const;
  [[nodiscard]] std::string warm_image_for(const sandbox_spec& spec,
                                           const protocol::runtime_start& asked) const;
  void warm_failed(const member_ptr& one, error why);
  void warm_started(const member_ptr& one, sandbox box);
  void take_up_warm(const member_ptr& one, sandbox box);
  static boost::asio::awaitable<void> hand_over(self_ptr self, member_ptr one, sandbox box);

  // Commands of clients (command.cpp).
  static boost::asio::awaitable<result<void>> run_command(std::weak_ptr<fleet> of, member_ptr one);
  static boost::asio::awaitable<void> await_answer(std::weak_ptr<fleet> of, member_ptr one,
                                                   std::int64_t round);
  void end_failed_command(const member_ptr& one, const command_end& end);

  engine& engine_;
  std::shared_ptr<api_keys> keys_;
  fleet_settings settings_;
  std::shared_ptr<metrics> counted_;
  warm_pool pool_;
  std::atomic<member::clock::time_point> refill_at_{member::clock::time_point::max()};
  std::atomic<int> warm_failures_{0};
  subscription listening_;
  boost::asio::any_io_executor watch_strand_;
  std::shared_ptr<boost::asio::steady_timer> watch_timer_;
  member::clock::time_point tidy_at_; ///< for the watch alone
  std::atomic<bool> closed_{false};
  mutable std::mutex mutex_;
  std::unordered_map<std::string, member_ptr> by_id_;
  std::map<std::pair<std::string, std::string>, member_ptr> by_session_; ///< owner and session
};

} // namespace sandfleet::service
