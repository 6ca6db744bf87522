#include "runtime/providers/docker/arguments.hpp"

#include "runtime/core/text.hpp"
#include "runtime/protocol/json_object.hpp"
#include "runtime/providers/docker/argument_values.hpp"
#include "runtime/providers/docker/security_options.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <vector>

namespace sandfleet::providers::docker {

namespace json = boost::json;
using sv = std::string_view;

namespace {

constexpr std::int64_t mib = 1 << 20;
constexpr sv own_labels = "sandfleet.";

tl::unexpected<error> refused(sv name, std::string why, sv instead) {
  return fail(make_error(errc::invalid_argument,
                         "docker_runtime_kwargs: '" + std::string(name) + "' " + std::move(why))
                  .with_hint(std::string(instead)));
}

std::string text_of(const json::value& value) {
  return std::string(sv(value.get_string().data(), value.get_string().size()));
}

/// What an argument changes in the specification.
using change = result<void> (*)(const argument& from, sandbox_spec& spec);

struct spec_row {
  sv name;
  change apply;
};

template <auto Read, class Take>
result<void> taking(const argument& from, Take take) {
  auto value = Read(from);
  if (!value)
    return fail(value.error());
  return take(*value);
}

result<void> environment(const argument& from, sandbox_spec& spec) {
  // Set by the engine, and not for others to say.
  constexpr auto own =
      std::to_array<sv>({"SESSION_API_KEY", "OPENHANDS_SESSION_ID", "SANDFLEET_SANDBOX", "port",
                         "VSCODE_PORT", "APP_PORT_1", "APP_PORT_2"});
  return taking<read_pairs>(from, [&](const json::value& pairs) -> result<void> {
    for (const auto& [name, value] : pairs.get_object()) {
      if (std::ranges::find(own, sv(name)) != own.end())
        return refused("environment", "must leave " + std::string(name) + " alone",
                       "the engine sets that variable itself");
      spec.env.emplace(name, text_of(value));
    }
    return {};
  });
}

result<void> labels(const argument& from, sandbox_spec& spec) {
  return taking<read_pairs>(from, [&](const json::value& pairs) -> result<void> {
    for (const auto& [name, value] : pairs.get_object()) {
      if (sv(name).starts_with(own_labels))
        return refused("labels", "must leave '" + std::string(name) + "' alone",
                       "labels that begin with 'sandfleet.' say whose a container is");
      spec.labels.emplace(name, text_of(value));
    }
    return {};
  });
}

result<void> network(const argument& from, sandbox_spec& spec) {
  return taking<read_text>(from, [&](const json::value& name) -> result<void> {
    spec.network = name.get_string() == "default" ? "bridge" : text_of(name);
    return {};
  });
}

result<void> user(const argument& from, sandbox_spec& spec) {
  if (const auto* number = from.given.if_int64()) {
    spec.docker.user = std::to_string(*number);
    return {};
  }
  if (!from.given.is_string())
    return from.misfit("a user's name or number");
  spec.docker.user = text_of(from.given);
  return {};
}

template <std::string docker_options::*Field>
result<void> option_text(const argument& from, sandbox_spec& spec) {
  return taking<read_text>(from, [&](const json::value& text) -> result<void> {
    spec.docker.*Field = text_of(text);
    return {};
  });
}

result<void> read_only(const argument& from, sandbox_spec& spec) {
  return taking<read_truth>(from, [&](const json::value& truth) -> result<void> {
    spec.docker.read_only_root = truth.get_bool();
    return {};
  });
}

result<void> working_dir(const argument& from, sandbox_spec& spec) {
  return taking<read_text>(from, [&](const json::value& path) -> result<void> {
    spec.workspace = text_of(path);
    return {};
  });
}

result<void> mem_limit(const argument& from, sandbox_spec& spec) {
  return taking<read_bytes>(from, [&](const json::value& bytes) -> result<void> {
    spec.limits.memory_mb.reset();
    if (const auto many = bytes.get_int64(); many > 0)
      spec.limits.memory_mb = std::max<std::int64_t>(many / mib, 1);
    return {};
  });
}

result<void> pids_limit(const argument& from, sandbox_spec& spec) {
  return taking<read_whole>(from, [&](const json::value& number) -> result<void> {
    spec.limits.pids.reset();
    if (number.get_int64() > 0)
      spec.limits.pids = number.get_int64();
    return {};
  });
}

result<void> nano_cpus(const argument& from, sandbox_spec& spec) {
  return taking<read_whole>(from, [&](const json::value& number) -> result<void> {
    spec.limits.cpus.reset();
    if (number.get_int64() > 0)
      spec.limits.cpus = static_cast<double>(number.get_int64()) / 1e9;
    return {};
  });
}

/// The engine takes no such share beside a number of processors.
result<void> cpu_share(const argument& from, sandbox_spec& spec) {
  return taking<read_whole>(from, [&](const json::value&) -> result<void> {
    spec.limits.cpus.reset();
    return {};
  });
}

json_result read_security(const argument& from) {
  const auto texts = read_texts(from);
  if (!texts)
    return texts;
  std::vector<std::string> options;
  for (const auto& text : texts->get_array())
    options.push_back(text_of(text));
  const auto resolved = resolve_security(std::move(options));
  if (!resolved)
    return fail(resolved.error());
  return json::value(json::array(resolved->begin(), resolved->end()));
}

result<void> auto_remove(const argument& from, sandbox_spec&) {
  return taking<read_truth>(from, [](const json::value&) { return result<void>{}; });
}

constexpr auto spec_table = std::to_array<spec_row>({
    {"auto_remove", auto_remove}, // containers are always removed, once it is known how they ended
    {"cpu_period", cpu_share},
    {"cpu_quota", cpu_share},
    {"environment", environment},
    {"labels", labels},
    {"mem_limit", mem_limit},
    {"nano_cpus", nano_cpus},
    {"network", network},
    {"network_mode", network},
    {"pids_limit", pids_limit},
    {"platform", option_text<&docker_options::platform>},
    {"read_only", read_only},
    {"runtime", option_text<&docker_options::runtime>},
    {"user", user},
    {"working_dir", working_dir},
});

/// How a value meets what the body has in its place.
enum class joining : std::uint8_t { replace, join };

struct body_row {
  sv name;
  sv field; ///< of HostConfig
  json_result (*read)(const argument& from);
  joining how = joining::replace;
};

constexpr auto body_table = std::to_array<body_row>({
    {"blkio_weight", "BlkioWeight", read_whole},
    {"blkio_weight_device", "BlkioWeightDevice", read_objects},
    {"cap_add", "CapAdd", read_texts, joining::join},
    {"cap_drop", "CapDrop", read_texts, joining::join},
    {"cgroup_parent", "CgroupParent", read_text},
    {"cgroupns", "CgroupnsMode", read_text},
    {"cpu_period", "CpuPeriod", read_whole},
    {"cpu_quota", "CpuQuota", read_whole},
    {"cpu_rt_period", "CpuRealtimePeriod", read_whole},
    {"cpu_rt_runtime", "CpuRealtimeRuntime", read_whole},
    {"cpu_shares", "CpuShares", read_whole},
    {"cpuset_cpus", "CpusetCpus", read_text},
    {"cpuset_mems", "CpusetMems", read_text},
    {"device_cgroup_rules", "DeviceCgroupRules", read_texts},
    {"device_read_bps", "BlkioDeviceReadBps", read_objects},
    {"device_read_iops", "BlkioDeviceReadIOps", read_objects},
    {"device_requests", "DeviceRequests", read_device_requests, joining::join},
    {"device_write_bps", "BlkioDeviceWriteBps", read_objects},
    {"device_write_iops", "BlkioDeviceWriteIOps", read_objects},
    {"devices", "Devices", read_devices},
    {"dns", "Dns", read_texts},
    {"dns_opt", "DnsOptions", read_texts},
    {"dns_search", "DnsSearch", read_texts},
    {"extra_hosts", "ExtraHosts", read_colon_pairs, joining::join},
    {"group_add", "GroupAdd", read_names},
    {"init", "Init", read_truth},
    {"ipc_mode", "IpcMode", read_text},
    {"kernel_memory", "KernelMemory", read_bytes},
    {"links", "Links", read_colon_pairs},
    {"log_config", "LogConfig", read_log_config},
    {"mem_limit", "Memory", read_bytes},
    {"mem_reservation", "MemoryReservation", read_bytes},
    {"mem_swappiness", "MemorySwappiness", read_whole},
    {"memswap_limit", "MemorySwap", read_bytes},
    {"mounts", "Mounts", read_mounts, joining::join},
    {"oom_kill_disable", "OomKillDisable", read_truth},
    {"oom_score_adj", "OomScoreAdj", read_whole},
    {"pid_mode", "PidMode", read_text},
    {"ports", "PortBindings", read_ports, joining::join},
    {"privileged", "Privileged", read_truth},
    {"publish_all_ports", "PublishAllPorts", read_truth},
    {"security_opt", "SecurityOpt", read_security, joining::join},
    {"shm_size", "ShmSize", read_bytes},
    {"storage_opt", "StorageOpt", read_pairs},
    {"sysctls", "Sysctls", read_pairs},
    {"tmpfs", "Tmpfs", read_tmpfs, joining::join},
    {"ulimits", "Ulimits", read_ulimits, joining::join},
    {"userns_mode", "UsernsMode", read_text},
    {"uts_mode", "UTSMode", read_text},
    {"volume_driver", "VolumeDriver", read_text},
    {"volumes", "Binds", read_binds},
    {"volumes_from", "VolumesFrom", read_text_or_texts},
});

/// Beside HostConfig.
constexpr auto outer_table = std::to_array<body_row>({
    {"domainname", "Domainname", read_text},
    {"hostname", "Hostname", read_text},
    {"mac_address", "MacAddress", read_text},
});

struct refused_row {
  sv name;
  sv instead;
};

constexpr auto refused_table = std::to_array<refused_row>({
    {"command", "the agent is what a container runs; 'sandfleet run -- COMMAND' runs others in it"},
    {"cpu_count", "it is for Windows alone; use cpus"},
    {"cpu_percent", "it is for Windows alone; use cpus"},
    {"detach", "leave it out: containers run in the background"},
    {"entrypoint", "the agent is what a container runs; 'sandfleet run -- COMMAND' runs others"},
    {"healthcheck", "leave it out; the agent is asked: health_interval"},
    {"image", "use image, or SANDBOX_RUNTIME_CONTAINER_IMAGE"},
    {"init_path", "use init: engines take no path any more"},
    {"isolation", "it is for Windows alone; use docker_runtime"},
    {"lxc_conf", "leave it out: engines do not take it any more"},
    {"name", "leave it out: containers are called sandfleet-ID; --name, or labels"},
    {"network_disabled", "use network: none"},
    {"networking_config", "use network, and additional_networks"},
    {"remove", "leave it out: containers are always removed, once it is known how they ended"},
    {"restart_policy", "leave it out: a sandbox whose agent has ended has ended"},
    {"stderr", "leave it out: what a container writes is always read"},
    {"stdin_open", "leave it out; 'sandfleet shell' opens a terminal"},
    {"stdout", "leave it out: what a container writes is always read"},
    {"stop_signal", "leave it out: the agent ends at SIGTERM"},
    {"stream", "leave it out: what a container writes is always read"},
    {"tty", "leave it out; 'sandfleet shell' opens a terminal"},
    {"use_config_proxy", "use env for HTTP_PROXY and its like"},
    {"version", "leave it out: the API's version is agreed on with the engine"},
});

const auto* row_of(const auto& table, sv name) {
  const auto found = std::ranges::find(table, name, [](const auto& row) { return row.name; });
  return found == table.end() ? nullptr : &*found;
}

tl::unexpected<error> unknown(sv name) {
  std::vector<sv> known;
  const auto add = [&](const auto& table) {
    for (const auto& row : table)
      known.push_back(row.name);
  };
  add(spec_table);
  add(body_table);
  add(outer_table);
  const auto meant = core::nearest(name, known);
  return refused(name, "is not known",
                 meant ? "did you mean '" + std::string(*meant) + "'?"
                       : "docs/docker.md names those that are");
}

result<json::object> members_of(const sandbox_spec& spec) {
  auto read = protocol::parse_json(spec.docker.arguments);
  if (!read || !read->is_object())
    return fail(make_error(errc::invalid_argument, "docker_runtime_kwargs is not a JSON object")
                    .with_cause(read ? "" : read.error()));
  return std::move(read->get_object());
}

/// Calls back for each argument that says something: None is what docker-py has for nothing.
template <class Visit>
result<void> each_argument(const json::object& all, const sandbox_spec& spec, Visit visit) {
  for (const auto& [name, given] : all)
    if (!given.is_null()) {
      const argument from{name, given, spec.docker.binding_address};
      if (auto done = visit(from); !done)
        return done;
    }
  return {};
}

std::string bare_capability(const json::value& name) {
  auto text = core::to_upper(text_of(name));
  return text.starts_with("CAP_") ? text.substr(4) : text;
}

/// "ALL" is dropped as it is; what remains to drop are those that we add.
void drop_capabilities(json::object& host, const json::array& dropped) {
  auto& added = host["CapAdd"].as_array();
  for (const auto& one : dropped) {
    const auto name = bare_capability(one);
    if (name == "ALL")
      added.clear();
    for (auto at = added.begin(); at != added.end();)
      at = bare_capability(*at) == name ? added.erase(at) : at + 1;
  }
}

/// Of two of one name the later.
void join_ulimits(json::array& held, const json::array& further) {
  for (const auto& one : further) {
    const auto same = [&](const json::value& other) { return other.at("Name") == one.at("Name"); };
    if (auto* found = std::find_if(held.begin(), held.end(), same); found != held.end())
      *found = one;
    else
      held.push_back(one);
  }
}

void put(json::object& host, const body_row& row, json::value value) {
  auto& place = host[row.field];
  if (row.how == joining::replace || place.is_null())
    place = std::move(value);
  else if (row.name == "ulimits")
    join_ulimits(place.as_array(), value.get_array());
  else if (auto* list = value.if_array())
    place.as_array().insert(place.as_array().end(), list->begin(), list->end());
  else
    for (const auto& [name, one] : value.get_object())
      place.as_object()[name] = one;
}

void expose_ports(json::object& body, const json::value& ports) {
  for (const auto& [port, bindings] : ports.get_object())
    body["ExposedPorts"].as_object()[port] = json::object{};
}

} // namespace

result<sandbox_spec> with_arguments(sandbox_spec spec) {
  if (spec.docker.arguments.empty())
    return spec;
  const auto all = members_of(spec);
  if (!all)
    return fail(all.error());
  const auto* mode = all->if_contains("network_mode");
  const auto* name = all->if_contains("network");
  if (mode != nullptr && name != nullptr && *mode != *name)
    return refused("network", "and 'network_mode' contradict each other", "give one of them");
  auto applied = each_argument(*all, spec, [&](const argument& from) -> result<void> {
    if (const auto* row = row_of(refused_table, from.name))
      return refused(from.name, "cannot be given", row->instead);
    const auto* change = row_of(spec_table, from.name);
    const auto* inner = row_of(body_table, from.name);
    const auto* outer = row_of(outer_table, from.name);
    if (change == nullptr && inner == nullptr && outer == nullptr)
      return unknown(from.name);
    for (const auto* row : {inner, outer})
      if (row != nullptr)
        if (auto read = row->read(from); !read)
          return fail(read.error());
    return change != nullptr ? change->apply(from, spec) : result<void>{};
  });
  if (!applied)
    return fail(applied.error());
  if (spec.network == "none" && all->contains("ports"))
    return refused("ports", "need a network", "network is 'none': name another one");
  if (auto checked = validate(spec); !checked)
    return fail(checked.error());
  return spec;
}

result<std::string> add_arguments(const std::string& body, const sandbox_spec& spec) {
  const auto all = members_of(spec);
  if (!all)
    return fail(all.error());
  auto read = protocol::parse_json(body);
  if (!read)
    return fail(errc::internal, "the body of a container is not JSON: " + read.error());
  auto& whole = read->as_object();
  auto& host = whole["HostConfig"].as_object();
  // What is dropped was dropped before what is added is added.
  if (const auto* dropped = all->if_contains("cap_drop"); dropped && dropped->is_array())
    drop_capabilities(host, dropped->get_array());
  auto added = each_argument(*all, spec, [&](const argument& from) -> result<void> {
    if (const auto* row = row_of(outer_table, from.name))
      whole[row->field] = from.given;
    const auto* row = row_of(body_table, from.name);
    if (row == nullptr)
      return {};
    auto value = row->read(from);
    if (!value)
      return fail(value.error());
    if (from.name == "ports")
      expose_ports(whole, *value);
    if (from.name == "mem_limit" && !all->contains("memswap_limit"))
      host["MemorySwap"] = *value;
    put(host, *row, std::move(*value));
    return {};
  });
  if (!added)
    return fail(added.error());
  return json::serialize(*read);
}

} // namespace sandfleet::providers::docker
