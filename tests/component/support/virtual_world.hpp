#pragma once

#include "actors/failure.hpp"
#include "actors/sandbox_actor.hpp"
#include "actors/supervisor.hpp"
#include "tests/component/support/fake_port.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sandfleet::actors::testing {

/// The answer to one request: nothing yet, a value, or a failure.
template <class T>
class answer_of {
 public:
  [[nodiscard]] bool pending() const { return !*state_; }
  [[nodiscard]] bool ok() const { return *state_ && (*state_)->has_value(); }
  [[nodiscard]] const T& value() const { return state_->value().value(); }
  [[nodiscard]] const error& failure() const { return state_->value().error().what; }
  [[nodiscard]] failure_origin origin() const { return state_->value().error().origin; }
  /// "ok", "pending", or the error's code.
  [[nodiscard]] std::string said() const {
    if (pending())
      return "pending";
    return ok() ? "ok" : std::string(to_string(failure().code));
  }
  void drop() const { state_->reset(); }

  void set(tl::expected<T, actors::failure> outcome) const { *state_ = std::move(outcome); }

 private:
  std::shared_ptr<std::optional<tl::expected<T, actors::failure>>> state_ =
      std::make_shared<std::optional<tl::expected<T, actors::failure>>>();
};

class world_config : public caf::actor_system_config {
 public:
  world_config() {
    add_message_types<caf::id_block::sandfleet>();
    set("scheduler.policy", caf::atom("testing"));
    set("logger.verbosity", caf::atom("quiet"));
  }
};

/// Actors on one thread, in virtual time: nothing happens but by `run` and `advance`.
class virtual_world {
 public:
  virtual_world()
      : system(config),
        schedule(dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())) {}

  virtual_world(const virtual_world&) = delete;
  virtual_world& operator=(const virtual_world&) = delete;

  ~virtual_world() { end_all(); }

  /// Ends every actor. For the destructors of derived worlds too, whose members actors use.
  void end_all() {
    for (const auto& one : spawned_)
      caf::anon_send_exit(one, caf::exit_reason::kill);
    run();
    port->forget_all();
    health->hanging.clear();
    schedule.clock().cancel_all();
    run();
    spawned_.clear();
  }

  /// Handles all messages that can be handled without time going by.
  void run() {
    while (schedule.try_run_once()) {
    }
  }

  /// Lets time go by, timer by timer.
  void advance(std::chrono::nanoseconds by) {
    run();
    const auto end = schedule.clock().now() + by;
    for (;;) {
      const auto& timers = schedule.clock().schedule();
      if (timers.empty() || timers.begin()->first > end)
        break;
      schedule.advance_time(
          std::max(timers.begin()->first - schedule.clock().now(), std::chrono::nanoseconds(0)));
      run();
    }
    schedule.advance_time(end - schedule.clock().now());
    run();
  }

  /// Spawns an actor of no type. CAF 0.17.6 binds a reference to nothing when it spawns a function
  /// without arguments, so this gives it one.
  caf::actor spawn(std::function<void(caf::event_based_actor*)> body) {
    return system.spawn([](caf::event_based_actor* self,
                           const std::function<void(caf::event_based_actor*)>& run) { run(self); },
                        std::move(body));
  }

  /// Sends a request on behalf of nobody in particular.
  template <class T, class Handle, class... Ts>
  answer_of<T> ask(const Handle& to, Ts... xs) {
    answer_of<T> got;
    spawn([=](caf::event_based_actor* self) {
      self->request(to, std::chrono::minutes(600), xs...)
          .then([=](const T& value) { got.set(value); },
                [=](caf::error& e) { got.set(tl::unexpected(from_caf(e))); });
    });
    run();
    return got;
  }

  template <class Handle>
  const Handle& keep(const Handle& one) {
    spawned_.push_back(caf::actor_cast<caf::strong_actor_ptr>(one));
    return one;
  }

  template <class Handle>
  void kill(const Handle& one) {
    caf::anon_send_exit(one, caf::exit_reason::kill);
    run();
  }

  world_config config;
  caf::actor_system system;
  caf::scheduler::test_coordinator& schedule;
  script_ptr port = std::make_shared<fake_port_script>();
  health_script_ptr health = std::make_shared<fake_health_script>();
  std::shared_ptr<turn_board> board = std::make_shared<turn_board>();

 private:
  std::vector<caf::strong_actor_ptr> spawned_;
};

} // namespace sandfleet::actors::testing
