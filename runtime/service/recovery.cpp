#include "runtime/protocol/error_json.hpp"
#include "runtime/service/fleet.hpp"
#include "runtime/service/journal_query.hpp"
#include "runtime/service/specify.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

/// What becomes of the sandboxes when the service is begun again.
namespace sandfleet::service {

namespace asio = boost::asio;

namespace {

/// How one ended whose end began, and was perhaps not noted.
std::optional<sandbox_state> end_in(const journal::sandbox_row& row) {
  for (const auto one : {sandbox_state::error, sandbox_state::error_memory})
    if (row.state == to_string(one))
      return one;
  for (const auto one : {sandbox_state::stopping, sandbox_state::stopped})
    if (row.state == to_string(one))
      return sandbox_state::stopped;
  return std::nullopt;
}

std::optional<error> verdict_in(const journal::sandbox_row& row) {
  auto read = row.verdict.empty() ? fail(errc::not_found, "") : protocol::decode_error(row.verdict);
  return read ? std::optional(std::move(*read)) : std::nullopt;
}

} // namespace

asio::awaitable<result<void>> fleet::recover() {
  const auto self = shared_from_this();
  listening_ = engine_.on_status([weak = weak_from_this()](const status_event& event) {
    if (const auto alive = weak.lock())
      alive->on_status(event);
  });
  std::function<result<std::vector<journal::sandbox_row>>(journal::store&)> all =
      [](journal::store& store) { return store.sandboxes(false); };
  auto rows = co_await in_journal(engine_, std::move(all));
  if (!rows)
    co_return fail(std::move(rows.error()));
  auto listed = co_await engine_.list();
  if (!listed)
    co_return fail(std::move(listed.error()));
  std::map<std::string, bool> runs; ///< by id: whether it is one of ours that is known
  for (const auto& one : *listed)
    if (one.kept && one.state != listed_state::abandoned)
      runs[one.id.str()] = false;
  co_await take_up_all(std::move(*rows), runs);
  // Those of a journal that was lost, or whose end was cut short.
  for (const auto& one : *listed)
    if (one.labels.contains(std::string(service_label)) && runs.contains(one.id.str()) &&
        !runs[one.id.str()]) {
      auto stray = co_await engine_.attach(one.id);
      if (stray)
        (void)co_await stray->stop();
    }
  refill();
  asio::co_spawn(watch_strand_, watch(weak_from_this(), watch_timer_), asio::detached);
  co_return result<void>{};
}

/// All at once; completes with the last.
asio::awaitable<void> fleet::take_up_all(std::vector<journal::sandbox_row> rows,
                                         std::map<std::string, bool>& runs) {
  const auto here = co_await asio::this_coro::executor;
  const auto bell =
      std::make_shared<asio::steady_timer>(here, asio::steady_timer::time_point::max());
  const auto open = std::make_shared<std::size_t>(rows.size());
  for (auto& row : rows) {
    const auto found = runs.find(row.id.str());
    const bool stays = found != runs.end() && !end_in(row);
    if (stays)
      found->second = true;
    asio::co_spawn(here, take_up(shared_from_this(), std::move(row), stays),
                   [bell, open](const std::exception_ptr&, const result<void>&) {
                     if (--*open == 0)
                       bell->cancel();
                   });
  }
  while (*open > 0) {
    boost::system::error_code ignored;
    co_await bell->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

asio::awaitable<result<void>> fleet::take_up(self_ptr self, journal::sandbox_row row, bool runs) {
  auto asked = protocol::decode_runtime_start(row.request);
  if (!asked)
    co_return fail(std::move(asked.error()));
  const auto id = row.id;
  const auto end = end_in(row);
  auto verdict = verdict_in(row);
  const bool was_ready = row.used > row.created;
  const bool warm = row.owner.empty();
  const auto one = std::make_shared<member>(std::move(row), std::move(*asked));
  self->add(one);
  if (end) {
    self->conclude(one, std::move(verdict), *end);
    co_return result<void>{};
  }
  if (runs) {
    auto box = co_await self->engine_.attach(id);
    if (!box)
      self->conclude(one, std::move(box.error()), sandbox_state::error);
    else if (warm)
      self->take_up_warm(one, std::move(*box));
    else if (was_ready)
      self->has_started(one, std::move(*box));
    else // a warm one may not have what its owner wants yet
      co_await hand_over(self, one, std::move(*box));
    co_return result<void>{};
  }
  if (warm) { // another will be started
    self->conclude(one, std::nullopt, sandbox_state::stopped);
    co_return result<void>{};
  }
  if (was_ready) {
    self->conclude(one,
                   make_error(errc::sandbox_lost, "the sandbox " + id.str() + " has gone")
                       .with_cause("it ended while no supervisor ran"),
                   sandbox_state::error);
    co_return result<void>{};
  }
  auto spec = specify(self->settings_.base, one->row(), one->asked());
  if (spec)
    self->begin_start(one, std::move(*spec));
  else
    self->conclude(one, std::move(spec.error()), sandbox_state::error);
  co_return result<void>{};
}

} // namespace sandfleet::service
