#include "tools/cli/docker_checks.hpp"

#include "runtime/core/text.hpp"
#include "runtime/docker/api.hpp"
#include "runtime/docker/host.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <sys/stat.h>

namespace sandfleet::cli {

namespace asio = boost::asio;
using std::chrono::seconds;

namespace {

constexpr seconds patience{5};

std::string joined(const std::vector<std::string>& texts) {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  return core::join(views, ", ");
}

finding judge_limits(const docker::engine_info& engine) {
  std::vector<std::string> held;
  std::vector<std::string> lacking;
  for (const auto& [name, holds] : {std::pair("memory_mb", engine.limits_memory),
                                    {"pids", engine.limits_pids},
                                    {"cpus", engine.limits_cpus}})
    (holds ? held : lacking).emplace_back(name);
  if (lacking.empty())
    return {"docker limits", health::good, "held: " + joined(held), {}};
  return {
      "docker limits", health::limited,
      (held.empty() ? "" : "held: " + joined(held) + "; ") + "not held: " + joined(lacking),
      "the engine's machine lacks those control groups: see cgroups in its documentation, for a "
      "rootless engine Delegate=cpu memory pids in systemd"};
}

finding judge_runtimes(const docker::engine_info& engine) {
  finding f{"docker runtimes", health::good, joined(engine.runtimes), {}};
  const auto has = [&](std::string_view part) {
    return std::ranges::any_of(
        engine.runtimes, [&](const auto& name) { return name.find(part) != std::string::npos; });
  };
  std::vector<std::string> notes;
  if (has("runsc"))
    notes.emplace_back("runsc: the agent is reached by a published port");
  if (has("sysbox"))
    notes.emplace_back("sysbox: containers may run containers");
  if (has("nvidia"))
    notes.emplace_back("nvidia: enable_gpu works");
  if (!notes.empty())
    f.detail += " (" + joined(notes) + ")";
  return f;
}

struct security_row {
  std::string_view name;
  health state;
  std::string_view meaning;
  std::string_view hint;
};

constexpr security_row security_table[] = {
    {"seccomp", health::good, "system calls are filtered", ""},
    {"apparmor", health::good, "AppArmor's profile docker-default holds", ""},
    {"cgroupns", health::good, "containers have control groups of their own", ""},
    {"selinux", health::limited, "SELinux may keep containers from the handed-in socket and mounts",
     "--set security_options=label=disable, or --set docker_connection=ports"},
    {"userns", health::limited,
     "ids are shifted: files in mounted workspaces belong to other users outside",
     "--set 'docker_runtime_kwargs={\"userns_mode\": \"host\"}' where the caller's ids are wanted"},
    {"rootless", health::limited,
     "the engine is a plain user: root inside is that user outside, and overlay volumes may not be "
     "mounted",
     "ports below 1024 and overlay volumes want an engine of root"},
};

/// "name=seccomp,profile=builtin" and the older "seccomp".
std::string_view option_name(std::string_view option) {
  const auto first = core::split(option, ',').front();
  return first.starts_with("name=") ? first.substr(5) : first;
}

void judge_security(const docker::engine_info& engine, std::vector<finding>& findings) {
  for (const auto& option : engine.security_options) {
    const auto name = option_name(option);
    const auto* row = std::ranges::find(security_table, name, &security_row::name);
    if (row != std::end(security_table))
      findings.push_back({"docker " + std::string(name), row->state,
                          option + ": " + std::string(row->meaning), std::string(row->hint)});
  }
  const bool filtered = std::ranges::any_of(
      engine.security_options, [](const auto& option) { return option_name(option) == "seccomp"; });
  if (!filtered)
    findings.push_back({"docker seccomp", health::limited, "system calls are not filtered",
                        "an engine with seccomp keeps containers from calls that few need"});
}

finding check_agent(const docker::engine_host& host, const std::string& agent) {
  if (agent.empty())
    return {"docker agent", health::missing, "there is none to mount or to copy",
            "see sandfleet-agent"};
  if (!host.is_local())
    return {
        "docker agent", health::good, "copied into each container: the engine is elsewhere", {}};
  struct stat info {};
  finding f{"docker agent", health::good, "mounted from " + agent, {}};
  if (::stat(agent.c_str(), &info) != 0 || (info.st_mode & 0005U) != 0005U) {
    f.state = health::limited;
    f.detail += ", which others may not run";
    f.hint = "chmod o+rx " + agent +
             ": containers of plain users, and engines with ids of their "
             "own, cannot start it";
  }
  return f;
}

finding silent(bool needed, const std::string& place, const error& failure) {
  const bool is_named = failure.message.find(place) != std::string::npos;
  auto detail = (is_named ? "" : place + ": ") + failure.message;
  if (!failure.cause.empty())
    detail += ": " + failure.cause;
  return {"docker", needed ? health::missing : health::note, std::move(detail), failure.hint};
}

struct told {
  std::string version;
  docker::engine_info info;
};

asio::awaitable<result<told>> ask(docker::client calls) {
  auto engine = docker::api(calls).within(patience);
  told answer;
  auto info = co_await engine.info();
  if (!info)
    co_return fail(std::move(info.error()));
  answer.info = std::move(*info);
  auto version = co_await calls.version();
  if (!version)
    co_return fail(std::move(version.error()));
  answer.version = std::move(*version);
  co_return answer;
}

} // namespace

std::vector<finding> judge_engine(const docker::engine_info& engine) {
  std::vector<finding> findings;
  findings.push_back({"docker storage", health::good, engine.storage_driver, {}});
  if (engine.storage_driver == "vfs") {
    findings.back().state = health::limited;
    findings.back().detail += ": each container is a whole copy of its image";
    findings.back().hint = "overlay2 (for podman overlay) starts faster and needs less space";
  }
  findings.push_back({"docker cgroups",
                      health::good,
                      "v" + engine.cgroup_version + ", driver " + engine.cgroup_driver,
                      {}});
  findings.push_back(judge_limits(engine));
  findings.push_back(judge_runtimes(engine));
  judge_security(engine, findings);
  for (const auto& warning : engine.warnings)
    findings.push_back({"docker warning", health::limited, warning, {}});
  return findings;
}

std::vector<finding> check_docker(bool needed, const std::string& agent) {
  const auto host = docker::find_engine_host(docker::current_surroundings());
  if (!host)
    return {silent(needed, "", host.error())};
  const auto place = to_string(host->where) + " (" + host->origin + ")";
  asio::io_context context;
  auto calls = docker::client::open(context.get_executor(), *host);
  if (!calls)
    return {silent(needed, place, calls.error())};
  auto answer = asio::co_spawn(context, ask(*calls), asio::use_future);
  context.run();
  const auto said = answer.get();
  if (!said)
    return {silent(needed, place, said.error())};
  std::vector<finding> findings = {{"docker",
                                    health::good,
                                    place + ": version " + said->info.version + ", API " +
                                        said->version + ", " + said->info.operating_system + ", " +
                                        said->info.architecture,
                                    {}}};
  std::ranges::move(judge_engine(said->info), std::back_inserter(findings));
  findings.push_back(check_agent(*host, agent));
  return findings;
}

} // namespace sandfleet::cli
