#include "runtime/transport/gate.hpp"

#include "runtime/transport/op.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace sandfleet::transport {

namespace asio = boost::asio;

gate::gate(const asio::any_io_executor& executor)
    : strand_(asio::make_strand(executor)),
      opened_(strand_, asio::steady_timer::time_point::max()) {}

void gate::open() {
  asio::post(strand_, [self = shared_from_this()] {
    self->is_open_ = true;
    self->opened_.cancel();
  });
}

asio::awaitable<result<void>> gate::pass() {
  const auto self = shared_from_this();
  co_return co_await run_on(strand_, wait());
}

asio::awaitable<result<void>> gate::wait() {
  co_await asio::this_coro::throw_if_cancelled(false);
  bool is_wanted = true;
  while (!is_open_ && is_wanted) {
    co_await opened_.async_wait(asio::as_tuple(asio::use_awaitable));
    const auto state = co_await asio::this_coro::cancellation_state;
    is_wanted = state.cancelled() == asio::cancellation_type::none;
  }
  if (!is_wanted)
    co_return fail(errc::cancelled, "what was waited for is not wanted any more");
  is_open_ = false;
  co_return result<void>{};
}

} // namespace sandfleet::transport
