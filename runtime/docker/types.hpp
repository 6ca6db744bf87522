#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sandfleet::docker {

/// What an engine says of itself and its machine.
struct engine_info {
  std::string id;       ///< the same for all engines of one machine
  std::string root_dir; ///< where its data are
  std::string version;
  std::string operating_system;
  std::string architecture; ///< as uname has it: "x86_64"
  std::string cgroup_version;
  std::string cgroup_driver;
  std::string storage_driver;
  bool limits_memory = false; ///< what the engine's machine lets it hold
  bool limits_pids = false;
  bool limits_cpus = false;
  std::vector<std::string> runtimes;
  std::vector<std::string> security_options; ///< "name=selinux", "name=rootless", ...
  std::vector<std::string> warnings;
  bool live_restore = false; ///< its containers go on without it
};

struct image_info {
  std::string id;
  std::string os;
  std::string architecture; ///< as Go has it: "amd64"
  std::string user;
  std::vector<std::string> environment; ///< "NAME=VALUE"
  std::map<std::string, std::string> labels;
  std::string created; ///< RFC 3339; empty: unknown
  std::int64_t bytes = 0;
};

/// A TCP port of a container that the engine has bound.
struct port_binding {
  int inside = 0;
  std::string address; ///< empty: any
  int outside = 0;

  friend bool operator==(const port_binding&, const port_binding&) = default;
};

struct container_info {
  std::string id;
  std::string name;   ///< without the slash
  std::string status; ///< created, running, paused, restarting, removing, exited, dead
  std::int64_t exit_code = 0;
  bool out_of_memory = false;
  std::string failure; ///< why it could not be started
  std::int64_t pid = 0;
  std::string image;
  std::map<std::string, std::string> labels;
  std::vector<port_binding> bindings; ///< while it runs; of one that does not, those it will have
  std::vector<std::string> environment;

  [[nodiscard]] bool has_ended() const { return status == "exited" || status == "dead"; }
};

/// A line of a list of containers.
struct container_summary {
  std::string id;
  std::string name;
  std::string status;
  std::string image_id;
  std::map<std::string, std::string> labels;
  std::vector<port_binding> bindings; ///< while it runs
};

/// A line of a list of volumes.
struct volume_summary {
  std::string name;
  std::map<std::string, std::string> labels;
};

struct created_container {
  std::string id;
  std::vector<std::string> warnings;
};

/// What the engine tells of its objects as it happens.
struct engine_event {
  std::string type;   ///< container, image, network, volume, daemon
  std::string action; ///< start, die, oom, pause, destroy, ...
  std::string id;
  std::map<std::string, std::string> attributes; ///< labels, "exitCode", "image", "name", ...
};

/// One message of a pull or a build.
struct progress_line {
  std::string text;  ///< what is happening, or what the build printed
  std::string layer; ///< of a pull
  std::int64_t current = 0;
  std::int64_t total = 0; ///< bytes; 0: unknown
  std::string image_id;   ///< at the end of a build
  std::optional<std::string> failure;
};

} // namespace sandfleet::docker
