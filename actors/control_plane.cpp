#include "actors/control_plane.hpp"

#include "actors/actor_host.hpp"
#include "actors/gateway.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <utility>
#include <variant>

namespace sandfleet::actors {

namespace asio = boost::asio;

namespace {

/// Completes an Asio handler on its executor with what the actors answer.
template <class T, class Handler>
class handler_reply final : public reply<T> {
 public:
  explicit handler_reply(Handler handler, const asio::any_io_executor& fallback)
      : handler_(std::move(handler)), home_(asio::get_associated_executor(handler_, fallback)) {}
  ~handler_reply() override { this->abandon(); }

  [[nodiscard]] auto slot() const { return asio::get_associated_cancellation_slot(handler_); }

 private:
  using executor = asio::associated_executor_t<Handler, asio::any_io_executor>;

  void deliver(result<T> outcome) override {
    const auto home = home_.get_executor();
    asio::post(home, [handler = std::move(handler_), guard = std::move(home_),
                      outcome = std::move(outcome)]() mutable {
      // The slot lives on the caller's executor, so it is cleared there.
      if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected())
        slot.clear();
      std::move(handler)(std::move(outcome));
    });
  }

  Handler handler_;
  asio::executor_work_guard<executor> home_; ///< the caller's context has something to wait for
};

/// What the caller's cancellation does to a call.
enum class on_cancel {
  ask,     ///< tell the actors; they answer
  abandon, ///< answer `cancelled` at once; what was asked for goes on
};

error abandoned_error() {
  return make_error(errc::cancelled, "the caller no longer waits for the control plane");
}

/// `send(reply)` asks; `cancel()` takes it back, when `how` is to ask.
template <class T, class Send, class Cancel>
asio::awaitable<result<T>> call(asio::any_io_executor io, on_cancel how, Send send, Cancel cancel) {
  return asio::async_initiate<const asio::use_awaitable_t<>, void(result<T>)>(
      [](auto handler, asio::any_io_executor ex, on_cancel mode, Send ask, Cancel take_back) {
        using reply_type = handler_reply<T, decltype(handler)>;
        auto to = std::make_shared<reply_type>(std::move(handler), ex);
        // Set before the call can complete: afterwards the slot may be gone.
        if (auto slot = to->slot(); slot.is_connected())
          slot.assign(
              [mode, take_back, weak = std::weak_ptr<reply<T>>(to)](asio::cancellation_type) {
                if (mode == on_cancel::ask)
                  take_back();
                else if (const auto open = weak.lock())
                  open->complete(fail(abandoned_error()));
              });
        ask(std::shared_ptr<reply<T>>(std::move(to)));
      },
      asio::use_awaitable, std::move(io), how, std::move(send), std::move(cancel));
}

constexpr auto nothing_to_take_back = [] {};

std::uint64_t next_number() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

} // namespace

setup_mark::setup_mark(std::shared_ptr<gateway> way_in, sandbox_id id, std::uint64_t number)
    : way_in_(std::move(way_in)), id_(std::move(id)), number_(number) {}

setup_mark::~setup_mark() {
  if (way_in_)
    way_in_->set_up(id_, number_, setup_step::over, std::make_shared<unheard>());
}

struct control_plane::impl {
  explicit impl(host_parts parts)
      : io(parts.io), board(parts.board), host(std::move(parts)), way_in(host.way_in()) {}

  asio::any_io_executor io;
  std::shared_ptr<turn_board> board;
  actor_host host;
  std::shared_ptr<gateway> way_in;
};

control_plane::control_plane(control_settings settings,
                             std::vector<std::shared_ptr<providers::provider>> all_providers,
                             asio::any_io_executor io, health_probe probe, status_observer observer,
                             std::unique_ptr<journal::store> journal)
    : impl_(std::make_shared<impl>(
          host_parts{settings, std::move(all_providers), std::move(io), std::move(probe),
                     std::move(observer), std::make_shared<turn_board>(), std::move(journal)})) {}

control_plane::~control_plane() = default;

