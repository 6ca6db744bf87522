#include "runtime/providers/local/launch_arguments.hpp"

#include "runtime/core/text.hpp"

#include <map>

namespace sandfleet::providers::local {

namespace {

constexpr const char* usual_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

class argument_list {
 public:
  void add(std::string_view name, std::string_view value) {
    append(name);
    append(value);
  }
  void append(std::string_view word) {
    bytes_ += word;
    bytes_ += '\0';
  }
  std::string take() && { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// What the agent and all in the sandbox start with: ordinary values, over them the task's, over
/// those what is the engine's to say.
std::map<std::string, std::string> environment(const sandbox_id& id, const sandbox_spec& spec,
                                               bool isolated, const std::string& dir,
                                               const std::string& session_key,
                                               std::string_view caller_path) {
  std::map<std::string, std::string> all = {
      {"PATH", usual_path}, {"HOME", "/root"}, {"USER", "root"},       {"LOGNAME", "root"},
      {"LANG", "C.UTF-8"},  {"TERM", "xterm"}, {"SHELL", "/bin/bash"},
  };
  if (!isolated) {
    all["HOME"] = dir + "/home";
    all["TMPDIR"] = dir + "/tmp";
    all.erase("USER");
    all.erase("LOGNAME");
    if (!caller_path.empty())
      all["PATH"] = caller_path;
  }
  for (const auto& [name, value] : spec.env)
    all[name] = value;
  all["SANDFLEET_SANDBOX"] = id.str();
  all["SESSION_API_KEY"] = session_key;
  return all;
}

} // namespace

isolation_mode isolation_of(const sandbox_spec& spec, const local_settings& settings) {
  return spec.isolation.value_or(settings.default_isolation);
}

result<std::string> launch_arguments(const sandbox_id& id, const sandbox_spec& spec,
                                     const local_settings& settings, const std::string& dir,
                                     const std::string& session_key, std::string_view caller_path) {
  if (spec.network != "none" && spec.network != "host")
    return fail(make_error(errc::unsupported, "network '" + spec.network + "' is not known")
                    .with_cause("the local provider has the networks none and host"));
  for (const auto& v : spec.volumes)
    if (v.kind != volume_kind::bind)
      return fail(make_error(errc::unsupported,
                             "volumes: '" + v.host_path + ":" + v.sandbox_path + "' cannot be had")
                      .with_cause("named volumes and overlays are docker's; the local provider "
                                  "shows paths of this machine")
                      .blamed_on(failure_class::task));
  const bool isolated = isolation_of(spec, settings) == isolation_mode::namespaces;
  argument_list list;
  list.add("--id", id.str());
  list.add("--state-dir", dir);
  list.add("--agent", settings.agent_program);
  list.add("--isolation", isolated ? "namespaces" : "none");
  list.add("--image", spec.image.empty() ? settings.default_image : spec.image);
  list.add("--workspace", isolated ? spec.workspace : dir + "/workspace");
  list.add("--network", spec.network);
  for (const auto& v : spec.volumes) {
    list.add("--volume", v.host_path);
    list.add(v.sandbox_path, v.read_only ? "ro" : "rw");
  }
  if (spec.limits.cpus)
    list.add("--cpus", core::number_text(*spec.limits.cpus));
  if (spec.limits.memory_mb)
    list.add("--memory-mb", std::to_string(*spec.limits.memory_mb));
  if (spec.limits.pids)
    list.add("--pids", std::to_string(*spec.limits.pids));
  if (spec.limits.disk_mb)
    list.add("--disk-mb", std::to_string(*spec.limits.disk_mb));
  for (const auto& [name, value] : environment(id, spec, isolated, dir, session_key, caller_path))
    list.add("--env", name + "=" + value);
  return std::move(list).take();
}

} // namespace sandfleet::providers::local
