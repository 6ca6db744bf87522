#include "runtime/engine/core.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

namespace sandfleet::engine_detail {

std::shared_ptr<void> status_hub::add(observer fn) {
  auto token = std::make_shared<observer>(std::move(fn));
  const std::lock_guard lock(mutex_);
  observers_.push_back(token);
  return token;
}

void status_hub::tell(const status_event& event) {
  std::vector<std::shared_ptr<observer>> listening;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(observers_, [](const auto& weak) { return weak.expired(); });
    for (const auto& weak : observers_)
      if (auto strong = weak.lock())
        listening.push_back(std::move(strong));
  }
  for (const auto& fn : listening)
    (*fn)(event);
}

core::core(settings s, std::unique_ptr<transport::io_pool> io)
    : config(std::move(s)), pool(std::move(io)) {}

void core::close() {
  if (closed.exchange(true))
    return;
  // The object stays until the last handle is gone: a call may be using it at this moment.
  boost::asio::co_spawn(pool->executor(), control->shutdown(), boost::asio::use_future).wait();
  for (const auto& provider : providers)
    provider->close();
  pool->stop();
}

} // namespace sandfleet::engine_detail
