#include "actors/actor_host.hpp"

#include "actors/gateway_actor.hpp"
#include "actors/health_port.hpp"
#include "actors/journal_keeper.hpp"
#include "actors/log.hpp"
#include "actors/provider_actor.hpp"
#include "actors/provider_port.hpp"
#include "actors/supervisor.hpp"

#include <exception>
#include <mutex>
#include <random>
#include <utility>

namespace sandfleet::actors {

namespace {

/// Two threads are plenty for messages; the `sharing` policy sleeps when idle, where CAF's own
/// default polls.
constexpr std::size_t scheduler_threads = 2;

class host_config : public caf::actor_system_config {
 public:
  host_config() {
    add_message_types<caf::id_block::sandfleet>();
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", scheduler_threads);
    set("logger.verbosity", caf::atom("quiet"));
  }
};

/// Sends while there is somebody to send to. Holds the lock during a send, so that nothing is on
/// its way into an actor system that is being destroyed.
class mailbox_gateway final : public gateway {
 public:
  mailbox_gateway(gateway_actor to, journal_actor journal)
      : to_(std::move(to)), journal_(std::move(journal)) {}

  void start(const sandbox_id& id, spec_ptr spec, start_reply to) override {
    send(start_atom_v, id, std::move(spec), std::move(to));
  }
  void cancel_start(const sandbox_id& id) override { send(cancel_atom_v, id); }
  void attach(const sandbox_id& id, const provider_name& provider, start_reply to) override {
    send(attach_atom_v, id, provider, std::move(to));
  }
  void keep(const sandbox_id& id, std::chrono::milliseconds life, done_reply to) override {
    send(keep_atom_v, id, caf::timespan(life), std::move(to));
  }
  void detach(const sandbox_id& id, done_reply to) override {
    send(detach_atom_v, id, std::move(to));
  }
  void pause(const sandbox_id& id, done_reply to) override {
    send(pause_atom_v, id, std::move(to));
  }
  void set_up(const sandbox_id& id, std::uint64_t number, setup_step step, done_reply to) override {
    send(setup_atom_v, id, number, step, std::move(to));
  }
  void list(listing_reply to) override { send(list_atom_v, std::move(to)); }
  void stop(const sandbox_id& id, stop_reply to) override { send(stop_atom_v, id, std::move(to)); }
  void report(const sandbox_id& id, std::uint64_t generation, error seen, route_reply to) override {
    send(report_atom_v, id, generation, std::move(seen), std::move(to));
  }
  void take(const turn_wait& wait, waiter_ptr place, turn_reply to) override {
    send(take_atom_v, request_of(wait), std::move(place), std::move(to));
  }
  void cancel_take(const turn_wait& wait) override { send(cancel_atom_v, request_of(wait)); }
  bool record(journal_job job) override {
    const std::lock_guard lock(mutex_);
    if (!journal_)
      return false;
    caf::anon_send(journal_, record_atom_v,
                   journal_job_ptr(std::make_shared<const journal_job>(std::move(job))));
    return true;
  }
  void shutdown(done_reply to) override { send(shutdown_atom_v, std::move(to)); }

  void close() {
    gateway_actor last;
    journal_actor last_journal;
    const std::lock_guard lock(mutex_);
    last.swap(to_);
    last_journal.swap(journal_);
  }

 private:
  static turn_request request_of(const turn_wait& wait) {
    return {wait.id, wait.session, wait.waiter, wait.timeout};
  }

  // A message to nobody is destroyed with its reply, which then says `shutting_down`.
  template <class... Ts>
  void send(Ts&&... xs) {
    const std::lock_guard lock(mutex_);
    caf::anon_send(to_, std::forward<Ts>(xs)...);
  }

  std::mutex mutex_;
  gateway_actor to_;
  journal_actor journal_;
};

actor_settings settings_of(const control_settings& from) {
  actor_settings s;
  s.max_parallel_starts = std::max(1U, from.max_parallel_starts);
  s.start_retry = from.start_retry;
  s.health_interval = from.health_interval;
  s.health_timeout = from.health_timeout;
  s.stop_grace = from.stop_grace;
  s.pause_at_close = from.pause_at_close;
  s.seed = std::random_device{}();
  return s;
}

/// An observer that throws has a bug of its own, which must not take the sandbox with it.
std::shared_ptr<const status_observer> guarded(status_observer observer) {
  if (!observer)
    return std::make_shared<const status_observer>();
  return std::make_shared<const status_observer>(
      [observer = std::move(observer)](const status_event& event) {
        try {
          observer(event);
        } catch (const std::exception& e) {
          log_event(log_level::error, "status_observer_threw",
                    {{"sandbox", event.id.str()}, {"what", e.what()}});
        }
      });
}

supervisor_parts supervisor_parts_of(host_parts parts) {
  supervisor_parts made;
  made.settings = settings_of(parts.settings);
  made.board = std::move(parts.board);
  made.observer = guarded(std::move(parts.observer));
  for (auto& one : parts.providers) {
    auto settings = made.settings;
    settings.preparation = one->can().preparation;
    made.providers.push_back(
        {one->name(), [one, io = parts.io, settings](caf::actor_system& system) {
           return system.spawn(provider, system.spawn(provider_port, one, io), settings);
         }});
  }
  made.make_health_port = [probe = std::move(parts.probe), io = parts.io](caf::actor_system& s) {
    return s.spawn(health_port, probe, io);
  };
  return made;
}

} // namespace

struct actor_host::impl {
  explicit impl(host_parts parts) : system(config) {
    auto kept = std::make_shared<std::unique_ptr<journal::store>>(std::move(parts.journal));
    auto root = system.spawn(supervisor, supervisor_parts_of(std::move(parts)));
    auto front = system.spawn(gateway_behavior, std::move(root));
    journal_actor keeper;
    if (*kept)
      keeper = system.spawn<caf::detached>(journal_keeper, kept,
                                           caf::actor_cast<caf::strong_actor_ptr>(front));
    way_in = std::make_shared<mailbox_gateway>(std::move(front), std::move(keeper));
  }

  host_config config;
  caf::actor_system system;
  std::shared_ptr<mailbox_gateway> way_in;
};

actor_host::actor_host(host_parts parts) : impl_(std::make_unique<impl>(std::move(parts))) {}

actor_host::~actor_host() {
  impl_->way_in->shutdown(std::make_shared<unheard>());
  impl_->way_in->close();
  impl_->system.await_all_actors_done();
}

std::shared_ptr<gateway> actor_host::way_in() const {
  return impl_->way_in;
}

} // namespace sandfleet::actors
