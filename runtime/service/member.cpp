#include "runtime/service/member.hpp"

#include "runtime/core/text.hpp"
#include "runtime/engine/access.hpp"
#include "runtime/protocol/agent_api.hpp"

#include <algorithm>
#include <array>

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
  case s::setting_up_workspace: // by whom it was started, who knows of it
  case s::setting_up_git_hooks:
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
  case s::resuming:
    return {"starting", "pending"};
  }
  return {"error", "unknown"};
}

constexpr std::size_t most_reasons = 10;

/// Where the hosted service has them.
constexpr int usual_main_port = 60'000;
constexpr int usual_vscode_port = 60'001;
constexpr std::array<int, 2> usual_work_ports = {12'000, 12'001};

std::optional<int> port_in(const std::map<std::string, std::string>& environment,
                           const std::string& name) {
  const auto found = environment.find(name);
  if (found == environment.end())
    return std::nullopt;
  const auto port = core::parse_integer(found->second);
  return port && *port > 0 && *port <= std::numeric_limits<std::uint16_t>::max()
             ? std::optional(static_cast<int>(*port))
             : std::nullopt;
}

bool starts_action_server(const protocol::runtime_start& asked) {
  if (asked.command.empty())
    return true;
  const auto read = protocol::read_action_server_command(asked.command);
  return !read || read->has_value();
}

/// Has the agent open a way to one of the sandbox's ports.
std::string opening_of(int port, const std::string& key) {
  std::string text =
      "GET /tunnel?port=" + std::to_string(port) + " HTTP/1.1\r\nHost: localhost\r\n";
  text.append("Connection: Upgrade\r\nUpgrade: ").append(protocol::tunnel_protocol);
  text.append("\r\n").append(protocol::api_key_header).append(": ").append(key);
  return text + "\r\n\r\n";
}

} // namespace

member::member(journal::sandbox_row row, protocol::runtime_start asked)
    : id_(row.id), asked_(std::move(asked)), runs_command_(!starts_action_server(asked_)),
      row_(std::move(row)) {}

journal::sandbox_row member::row() const {
  const std::lock_guard lock(mutex_);
  return row_;
}

std::string member::owner() const {
  const std::lock_guard lock(mutex_);
  return row_.owner;
}

std::optional<journal::time_point> member::expires() const {
  const std::lock_guard lock(mutex_);
  return row_.expires;
}

/// With the lock held.
sandbox_state member::state() const {
  if (row_.ended)
    return last_;
  return box_ ? box_->state() : sandbox_state::starting_runtime;
}

protocol::runtime_object member::describe() const {
  const std::lock_guard lock(mutex_);
  const auto now = state();
  const bool answers = !runs_command_ || command_answers_;
  const auto words =
      words_for(now == sandbox_state::ready && !answers ? sandbox_state::runtime_started : now);
  protocol::runtime_object told;
  told.runtime_id = id_.str();
  told.session_id = row_.session_id;
  told.status = words.status;
  told.pod_status = words.pod_status;
  told.session_api_key = row_.session_key;
  told.image = row_.image;
  told.restart_count = row_.restarts;
  told.restart_reasons = restart_reasons_;
  told.failure = verdict_;
  if (now == sandbox_state::error_memory)
    told.restart_reasons.emplace_back("OOMKilled");
  else if (verdict_)
    told.restart_reasons.push_back(verdict_->to_string());
  return told;
}

int member::port_of(server_kind server) const {
  if (server == server_kind::agent)
    return 0;
  if (server == server_kind::main)
    return runs_command_
               ? protocol::read_served_port(asked_.command)
                     .value_or(port_in(asked_.environment, "PORT").value_or(usual_main_port))
               : 0;
  const bool vscode = server == server_kind::vscode;
  const std::size_t work = server == server_kind::work_2 ? 1 : 0;
  const auto name = vscode ? std::string("VSCODE_PORT") : "APP_PORT_" + std::to_string(work + 1);
  if (const auto held = box(); held)
    for (const auto& port : held->ports())
      if (port.name == name)
        return port.port;
  if (vscode && runs_command_)
    if (const auto port = port_in(asked_.environment, "OH_VSCODE_PORT"))
      return *port;
  return port_in(asked_.environment, name)
      .value_or(vscode ? usual_vscode_port : usual_work_ports.at(work));
}

std::optional<sandbox> member::box() const {
  const std::lock_guard lock(mutex_);
  return box_;
}

void member::started(sandbox box) {
  const std::lock_guard lock(mutex_);
  box_ = std::move(box);
  used_ = clock::now();
  row_.used =
      std::max(std::chrono::system_clock::now(), row_.created + std::chrono::milliseconds(1));
}

void member::ended(std::optional<error> why, sandbox_state state, journal::time_point at) {
  const std::lock_guard lock(mutex_);
  if (why)
    verdict_ = std::move(why);
  last_ = state;
  row_.state = to_string(state);
  row_.ended = at;
  ways_.clear();
}

bool member::has_ended() const {
  const std::lock_guard lock(mutex_);
  return row_.ended.has_value();
}

bool member::begin_end() {
  const std::lock_guard lock(mutex_);
  return !std::exchange(ending_, true);
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

member_route member::route(const boost::asio::any_io_executor& executor, server_kind server) {
  const int port = port_of(server);
  const std::lock_guard lock(mutex_);
  auto now = box_ && !row_.ended ? engine_detail::access::route_of(*box_) : nullptr;
  if (!now)
    return {};
  if (now != known_) {
    ways_.clear();
    known_ = std::move(now);
  }
  auto way = ways_.find(server);
  if (way == ways_.end())
    way = ways_
              .emplace(server, port == 0
                                   ? transport::http_upstream(executor, known_->agent.where)
                                   : transport::http_upstream(executor, known_->agent.where,
                                                              opening_of(port, row_.session_key)))
              .first;
  return {known_->generation, way->second};
}

void member::command_answers() {
  const std::lock_guard lock(mutex_);
  command_answers_ = true;
}

bool member::command_is_ready() const {
  const std::lock_guard lock(mutex_);
  return command_answers_;
}

void member::command_ended(std::string reason) {
  const std::lock_guard lock(mutex_);
  command_answers_ = false;
  ++row_.restarts;
  if (restart_reasons_.size() == most_reasons)
    restart_reasons_.erase(restart_reasons_.begin());
  restart_reasons_.push_back(std::move(reason));
}

void member::running_command(transport::op work) {
  const std::lock_guard lock(mutex_);
  command_ = std::move(work);
}

void member::leave_command() {
  const std::lock_guard lock(mutex_);
  command_.cancel();
}

void member::use_begins() {
  const std::lock_guard lock(mutex_);
  ++uses_;
  cannot_pause_ = false;
}

void member::use_ends() {
  const std::lock_guard lock(mutex_);
  --uses_;
  used_ = clock::now();
}

std::optional<member::clock::time_point> member::idle_at(std::chrono::seconds patience) const {
  const std::lock_guard lock(mutex_);
  if (uses_ > 0 || pausing_ || cannot_pause_ || row_.ended || state() != sandbox_state::ready)
    return std::nullopt;
  return used_ + patience;
}

bool member::begin_idle_pause(std::chrono::seconds patience) {
  const auto at = idle_at(patience);
  const std::lock_guard lock(mutex_);
  pausing_ = at && *at <= clock::now() && uses_ == 0;
  return pausing_;
}

bool member::end_idle_pause(bool paused) {
  const std::lock_guard lock(mutex_);
  pausing_ = false;
  cannot_pause_ = !paused;
  return uses_ > 0;
}

} // namespace sandfleet::service