namespace {

// Coroutines of their own with copies of what they need: they may run after the control plane.
// No lambda stands inside a co_await expression: g++ 12 copies such a temporary bit by bit.

asio::awaitable<result<ready_sandbox>>
start_in(asio::any_io_executor io, std::shared_ptr<gateway> way_in, sandbox_id id, spec_ptr spec) {
  auto ask = [way_in, id, spec](start_reply to) { way_in->start(id, spec, std::move(to)); };
  auto take_back = [way_in, id] { way_in->cancel_start(id); };
  auto answer = call<ready_ptr>(io, on_cancel::ask, std::move(ask), std::move(take_back));
  auto ready = co_await std::move(answer);
  if (!ready)
    co_return fail(std::move(ready.error()));
  co_return **ready;
}

asio::awaitable<result<ready_sandbox>> attach_in(asio::any_io_executor io,
                                                 std::shared_ptr<gateway> way_in, sandbox_id id,
                                                 provider_name provider) {
  auto ask = [way_in, id, provider](start_reply to) {
    way_in->attach(id, provider, std::move(to));
  };
  auto answer = call<ready_ptr>(io, on_cancel::abandon, std::move(ask), nothing_to_take_back);
  auto ready = co_await std::move(answer);
  if (!ready)
    co_return fail(std::move(ready.error()));
  co_return **ready;
}

/// For calls that are answered by a mere `ok`.
template <class Ask>
asio::awaitable<result<void>> done_in(asio::any_io_executor io, Ask ask) {
  auto answer = call<nothing>(io, on_cancel::abandon, std::move(ask), nothing_to_take_back);
  auto done = co_await std::move(answer);
  if (!done)
    co_return fail(std::move(done.error()));
  co_return result<void>{};
}

asio::awaitable<result<std::vector<sandbox_info>>> list_in(asio::any_io_executor io,
                                                           std::shared_ptr<gateway> way_in) {
  auto ask = [way_in](listing_reply to) { way_in->list(std::move(to)); };
  auto answer = call<listing_ptr>(io, on_cancel::abandon, std::move(ask), nothing_to_take_back);
  auto found = co_await std::move(answer);
  if (!found)
    co_return fail(std::move(found.error()));
  co_return **found;
}

asio::awaitable<result<providers::exit_report>>
stop_in(asio::any_io_executor io, std::shared_ptr<gateway> way_in, sandbox_id id) {
  auto ask = [way_in, id](stop_reply to) { way_in->stop(id, std::move(to)); };
  auto answer = call<report_ptr>(io, on_cancel::abandon, std::move(ask), nothing_to_take_back);
  auto gone = co_await std::move(answer);
  if (!gone)
    co_return fail(std::move(gone.error()));
  co_return **gone;
}

asio::awaitable<result<turn>> take_in(asio::any_io_executor io, std::shared_ptr<turn_board> board,
                                      std::shared_ptr<gateway> way_in, turn_wait wait) {
  waiter_ptr place;
  if (const auto gate = board->find(wait.id, wait.session)) {
    auto entered = gate->enter();
    if (auto* token = std::get_if<token_ptr>(&entered))
      co_return turn(std::move(*token));
    place = std::move(std::get<waiter_ptr>(entered));
  }
  wait.waiter = next_number();
  // The place goes with the message and stays nowhere else (Asio keeps copies of what it is given),
  // so that it is left when the actors drop it.
  auto box = std::make_shared<waiter_ptr>(std::move(place));
  auto ask = [way_in, wait, box](turn_reply to) {
    way_in->take(wait, std::move(*box), std::move(to));
  };
  auto take_back = [way_in, wait] { way_in->cancel_take(wait); };
  auto answer = call<token_ptr>(io, on_cancel::ask, std::move(ask), std::move(take_back));
  auto granted = co_await std::move(answer);
  if (!granted)
    co_return fail(std::move(granted.error()));
  co_return turn(std::move(*granted));
}

asio::awaitable<result<void>> shutdown_in(asio::any_io_executor io,
                                          std::shared_ptr<gateway> way_in) {
  auto ask = [way_in](done_reply to) { way_in->shutdown(std::move(to)); };
  auto answer = call<nothing>(io, on_cancel::abandon, std::move(ask), nothing_to_take_back);
  auto done = co_await std::move(answer);
  // A gateway that is gone has been shut down.
  if (!done && done.error().code != errc::shutting_down)
    co_return fail(std::move(done.error()));
  co_return result<void>{};
}

} // namespace

