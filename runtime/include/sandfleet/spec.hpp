#pragma once

#include <sandfleet/docker.hpp>
#include <sandfleet/error.hpp>
#include <sandfleet/ids.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sandfleet {

/// How a local sandbox is kept apart from the machine.
enum class isolation_mode : std::uint8_t {
  namespaces, ///< own user, mount, pid, ipc, uts, cgroup and (unless asked for) network namespace
  none,       ///< a plain process in a directory of its own; isolates nothing
};

/// What a volume shows.
enum class volume_kind : std::uint8_t {
  bind,    ///< a path of this machine
  overlay, ///< the same, but what is written is the sandbox's own and goes with it (docker)
  named,   ///< a volume that the container engine keeps (docker)
};

/// A host path seen inside the sandbox.
struct volume {
  std::string host_path;    ///< absolute, and must exist; of a named one its name
  std::string sandbox_path; ///< absolute
  bool read_only = false;
  volume_kind kind = volume_kind::bind;

  friend bool operator==(const volume&, const volume&) = default;
};

/// Ceilings. An empty one is not limited (the command line's settings have defaults for memory and
/// processes); one that the machine cannot hold is reported as unenforced, never dropped in
/// silence.
struct resource_limits {
  std::optional<double> cpus;            ///< cores, > 0; the agent's own work does not count
  std::optional<std::int64_t> memory_mb; ///< MiB, >= 16
  std::optional<std::int64_t> pids;      ///< processes and threads, >= 8; the agent does not count
  std::optional<std::int64_t> disk_mb;   ///< MiB of writable file system, >= 1

  friend bool operator==(const resource_limits&, const resource_limits&) = default;
};

/// What a sandbox is made from.
struct sandbox_spec {
  /// Empty: made. Else 'sb-' and 16 hex digits that no other sandbox has or had.
  sandbox_id id;
  /// What the agent wants to be shown, 16 to 128 letters and digits; never logged. Empty: made.
  std::string session_key;
  /// What the caller calls it, as OpenHands' session id; no two sandboxes of this user that a
  /// provider has on this machine share one. At most 128 letters, digits, '.', '_' and '-', a
  /// letter, digit or '_' first. Empty: none.
  std::string session_id;
  provider_name provider; ///< empty: the configured default
  /// "host" or "rootfs:/path" for the local provider, an image's name for docker; empty:
  /// configured.
  std::string image;
  std::string workspace = "/workspace"; ///< absolute; made when missing; the first directory
  std::map<std::string, std::string> env;
  std::vector<volume> volumes;
  resource_limits limits;
  std::string network = "none"; ///< "none" or "host"; with docker "bridge" or a network's name too
  std::optional<isolation_mode> isolation; ///< empty: the configured default
  std::chrono::milliseconds start_timeout{60'000};
  std::map<std::string, std::string> labels; ///< free for the caller; shown by listings
  docker_options docker;

  friend bool operator==(const sandbox_spec&, const sandbox_spec&) = default;
};

/// Says what is wrong with a specification, if anything: class `task`, naming the key.
[[nodiscard]] result<void> validate(const sandbox_spec& spec);

/// Reads "HOST:SANDBOX[:ro|:rw|:overlay]", or "NAME:SANDBOX[:ro|:rw]" for a named volume.
[[nodiscard]] result<volume> parse_volume(const std::string& text);

} // namespace sandfleet
