#include "runtime/providers/remote/box.hpp"
#include "runtime/providers/remote/refusal.hpp"
#include "runtime/providers/remote/request.hpp"
#include "runtime/providers/remote/steps.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <unistd.h>

namespace sandfleet::providers::remote {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

namespace {

constexpr int start_attempts = 3;
constexpr int certain_after = 3; ///< times that nothing is known of a session
constexpr milliseconds first_step{20};
constexpr milliseconds longest_step{2'000};
constexpr milliseconds first_doubt{100};
constexpr milliseconds alive_patience{5'000};
constexpr milliseconds answer_patience{5'000};
constexpr milliseconds session_patience{10'000};

milliseconds left_until(clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - clock::now());
  return std::max(left, milliseconds{1});
}

error cancelled() {
  return make_error(errc::cancelled, "the start of a sandbox was cancelled");
}

/// Whether the service may have begun what it was asked for.
bool may_have_been_heard(const error& failure) {
  return (failure.code == errc::connection_failed || failure.code == errc::timed_out ||
          failure.code == errc::protocol_error) &&
         !was_never_sent(failure);
}

error too_late(const sandbox_id& id, const protocol::runtime_object& told, bool was_up) {
  return make_error(errc::timed_out, "the sandbox " + id.str() + " was not ready in time")
      .blamed_on(failure_class::infrastructure)
      .with_cause(was_up ? "the service says that it is ready, but its agent does not answer"
                         : "the service says that its state is '" + told.status + "', '" +
                               told.pod_status + "'")
      .with("status", told.status)
      .with("pod_status", told.pod_status);
}

} // namespace

void box::describe(const sandbox_spec& spec) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  record_.id = id_;
  record_.session_id = spec.session_id;
  record_.owner = shared_->entries->owner();
  record_.owner_pid = ::getpid();
  record_.image = spec.image.empty() ? shared_->settings.default_image : spec.image;
  record_.workspace = spec.workspace;
  record_.boot_id = current_boot_id();
  record_.created_ms = std::chrono::duration_cast<milliseconds>(now).count();
  record_.labels = spec.labels;
  record_.engine = service_.url();
  limits_ = limits_of(spec);
}

asio::awaitable<result<instance>> box::start(start_request request) {
  const auto deadline = clock::now() + request.spec->start_timeout;
  const auto& spec = *request.spec;
  auto asked = start_request_of(spec, id_, shared_->settings.service);
  if (!asked)
    co_return fail(std::move(asked.error()));
  co_await asio::this_coro::throw_if_cancelled(false);
  describe(spec);
  asked->image = record_.image;
  // The entry is there before anything that would have to be stopped.
  auto noted = shared_->entries->add(record_, "");
  if (!noted)
    co_return fail(std::move(noted.error()));
  lease_ = std::move(*noted);
  auto built = co_await build_up(request, std::move(*asked), deadline);
  if (built) {
    was_ready_ = true;
    co_return endpoint();
  }
  const bool in_vain = co_await was_cancelled();
  co_await take_down();
  if (in_vain)
    co_return fail(cancelled());
  co_return fail(std::move(built.error()));
}

asio::awaitable<result<void>> box::build_up(const start_request& request,
                                            protocol::runtime_start asked, time_point deadline) {
  const auto& spec = *request.spec;
  if (!spec.session_id.empty()) { // one that the caller named may live, by whomever
    const auto taken = co_await take_up_session(asked.session_id, deadline);
    if (!taken)
      co_return fail(taken.error());
    was_there_ = *taken;
  }
  if (!was_there_ && !spec.docker.extra_deps.empty()) {
    const auto began = clock::now();
    auto image = co_await derive_image(request, asked.image);
    if (!image)
      co_return fail(std::move(image.error()));
    asked.image = std::move(*image);
    deadline += clock::now() - began;
  }
  if (!was_there_) {
    auto made = co_await ask_for(std::move(asked), deadline);
    if (!made)
      co_return made;
  }
  co_return co_await become_ready(deadline);
}

/// While it is built, others take the place of this start.
asio::awaitable<result<std::string>> box::derive_image(const start_request& request,
                                                       std::string base) {
  auto wish = docker::wish_of(std::move(base), request.spec->docker);
  const auto waits = std::make_shared<bool>(false);
  auto image = co_await shared_->images->derive(std::move(wish), [&request, waits] {
    *waits = true;
    if (request.on_preparing)
      request.on_preparing(preparation::image_build);
  });
  if (image && *waits && request.go_on) {
    auto room = co_await request.go_on();
    if (!room)
      co_return fail(std::move(room.error()));
  }
  co_return image;
}

/// Whether it lives already.
asio::awaitable<result<bool>> box::take_up_session(const std::string& session,
                                                   time_point deadline) {
  const auto calls = service_.within(std::min(session_patience, left_until(deadline)));
  auto found = co_await calls.find_session(session);
  if (!found)
    co_return fail(std::move(found.error()));
  if (!*found || judge(id_, **found, true).now == condition::ended)
    co_return false;
  auto noted = note(std::move(**found));
  if (!noted)
    co_return fail(std::move(noted.error()));
  co_return true;
}

/// `/start`. Of one whose answer is lost, the session tells whether it was heard.
asio::awaitable<result<void>> box::ask_for(protocol::runtime_start asked, time_point deadline) {
  record_.was_asked_for = true;
  if (auto noted = shared_->entries->update(record_); !noted)
    co_return noted;
  for (int attempt = 1;; ++attempt) {
    auto made = co_await fly(asked, left_until(deadline));
    const bool in_vain = co_await was_cancelled();
    if (in_vain)
      co_return fail(cancelled());
    if (made)
      co_return note(std::move(*made));
    if (!may_have_been_heard(made.error())) {
      record_.was_asked_for = false;
      co_return fail(std::move(made.error()));
    }
    const auto taken = co_await take_up_session(asked.session_id, deadline);
    if (taken && *taken)
      co_return result<void>{};
    if (!taken || attempt == start_attempts || clock::now() >= deadline)
      co_return fail(std::move(made.error()));
  }
}

asio::awaitable<result<protocol::runtime_object>> box::fly(protocol::runtime_start asked,
                                                           milliseconds patience) {
  const auto begun = std::make_shared<flight>();
  flight_ = begun;
  asio::co_spawn(
      strand_,
      [calls = service_.within(patience), asked = std::move(asked)] { return calls.start(asked); },
      [self = shared_from_this(), begun](const std::exception_ptr& thrown,
                                         result<runtime_object> answer) {
        if (thrown)
          answer = fail(transport::describe_exception(thrown));
        begun->answer = std::move(answer);
        self->notify();
      });
  while (!begun->answer) {
    const auto woke = co_await next_change(time_point::max());
    if (woke == wake::cancelled)
      co_return fail(cancelled());
  }
  co_return *begun->answer;
}

/// After a start that nobody waited for, or that nobody answered.
asio::awaitable<result<void>> box::find_what_was_made() {
  const auto until = clock::now() + answer_patience;
  auto woke = wake::changed;
  while (flight_ && !flight_->answer && woke != wake::timed_out)
    woke = co_await next_change(until);
  if (flight_ && flight_->answer && *flight_->answer) {
    record_.runtime_id = (*flight_->answer)->runtime_id;
    co_return result<void>{};
  }
  // It may still be on its way to a service that was asked and did not answer.
  steps doubts(first_doubt, longest_step);
  for (int empty = 0; empty < certain_after; ++empty) {
    const auto calls = service_.within(session_patience);
    const auto found = co_await calls.find_session(session());
    if (!found)
      co_return fail(found.error());
    if (*found) {
      record_.runtime_id = (*found)->runtime_id;
      co_return result<void>{};
    }
    if (empty + 1 < certain_after)
      (void)co_await next_change(clock::now() + doubts.next());
  }
  record_.was_asked_for = false;
  co_return result<void>{};
}

/// Wakes one that is paused, by whomever, and waits until its agent answers.
asio::awaitable<result<void>> box::become_ready(time_point deadline) {
  steps pace(first_step, longest_step);
  bool was_up = false;
  for (;;) {
    auto seen = co_await ask(left_until(deadline));
    if (!seen)
      co_return fail(std::move(seen.error()));
    if (!*seen)
      co_return fail(vanished(id_));
    auto found = judge(id_, **seen, was_ready_);
    if (found.now == condition::ended)
      co_return fail(std::move(*found.why));
    if (auto noted = note(std::move(**seen)); !noted)
      co_return noted;
    if (found.now == condition::paused) {
      const auto calls = service_.within(left_until(deadline));
      const auto woken = co_await calls.resume(record_.runtime_id);
      if (!woken)
        co_return fail(woken.error());
    } else if (found.now == condition::ready) {
      was_up = true;
      paused_ = false;
      const bool is_alive = co_await service_.is_alive(
          way_, told_.session_api_key, std::min(alive_patience, left_until(deadline)));
      if (is_alive)
        co_return result<void>{};
    }
    const auto pause = pace.next();
    if (clock::now() + pause >= deadline)
      co_return fail(too_late(id_, told_, was_up));
    const auto woke = co_await next_change(clock::now() + pause);
    if (woke == wake::cancelled)
      co_return fail(cancelled());
    if (report_)
      co_return fail(ended());
  }
}

} // namespace sandfleet::providers::remote
