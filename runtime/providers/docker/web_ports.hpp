#pragma once

#include "runtime/docker/types.hpp"
#include "runtime/providers/docker/container.hpp"

#include <sandfleet/listing.hpp>

#include <map>
#include <string>
#include <vector>

/// Which address of this machine stands for which port of a container. Pure.
namespace sandfleet::providers::docker {

/// Of a container with `label_ports`: "VSCODE_PORT=40001 APP_PORT_1=50001".
inline constexpr std::string_view label_ports = "sandfleet.ports";

/// Empty where there are none.
[[nodiscard]] std::string ports_text(const port_set& ports);

/// The addresses by which an engine's machine is reached from here: `engine`, the host of a remote
/// one, for bindings that name no address of their own.
[[nodiscard]] std::vector<published_port>
published_ports(const std::map<std::string, std::string>& labels,
                const std::vector<sandfleet::docker::port_binding>& bindings,
                const std::string& engine);

/// What the engine will bind for a plan.
[[nodiscard]] std::vector<sandfleet::docker::port_binding>
planned_bindings(const container_plan& plan, const sandbox_spec& spec);

} // namespace sandfleet::providers::docker
