#include "runtime/providers/docker/web_ports.hpp"

#include "runtime/core/text.hpp"

#include <algorithm>
#include <array>

namespace sandfleet::providers::docker {

using sandfleet::docker::port_binding;

namespace {

struct named_port {
  std::string_view variable;
  std::uint16_t port_set::*number;
};

constexpr auto named_ports = std::to_array<named_port>({{"VSCODE_PORT", &port_set::vscode},
                                                        {"APP_PORT_1", &port_set::app_1},
                                                        {"APP_PORT_2", &port_set::app_2}});

/// Of a label of ours, by number.
std::map<int, std::string> names_in(const std::map<std::string, std::string>& labels) {
  std::map<int, std::string> names;
  const auto found = labels.find(std::string(label_ports));
  if (found == labels.end())
    return names;
  for (const auto pair : core::split(found->second, ' ')) {
    const auto equals = pair.find('=');
    const auto number = equals == std::string_view::npos
                            ? std::nullopt
                            : core::parse_integer(pair.substr(equals + 1));
    if (number && *number > 0 && *number <= 65535)
      names.emplace(static_cast<int>(*number), std::string(pair.substr(0, equals)));
  }
  return names;
}

std::string url_of(const std::string& address, const std::string& engine, int port) {
  const bool is_any = address.empty() || address == "0.0.0.0" || address == "::";
  auto host = is_any || engine != local_host ? engine : address;
  if (host.find(':') != std::string::npos)
    host = "[" + host + "]";
  return "http://" + host + ":" + std::to_string(port);
}

} // namespace

std::string ports_text(const port_set& ports) {
  std::string text;
  for (const auto& one : named_ports)
    if (const auto number = ports.*one.number; number != 0)
      text += (text.empty() ? "" : " ") + std::string(one.variable) + "=" + std::to_string(number);
  return text;
}

std::vector<published_port> published_ports(const std::map<std::string, std::string>& labels,
                                            const std::vector<port_binding>& bindings,
                                            const std::string& engine) {
  auto names = names_in(labels);
  const auto own = labels.find(std::string(label_port));
  std::vector<published_port> found;
  for (const auto& binding : bindings) {
    // An engine binds a port for IPv4 and IPv6 both.
    const bool known =
        std::ranges::find(found, binding.inside, &published_port::port) != found.end();
    if (known || (own != labels.end() && own->second == std::to_string(binding.inside)))
      continue;
    found.push_back({.port = binding.inside,
                     .name = names[binding.inside],
                     .url = url_of(binding.address, engine, binding.outside)});
  }
  // On the machine's own network nothing is bound.
  for (const auto& [number, name] : names)
    if (!name.empty() && std::ranges::find(found, number, &published_port::port) == found.end())
      found.push_back({.port = number, .name = name, .url = url_of({}, engine, number)});
  std::ranges::sort(found, {}, &published_port::port);
  return found;
}

std::vector<port_binding> planned_bindings(const container_plan& plan, const sandbox_spec& spec) {
  std::vector<port_binding> bindings;
  // On the network of the machine itself a port is what it is.
  const auto address = spec.network == "host" ? std::string() : spec.docker.binding_address;
  if (spec.network != "none")
    for (const auto& one : named_ports)
      if (const auto number = plan.ports.*one.number; number != 0)
        bindings.push_back({number, address, number});
  return bindings;
}

} // namespace sandfleet::providers::docker
