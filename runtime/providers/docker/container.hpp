#pragma once

#include "runtime/docker/host.hpp"
#include "runtime/docker/types.hpp"

#include <sandfleet/error.hpp>
#include <sandfleet/ids.hpp>
#include <sandfleet/spec.hpp>
#include <sandfleet/usage.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What a container of ours looks like. Pure.
namespace sandfleet::providers::docker {

/// Where things lie inside.
inline constexpr std::string_view inside_dir = "/.sandfleet";
inline constexpr std::string_view inside_agent = "/.sandfleet/sandfleet-agent";
inline constexpr std::string_view inside_sockets = "/.sandfleet/sockets";

/// Labels of everything that we make.
inline constexpr std::string_view label_sandbox = "sandfleet.sandbox";   ///< the sandbox's id
inline constexpr std::string_view label_registry = "sandfleet.registry"; ///< who may remove it
inline constexpr std::string_view label_port = "sandfleet.port"; ///< the agent's; none: a socket

inline constexpr std::string_view label_pauses = "sandfleet.pauses"; ///< "stop": it ends meanwhile

/// A directory outside the registry that goes with the container.
inline constexpr std::string_view label_overlays = "sandfleet.overlays";

[[nodiscard]] std::string container_name(const sandbox_id& id);

/// Ports, the same inside and on this machine; 0: none.
struct port_set {
  std::uint16_t agent = 0;
  std::uint16_t vscode = 0;
  std::uint16_t app_1 = 0;
  std::uint16_t app_2 = 0;

  friend bool operator==(const port_set&, const port_set&) = default;
};

/// What is decided elsewhere and goes into a container.
struct container_plan {
  sandbox_id id;
  std::string registry; ///< value of `label_registry`
  std::string session_key;
  std::string image;
  std::string agent_program; ///< to be mounted; empty: it is copied into the container
  std::string sockets_dir;   ///< to be mounted; empty: the agent listens on `ports.agent`
  std::string overlays_dir; ///< what is written to overlay N goes to N/upper, with N/work beside it
  port_set ports;
  /// What stands for this machine in "NAME:host-gateway"; empty: the engine knows.
  std::string host_gateway;
};

/// The body of `POST /containers/create`, for what `with_arguments` made of a specification.
/// Errors, class `task`, name the option that cannot be.
[[nodiscard]] result<std::string> container_body(const container_plan& plan,
                                                 const sandbox_spec& spec);

/// The directories, below `overlays_dir`, that the overlays of a specification need.
[[nodiscard]] std::vector<std::string> overlay_directories(const container_plan& plan,
                                                           const sandbox_spec& spec);

/// Which of the limits hold.
[[nodiscard]] limits_report limits_of(const sandbox_spec& spec);

/// Whether a container of an engine on this machine is reached by a socket: not where its runtime
/// keeps the machine's sockets away (gVisor, Kata), unless it was asked for.
[[nodiscard]] bool connects_by_socket(const docker_options& options);

/// The port that the agent of a container of ours listens on; 0: a socket.
[[nodiscard]] std::uint16_t agent_port(const sandfleet::docker::container_info& container);
inline constexpr std::string_view local_host = "127.0.0.1";
/// Under which name this machine reaches ports that the engine publishes.
[[nodiscard]] std::string agent_host(const sandfleet::docker::engine_host& engine);

/// The agent's arguments.
[[nodiscard]] std::vector<std::string> agent_arguments(const container_plan& plan,
                                                       const sandbox_spec& spec);

} // namespace sandfleet::providers::docker
