#include "tests/component/support/fake_provider.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace sandfleet::actors::testing {

namespace asio = boost::asio;
using providers::exit_report;

namespace {

/// Waits until somebody cancels.
asio::awaitable<void> forever(std::shared_ptr<asio::steady_timer> timer) {
  boost::system::error_code ignored;
  timer->expires_at(asio::steady_timer::time_point::max());
  co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

} // namespace

std::size_t fake_provider::alive() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count_if(boxes_, [](const auto& one) { return !one.second.ended; }));
}

void fake_provider::end(const sandbox_id& id, exit_report report) {
  std::shared_ptr<asio::steady_timer> waiting;
  {
    const std::lock_guard lock(mutex_);
    auto& mine = boxes_[id];
    if (!mine.ended)
      mine.ended = std::move(report);
    waiting = std::exchange(mine.waiting, nullptr);
  }
  if (waiting)
    asio::post(waiting->get_executor(), [waiting] { waiting->cancel(); });
}

asio::awaitable<result<providers::instance>>
fake_provider::start(providers::start_request request) {
  ++starts;
  if (throws)
    throw std::runtime_error("a provider with a bug");
  return [](std::shared_ptr<fake_provider> self,
            providers::start_request asked) -> asio::awaitable<result<providers::instance>> {
    if (self->builds) {
      asked.on_preparing(providers::preparation::image_build);
      const auto goes_on = co_await asked.go_on();
      if (!goes_on) {
        ++self->cancelled_starts;
        co_return fail(goes_on.error());
      }
    }
    if (self->hangs) {
      auto timer = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor);
      co_await forever(std::move(timer));
      ++self->cancelled_starts;
      co_return fail(errc::cancelled, "start cancelled");
    }
    if (self->failures_to_come.fetch_sub(1) > 0)
      co_return fail(errc::start_failed, "no room");
    const std::lock_guard lock(self->mutex_);
    self->boxes_[asked.id] = {};
    providers::instance made;
    made.id = asked.id;
    made.agent = transport::unix_endpoint{"/run/" + asked.id.str()};
    made.session_key = "key";
    co_return made;
  }(shared_from_this(), std::move(request));
}

asio::awaitable<result<exit_report>> fake_provider::wait(sandbox_id id) {
  auto timer = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor);
  {
    const std::lock_guard lock(mutex_);
    auto& mine = boxes_[id];
    if (mine.ended)
      co_return *mine.ended;
    mine.waiting = timer;
  }
  co_await forever(timer);
  ++ended_waits;
  const std::lock_guard lock(mutex_);
  co_return boxes_[id].ended.value_or(exit_report{});
}

asio::awaitable<result<exit_report>> fake_provider::stop(providers::stop_request request) {
  ++stops;
  if (stop_hangs)
    co_await forever(std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor));
  {
    const std::lock_guard lock(mutex_);
    if (!boxes_.contains(request.id))
      co_return fail(errc::not_found, "no such sandbox");
  }
  end(request.id, {});
  const std::lock_guard lock(mutex_);
  co_return *boxes_[request.id].ended;
}

asio::awaitable<result<providers::instance_state>> fake_provider::inspect(sandbox_id id) {
  const std::lock_guard lock(mutex_);
  const auto found = boxes_.find(id);
  co_return found == boxes_.end() || found->second.ended ? providers::instance_state::gone
                                                         : providers::instance_state::running;
}

asio::awaitable<result<void>> fake_provider::pause(sandbox_id) {
  co_return fail(errc::unsupported, "not in this fake");
}

asio::awaitable<result<providers::instance>> fake_provider::resume(sandbox_id) {
  co_return fail(errc::unsupported, "not in this fake");
}

asio::awaitable<result<providers::instance>> fake_provider::attach(sandbox_id id) {
  if (!knows_others)
    co_return fail(errc::not_found, "no such sandbox");
  const std::lock_guard lock(mutex_);
  boxes_[id] = {};
  providers::instance made;
  made.id = id;
  made.agent = transport::unix_endpoint{"/run/" + id.str()};
  made.session_key = "key";
  co_return made;
}

asio::awaitable<result<void>> fake_provider::keep(providers::keep_request request) {
  const std::lock_guard lock(mutex_);
  if (!boxes_.contains(request.id))
    co_return fail(errc::not_found, "no such sandbox");
  co_return result<void>{};
}

asio::awaitable<result<void>> fake_provider::release(sandbox_id /*id*/) {
  ++releases;
  co_return result<void>{};
}

asio::awaitable<result<std::vector<sandbox_info>>> fake_provider::list() {
  std::vector<sandbox_info> found;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, one] : boxes_) {
    sandbox_info info;
    info.id = id;
    if (!one.ended)
      found.push_back(std::move(info));
  }
  co_return found;
}

asio::awaitable<result<providers::recovery_report>>
fake_provider::recover(providers::recovery_mode /*mode*/) {
  co_return providers::recovery_report{};
}

} // namespace sandfleet::actors::testing
