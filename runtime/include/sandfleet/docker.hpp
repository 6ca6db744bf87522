#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sandfleet {

/// How the engine reaches the agent in a container.
enum class docker_connection : std::uint8_t {
  automatic, ///< a socket where the container shares this machine's files, else ports
  socket,    ///< a unix socket that is handed into the container; works without a network
  ports,     ///< published TCP ports
};

/// What a container has beyond what every sandbox has. Other providers take no notice of it.
struct docker_options {
  /// Shell commands, run as root on top of the image when a sandbox first wants them; what comes of
  /// it is an image of its own, used again from then on. The first that fails ends the build. At
  /// most 60 kB.
  std::string extra_deps;
  std::vector<std::string> extra_build_args; ///< as of `docker build`: "--build-arg", "A=B"
  bool force_rebuild = false;                ///< such an image that is there is made anew

  std::string platform; ///< "linux/arm64"; empty: the engine's own
  std::string
      user; ///< of the container's first process, as `docker run --user`; empty: the image's

  /// Commands run as this user, whom the agent makes where the image lacks it; for mounted
  /// workspaces the caller's number. Empty: as the container's first process does.
  std::optional<std::int64_t> user_id;
  std::string user_name = "openhands";

  std::vector<std::string> networks;    ///< joined beside `sandbox_spec::network`
  std::vector<std::string> extra_hosts; ///< "NAME:ADDRESS"; the address may be "host-gateway"

  docker_connection connection = docker_connection::automatic;
  std::string binding_address = "127.0.0.1"; ///< of this machine, for published ports
  std::optional<int> vscode_port;            ///< empty: a free one
  bool publish_ports = false; ///< VSCode's and two for applications, with `connection` socket too

  std::string
      overlays_dir; ///< for what is written to overlay volumes; empty: below the state directory

  /// `no-new-privileges`: neither sudo nor su gains anything.
  bool no_new_privileges = true;
  /// Beside the fourteen of Docker's usual ones that a development machine needs.
  std::vector<std::string> capabilities;
  bool read_only_root = false;           ///< with writable /tmp, /run, home and workspace
  std::vector<std::string> writable;     ///< further places in memory, with `read_only_root`
  std::vector<std::string> security;     ///< such as "seccomp=PROFILE", "label=disable"
  std::string runtime;                   ///< "runsc", "sysbox-runc"; empty: the engine's default
  std::optional<std::int64_t> shared_mb; ///< MiB of /dev/shm
  std::map<std::string, std::int64_t> ulimits; ///< soft and hard: {"nofile", 4096}

  bool gpu = false;
  std::string gpu_devices; ///< "0,2"; empty: all

  /// Pausing stops the container and resuming starts it again, as OpenHands does it; else its
  /// processes stand still meanwhile.
  bool pause_stops = false;

  /// A JSON object of further arguments of docker-py's `containers.run` (docker_runtime_kwargs),
  /// values as there. Those that say what a specification can say too go before it, but for
  /// variables and labels.
  std::string arguments;

  friend bool operator==(const docker_options&, const docker_options&) = default;
};

} // namespace sandfleet
