#include "actors/control_plane.hpp"
#include "actors/log.hpp"
#include "runtime/engine/access.hpp"
#include "runtime/journal/store.hpp"
#include "runtime/service/fleet.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

/// Who has been idle for too long, and whose time is over.
namespace sandfleet::service {

namespace asio = boost::asio;
using engine_detail::access;
using std::chrono::system_clock;

namespace {
constexpr std::size_t most_ended = 4096;
constexpr std::chrono::hours between_tidyings{1};
} // namespace

void fleet::wake_watch() {
  asio::post(watch_strand_, [timer = watch_timer_] { timer->cancel(); });
}

asio::awaitable<void> fleet::watch(std::weak_ptr<fleet> of,
                                   std::shared_ptr<asio::steady_timer> timer) {
  for (;;) {
    {
      const auto self = of.lock();
      if (!self || self->closed_)
        co_return;
      timer->expires_at(self->look_at_all());
    }
    boost::system::error_code ignored;
    co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

/// Forgets those that ended long ago: the journal knows them still.
std::vector<member_ptr> fleet::living() {
  std::vector<member_ptr> alive;
  std::vector<std::pair<journal::time_point, member_ptr>> ended;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, one] : by_id_)
    if (const auto at = one->row().ended)
      ended.emplace_back(*at, one);
    else
      alive.push_back(one);
  if (ended.size() <= most_ended)
    return alive;
  std::ranges::sort(ended, {}, [](const auto& one) { return one.first; });
  ended.resize(ended.size() - most_ended);
  for (const auto& [at, one] : ended) {
    const auto row = one->row();
    by_id_.erase(row.id.str());
    const auto place = by_session_.find({row.owner, row.session_id});
    if (place != by_session_.end() && place->second == one)
      by_session_.erase(place);
  }
  return alive;
}

void fleet::tidy_journal(member::clock::time_point now) {
  tidy_at_ = now + between_tidyings;
  access::control_of(engine_).record([](journal::store& store) {
    if (const auto gone = store.retain(journal::retention{}, system_clock::now()); !gone)
      actors::log_event(actors::log_level::error, "journal_failed",
                        {{"error", gone.error().to_string()}});
  });
}

/// Does what is due, and says when to look again.
member::clock::time_point fleet::look_at_all() {
  const auto alive = living();
  const auto self = shared_from_this();
  const auto now = member::clock::now();
  if (tidy_at_ <= now)
    tidy_journal(now);
  if (refill_at_.load() <= now)
    refill();
  auto next = std::min(refill_at_.load(), tidy_at_);
  for (const auto& one : alive) {
    if (const auto expires = one->expires()) {
      const auto left = *expires - system_clock::now();
      if (left <= left.zero())
        asio::co_spawn(watch_strand_, end_old(self, one), asio::detached);
      else
        next = std::min(next, now + left);
    }
    const auto patience = keys_->policy_of(one->owner()).idle_pause;
    if (!patience)
      continue;
    // One that is used now cannot be idle before its time has passed once more.
    next = std::min(next, now + *patience);
    const auto at = one->idle_at(*patience);
    if (at && *at > now)
      next = std::min(next, *at);
    else if (at && one->begin_idle_pause(*patience))
      asio::co_spawn(watch_strand_, pause_idle(self, one), asio::detached);
  }
  return next;
}

asio::awaitable<void> fleet::pause_idle(self_ptr self, member_ptr one) {
  const auto box = one->box();
  const auto paused = co_await sandbox(*box).pause();
  const bool wanted = one->end_idle_pause(paused.has_value());
  if (!paused)
    actors::log_event(actors::log_level::warning, "idle_pause_failed",
                      {{"sandbox", one->id().str()}, {"error", paused.error().to_string()}});
  else if (wanted)
    (void)co_await sandbox(*box).resume();
  else
    self->note_use(one);
}

asio::awaitable<void> fleet::end_old(self_ptr self, member_ptr one) {
  if (!one->begin_end())
    co_return;
  self->conclude_aloud(
      one,
      make_error(errc::timed_out, "the time to live of " + one->id().str() + " is over")
          .blamed_on(failure_class::task)
          .with_hint("the API key's time_to_live_s says how long it is"),
      sandbox_state::stopped);
  if (auto box = one->box())
    (void)co_await box->stop();
  else
    one->cancel_start();
}

} // namespace sandfleet::service
