#include "runtime/providers/remote/request.hpp"

namespace sandfleet::providers::remote {

namespace {

/// As OpenHands' client asks for it; a service replaces the part before the module as it needs.
constexpr std::string_view server_directory = "/openhands/code/";
constexpr std::string_view server_port = "60000";
constexpr std::string_view sysbox_runtime = "sysbox-runc";

std::vector<std::string> command_of(const sandbox_spec& spec) {
  std::vector<std::string> words = {"/openhands/micromamba/bin/micromamba",
                                    "run",
                                    "-n",
                                    "openhands",
                                    "poetry",
                                    "run",
                                    "python",
                                    "-u",
                                    "-m",
                                    "openhands.runtime.action_execution_server",
                                    std::string(server_port),
                                    "--working-dir",
                                    spec.workspace,
                                    "--no-enable-browser"};
  if (spec.docker.user_id) {
    const auto name = *spec.docker.user_id == 0 ? std::string("root") : spec.docker.user_name;
    words.insert(words.end(),
                 {"--username", name, "--user-id", std::to_string(*spec.docker.user_id)});
  }
  return words;
}

tl::unexpected<error> unsupported(const std::string& key) {
  return fail(make_error(errc::unsupported, key + ": a runtime service cannot be asked for it")
                  .blamed_on(failure_class::task)
                  .with_hint("leave it out, or take another provider"));
}

/// The options of containers that differ from what is usual, but for those that are about this
/// machine's ports, or say something here too.
result<void> check_options(const docker_options& asked) {
  const docker_options usual;
  const std::pair<const char*, bool> differing[] = {
      {"docker_user", asked.user != usual.user},
      {"additional_networks", asked.networks != usual.networks},
      {"extra_hosts", asked.extra_hosts != usual.extra_hosts},
      {"no_new_privileges", asked.no_new_privileges != usual.no_new_privileges},
      {"capabilities", asked.capabilities != usual.capabilities},
      {"read_only_root",
       asked.read_only_root != usual.read_only_root || asked.writable != usual.writable},
      {"security_options", asked.security != usual.security},
      {"docker_runtime", asked.runtime != usual.runtime},
      {"shm_mb", asked.shared_mb != usual.shared_mb},
      {"ulimits", asked.ulimits != usual.ulimits},
      {"enable_gpu", asked.gpu != usual.gpu || asked.gpu_devices != usual.gpu_devices},
      {"docker_runtime_kwargs", !asked.arguments.empty() && asked.arguments != "{}"},
  };
  for (const auto& [key, differs] : differing)
    if (differs)
      return unsupported(key);
  return {};
}

} // namespace

const std::string& session_of(const sandbox_spec& spec, const sandbox_id& id) {
  return spec.session_id.empty() ? id.str() : spec.session_id;
}

result<protocol::runtime_start> start_request_of(const sandbox_spec& spec, const sandbox_id& id,
                                                 const remote_options& options) {
  if (!spec.volumes.empty())
    return unsupported("volumes");
  if (!spec.session_key.empty())
    return unsupported("session_key");
  if (spec.network != "none" && !spec.network.empty())
    return unsupported("network");
  if (auto checked = check_options(spec.docker); !checked)
    return fail(std::move(checked.error()));
  protocol::runtime_start asked;
  asked.image = spec.image;
  asked.command = command_of(spec);
  asked.working_dir = server_directory;
  asked.environment = spec.env;
  asked.session_id = session_of(spec, id);
  asked.resource_factor = options.resource_factor;
  if (options.runtime_class == "sysbox")
    asked.runtime_class = sysbox_runtime;
  return asked;
}

limits_report limits_of(const sandbox_spec& spec) {
  const std::string why =
      "unenforced: the runtime service decides (remote_runtime_resource_factor)";
  limits_report report;
  if (spec.limits.cpus)
    report["cpus"] = why;
  if (spec.limits.memory_mb)
    report["memory_mb"] = why;
  if (spec.limits.pids)
    report["pids"] = why;
  if (spec.limits.disk_mb)
    report["disk_mb"] = why;
  if (spec.network == "none")
    report["network"] = "unenforced: the runtime service decides on it";
  return report;
}

} // namespace sandfleet::providers::remote
