#pragma once

#include "runtime/protocol/action.hpp"
#include "sandbox_agent/bash/turn_queue.hpp"
#include "sandbox_agent/exec/bell.hpp"
#include "sandbox_agent/exec/one_shot.hpp"
#include "sandbox_agent/files/file_actions.hpp"
#include "sandbox_agent/sessions.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace sandfleet::agent {

/// One action under way or answered, for as many clients as wait for it.
class action_job {
 public:
  static constexpr std::size_t max_held_output = std::size_t{1} << 20; ///< bytes

  /// `streams`: what is printed is held for those who want it before the end.
  action_job(const boost::asio::any_io_executor& executor, bool streams)
      : news_(executor), streams_(streams) {}

  [[nodiscard]] bool streams() const { return streams_; }
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] int status() const { return status_; } ///< of HTTP, once done
  [[nodiscard]] const std::string& body() const { return body_; }
  [[nodiscard]] std::size_t held_bytes() const { return body_.size() + output_.size(); }

  /// Completes at the end, or when the waiting is cancelled.
  boost::asio::awaitable<void> answered();
  /// Completes at the end or when more was printed, at once where that has happened since
  /// `seen`, or when the waiting is cancelled.
  boost::asio::awaitable<void> changed(std::uint64_t seen);

  /// What was printed from offset `seen` on, which is moved to the end. Of an output that nobody
  /// takes the last `max_held_output` bytes are held: `lost` is what is missing before them.
  [[nodiscard]] std::string take_output(std::uint64_t& seen, std::uint64_t& lost) const;

  void printed(std::string_view bytes);
  void finish(int status, std::string body);

 private:
  bell news_;
  bool streams_;
  std::string output_;
  std::uint64_t output_end_ = 0;
  int status_ = 0;
  std::string body_;
  bool done_ = false;
};

/// Performs actions: those of one session one at a time, in the order of their arrival, those of
/// different sessions side by side. An action goes on when its client has gone, and nobody else
/// gets its answer, but for who sends it again with the same idempotency key. For one thread.
class action_jobs {
 public:
  static constexpr std::size_t max_key = 255;                          ///< bytes
  static constexpr std::size_t max_kept = 4096;                        ///< answers with a key
  static constexpr std::size_t max_kept_bytes = std::size_t{64} << 20; ///< of them

  /// `lint_with`: how the linters of what is edited are started; null: nothing is linted.
  action_jobs(boost::asio::any_io_executor executor, sessions& shells,
              files::file_actions& file_actions, const one_shot_settings* lint_with = nullptr);

  /// The job of this key, or a new one. `request`: the body, which must be the one that came with
  /// the key before, else `invalid_argument`. An empty key is none.
  result<std::shared_ptr<action_job>> begin(std::string_view key, std::string_view request,
                                            protocol::action wanted, bool streams);

 private:
  struct kept_job {
    std::size_t request_hash = 0;
    std::shared_ptr<action_job> job;
  };

  boost::asio::awaitable<void> perform(std::shared_ptr<action_job> job, protocol::action wanted,
                                       bool kept);
  boost::asio::awaitable<result<protocol::observation>> act(protocol::action wanted,
                                                            std::shared_ptr<action_job> job);
  boost::asio::awaitable<protocol::observation> run(protocol::run_action wanted,
                                                    std::shared_ptr<action_job> job);
  std::shared_ptr<turn_queue> turns_of(const session_name& session);
  void forget_oldest();

  boost::asio::any_io_executor executor_;
  sessions& shells_;
  files::file_actions& file_actions_;
  const one_shot_settings* lint_with_;
  std::map<session_name, std::weak_ptr<turn_queue>> turns_;
  std::map<std::string, kept_job, std::less<>> kept_;
  std::deque<std::string> kept_order_;
  std::size_t kept_bytes_ = 0;
};

} // namespace sandfleet::agent
