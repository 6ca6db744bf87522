#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <string>

namespace sandfleet::bench {

/// The plainest client there is: one kept connection, blocking calls, no time-outs.
class http_caller {
 public:
  struct header {
    std::string name;
    std::string value;
  };

  explicit http_caller(const boost::asio::generic::stream_protocol::endpoint& where);

  /// The body of the answer. Throws when its status is not 200 and when the connection breaks.
  std::string post(const std::string& target, const std::string& body);

  /// The two halves of `post`. With another header than none beside the usual ones.
  void send(const std::string& target, const std::string& body, const header& more = {});
  std::string receive();

 private:
  boost::asio::io_context context_;
  boost::asio::generic::stream_protocol::socket socket_;
  boost::beast::flat_buffer buffer_;
  std::string target_; ///< of the last request, for messages
};

} // namespace sandfleet::bench
