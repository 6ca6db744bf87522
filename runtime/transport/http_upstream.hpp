#pragma once

#include "runtime/transport/endpoint.hpp"
#include "runtime/transport/http_client.hpp"
#include "runtime/transport/relay.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sandfleet::transport {

/// The head of a request that is passed on.
struct upstream_request {
  std::string_view method;
  std::string_view target;             ///< origin form, percent-encoded
  const header_list& headers;          ///< all but those of the body's framing
  std::optional<std::uint64_t> length; ///< of the body; 0: none; nothing: chunked
};

struct upstream_head {
  int status = 0;
  header_list headers;                 ///< names as they came
  std::optional<std::uint64_t> length; ///< of the body, when it was told
};

/// One request under way, whose body and reply go piece by piece. For the strand on which it was
/// begun. Its destructor cuts the connection, unless the exchange is complete: then another
/// request may use it. Errors: `connection_failed`, `protocol_error`, `cancelled`.
class upstream_call {
 public:
  virtual ~upstream_call() = default;

  virtual boost::asio::awaitable<result<void>> write(std::string_view piece) = 0;
  virtual boost::asio::awaitable<result<void>> end_body() = 0;
  /// Interim replies are left out; 101 is none.
  virtual boost::asio::awaitable<result<upstream_head>> read_head() = 0;
  /// The next piece of the reply's body, valid until the next call; empty at its end.
  virtual boost::asio::awaitable<result<std::string_view>> read_piece() = 0;
  /// The connection itself, after a head with status 101. Nothing else is to be called then.
  virtual raw_stream take() = 0;
};

/// Kept connections to one endpoint, for who passes requests on. Thread-safe; copies share them.
class http_upstream {
 public:
  http_upstream(boost::asio::any_io_executor executor, endpoint where, std::size_t max_idle = 8);
  /// To what lies behind the endpoint: `opening` is the head of a request that each connection
  /// begins with, and that is answered 101 when the way is free.
  http_upstream(boost::asio::any_io_executor executor, endpoint where, std::string opening);

  /// Connects, or takes a kept connection, and sends the head with what of the body is there.
  /// Evidence "connected" of an error is 0 when the other side cannot have seen the request.
  boost::asio::awaitable<result<std::unique_ptr<upstream_call>>>
  begin(upstream_request request, std::string_view first_piece,
        std::chrono::milliseconds connect_timeout);

  [[nodiscard]] const endpoint& where() const;

 private:
  struct pool;
  std::shared_ptr<pool> pool_;
};

} // namespace sandfleet::transport
