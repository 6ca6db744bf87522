#pragma once

// Internal to the HTTP server: what one connection holds, and how it reads and writes.

#include "runtime/transport/http_server.hpp"
#include "runtime/transport/input_buffer.hpp"
#include "runtime/transport/message_parser.hpp"
#include "runtime/transport/url.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <functional>
#include <limits>
#include <vector>

namespace sandfleet::transport {

struct http_connection {
  using socket_type = boost::asio::generic::stream_protocol::socket;
  using error_code = boost::system::error_code;

  http_connection(socket_type accepted, const http_server_options& o)
      : options(o), socket(std::move(accepted)), timer(socket.get_executor()) {}

  /// Reads requests and has them handled until the connection is of no more use.
  boost::asio::awaitable<void> serve(const http_server::handler& handle);

  /// False at the end of the stream and when the request was refused.
  boost::asio::awaitable<bool> read_head();
  boost::asio::awaitable<void> refuse_head(error_code why);
  boost::asio::awaitable<void> run_handler(const http_server::handler& handle);
  boost::asio::awaitable<result<std::string_view>> read_piece();
  boost::asio::awaitable<result<void>> send_continue();
  boost::asio::awaitable<result<void>> begin_reply(int code, const header_list& headers,
                                                   std::optional<std::uint64_t> length,
                                                   std::string_view first_piece);
  boost::asio::awaitable<result<void>> write_piece(std::string_view piece);
  boost::asio::awaitable<result<void>> end_reply();
  boost::asio::awaitable<void> linger();
  /// Whether the body ends within what was received; drops that.
  bool drain_buffered_body();
  /// Whether what is left of an unread body is worth waiting for, to keep the connection.
  [[nodiscard]] bool rest_is_short() const;
  /// False when the rest of the body does not come.
  boost::asio::awaitable<bool> skip_rest();

  /// Reads at least a byte; false at the end of the stream or a failure (`failure` says which).
  boost::asio::awaitable<bool> read_more(std::size_t capacity, bool timed);
  boost::asio::awaitable<result<void>>
  write_all(std::string_view first, std::string_view second = {}, std::string_view third = {});
  /// What the client has done of the head, the body or the reply that it is waited for.
  struct progress {
    std::uint64_t bytes = 0;
    std::chrono::steady_clock::duration waited{};
  };

  /// Waits until the socket can be read or written, as long as the options allow for that progress.
  boost::asio::awaitable<error_code> wait_for(boost::asio::socket_base::wait_type what,
                                              progress& of);
  /// Lets others have their turn after a while of bytes that came or went without a wait.
  boost::asio::awaitable<void> take_turns(std::size_t bytes);
  void watch();
  error broken(const char* what, error_code why) const;

  const http_server_options& options;
  socket_type socket;
  boost::asio::steady_timer timer;
  boost::asio::cancellation_signal signal;
  input_buffer input;
  std::size_t used = 0; ///< bytes of `input` that the last piece of a body still needs
  std::unique_ptr<request_parser> request;
  request_target target;
  std::uint64_t wait_number = 0; ///< tells a late timer that its wait is over
  error_code failure;
  bool idle = true;             ///< between two requests
  std::size_t without_wait = 0; ///< bytes since the last wait
  progress reading;             ///< of a head, then of a body
  progress writing;             ///< of a reply
  using clock_count = std::chrono::steady_clock::rep;
  static constexpr clock_count not_waiting = std::numeric_limits<clock_count>::max();
  /// Since when the client is waited for, for the server to read on its own executor.
  std::atomic<clock_count> waiting_since{not_waiting};
  std::function<void()> on_waiting; ///< called when a wait begins
  bool stopping = false;
  bool watching = false;
  bool upgraded = false; ///< the socket has been given away
  bool continue_sent = false;
  bool replied = false;
  int status = 0;     ///< of the reply
  bool ended = false; ///< the reply is whole
  bool chunked = false;
  bool bodiless = false; ///< HEAD, 204, 304
  bool keep = true;
  std::uint64_t length_left = 0; ///< of a reply with Content-Length
};

} // namespace sandfleet::transport
