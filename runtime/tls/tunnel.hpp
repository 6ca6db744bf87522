#pragma once

// Internal: what lies between a plain socket and a peer that speaks TLS.

#include "runtime/tls/openssl.hpp"
#include "runtime/transport/connector.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace sandfleet::tls {

using socket_type = boost::asio::generic::stream_protocol::socket;

/// Two sockets that are connected with each other, by executor.
[[nodiscard]] result<std::pair<socket_type, socket_type>>
connected_pair(const boost::asio::any_io_executor& first,
               const boost::asio::any_io_executor& second);

/// Carries bytes between `inner`, whose other end is in use as a plain connection, and a peer. Each
/// side's end is passed on to the other, in order or as a break. It keeps itself alive, and ends
/// when the plain connection is closed or both directions have ended. All happens on the executor
/// of `inner`, which has to be a strand or a single thread.
class tunnel final : public transport::carrier, public std::enable_shared_from_this<tunnel> {
 public:
  tunnel(connection_ptr session, socket_type inner, std::string peer);

  /// Connects to the endpoint first. There is no limit of time but that of the plain connection's
  /// user, who closes it.
  void begin(const transport::endpoint& where);
  /// `on_failure`: of the handshake.
  void begin(socket_type accepted, std::chrono::milliseconds handshake_timeout,
             std::function<void(const error&)> on_failure);

  [[nodiscard]] bool is_established() const override { return established_; }
  [[nodiscard]] std::optional<error> failure() const override;

 private:
  using awaitable = boost::asio::awaitable<void>;

  static awaitable reach(std::shared_ptr<tunnel> self, transport::endpoint where);
  static awaitable receive(std::shared_ptr<tunnel> self);
  static awaitable carry(std::shared_ptr<tunnel> self);
  static awaitable carry_out(std::shared_ptr<tunnel> self);
  static awaitable watch(std::shared_ptr<tunnel> self);

  void spawn(awaitable work);
  bool attach_session();
  boost::asio::awaitable<bool> shake_hands();
  boost::asio::awaitable<bool> send_all(const char* bytes, std::size_t size);
  boost::asio::awaitable<bool> deliver(const char* bytes, std::size_t size);
  awaitable say_goodbye();
  /// Waits as the last step of the session asks for; false when it failed, or all has ended.
  boost::asio::awaitable<bool> ready_after(int ssl_error);
  /// Lets others have their turn after a while of bytes that came without a wait.
  awaitable take_turns(std::size_t bytes, std::size_t& since);

  int error_of(int outcome);
  void fail_with(error why);
  void refuse_plain_http();
  [[nodiscard]] bool is_inner_closed();
  void end();

  connection_ptr session_;
  socket_type inner_;
  socket_type outer_;
  boost::asio::steady_timer timer_; ///< for the handshake, then for what is still to be sent
  std::string peer_;
  std::function<void(const error&)> on_failure_;
  std::atomic<bool> established_ = false;
  bool ended_ = false;
  bool received_end_ = false; ///< the peer's, in order
  bool sent_end_ = false;     ///< ours, or it cannot be sent any more
  int last_number_ = 0;       ///< errno of the last step
  mutable std::mutex mutex_;
  std::optional<error> failure_;
};

} // namespace sandfleet::tls
