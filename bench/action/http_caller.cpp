#include "bench/action/http_caller.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <stdexcept>
#include <utility>

namespace sandfleet::bench {

namespace asio = boost::asio;
namespace http = boost::beast::http;

http_caller::http_caller(const asio::generic::stream_protocol::endpoint& where)
    : socket_(context_) {
  socket_.connect(where);
  if (where.protocol().family() != AF_UNIX)
    socket_.set_option(asio::ip::tcp::no_delay(true));
}

std::string http_caller::post(const std::string& target, const std::string& body) {
  http::request<http::string_body> request(http::verb::post, target, 11, body);
  request.set(http::field::host, "localhost");
  request.set(http::field::content_type, "application/json");
  request.prepare_payload();
  http::write(socket_, request);
  http::response<http::string_body> answer;
  http::read(socket_, buffer_, answer);
  if (answer.result() != http::status::ok)
    throw std::runtime_error("POST " + target + ": " + answer.body());
  return std::move(answer.body());
}

} // namespace sandfleet::bench
