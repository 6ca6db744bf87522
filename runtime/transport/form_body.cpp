#include "runtime/transport/form_body.hpp"

namespace sandfleet::transport {

boost::asio::awaitable<result<void>> read_form(http_exchange& exchange,
                                               protocol::multipart_reader::sink into) {
  auto parts = protocol::multipart_reader::make(exchange.header("content-type"), std::move(into));
  if (!parts)
    co_return fail(std::move(parts.error()));
  for (;;) {
    const auto piece = co_await exchange.read_piece();
    if (!piece)
      co_return fail(piece.error());
    if (piece->empty())
      break;
    auto taken = parts->feed(*piece);
    if (!taken)
      co_return taken;
  }
  if (!parts->complete())
    co_return fail(errc::invalid_argument,
                   std::string(protocol::multipart_reader::malformed) + "it ends too early");
  co_return result<void>{};
}

} // namespace sandfleet::transport
