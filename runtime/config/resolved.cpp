#include "runtime/config/literal.hpp"
#include "runtime/config/resolve.hpp"
#include "runtime/core/text.hpp"

#include <unistd.h>

namespace sandfleet::config {

namespace {

using std::chrono::milliseconds;

std::string duration_text(milliseconds time) {
  return core::number_text(static_cast<double>(time.count()) / 1000) + " s";
}

std::string volumes_text(const std::vector<volume>& volumes) {
  std::string text;
  for (const auto& v : volumes)
    text += (text.empty() ? "" : ", ") + v.host_path + ":" + v.sandbox_path +
            (v.kind == volume_kind::overlay ? ":overlay"
             : v.read_only                  ? ":ro"
                                            : "");
  return text;
}

/// Names only: what programs get by their environment is often a secret.
std::string env_text(const std::map<std::string, std::string>& env) {
  std::string text;
  for (const auto& [name, hidden] : env)
    text += (text.empty() ? "" : ", ") + name + "=***";
  return text;
}

/// The value of a whole-numbered setting that always has one, by its default.
template <class Number>
Number number_or_zero(const resolved& config, key which) {
  return static_cast<Number>(config.integer(which).value_or(0));
}

/// 0 lifts a limit that there would be by default.
std::optional<std::int64_t> limit_of(const resolved& config, key which) {
  const auto given = config.integer(which);
  return given == 0 ? std::nullopt : given;
}

/// Of an object that is held by its members.
std::string object_text(const std::map<std::string, std::string>& members) {
  std::string text;
  for (const auto& [name, json] : members)
    text += (text.empty() ? "{" : ",") + json_string(name) + ":" + json;
  return text.empty() ? text : text + "}";
}

docker_options docker_of(const resolved& config) {
  docker_options options;
  options.extra_deps = config.text(key::extra_deps);
  options.extra_build_args = config.list(key::extra_build_args);
  options.force_rebuild = config.truth(key::force_rebuild);
  options.platform = config.text(key::platform);
  options.user = config.text(key::docker_user);
  options.user_id = config.integer(key::user_id);
  options.networks = config.list(key::additional_networks);
  options.extra_hosts = config.list(key::extra_hosts);
  const auto way = config.text(key::docker_connection);
  options.connection = way == "socket"  ? docker_connection::socket
                       : way == "ports" ? docker_connection::ports
                                        : docker_connection::automatic;
  options.binding_address = config.text(key::binding_address);
  // As OpenHands does, so that files of mounted directories belong to the caller; root needs none.
  if (!options.user_id && ::geteuid() != 0)
    options.user_id = static_cast<std::int64_t>(::geteuid());
  if (const auto port = config.integer(key::vscode_port))
    options.vscode_port = static_cast<int>(*port);
  options.publish_ports = config.truth(key::publish_ports);
  options.overlays_dir = config.text(key::overlays_dir);
  options.shared_mb = config.integer(key::shm_mb);
  options.capabilities = config.list(key::capabilities);
  options.no_new_privileges = config.truth(key::no_new_privileges);
  options.read_only_root = config.truth(key::read_only_root);
  options.security = config.list(key::security_options);
  options.runtime = config.text(key::docker_runtime);
  options.gpu = config.truth(key::enable_gpu);
  options.gpu_devices = config.text(key::cuda_visible_devices);
  options.pause_stops = config.truth(key::pause_stops);
  using pairs = std::map<std::string, std::string>;
  if (const auto* members = std::get_if<pairs>(&config.at(key::docker_runtime_kwargs).held))
    options.arguments = object_text(*members);
  return options;
}

} // namespace

bool resolved::was_given(key which) const {
  const auto& from = at(which).from;
  return !from.empty() && from.front().layer != origin::layer_kind::builtin;
}

std::string resolved::shown(key which) const {
  if (info(which).kind == value_kind::secret)
    return text(which).empty() ? "" : "***";
  struct {
    std::string operator()(std::monostate) const { return {}; }
    std::string operator()(const std::string& text) const { return text; }
    std::string operator()(bool holds) const { return holds ? "true" : "false"; }
    std::string operator()(const std::vector<std::string>& list) const {
      const std::vector<std::string_view> items(list.begin(), list.end());
      return core::join(items, ",");
    }
    std::string operator()(std::int64_t whole) const { return std::to_string(whole); }
    std::string operator()(double number) const { return core::number_text(number); }
    std::string operator()(milliseconds time) const { return duration_text(time); }
    std::string operator()(const std::vector<volume>& list) const { return volumes_text(list); }
    std::string operator()(const std::map<std::string, std::string>& env) const {
      return env_text(env);
    }
  } constexpr to_text;
  return std::visit(to_text, at(which).held);
}

std::string resolved::text(key which) const {
  const auto* text = std::get_if<std::string>(&at(which).held);
  return text ? *text : std::string{};
}

std::optional<std::int64_t> resolved::integer(key which) const {
  const auto* whole = std::get_if<std::int64_t>(&at(which).held);
  return whole ? std::optional(*whole) : std::nullopt;
}

std::optional<double> resolved::number(key which) const {
  const auto* number = std::get_if<double>(&at(which).held);
  return number ? std::optional(*number) : std::nullopt;
}

bool resolved::truth(key which) const {
  const auto* holds = std::get_if<bool>(&at(which).held);
  return holds && *holds;
}

std::vector<std::string> resolved::list(key which) const {
  const auto* items = std::get_if<std::vector<std::string>>(&at(which).held);
  return items ? *items : std::vector<std::string>{};
}

milliseconds resolved::duration(key which) const {
  const auto* time = std::get_if<milliseconds>(&at(which).held);
  return time ? *time : milliseconds::zero();
}

result<settings> resolved::engine_settings() const {
  settings s;
  s.provider = provider_name(text(key::provider));
  s.image = text(key::image);
  s.isolation = text(key::isolation) == "none" ? isolation_mode::none : isolation_mode::namespaces;
  s.state_dir = text(key::state_dir);
  s.agent_program = text(key::agent_program);
  s.launcher_program = text(key::launcher_program);
  s.io_threads = number_or_zero<unsigned>(*this, key::io_threads);
  s.max_parallel_starts = number_or_zero<unsigned>(*this, key::max_parallel_starts);
  s.start_attempts = number_or_zero<unsigned>(*this, key::start_attempts);
  s.start_backoff_base = duration(key::start_backoff_base);
  s.start_backoff_cap = duration(key::start_backoff_cap);
  s.health_interval = duration(key::health_interval);
  s.health_timeout = duration(key::health_timeout);
  if (truth(key::keep_runtime_alive))
    s.at_close = truth(key::pause_closed_runtimes) ? close_action::pause : close_action::keep;
  s.keep_for = duration(key::keep_for);
  s.stop_all_at_close = truth(key::rm_all_containers);
  s.image_timeout = duration(key::image_timeout);
  s.image_repository = text(key::image_repository);
  s.remote.api_url = text(key::remote_runtime_api_url);
  s.remote.api_key = text(key::api_key);
  s.remote.api_timeout = duration(key::remote_runtime_api_timeout);
  s.remote.resource_factor = number_or_zero<int>(*this, key::remote_runtime_resource_factor);
  s.remote.runtime_class = text(key::remote_runtime_class);
  s.remote.enable_retries = truth(key::remote_runtime_enable_retries);
  auto checked = validate(s);
  if (checked)
    return s;
  auto failure = std::move(checked.error());
  for (const auto& [name, fact] : failure.evidence)
    if (const auto* setting = std::get_if<std::string>(&fact); setting && name == "setting")
      if (const auto which = find_setting(*setting); which && !at(*which).from.empty())
        failure.message += " (" + at(*which).from.front().to_string() + ")";
  return fail(std::move(failure));
}

/// Of what nobody has asked for, a runtime service has its own idea.
void resolved::leave_to_service(sandbox_spec& spec) const {
  if (!was_given(key::memory_mb))
    spec.limits.memory_mb.reset();
  if (!was_given(key::pids))
    spec.limits.pids.reset();
  if (!was_given(key::start_timeout))
    spec.start_timeout = duration(key::remote_runtime_init_timeout);
}

result<sandbox_spec> resolved::base_spec() const {
  sandbox_spec spec;
  spec.provider = provider_name(text(key::provider));
  spec.image = text(key::image);
  spec.isolation =
      text(key::isolation) == "none" ? isolation_mode::none : isolation_mode::namespaces;
  spec.workspace = text(key::workspace);
  if (const auto* env = std::get_if<std::map<std::string, std::string>>(&at(key::env).held))
    spec.env = *env;
  if (const auto base = text(key::workspace_base); !base.empty() && !base_is_superseded_)
    spec.volumes.push_back({base, spec.workspace, false});
  if (const auto* volumes = std::get_if<std::vector<volume>>(&at(key::volumes).held))
    for (const auto& v : *volumes) {
      std::erase_if(spec.volumes,
                    [&](const volume& old) { return old.sandbox_path == v.sandbox_path; });
      spec.volumes.push_back(v);
    }
  spec.limits = {number(key::cpus), limit_of(*this, key::memory_mb), limit_of(*this, key::pids),
                 integer(key::disk_mb)};
  spec.network = text(key::network);
  spec.start_timeout = duration(key::start_timeout);
  if (spec.provider.str() == "remote")
    leave_to_service(spec);
  else if (spec.network.empty())
    spec.network = spec.provider.str() == "docker" ? "bridge" : "none";
  spec.docker = docker_of(*this);
  if (auto checked = validate(spec); !checked)
    return fail(checked.error());
  return spec;
}

} // namespace sandfleet::config
