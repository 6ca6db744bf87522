#include "runtime/providers/docker/container.hpp"

#include "runtime/core/text.hpp"
#include "runtime/protocol/json_writer.hpp"
#include "runtime/providers/docker/arguments.hpp"
#include "runtime/providers/docker/security_options.hpp"
#include "runtime/providers/docker/web_ports.hpp"

#include <arpa/inet.h>
#include <array>
#include <cmath>
#include <map>
#include <netinet/in.h>
#include <set>

namespace sandfleet::providers::docker {

namespace {

using protocol::json_writer;

constexpr std::int64_t mib = 1 << 20;

/// Docker's usual ones but for raw sockets, device nodes and the audit log.
constexpr auto usual_capabilities = std::to_array<std::string_view>(
    {"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETFCAP", "SETGID",
     "SETPCAP", "SETUID", "SYS_CHROOT"});

/// Writable places of a container whose root is read-only.
constexpr auto writable_places =
    std::to_array<std::string_view>({"/tmp", "/run", "/var/tmp", "/root", "/home"});

void write_texts(json_writer& out, std::string_view name, const auto& texts) {
  out.key(name).begin_array();
  for (const auto& text : texts)
    out.value(std::string_view(text));
  out.end_array();
}

void write_members(json_writer& out, std::string_view name,
                   const std::map<std::string, std::string>& members) {
  out.key(name).begin_object();
  for (const auto& [key, value] : members)
    out.member(key, value);
  out.end_object();
}

std::vector<std::string> environment(const container_plan& plan, const sandbox_spec& spec) {
  std::map<std::string, std::string> all = {
      {"LANG", "C.UTF-8"}, {"PYTHONUNBUFFERED", "1"}, {"PIP_BREAK_SYSTEM_PACKAGES", "1"}};
  for (const auto& [name, value] : spec.env)
    all[name] = value;
  const auto port = [&](const char* name, std::uint16_t number) {
    if (number != 0)
      all[name] = std::to_string(number);
  };
  port("port", plan.ports.agent);
  port("VSCODE_PORT", plan.ports.vscode);
  port("APP_PORT_1", plan.ports.app_1);
  port("APP_PORT_2", plan.ports.app_2);
  all["OPENHANDS_SESSION_ID"] = all["SANDFLEET_SANDBOX"] = plan.id.str();
  all["SESSION_API_KEY"] = plan.session_key;
  std::vector<std::string> list;
  for (const auto& [name, value] : all)
    list.push_back(name + "=" + value);
  return list;
}

std::map<std::string, std::string> labels(const container_plan& plan, const sandbox_spec& spec) {
  auto all = spec.labels;
  all[std::string(label_sandbox)] = plan.id.str();
  all[std::string(label_registry)] = plan.registry;
  if (plan.sockets_dir.empty())
    all[std::string(label_port)] = std::to_string(plan.ports.agent);
  if (auto ports = ports_text(plan.ports); !ports.empty() && spec.network != "none")
    all[std::string(label_ports)] = std::move(ports);
  if (!spec.docker.overlays_dir.empty() && !overlay_directories(plan, spec).empty())
    all[std::string(label_overlays)] = plan.overlays_dir;
  if (spec.docker.pause_stops)
    all[std::string(label_pauses)] = "stop";
  return all;
}

std::vector<std::uint16_t> published(const container_plan& plan) {
  std::vector<std::uint16_t> ports;
  for (const auto port : {plan.sockets_dir.empty() ? plan.ports.agent : std::uint16_t{0},
                          plan.ports.vscode, plan.ports.app_1, plan.ports.app_2})
    if (port != 0)
      ports.push_back(port);
  return ports;
}

void write_mount(json_writer& out, std::string_view type, std::string_view source,
                 std::string_view target, bool read_only) {
  out.begin_object().member("Type", type).member("Source", source).member("Target", target);
  out.member("ReadOnly", read_only).end_object();
}

void write_volume_labels(json_writer& out, const container_plan& plan) {
  out.key("Labels").begin_object();
  out.member(label_sandbox, plan.id.str()).member(label_registry, plan.registry).end_object();
}

/// A new volume, without a name, which goes with the container.
void write_own_volume(json_writer& out, const container_plan& plan, std::string_view target) {
  out.begin_object().member("Type", "volume").member("Target", target);
  out.key("VolumeOptions").begin_object();
  write_volume_labels(out, plan);
  out.end_object().end_object();
}

/// A volume of the engine's `local` driver, which is mounted as what the options say.
void write_overlay(json_writer& out, const container_plan& plan, const volume& v,
                   const std::string& place) {
  out.begin_object().member("Type", "volume").member("Target", v.sandbox_path);
  out.key("VolumeOptions").begin_object();
  write_volume_labels(out, plan);
  out.key("DriverConfig").begin_object().member("Name", "local").key("Options").begin_object();
  out.member("type", "overlay").member("device", "overlay");
  out.member("o", "lowerdir=" + v.host_path + ",upperdir=" + place + "/upper,workdir=" + place +
                      "/work");
  out.end_object().end_object().end_object().end_object();
}

std::string overlay_place(const container_plan& plan, std::size_t index) {
  return plan.overlays_dir + "/" + std::to_string(index);
}

void write_mounts(json_writer& out, const container_plan& plan, const sandbox_spec& spec) {
  out.key("Mounts").begin_array();
  if (!plan.agent_program.empty())
    write_mount(out, "bind", plan.agent_program, inside_agent, true);
  else if (spec.docker.read_only_root) // nothing can be copied into such a root
    write_own_volume(out, plan, inside_dir);
  if (!plan.sockets_dir.empty())
    write_mount(out, "bind", plan.sockets_dir, inside_sockets, true);
  for (std::size_t i = 0; i < spec.volumes.size(); ++i) {
    const auto& v = spec.volumes[i];
    if (v.kind == volume_kind::overlay)
      write_overlay(out, plan, v, overlay_place(plan, i));
    else
      write_mount(out, v.kind == volume_kind::named ? "volume" : "bind", v.host_path,
                  v.sandbox_path, v.read_only);
  }
  out.end_array();
}

void write_limits(json_writer& out, const sandbox_spec& spec) {
  const auto& limits = spec.limits;
  if (limits.memory_mb)
    out.member("Memory", *limits.memory_mb * mib).member("MemorySwap", *limits.memory_mb * mib);
  if (limits.cpus)
    out.member("NanoCpus", static_cast<std::int64_t>(std::llround(*limits.cpus * 1e9)));
  if (limits.pids)
    out.member("PidsLimit", *limits.pids);
  if (spec.docker.shared_mb)
    out.member("ShmSize", *spec.docker.shared_mb * mib);
  if (spec.docker.ulimits.empty())
    return;
  out.key("Ulimits").begin_array();
  for (const auto& [name, most] : spec.docker.ulimits)
    out.begin_object().member("Name", name).member("Soft", most).member("Hard", most).end_object();
  out.end_array();
}

void write_security(json_writer& out, const sandbox_spec& spec, std::vector<std::string> security) {
  const auto& options = spec.docker;
  write_texts(out, "CapDrop", std::to_array<std::string_view>({"ALL"}));
  std::vector<std::string> held(usual_capabilities.begin(), usual_capabilities.end());
  held.insert(held.end(), options.capabilities.begin(), options.capabilities.end());
  write_texts(out, "CapAdd", held);
  if (options.no_new_privileges)
    security.insert(security.begin(), "no-new-privileges");
  write_texts(out, "SecurityOpt", security);
  if (!options.runtime.empty())
    out.member("Runtime", options.runtime);
  if (!options.read_only_root)
    return;
  out.member("ReadonlyRootfs", true);
  std::map<std::string, std::string> places;
  for (const auto place : writable_places)
    places.emplace(place, "");
  places.emplace(spec.workspace, "");
  for (const auto& place : options.writable)
    places.emplace(place, "");
  for (const auto& v : spec.volumes)
    places.erase(v.sandbox_path);
  for (auto& [place, flags] : places)
    flags = "exec,mode=1777";
  write_members(out, "Tmpfs", places);
}

/// "NAME:ADDRESS"
std::string host_line(std::string line, const std::string& gateway) {
  constexpr std::string_view wanted = ":host-gateway";
  if (!gateway.empty() && line.ends_with(wanted))
    line.replace(line.size() - wanted.size() + 1, std::string::npos, gateway);
  return line;
}

void write_network(json_writer& out, const container_plan& plan, const sandbox_spec& spec) {
  out.member("NetworkMode", spec.network);
  if (spec.network == "none")
    return;
  auto hosts = spec.docker.extra_hosts;
  if (spec.network != "host") {
    hosts.emplace_back("host.docker.internal:host-gateway");
    out.key("PortBindings").begin_object();
    for (const auto port : published(plan)) {
      out.key(std::to_string(port) + "/tcp").begin_array().begin_object();
      out.member("HostIp", spec.docker.binding_address).member("HostPort", std::to_string(port));
      out.end_object().end_array();
    }
    out.end_object();
  }
  for (auto& line : hosts)
    line = host_line(std::move(line), plan.host_gateway);
  write_texts(out, "ExtraHosts", hosts);
}

void write_devices(json_writer& out, const docker_options& options) {
  if (!options.gpu)
    return;
  out.key("DeviceRequests").begin_array().begin_object();
  out.key("Capabilities").begin_array().begin_array().value("gpu").end_array().end_array();
  if (options.gpu_devices.empty())
    out.member("Count", -1);
  else
    write_texts(out, "DeviceIDs", core::split(options.gpu_devices, ','));
  out.end_object().end_array();
}

bool is_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

bool is_below(std::string_view path, std::string_view place) {
  return path.starts_with(place) && (path.size() == place.size() || path[place.size()] == '/');
}

/// Where nothing of the caller's can be.
constexpr auto taken_places =
    std::to_array<std::string_view>({inside_dir, "/proc", "/sys", "/dev"});

result<void> check_volumes(const sandbox_spec& spec) {
  const auto misfit = [](const volume& v, std::string why) {
    return fail(make_error(errc::invalid_argument,
                           "volumes: '" + v.host_path + ":" + v.sandbox_path + "' is no good")
                    .with_cause(std::move(why)));
  };
  std::set<std::string> targets;
  for (const auto& v : spec.volumes) {
    for (const auto place : taken_places)
      if (is_below(v.sandbox_path, place))
        return misfit(v, "nothing can be mounted below " + std::string(place));
    if (!targets.insert(v.sandbox_path).second)
      return misfit(v, "something else is mounted there already");
    if (v.kind == volume_kind::overlay && v.host_path.find_first_of(",:\\") != std::string::npos)
      return misfit(v, "its path holds a character that separates the options of a mount");
  }
  return {};
}

result<void> check(const container_plan& plan, const sandbox_spec& spec) {
  const auto misfit = [](std::string what, std::string why) {
    return fail(make_error(errc::invalid_argument, std::move(what)).with_cause(std::move(why)));
  };
  if (plan.image.empty() || plan.image == "host" || plan.image.starts_with("rootfs:"))
    return fail(make_error(errc::invalid_argument,
                           "image '" + plan.image + "' is not a container image's name")
                    .with_hint("name one that 'docker images' shows or a registry has, such as "
                               "python:3.12: --image, or SANDBOX_RUNTIME_CONTAINER_IMAGE"));
  if (plan.sockets_dir.empty() && spec.network == "none")
    return misfit("network 'none' needs an engine on this machine",
                  "the agent is reached by a published port here");
  if (!is_address(spec.docker.binding_address)) // the engine would take it for every address
    return misfit("binding_address: '" + spec.docker.binding_address + "' is no IP address",
                  "such as 127.0.0.1 or 0.0.0.0");
  if (const auto user = spec.docker.user.substr(0, spec.docker.user.find(':'));
      spec.docker.user_id && !user.empty() && user != std::to_string(*spec.docker.user_id) &&
      user != "0" && user != "root")
    return misfit("user_id " + std::to_string(*spec.docker.user_id) + " and user '" +
                      spec.docker.user + "' contradict each other",
                  "say one of them");
  if (spec.network.empty())
    return misfit("network: the name is empty", "none, bridge, host or a network's name");
  return check_volumes(spec);
}

} // namespace

std::string container_name(const sandbox_id& id) {
  return "sandfleet-" + id.str();
}

std::vector<std::string> overlay_directories(const container_plan& plan, const sandbox_spec& spec) {
  std::vector<std::string> list;
  for (std::size_t i = 0; i < spec.volumes.size(); ++i)
    if (spec.volumes[i].kind == volume_kind::overlay)
      for (const char* part : {"/upper", "/work"})
        list.push_back(overlay_place(plan, i) + part);
  return list;
}

limits_report limits_of(const sandbox_spec& spec) {
  limits_report held;
  if (spec.limits.cpus)
    held["cpus"] = "enforced";
  if (spec.limits.memory_mb)
    held["memory_mb"] = "enforced";
  if (spec.limits.pids)
    held["pids"] = "enforced";
  if (spec.limits.disk_mb)
    held["disk_mb"] = "unenforced: the engine's storage counts no container's disk space";
  return held;
}

bool connects_by_socket(const docker_options& options) {
  if (options.connection != docker_connection::automatic)
    return options.connection == docker_connection::socket;
  return options.runtime.find("runsc") == std::string::npos &&
         options.runtime.find("kata") == std::string::npos;
}

std::uint16_t agent_port(const sandfleet::docker::container_info& container) {
  const auto found = container.labels.find(std::string(label_port));
  const auto port =
      found == container.labels.end() ? std::nullopt : core::parse_integer(found->second);
  return port && *port > 0 && *port <= 65535 ? static_cast<std::uint16_t>(*port) : 0;
}

std::string agent_host(const sandfleet::docker::engine_host& engine) {
  const auto* tcp = std::get_if<transport::tcp_endpoint>(&engine.where);
  return tcp != nullptr ? tcp->host : std::string(local_host);
}

std::vector<std::string> agent_arguments(const container_plan& plan, const sandbox_spec& spec) {
  std::vector<std::string> list;
  if (plan.sockets_dir.empty())
    list.push_back(std::to_string(plan.ports.agent));
  else
    list = {"--listen-from", std::string(inside_sockets) + "/listen"};
  list.insert(list.end(), {"--ready-fd", "1", "--working-dir", spec.workspace});
  if (spec.docker.user_id && *spec.docker.user_id == 0)
    list.insert(list.end(), {"--username", "root", "--user-id", "0"});
  else if (spec.docker.user_id)
    list.insert(list.end(), {"--username", spec.docker.user_name, "--user-id",
                             std::to_string(*spec.docker.user_id)});
  return list;
}

result<std::string> container_body(const container_plan& plan, const sandbox_spec& spec) {
  if (auto checked = check(plan, spec); !checked)
    return fail(checked.error());
  auto security = resolve_security(spec.docker.security);
  if (!security)
    return fail(std::move(security.error()));
  json_writer out;
  out.begin_object();
  out.member("Image", plan.image);
  write_texts(out, "Entrypoint", std::to_array({inside_agent}));
  write_texts(out, "Cmd", agent_arguments(plan, spec));
  write_texts(out, "Env", environment(plan, spec));
  write_members(out, "Labels", labels(plan, spec));
  out.member("WorkingDir", "/");
  // Who is to run commands as others has to be root.
  if (const std::string user = spec.docker.user_id ? "0" : spec.docker.user; !user.empty())
    out.member("User", user);
  out.key("ExposedPorts").begin_object();
  for (const auto port : published(plan))
    out.key(std::to_string(port) + "/tcp").begin_object().end_object();
  out.end_object();
  // Others may say otherwise in the image.
  out.member("StopSignal", "SIGTERM");
  out.key("Healthcheck").begin_object();
  write_texts(out, "Test", std::to_array<std::string_view>({"NONE"}));
  out.end_object();
  out.key("HostConfig").begin_object();
  write_mounts(out, plan, spec);
  write_limits(out, spec);
  write_security(out, spec, std::move(*security));
  write_network(out, plan, spec);
  write_devices(out, spec.docker);
  out.end_object().end_object();
  auto body = std::move(out).take();
  return spec.docker.arguments.empty() ? result<std::string>(std::move(body))
                                       : add_arguments(body, spec);
}

} // namespace sandfleet::providers::docker
