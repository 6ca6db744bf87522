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

void http_caller::send(const std::string& target, const std::string& body, const header& more) {
  http::request<http::string_body> request(http::verb::post, target, 11, body);
  request.set(http::field::host, "localhost");
  request.set(http::field::content_type, "application/json");
  if (!more.name.empty())
    request.set(more.name, more.value);
  request.prepare_payload();
  target_ = target;
  http::write(socket_, request);
}

std::string http_caller::receive() {
  http::response<http::string_body> answer;
  http::read(socket_, buffer_, answer);
  if (answer.result() != http::status::ok)
    throw std::runtime_error("POST " + target_ + ": " + answer.body());
  return std::move(answer.body());
}

std::string http_caller::post(const std::string& target, const std::string& body) {
  send(target, body);
  return receive();
}

} // namespace sandfleet::bench
