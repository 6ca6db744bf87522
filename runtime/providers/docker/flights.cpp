#include "runtime/providers/docker/flights.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace sandfleet::providers::docker {

namespace asio = boost::asio;

flights::flights(const asio::any_io_executor& executor) : strand_(asio::make_strand(executor)) {}

asio::awaitable<result<std::string>> flights::join(std::string name, work begin) {
  const auto self = shared_from_this();
  co_return co_await transport::run_on(strand_, wait(std::move(name), std::move(begin)));
}

std::shared_ptr<flights::flight> flights::take_off(const std::string& name, const work& begin) {
  auto made = std::make_shared<flight>();
  under_way_[name] = made;
  made->job = transport::op::start(
      strand_, begin(), [self = shared_from_this(), made, name](result<std::string> outcome) {
        asio::post(self->strand_, [self, made, name, outcome = std::move(outcome)]() mutable {
          made->outcome = std::move(outcome);
          if (const auto at = self->under_way_.find(name);
              at != self->under_way_.end() && at->second == made)
            self->under_way_.erase(at);
          for (auto* timer : made->waiting)
            timer->cancel();
        });
      });
  return made;
}

asio::awaitable<result<std::string>> flights::wait(std::string name, work begin) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto unwanted = fail(errc::cancelled, "nobody waits for '" + name + "' any more");
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none)
    co_return unwanted;
  const auto found = under_way_.find(name);
  const auto joined = found == under_way_.end() ? take_off(name, begin) : found->second;
  asio::steady_timer timer(strand_, asio::steady_timer::time_point::max());
  joined->waiting.push_back(&timer);
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  std::erase(joined->waiting, &timer);
  if (joined->outcome)
    co_return *joined->outcome;
  if (joined->waiting.empty()) {
    joined->job.cancel();
    if (const auto at = under_way_.find(name); at != under_way_.end() && at->second == joined)
      under_way_.erase(at);
  }
  co_return unwanted;
}

} // namespace sandfleet::providers::docker
