#pragma once

#include "runtime/providers/local/launcher_event.hpp"
#include "runtime/providers/local/launcher_link.hpp"
#include "runtime/providers/local/remains.hpp"
#include "runtime/providers/local/verdict.hpp"
#include "runtime/providers/local_provider.hpp"
#include "runtime/providers/provider.hpp"
#include "runtime/providers/registry.hpp"
#include "runtime/transport/blocking_pool.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sandfleet::providers::local {

inline constexpr std::size_t cleaner_threads = 2;

/// What the sandboxes of one provider share.
struct shared_parts {
  local_settings settings;
  std::shared_ptr<registry> entries;
  std::shared_ptr<transport::blocking_pool> cleaners =
      std::make_shared<transport::blocking_pool>(cleaner_threads);
};

/// One sandbox: its launcher process, and what that has said so far. Every member runs on `strand`.
class box : public std::enable_shared_from_this<box> {
 public:
  box(boost::asio::any_io_executor strand, std::shared_ptr<const shared_parts> shared,
      sandbox_id id);

  [[nodiscard]] const boost::asio::any_io_executor& strand() const { return strand_; }
  [[nodiscard]] const sandbox_id& id() const { return id_; }

  /// Completes when the agent is ready. After a failure or a cancellation nothing is left.
  boost::asio::awaitable<result<instance>> start(std::shared_ptr<const sandbox_spec> spec);
  /// Takes up a sandbox that stands, started by whomever. A failure changes nothing.
  boost::asio::awaitable<result<instance>> attach(registry_entry entry);
  boost::asio::awaitable<result<exit_report>> wait();
  boost::asio::awaitable<result<exit_report>> stop(std::chrono::milliseconds grace);
  boost::asio::awaitable<result<void>> set_paused(bool paused);
  boost::asio::awaitable<result<void>> pause() { return set_paused(true); }
  boost::asio::awaitable<result<instance>> resume();
  [[nodiscard]] boost::asio::awaitable<result<instance_state>> inspect();
  /// From now on it lives by its launcher, for so long; 0: without end.
  boost::asio::awaitable<result<void>> keep(std::chrono::milliseconds life);
  /// Forgets it, which must not be this program's own.
  boost::asio::awaitable<result<void>> release();

  /// Ends it at once when it is this program's own, with nobody waiting for that; forgets it
  /// otherwise.
  void abandon();

  [[nodiscard]] bool can_pause() const { return can_pause_; }

 private:
  using time_point = std::chrono::steady_clock::time_point;
  enum class wake { changed, timed_out, cancelled };
  enum class standing { own, kept, foreign };

  result<void> launch(const sandbox_spec& spec);
  result<void> connect();
  void describe(const sandbox_spec& spec);
  boost::asio::awaitable<void> supervise();
  boost::asio::awaitable<wake> next_change(time_point deadline);
  boost::asio::awaitable<bool> ended_by(time_point deadline);
  boost::asio::awaitable<void> end_now();
  void notify();
  void on_line(std::string_view line);
  void finish(std::optional<int> launcher_status, removal removed);
  [[nodiscard]] remains left_over() const;
  /// Until its end, by its launcher.
  [[nodiscard]] bool was_looked_after() const { return facts_.exited || facts_.failed; }
  [[nodiscard]] instance endpoint() const;

  boost::asio::any_io_executor strand_;
  std::shared_ptr<const shared_parts> shared_;
  sandbox_id id_;
  std::string dir_;
  std::string session_key_;
  sandbox_record record_;
  std::unique_ptr<launcher_link> link_;
  standing standing_ = standing::own;
  bool released_ = false;
  bool kept_told_ = false;
  end_facts facts_;
  limits_report limits_;
  bool can_pause_ = false;
  bool paused_ = false;
  std::optional<std::string> refusal_; ///< of the last command
  std::optional<exit_report> report_;  ///< set at the end
  std::vector<boost::asio::steady_timer*> waiting_;
};

} // namespace sandfleet::providers::local
