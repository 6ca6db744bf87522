#include "actors/health_checker.hpp"

#include "actors/ask.hpp"
#include "actors/log.hpp"

#include <utility>

namespace sandfleet::actors {

namespace {

/// How much sooner the next probe comes while it is open whether the agent is lost.
constexpr int recheck_divisor = 4;

} // namespace

void health_checker_state::begin(health_checker_actor::pointer self, health_subject subject,
                                 const actor_settings& settings) {
  self_ = self;
  subject_ = std::move(subject);
  settings_ = settings;
  random_.seed(static_cast<std::minstd_rand::result_type>(settings.seed ^
                                                          std::hash<sandbox_id>{}(subject_.id)));
  failures_ = subject_.mode == probe_mode::suspicious ? settings_.health_threshold : 0;
  schedule(settings_.health_interval);
}

void health_checker_state::schedule(std::chrono::nanoseconds around) {
  const auto tenth = around.count() / 10;
  std::uniform_int_distribution<std::int64_t> jitter(-tenth, tenth);
  self_->delayed_send(health_checker_actor(self_),
                      around + std::chrono::nanoseconds(jitter(random_)), tick_atom_v);
}

void health_checker_state::tick() {
  ask<caf::ok_atom>(
      self_, subject_.port, settings_.health_timeout + deadlines::probe_margin,
      [this](caf::ok_atom) { alive(); }, [this](failure why) { failed(std::move(why.what)); },
      probe_atom_v, subject_.agent, caf::timespan(settings_.health_timeout));
}

void health_checker_state::alive() {
  if (std::exchange(failures_, 0) >= settings_.health_threshold)
    self_->send(subject_.observer, alive_atom_v);
  schedule(settings_.health_interval);
}

void health_checker_state::failed(error why) {
  ++failures_;
  log_event(log_level::warning, "health_probe_failed",
            {{"sandbox", subject_.id.str()},
             {"in_a_row", std::to_string(failures_)},
             {"error", why.to_string()}});
  if (failures_ == settings_.health_threshold)
    self_->send(subject_.observer, lost_atom_v,
                std::move(why).with("probes_failed", std::int64_t{failures_}));
  const bool open = failures_ < settings_.health_threshold;
  schedule(open ? settings_.health_interval / recheck_divisor : settings_.health_interval);
}

health_checker_actor::behavior_type
health_checker(health_checker_actor::stateful_pointer<health_checker_state> self,
               health_subject subject, actor_settings settings) {
  self->state.begin(self, std::move(subject), settings);
  return {[self](tick_atom) { self->state.tick(); }};
}

} // namespace sandfleet::actors
