#pragma once

#include "runtime/providers/provider.hpp"

#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

namespace sandfleet::actors::testing {

/// A small provider in memory, for the real ports: `start` answers at once, after the failures that
/// it was told to make, or hangs until it is cancelled. Thread-safe.
class fake_provider final : public providers::provider,
                            public std::enable_shared_from_this<fake_provider> {
 public:
  // What the test sets before it begins.
  std::atomic<bool> hangs{false};
  std::atomic<bool> throws{false};
  std::atomic<bool> builds{false}; ///< `start` says that it builds an image first
  std::atomic<bool> stop_hangs{false};
  std::atomic<int> failures_to_come{0};
  std::atomic<bool> knows_others{false}; ///< `attach` finds any sandbox

  // What the test looks at.
  std::atomic<int> starts{0};
  std::atomic<int> stops{0};
  std::atomic<int> cancelled_starts{0};
  std::atomic<int> ended_waits{0};
  std::atomic<int> releases{0};
  [[nodiscard]] std::size_t alive() const;

  /// The sandbox ends although nobody asked.
  void end(const sandbox_id& id, providers::exit_report report);

  provider_name name() const override { return provider_name("fake"); }
  providers::capabilities can() const override { return {.pause = true, .survives_engine = false}; }
  boost::asio::awaitable<result<providers::instance>>
  start(providers::start_request request) override;
  boost::asio::awaitable<result<providers::exit_report>> wait(sandbox_id id) override;
  boost::asio::awaitable<result<providers::exit_report>>
  stop(providers::stop_request request) override;
  boost::asio::awaitable<result<providers::instance_state>> inspect(sandbox_id id) override;
  boost::asio::awaitable<result<void>> pause(sandbox_id id) override;
  boost::asio::awaitable<result<providers::instance>> resume(sandbox_id id) override;
  boost::asio::awaitable<result<providers::instance>> attach(sandbox_id id) override;
  boost::asio::awaitable<result<void>> keep(providers::keep_request request) override;
  boost::asio::awaitable<result<void>> release(sandbox_id id) override;
  boost::asio::awaitable<result<std::vector<sandbox_info>>> list() override;
  boost::asio::awaitable<result<providers::recovery_report>>
  recover(providers::recovery_mode mode) override;

 private:
  struct box {
    std::optional<providers::exit_report> ended;
    std::shared_ptr<boost::asio::steady_timer> waiting; ///< cancelled when it ends
  };

  mutable std::mutex mutex_;
  std::map<sandbox_id, box> boxes_;
};

} // namespace sandfleet::actors::testing
