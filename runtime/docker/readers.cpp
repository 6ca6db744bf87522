#include "runtime/core/text.hpp"
#include "runtime/docker/api.hpp"
#include "runtime/docker/json_view.hpp"

#include <algorithm>
#include <optional>

namespace sandfleet::docker {

namespace {

std::vector<std::string> texts(const json_view& array) {
  std::vector<std::string> read;
  array.each([&](const json_view& one) { read.push_back(one.text()); });
  return read;
}

std::map<std::string, std::string> text_members(const json_view& object) {
  std::map<std::string, std::string> read;
  object.each_member([&](std::string_view name, const json_view& value) {
    read.emplace(std::string(name), value.text());
  });
  return read;
}

std::string without_slash(const std::string& name) {
  return name.substr(std::min(name.find_first_not_of('/'), name.size()));
}

std::optional<int> port_number(std::string_view text) {
  const auto number = core::parse_integer(text);
  return number && *number > 0 && *number <= 65535 ? std::optional(static_cast<int>(*number))
                                                   : std::nullopt;
}

/// {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "30001"}]}
std::vector<port_binding> bindings_by_port(const json_view& ports) {
  constexpr std::string_view suffix = "/tcp";
  std::vector<port_binding> read;
  ports.each_member([&](std::string_view name, const json_view& bindings) {
    const auto inside = port_number(name.substr(0, name.find('/')));
    if (!inside || !name.ends_with(suffix))
      return;
    bindings.each([&](const json_view& binding) {
      if (const auto outside = port_number(binding.at("HostPort").text()))
        read.push_back({*inside, binding.at("HostIp").text(), *outside});
    });
  });
  return read;
}

/// [{"IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": 30001, "Type": "tcp"}]
std::vector<port_binding> bindings_in_a_line(const json_view& ports) {
  std::vector<port_binding> read;
  ports.each([&](const json_view& one) {
    const auto inside = port_number(std::to_string(one.at("PrivatePort").number()));
    const auto outside = port_number(std::to_string(one.at("PublicPort").number()));
    if (inside && outside && one.at("Type").text() == "tcp")
      read.push_back({*inside, one.at("IP").text(), *outside});
  });
  return read;
}

tl::unexpected<error> lacks(std::string_view what, std::string_view member) {
  return fail(make_error(errc::protocol_error,
                         std::string(what) + ": the reply has no " + std::string(member)));
}

} // namespace

result<container_info> read_container(std::string_view json) {
  constexpr std::string_view what = "a container's description";
  const auto text = json_text::parse(json, what);
  if (!text)
    return fail(text.error());
  const auto& root = text->root();
  container_info read;
  read.id = root.at("Id").text();
  if (read.id.empty())
    return lacks(what, "Id");
  read.name = without_slash(root.at("Name").text());
  const auto state = root.at("State");
  read.status = state.at("Status").text();
  read.exit_code = state.at("ExitCode").number();
  read.out_of_memory = state.at("OOMKilled").truth();
  read.failure = state.at("Error").text();
  read.pid = state.at("Pid").number();
  read.image = root.at("Config", "Image").text();
  read.labels = text_members(root.at("Config", "Labels"));
  read.environment = texts(root.at("Config", "Env"));
  read.bindings = bindings_by_port(root.at("NetworkSettings", "Ports"));
  if (read.bindings.empty())
    read.bindings = bindings_by_port(root.at("HostConfig", "PortBindings"));
  return read;
}

result<std::vector<container_summary>> read_containers(std::string_view json) {
  constexpr std::string_view what = "the list of containers";
  const auto text = json_text::parse(json, what);
  if (!text)
    return fail(text.error());
  std::vector<container_summary> read;
  text->root().each([&](const json_view& one) {
    container_summary summary;
    summary.id = one.at("Id").text();
    one.at("Names").each([&](const json_view& name) {
      if (summary.name.empty())
        summary.name = without_slash(name.text());
    });
    summary.status = one.at("State").text();
    summary.image_id = one.at("ImageID").text();
    summary.labels = text_members(one.at("Labels"));
    summary.bindings = bindings_in_a_line(one.at("Ports"));
    read.push_back(std::move(summary));
  });
  return read;
}

result<std::vector<volume_summary>> read_volumes(std::string_view json) {
  const auto text = json_text::parse(json, "the list of volumes");
  if (!text)
    return fail(text.error());
  std::vector<volume_summary> read;
  text->root().at("Volumes").each([&](const json_view& one) {
    read.push_back({one.at("Name").text(), text_members(one.at("Labels"))});
  });
  return read;
}

result<std::string> read_gateway(std::string_view json) {
  const auto text = json_text::parse(json, "a network's description");
  if (!text)
    return fail(text.error());
  std::string read;
  text->root().at("IPAM", "Config").each([&](const json_view& subnet) {
    if (read.empty())
      read = subnet.at("Gateway").text();
  });
  return read;
}

result<bool> read_internal(std::string_view json) {
  const auto text = json_text::parse(json, "a network's description");
  if (!text)
    return fail(text.error());
  return text->root().at("Internal").truth();
}

result<image_info> read_image(std::string_view json) {
  constexpr std::string_view what = "an image's description";
  const auto text = json_text::parse(json, what);
  if (!text)
    return fail(text.error());
  const auto& root = text->root();
  image_info read;
  read.id = root.at("Id").text();
  if (read.id.empty())
    return lacks(what, "Id");
  read.os = root.at("Os").text();
  read.architecture = root.at("Architecture").text();
  read.user = root.at("Config", "User").text();
  read.environment = texts(root.at("Config", "Env"));
  read.labels = text_members(root.at("Config", "Labels"));
  read.created = root.at("Created").text();
  read.bytes = root.at("Size").number();
  return read;
}

result<engine_info> read_info(std::string_view json) {
  const auto text = json_text::parse(json, "the engine's description");
  if (!text)
    return fail(text.error());
  const auto& root = text->root();
  engine_info read;
  read.id = root.at("ID").text();
  read.root_dir = root.at("DockerRootDir").text();
  read.version = root.at("ServerVersion").text();
  read.operating_system = root.at("OperatingSystem").text();
  read.architecture = root.at("Architecture").text();
  read.cgroup_version = root.at("CgroupVersion").text();
  read.cgroup_driver = root.at("CgroupDriver").text();
  read.storage_driver = root.at("Driver").text();
  read.limits_memory = root.at("MemoryLimit").truth();
  read.limits_pids = root.at("PidsLimit").truth();
  read.limits_cpus = root.at("CpuCfsQuota").truth() || root.at("CPUCfsQuota").truth();
  read.warnings = texts(root.at("Warnings"));
  root.at("Runtimes").each_member([&](std::string_view name, const json_view&) {
    read.runtimes.emplace_back(name);
  });
  read.security_options = texts(root.at("SecurityOptions"));
  read.live_restore = root.at("LiveRestoreEnabled").truth();
  return read;
}

result<resource_usage> read_usage(std::string_view json) {
  const auto text = json_text::parse(json, "a container's statistics");
  if (!text)
    return fail(text.error());
  const auto& root = text->root();
  resource_usage read;
  if (const auto cpu = root.at("cpu_stats", "cpu_usage", "total_usage").number(); cpu > 0)
    read.cpu_seconds = static_cast<double>(cpu) / 1e9;
  if (const auto peak = root.at("memory_stats", "max_usage").number(); peak > 0)
    read.peak_memory_mb = static_cast<double>(peak) / (1 << 20);
  return read;
}

result<engine_event> read_event(std::string_view json) {
  const auto text = json_text::parse(json, "an event");
  if (!text)
    return fail(text.error());
  const auto& root = text->root();
  engine_event read;
  read.type = root.at("Type").text();
  read.action = root.at("Action").text();
  if (read.action.empty()) // podman's older ones
    read.action = root.at("status").text();
  read.id = root.at("Actor", "ID").text();
  if (read.id.empty())
    read.id = root.at("id").text();
  read.attributes = text_members(root.at("Actor", "Attributes"));
  return read;
}

result<progress_line> read_progress(std::string_view json) {
  const auto text = json_text::parse(json, "a message of progress");
  if (!text)
    return fail(text.error());
  const auto& root = text->root();
  progress_line read;
  read.text = root.at("stream").text();
  if (read.text.empty())
    read.text = root.at("status").text();
  read.layer = root.at("id").text();
  read.current = root.at("progressDetail", "current").number();
  read.total = root.at("progressDetail", "total").number();
  read.image_id = root.at("aux", "ID").text();
  auto failure = root.at("errorDetail", "message").text();
  if (failure.empty())
    failure = root.at("error").text();
  if (!failure.empty())
    read.failure = std::move(failure);
  return read;
}

} // namespace sandfleet::docker
