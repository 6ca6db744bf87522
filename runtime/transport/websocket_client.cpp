#include "runtime/core/text.hpp"
#include "runtime/transport/connect.hpp"
#include "runtime/transport/deadline.hpp"
#include "runtime/transport/websocket_impl.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

namespace sandfleet::transport {

namespace asio = boost::asio;
namespace ws = boost::beast::websocket;

namespace {
constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
}

asio::awaitable<result<websocket_outcome>> websocket::open(asio::any_io_executor executor,
                                                           endpoint where,
                                                           websocket_request request,
                                                           std::shared_ptr<connector> by) {
  const auto what = "GET " + request.target + " on " + to_string(where);
  auto made = std::make_shared<impl>(ending_socket::base(executor), request.max_message_bytes);
  deadline limit(executor, request.timeout, [made] { made->drop(); });
  boost::system::error_code ec;
  std::shared_ptr<const carrier> carried;
  if (by) {
    auto given = by->connect(executor, where);
    if (!given)
      co_return fail(std::move(given.error()));
    static_cast<ending_socket::base&>(made->stream.next_layer()) = std::move(given->socket);
    carried = std::move(given->by);
  } else {
    ec = co_await connect_socket(made->stream.next_layer(), where);
  }
  const bool connected = !ec;
  ws::response_type reply;
  if (connected) {
    keep_alive(made->stream.next_layer());
    made->stream.set_option(ws::stream_base::decorator([&request](ws::request_type& head) {
      for (const auto& [name, value] : request.headers)
        head.set(name, value);
    }));
    const auto host = host_header(where, by ? https_port : http_port);
    const auto shaken =
        co_await made->stream.async_handshake(reply, host, request.target, as_values);
    ec = std::get<0>(shaken);
    made->stream.set_option(ws::stream_base::decorator([](ws::request_type&) {}));
  }
  if (limit.cancel())
    co_return fail(make_error(errc::timed_out, what + ": no reply in time")
                       .blamed_on(failure_class::infrastructure)
                       .with("timeout_ms", std::int64_t{request.timeout.count()}));
  websocket_outcome outcome;
  if (ec == ws::error::upgrade_declined) {
    outcome.reply.status = static_cast<int>(reply.result_int());
    for (const auto& field : reply)
      outcome.reply.headers.emplace_back(core::to_lower(std::string(field.name_string())),
                                         std::string(field.value()));
    outcome.reply.body = reply.body();
    co_return outcome;
  }
  if (auto why = ec && carried ? carried->failure() : std::nullopt) {
    why->message = what + ": " + why->message;
    co_return fail(std::move(*why));
  }
  if (ec) {
    auto seen = broken_websocket(ec);
    seen.message = what + (connected ? ": the connection broke" : ": no connection");
    co_return fail(std::move(seen));
  }
  made->limit_handshake(closing_time);
  outcome.connection.emplace(std::move(made));
  co_return outcome;
}

} // namespace sandfleet::transport
