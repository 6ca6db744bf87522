#include "runtime/engine/core.hpp"

#include "actors/log.hpp"
#include "runtime/protocol/error_json.hpp"

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

void core::on_status(const status_event& event) {
  // While `control` is being made no sandbox has a state.
  control->record([event](journal::store& journal) {
    journal::status_row row;
    row.id = event.id;
    row.from = to_string(event.from);
    row.to = to_string(event.to);
    if (event.failure)
      row.verdict = protocol::encode_error(*event.failure);
    row.at = event.at;
    if (const auto noted = journal.note(row); !noted)
      actors::log_event(actors::log_level::error, "journal_failed",
                        {{"error", noted.error().to_string()}});
  });
  hub->tell(event);
}

boost::asio::awaitable<result<void>> core::shut_down() {
  result<void> all;
  if (config.stop_all_at_close)
    all = co_await stop_kept();
  auto done = co_await control->shutdown();
  co_return done ? all : done;
}

boost::asio::awaitable<result<void>> core::stop_kept() {
  const auto all = co_await control->list_sandboxes();
  if (!all)
    co_return fail(all.error());
  result<void> done;
  for (const auto& one : *all) {
    if (!one.kept)
      continue;
    const auto found = co_await control->attach_sandbox(one.id, one.provider);
    if (!found)
      continue; // it has ended
    auto stopped = co_await control->stop_sandbox(one.id);
    if (!stopped)
      done = fail(std::move(stopped.error()));
  }
  co_return done;
}

void core::close() {
  if (closed.exchange(true))
    return;
  // The object stays until the last handle is gone: a call may be using it at this moment.
  boost::asio::co_spawn(pool->executor(), shut_down(), boost::asio::use_future).wait();
  for (const auto& provider : providers)
    provider->close();
  pool->stop();
}

} // namespace sandfleet::engine_detail
