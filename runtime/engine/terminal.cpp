#include "runtime/engine/terminal_impl.hpp"
#include "runtime/protocol/terminal_api.hpp"
#include "runtime/transport/op.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace sandfleet {

namespace asio = boost::asio;
using engine_detail::guarded;
using impl_ptr = std::shared_ptr<terminal::impl>;

namespace {

/// Types in pieces, all of which the agent takes.
constexpr std::size_t max_typed_message = 32U << 10;

/// What the provider says of the sandbox is worth more than how its connection broke.
asio::awaitable<error> verdict_on(impl_ptr self, error seen) {
  if (!self->box || seen.code != errc::connection_failed)
    co_return seen;
  const auto next = co_await self->box->core->control->report_failure(self->box->ready.id,
                                                                      self->generation, seen);
  co_return next ? seen : next.error();
}

/// What the agent says in words; false when it goes on.
result<bool> take_news(terminal::impl& self, std::string_view text) {
  const auto news = protocol::decode_terminal_news(text);
  if (!news)
    return fail(news.error());
  const auto* ended = std::get_if<terminal_exit>(&*news);
  if (ended)
    self.exit = *ended;
  return ended != nullptr;
}

asio::awaitable<result<std::string>> read_in(impl_ptr self) {
  while (!self->exit) {
    const auto message = co_await self->socket.read();
    if (!message || !*message) {
      auto seen = message ? make_error(errc::connection_failed, "the agent has closed the terminal")
                          : message.error();
      auto verdict = co_await verdict_on(self, std::move(seen));
      co_return fail(std::move(verdict));
    }
    const auto& [is_text, payload] = **message;
    if (!is_text && !payload.empty())
      co_return std::string(payload);
    if (!is_text)
      continue;
    const auto ended = take_news(*self, payload);
    if (!ended)
      co_return fail(ended.error());
    if (*ended)
      (void)co_await self->socket.read(); // the agent's close, which is answered by that
  }
  co_return std::string();
}

asio::awaitable<result<void>> type_in(impl_ptr self, std::string bytes) {
  std::string_view left = bytes;
  result<void> sent;
  do {
    sent = co_await self->socket.write_bytes(left.substr(0, max_typed_message));
    left.remove_prefix(std::min(left.size(), max_typed_message));
  } while (sent && !left.empty());
  co_return sent;
}

asio::awaitable<result<void>> resize_in(impl_ptr self, window_size size) {
  const auto text = protocol::encode_terminal_order(size);
  co_return co_await self->socket.write_text(text);
}

} // namespace

terminal::terminal(std::shared_ptr<impl> made) : impl_(std::move(made)) {}

asio::awaitable<result<std::string>> terminal::read() {
  return guarded(transport::run_on(impl_->strand, read_in(impl_)));
}

std::optional<terminal_exit> terminal::ended() const {
  return impl_->exit;
}

asio::awaitable<result<void>> terminal::write(std::string bytes) {
  return guarded(transport::run_on(impl_->strand, type_in(impl_, std::move(bytes))));
}

asio::awaitable<result<void>> terminal::resize(window_size size) {
  return guarded(transport::run_on(impl_->strand, resize_in(impl_, size)));
}

void terminal::hang_up() {
  asio::post(impl_->strand, [held = impl_] { held->socket.drop(); });
}

} // namespace sandfleet