asio::awaitable<result<ready_sandbox>>
control_plane::start_sandbox(sandbox_id id, std::shared_ptr<const sandbox_spec> spec) {
  return start_in(impl_->io, impl_->way_in, std::move(id), std::move(spec));
}

asio::awaitable<result<ready_sandbox>> control_plane::attach_sandbox(sandbox_id id,
                                                                     provider_name provider) {
  return attach_in(impl_->io, impl_->way_in, std::move(id), std::move(provider));
}

asio::awaitable<result<void>> control_plane::keep_sandbox(sandbox_id id,
                                                          std::chrono::milliseconds life) {
  return done_in(impl_->io, [way_in = impl_->way_in, id = std::move(id), life](done_reply to) {
    way_in->keep(id, life, std::move(to));
  });
}

asio::awaitable<result<void>> control_plane::pause_sandbox(sandbox_id id) {
  return done_in(impl_->io, [way_in = impl_->way_in, id = std::move(id)](done_reply to) {
    way_in->pause(id, std::move(to));
  });
}

namespace {

asio::awaitable<result<void>> ignoring_route(asio::awaitable<result<route_ptr>> found) {
  const auto route = co_await std::move(found);
  if (!route)
    co_return fail(route.error());
  co_return result<void>{};
}

} // namespace

asio::awaitable<result<void>> control_plane::resume_sandbox(sandbox_id id) {
  // To look for its route is all that it takes.
  auto seen = make_error(errc::sandbox_paused, "sandbox " + id.str() + " is to be resumed");
  return ignoring_route(report_failure(std::move(id), 0, std::move(seen)));
}

namespace {

asio::awaitable<result<setup_mark>> mark_in(asio::any_io_executor io,
                                            std::shared_ptr<gateway> way_in, sandbox_id id) {
  setup_mark mark(way_in, id, next_number());
  const auto number = mark.number();
  auto ask = [way_in, id, number](done_reply to) {
    way_in->set_up(id, number, setup_step::begun, std::move(to));
  };
  const auto begun = co_await done_in(io, std::move(ask));
  if (!begun)
    co_return fail(begun.error());
  co_return std::move(mark);
}

} // namespace

asio::awaitable<result<setup_mark>> control_plane::begin_setup(sandbox_id id) {
  return mark_in(impl_->io, impl_->way_in, std::move(id));
}

asio::awaitable<result<void>> control_plane::advance_setup(const setup_mark& mark,
                                                           setup_step step) {
  return done_in(impl_->io,
                 [way_in = mark.way_in_, id = mark.id_, number = mark.number_,
                  step](done_reply to) { way_in->set_up(id, number, step, std::move(to)); });
}

asio::awaitable<result<void>> control_plane::detach_sandbox(sandbox_id id) {
  return done_in(impl_->io, [way_in = impl_->way_in, id = std::move(id)](done_reply to) {
    way_in->detach(id, std::move(to));
  });
}

asio::awaitable<result<std::vector<sandbox_info>>> control_plane::list_sandboxes() {
  return list_in(impl_->io, impl_->way_in);
}

asio::awaitable<result<providers::exit_report>> control_plane::stop_sandbox(sandbox_id id) {
  return stop_in(impl_->io, impl_->way_in, std::move(id));
}

asio::awaitable<result<std::shared_ptr<const route>>>
control_plane::report_failure(sandbox_id id, std::uint64_t generation, error seen) {
  auto way_in = impl_->way_in;
  return call<route_ptr>(
      impl_->io, on_cancel::abandon,
      [way_in, id = std::move(id), generation, seen = std::move(seen)](route_reply to) {
        way_in->report(id, generation, seen, std::move(to));
      },
      nothing_to_take_back);
}

asio::awaitable<result<turn>> control_plane::take_turn(sandbox_id id, session_name session,
                                                       std::chrono::milliseconds timeout) {
  return take_in(impl_->io, impl_->board, impl_->way_in,
                 turn_wait{std::move(id), std::move(session), 0, timeout});
}

bool control_plane::record(std::function<void(journal::store&)> job) {
  return impl_->way_in->record(std::move(job));
}

asio::awaitable<result<void>> control_plane::shutdown() {
  return shutdown_in(impl_->io, impl_->way_in);
}

} // namespace sandfleet::actors
