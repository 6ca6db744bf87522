#pragma once

#include "runtime/protocol/remote_api.hpp"
#include "runtime/providers/docker/removals.hpp"
#include "runtime/providers/registry.hpp"
#include "runtime/providers/remote/api.hpp"
#include "runtime/providers/remote/images.hpp"
#include "runtime/providers/remote/verdict.hpp"
#include "runtime/providers/remote_provider.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sandfleet::providers::remote {

/// What the sandboxes of one provider share.
struct shared_parts {
  remote_settings settings;
  std::shared_ptr<registry> entries;
  service_api service;
  std::shared_ptr<docker::removals> left; ///< what is to be stopped when the service can
  std::shared_ptr<image_builds> images;
};

/// Whether its sandbox is one of another service than this, so that nobody here may judge it.
[[nodiscard]] bool is_elsewhere(const sandbox_record& record, const std::string& service_url);

/// One sandbox: what the service calls it, and what it has told of it. Every member runs on
/// `strand`.
class box : public std::enable_shared_from_this<box> {
 public:
  box(boost::asio::any_io_executor strand, std::shared_ptr<const shared_parts> shared,
      sandbox_id id);

  [[nodiscard]] const boost::asio::any_io_executor& strand() const { return strand_; }
  [[nodiscard]] const sandbox_id& id() const { return id_; }

  /// Completes when the agent answers. After a failure or a cancellation nothing is left of what
  /// was made; a session's sandbox that was there before stays.
  boost::asio::awaitable<result<instance>> start(start_request request);
  /// Takes up a sandbox that the service knows. A failure changes nothing.
  boost::asio::awaitable<result<instance>> attach(registry_entry entry);
  boost::asio::awaitable<result<exit_report>> wait();
  boost::asio::awaitable<result<exit_report>> stop(std::chrono::milliseconds grace);
  boost::asio::awaitable<result<void>> pause();
  boost::asio::awaitable<result<instance>> resume();
  [[nodiscard]] boost::asio::awaitable<result<instance_state>> inspect();
  boost::asio::awaitable<result<void>> keep(std::chrono::milliseconds life);
  boost::asio::awaitable<result<void>> release();

  /// Takes it away when it is this program's own, with nobody waiting for that; forgets it
  /// otherwise.
  void abandon();

 private:
  using time_point = std::chrono::steady_clock::time_point;
  using runtime_object = protocol::runtime_object;
  enum class wake { changed, timed_out, cancelled };
  enum class standing { own, kept, foreign };
  /// `/start`, which goes on when nobody waits for it any more.
  struct flight {
    std::optional<result<runtime_object>> answer;
  };

  void describe(const sandbox_spec& spec);
  boost::asio::awaitable<result<void>> build_up(const start_request& request,
                                                protocol::runtime_start asked, time_point deadline);
  boost::asio::awaitable<result<std::string>> derive_image(const start_request& request,
                                                           std::string base);
  boost::asio::awaitable<result<bool>> take_up_session(const std::string& session,
                                                       time_point deadline);
  boost::asio::awaitable<result<void>> ask_for(protocol::runtime_start asked, time_point deadline);
  boost::asio::awaitable<result<runtime_object>> fly(protocol::runtime_start asked,
                                                     std::chrono::milliseconds patience);
  boost::asio::awaitable<result<void>> become_ready(time_point deadline);
  result<void> note(runtime_object told);
  boost::asio::awaitable<void> take_down();
  boost::asio::awaitable<result<void>> clear();
  boost::asio::awaitable<result<void>> find_what_was_made();
  void clear_later();
  boost::asio::awaitable<result<std::optional<runtime_object>>> ask(std::chrono::milliseconds time);
  boost::asio::awaitable<void> end(error why);
  boost::asio::awaitable<result<void>> live_for(std::chrono::milliseconds life);
  void finish(exit_report report);
  void forget_entry();
  void notify();
  boost::asio::awaitable<wake> next_change(time_point deadline);
  boost::asio::awaitable<bool> was_cancelled() const;
  [[nodiscard]] instance endpoint() const;
  [[nodiscard]] error ended() const;
  [[nodiscard]] const std::string& session() const;

  boost::asio::any_io_executor strand_;
  std::shared_ptr<const shared_parts> shared_;
  const service_api& service_;
  sandbox_id id_;
  std::string dir_;
  std::optional<file_lock> lease_;
  sandbox_record record_;
  runtime_object told_; ///< last
  transport::http_base way_;
  limits_report limits_;
  std::shared_ptr<flight> flight_;
  standing standing_ = standing::own;
  bool was_there_ = false; ///< before the start, by its session
  bool was_ready_ = false;
  bool paused_ = false;
  bool released_ = false;
  std::optional<exit_report> report_; ///< set when nothing is left
  std::vector<boost::asio::steady_timer*> waiting_;
};

} // namespace sandfleet::providers::remote
