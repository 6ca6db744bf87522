#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sandfleet::config {

/// Every setting; the index of its row in `setting_table()`.
enum class key : std::uint8_t {
  // the engine
  provider,
  image,
  isolation,
  state_dir,
  agent_program,
  launcher_program,
  io_threads,
  max_parallel_starts,
  start_attempts,
  start_backoff_base,
  start_backoff_cap,
  health_interval,
  health_timeout,
  image_timeout,
  image_repository,
  // what a sandbox gets unless told otherwise
  workspace,
  workspace_base,
  env,
  volumes,
  network,
  cpus,
  memory_mb,
  pids,
  disk_mb,
  start_timeout,
  timeout,
  keep_for,
  keep_runtime_alive,
  pause_closed_runtimes,
  rm_all_containers,
  // what a container gets
  extra_deps,
  extra_build_args,
  force_rebuild,
  platform,
  docker_user,
  user_id,
  additional_networks,
  extra_hosts,
  docker_connection,
  binding_address,
  vscode_port,
  publish_ports,
  overlays_dir,
  shm_mb,
  capabilities,
  no_new_privileges,
  read_only_root,
  security_options,
  docker_runtime,
  enable_gpu,
  cuda_visible_devices,
  pause_stops,
  docker_runtime_kwargs,
  // the service of the provider remote
  remote_runtime_api_url,
  api_key,
  remote_runtime_api_timeout,
  remote_runtime_init_timeout,
  remote_runtime_resource_factor,
  remote_runtime_class,
  remote_runtime_enable_retries,
  // the command line
  concurrency,
  output,
  color,
  log_format,
  log_level,
};

/// Its value lacks the tag, which is in a variable of its own.
inline constexpr std::string_view agent_image_variable = "AGENT_SERVER_IMAGE_REPOSITORY";
inline constexpr std::string_view agent_image_tag_variable = "AGENT_SERVER_IMAGE_TAG";

inline constexpr std::size_t key_count = 65;

enum class value_kind : std::uint8_t {
  text,         ///< `choices` may name words that are likely
  secret,       ///< a text that is shown to nobody
  path,         ///< of this machine; ~/ is the home directory; made absolute
  sandbox_path, ///< absolute
  choice,       ///< one of `choices`, whatever its case
  integer,      ///< whole number; `choices` may name words that are allowed beside numbers
  number,       ///< decimal number
  duration,     ///< seconds, or a number with ms, s, m or h; milliseconds inside
  truth,        ///< true or false
  list,         ///< ["A", "B"], or A,B
  volumes,      ///< list of HOST:SANDBOX[:ro]; layers are merged by the path inside the sandbox
  env,          ///< NAME=VALUE pairs; layers are merged by name; values are shown to nobody
  object,       ///< {"NAME": VALUE, ...}; inside by name the JSON of each value; layers and values
                ///< as those of `env`
};

/// How the value of a name that OpenHands gave is to be read.
enum class alias_meaning : std::uint8_t {
  same,       ///< as ours
  true_means, ///< a boolean; true gives `word`, false leaves the setting alone
};

/// A name of OpenHands for one of our settings.
struct alias {
  std::string_view environment; ///< empty: none
  std::string_view file_key;    ///< "section.key"; empty: none
  alias_meaning meaning = alias_meaning::same;
  std::string_view word;
  bool deprecated = false; ///< by OpenHands: SANDBOX_VOLUMES says it now
};

/// One setting. Its own names are `name` in the section [sandfleet] of a file, SANDFLEET_NAME in
/// the environment and `flag` on the command line; they win over aliases of the same layer, and an
/// alias wins over those after it.
struct setting_info {
  std::string_view name;
  value_kind kind;
  std::string_view flag;          ///< such as "-v,--volume"; empty: only --set NAME=VALUE
  std::string_view placeholder;   ///< for help
  std::string_view default_value; ///< read like a value from the environment; empty: none
  std::string_view description;
  std::optional<double> minimum; ///< of numbers; of durations in seconds
  std::optional<double> maximum;
  std::span<const std::string_view> choices;
  std::span<const alias> aliases;
};

/// Ordered by `key`.
[[nodiscard]] std::span<const setting_info> setting_table() noexcept;
[[nodiscard]] const setting_info& info(key which) noexcept;
[[nodiscard]] std::optional<key> find_setting(std::string_view name) noexcept;

/// "SANDFLEET_" and the name in upper case.
[[nodiscard]] std::string own_variable(const setting_info& setting);
inline constexpr std::string_view own_variable_prefix = "SANDFLEET_";

/// What a reader may write, such as "one of: none, host" or "a whole number from 1 to 64".
[[nodiscard]] std::string allowed_values(const setting_info& setting);

/// Keys ("section.key") of OpenHands' configuration file that mean nothing here.
[[nodiscard]] std::span<const std::string_view> ignored_file_keys() noexcept;

/// Sections of that file in which every key is ignored, such as "llm".
[[nodiscard]] std::span<const std::string_view> ignored_sections() noexcept;

} // namespace sandfleet::config
