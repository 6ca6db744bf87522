#include "runtime/core/text.hpp"
#include "runtime/providers/agent_life.hpp"
#include "runtime/providers/docker/box.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include <csignal>
#include <utility>

/// How the end of a container is seen and judged.
namespace sandfleet::providers::docker {

namespace asio = boost::asio;
using clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds events_patience{1'000};

std::optional<int> sent_signal(const sandfleet::docker::engine_event& event) {
  const auto found = event.attributes.find("signal");
  const auto number =
      found == event.attributes.end() ? std::nullopt : core::parse_integer(found->second);
  return number ? std::optional(static_cast<int>(*number)) : std::nullopt;
}

} // namespace

void box::on_event(const sandfleet::docker::engine_event& event) {
  if (event.action == "oom")
    ++facts_.oom_kills;
  else if (event.action == "kill")
    facts_.sent_signal = sent_signal(event);
  else if (event.action == "die" || event.action == "destroy") {
    facts_.end_was_told = true;
    notify();
    look_again();
  }
}

void box::catch_up(bool was_away) {
  follows_again_ = true;
  facts_.engine_was_away = facts_.engine_was_away || was_away;
  look_again();
}

void box::look_again() {
  if (report_ || released_ || facts_.was_asked || !has_container())
    return;
  looks_again_ = true;
  if (!std::exchange(is_looking_, true))
    asio::co_spawn(
        strand_, [self = shared_from_this()] { return self->look(); }, asio::detached);
}

/// Whether it has ended in order because another program of ours pauses it so.
bool box::is_paused_by_others(const sandfleet::docker::container_info& seen) const {
  constexpr std::int64_t by_term = 128 + SIGTERM;
  return pause_stops_ && standing_ != standing::own && seen.has_ended() && !seen.out_of_memory &&
         (seen.exit_code == 0 || seen.exit_code == by_term) && !has_expired(record_);
}

/// What became of the container. An engine that does not answer is asked again when it does.
asio::awaitable<void> box::look() {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const auto self = shared_from_this();
  is_looking_ = true;
  do {
    looks_again_ = false;
    auto seen = co_await engine_.inspect(container());
    if (!seen)
      facts_.engine_was_away = true;
    if (!seen || report_ || released_ || !has_container())
      break;
    const bool has_ended = !*seen || (*seen)->has_ended();
    if (!has_ended && !is_followed_ && std::exchange(follows_again_, false))
      follow_output(false);
    if (!has_ended)
      facts_.engine_was_away = false;
    if (*seen && is_paused_by_others(**seen)) {
      paused_ = true;
      notify();
    }
    if (!has_ended || (*seen && paused_))
      continue;
    facts_.container = std::move(*seen);
    facts_.lived_its_time = has_expired(record_);
    co_await hear_of_end();
    co_await learn_of_engine();
    if (!verdict_)
      verdict_ = judge_end(facts_); // whatever is asked from here on
    if (standing_ != standing::foreign) {
      const auto cleared = co_await clear();
      if (!cleared)
        clear_later();
    }
    finish();
  } while (looks_again_);
  is_looking_ = false;
}

/// What somebody had the engine do is told by its events, which come by another connection.
asio::awaitable<void> box::hear_of_end() {
  if (verdict_ || facts_.was_asked || facts_.engine_was_away || !facts_.container)
    co_return;
  const auto deadline = clock::now() + events_patience;
  auto woke = wake::changed;
  while (!facts_.end_was_told && woke == wake::changed)
    woke = co_await next_change(deadline);
}

/// Whether it was the engine that ended the container: it is about to stop, or was away and does
/// not let containers go on without it.
asio::awaitable<void> box::learn_of_engine() {
  if (verdict_ || facts_.was_asked || !may_be_told_to_end(facts_))
    co_return;
  if (!facts_.engine_was_away) {
    const bool answers = co_await engine_.answers();
    facts_.ended_by_engine = !answers;
    co_return;
  }
  const auto info = co_await engine_.info();
  facts_.ended_by_engine = info && !info->live_restore;
}

} // namespace sandfleet::providers::docker
