#include "runtime/service/member.hpp"

#include "runtime/engine/access.hpp"

namespace sandfleet::service {

namespace {

struct told {
  std::string_view status;
  std::string_view pod_status;
};

/// In the words of the service whose API this is. A client takes `failed`, `unknown` and
/// `crashloopbackoff` for the end, and `not found`, `pending` and `running` for not yet.
told words_for(sandbox_state state) {
  using s = sandbox_state;
  switch (state) {
  case s::ready:
    return {"running", "ready"};
  case s::pausing:
  case s::paused:
    return {"paused", "not found"};
  case s::stopping:
  case s::stopped:
    return {"stopped", "not found"};
  case s::error:
    return {"error", "failed"};
  case s::error_memory:
    return {"error", "crashloopbackoff"};
  case s::error_runtime_disconnected:
    return {"running", "running"}; // it may answer again, or be found ended
  case s::created:
  case s::starting_runtime:
  case s::building_runtime:
  case s::runtime_started:
  case s::setting_up_workspace:
  case s::resuming:
    return {"starting", "pending"};
  }
  return {"error", "unknown"};
}

} // namespace

member::member(journal::sandbox_row row, protocol::runtime_start asked)
    : id_(row.id), asked_(std::move(asked)), row_(std::move(row)) {}

journal::sandbox_row member::row() const {
  const std::lock_guard lock(mutex_);
  return row_;
}

/// With the lock held.
sandbox_state member::state() const {
  if (verdict_)
    return verdict_->code == errc::out_of_memory ? sandbox_state::error_memory
                                                 : sandbox_state::error;
  if (row_.ended)
    return sandbox_state::stopped;
  return box_ ? box_->state() : sandbox_state::starting_runtime;
}

protocol::runtime_object member::describe() const {
  const std::lock_guard lock(mutex_);
  const auto now = state();
  const auto words = words_for(now);
  protocol::runtime_object told;
  told.runtime_id = id_.str();
  told.session_id = row_.session_id;
  told.status = words.status;
  told.pod_status = words.pod_status;
  told.session_api_key = row_.session_key;
  told.image = row_.image;
  if (now == sandbox_state::error_memory)
    told.restart_reasons = {"OOMKilled"};
  else if (verdict_)
    told.restart_reasons = {verdict_->to_string()};
  return told;
}

std::optional<sandbox> member::box() const {
  const std::lock_guard lock(mutex_);
  return box_;
}

void member::started(sandbox box) {
  const std::lock_guard lock(mutex_);
  box_ = std::move(box);
}

void member::ended(std::optional<error> why, journal::time_point at) {
  const std::lock_guard lock(mutex_);
  if (why)
    verdict_ = std::move(why);
  row_.ended = at;
  agent_.reset();
}

bool member::has_ended() const {
  const std::lock_guard lock(mutex_);
  return row_.ended.has_value();
}

std::optional<error> member::verdict() const {
  const std::lock_guard lock(mutex_);
  return verdict_;
}

void member::starting(transport::op work) {
  const std::lock_guard lock(mutex_);
  start_ = std::move(work);
}

void member::cancel_start() {
  const std::lock_guard lock(mutex_);
  start_.cancel();
}

member_route member::route(const boost::asio::any_io_executor& executor) {
  const std::lock_guard lock(mutex_);
  auto now = box_ ? engine_detail::access::route_of(*box_) : nullptr;
  if (!now)
    return {};
  if (now != known_) {
    agent_.emplace(executor, now->agent);
    known_ = std::move(now);
  }
  return {known_->generation, agent_};
}

} // namespace sandfleet::service
