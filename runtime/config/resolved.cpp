#include "runtime/config/resolve.hpp"
#include "runtime/core/text.hpp"

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
            (v.read_only ? ":ro" : "");
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

} // namespace

bool resolved::was_given(key which) const {
  const auto& from = at(which).from;
  return !from.empty() && from.front().layer != origin::layer_kind::builtin;
}

std::string resolved::shown(key which) const {
  struct {
    std::string operator()(std::monostate) const { return {}; }
    std::string operator()(const std::string& text) const { return text; }
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

result<sandbox_spec> resolved::base_spec() const {
  sandbox_spec spec;
  spec.provider = provider_name(text(key::provider));
  spec.image = text(key::image);
  spec.isolation =
      text(key::isolation) == "none" ? isolation_mode::none : isolation_mode::namespaces;
  spec.workspace = text(key::workspace);
  if (const auto* env = std::get_if<std::map<std::string, std::string>>(&at(key::env).held))
    spec.env = *env;
  if (const auto base = text(key::workspace_base); !base.empty())
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
  if (spec.network.empty())
    spec.network = spec.provider.str() == "docker" ? "bridge" : "none";
  spec.start_timeout = duration(key::start_timeout);
  if (auto checked = validate(spec); !checked)
    return fail(checked.error());
  return spec;
}

} // namespace sandfleet::config
