#include "runtime/transport/http_connection.hpp"
#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace sandfleet;
namespace asio = boost::asio;
namespace http = boost::beast::http;

/// What a handler saw of one request, and how it answered.
struct request_seen {
  std::string method;
  std::string path;
  std::optional<std::string> query;
  std::string header;
  std::optional<std::string> body; ///< nothing: it failed or was not read
  bool head = false;

  friend bool operator==(const request_seen&, const request_seen&) = default;
};

struct exchange_seen {
  std::vector<request_seen> requests;
  std::string replies; ///< all bytes that came back

  friend bool operator==(const exchange_seen&, const exchange_seen&) = default;
};

/// Reads the body, or a part of it, or nothing, and answers at once, in pieces, or not at all.
asio::awaitable<void> handle(transport::http_exchange& exchange, exchange_seen& seen,
                             unsigned behaviour) {
  auto& request = seen.requests.emplace_back();
  request.method = exchange.method();
  request.path = exchange.path();
  request.query = exchange.query("q");
  request.header = exchange.header("x-h");
  request.head = request.method == "HEAD";
  const auto number = seen.requests.size() - 1;
  const auto choice = behaviour + static_cast<unsigned>(number);
  if (choice % 4 == 0) {
    const auto body = co_await exchange.read_body(4096);
    if (!body)
      co_return;
    seen.requests[number].body = *body;
  } else if (choice % 4 == 1) {
    const auto piece = co_await exchange.read_piece();
    if (!piece)
      co_return;
  }
  transport::header_list headers;
  headers.emplace_back("X-Echo", seen.requests[number].path);
  if (choice % 3 == 0) {
    (void)co_await exchange.reply(200, std::move(headers), "done");
  } else if (choice % 3 == 1) {
    auto begun = co_await exchange.begin_reply(200, std::move(headers));
    if (begun)
      begun = co_await exchange.write("pie");
    if (begun)
      (void)co_await exchange.write("ces");
  }
}

void read_replies(int peer, std::string& into) {
  char buffer[4096];
  for (ssize_t got = 0; (got = ::recv(peer, buffer, sizeof buffer, MSG_DONTWAIT)) > 0;)
    into.append(buffer, static_cast<std::size_t>(got));
}

/// A client that sends `pieces`, taking what comes back, and then sends no more.
exchange_seen converse(const std::vector<std::string_view>& pieces, unsigned behaviour) {
  exchange_seen seen;
  int ends[2];
  holds(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
  asio::io_context context(1);
  transport::http_server_options options;
  options.max_header_bytes = 1024;
  options.concurrent = false;
  {
    transport::http_connection connection(
        transport::http_connection::socket_type(context, asio::generic::stream_protocol(AF_UNIX, 0),
                                                ends[0]),
        options);
    const transport::http_server::handler handler =
        [&](transport::http_exchange& exchange) -> asio::awaitable<void> {
      co_await handle(exchange, seen, behaviour);
    };
    connection.socket.non_blocking(true);
    bool ended = false;
    asio::co_spawn(context, connection.serve(handler), [&](const std::exception_ptr& thrown) {
      holds(!thrown);
      ended = true;
    });
    for (auto piece : pieces) {
      context.poll();
      read_replies(ends[1], seen.replies);
      while (!piece.empty() && !ended) {
        const auto sent = ::send(ends[1], piece.data(), piece.size(), MSG_NOSIGNAL);
        if (sent < 0)
          break;
        piece.remove_prefix(static_cast<std::size_t>(sent));
      }
    }
    ::shutdown(ends[1], SHUT_WR);
    // All that it may wait for has come: nothing is left to a timer.
    context.poll();
    holds(ended);
    context.run();
  }
  read_replies(ends[1], seen.replies);
  ::close(ends[1]);
  return seen;
}

/// Every handled request has a reply of well-formed HTTP; a refusal may follow, and nothing else.
void check_replies(const exchange_seen& seen) {
  boost::beast::flat_buffer buffer;
  auto room = buffer.prepare(seen.replies.size());
  std::copy(seen.replies.begin(), seen.replies.end(), static_cast<char*>(room.data()));
  buffer.commit(seen.replies.size());
  std::size_t count = 0;
  bool refused = false;
  while (buffer.size() > 0) {
    holds(!refused);
    http::response_parser<http::string_body> parser;
    parser.body_limit(boost::none);
    parser.eager(true);
    if (count < seen.requests.size() && seen.requests[count].head)
      parser.skip(true);
    boost::system::error_code ec;
    buffer.consume(parser.put(buffer.data(), ec));
    if (!parser.is_done() && !ec)
      parser.put_eof(ec);
    holds(!ec || ec == http::error::need_more);
    holds(parser.is_header_done());
    const auto status = parser.get().result_int();
    if (status == 100)
      continue;
    refused = status == 400 || status == 408 || status == 431 || status == 501;
    holds(refused || status == 200 || status == 500);
    holds(refused || count < seen.requests.size());
    count += refused ? 0 : 1;
  }
}

} // namespace

/// A client that sends anything is answered in HTTP, request by request, however it sends it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input in(data, size);
  const auto seed = in.byte();
  const unsigned behaviour = in.byte();
  const auto bytes = in.rest();
  const auto whole = converse({bytes}, behaviour);
  check_replies(whole);
  const auto split = converse(pieces_of(bytes, seed), behaviour);
  check_replies(split);
  // A handler that leaves a body alone may answer and close before the rest of it has come.
  if (behaviour % 4 == 0 && whole.requests.size() == 1)
    holds(split.requests == whole.requests);
  return 0;
}
