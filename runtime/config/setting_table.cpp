#include "runtime/config/setting_table.hpp"

#include "runtime/core/text.hpp"

#include <algorithm>
#include <array>

namespace sandfleet::config {

namespace {

using sv = std::string_view;
using kind = value_kind;

constexpr std::array<sv, 5> providers = {"local", "docker", "remote", "modal", "kubernetes"};
constexpr std::array<sv, 2> isolations = {"namespace", "none"};
constexpr std::array<sv, 3> networks = {"none", "host", "bridge"};
constexpr std::array<sv, 3> connections = {"auto", "socket", "ports"};
constexpr std::array<sv, 2> runtime_classes = {"gvisor", "sysbox"};
constexpr std::array<sv, 2> outputs = {"table", "json"};
constexpr std::array<sv, 3> colors = {"auto", "always", "never"};
constexpr std::array<sv, 2> log_formats = {"text", "json"};
constexpr std::array<sv, 5> log_levels = {"debug", "info", "warning", "error", "critical"};
constexpr std::array<sv, 1> automatic = {"auto"};

constexpr std::array runtime_names = {alias{"RUNTIME", "core.runtime", {}, {}}};
constexpr std::array image_names = {
    alias{"SANDBOX_RUNTIME_CONTAINER_IMAGE", "sandbox.runtime_container_image", {}, {}},
    alias{"SANDBOX_BASE_CONTAINER_IMAGE", "sandbox.base_container_image", {}, {}},
    alias{agent_image_variable, "", {}, {}}};
constexpr std::array workspace_names = {
    alias{"WORKSPACE_MOUNT_PATH_IN_SANDBOX", "core.workspace_mount_path_in_sandbox", {}, {}, true}};
constexpr std::array workspace_base_names = {
    alias{"WORKSPACE_MOUNT_PATH", "core.workspace_mount_path", {}, {}, true},
    alias{"WORKSPACE_BASE", "core.workspace_base", {}, {}, true}};
constexpr std::array env_names = {
    alias{"SANDBOX_RUNTIME_STARTUP_ENV_VARS", "sandbox.runtime_startup_env_vars", {}, {}}};
constexpr std::array volume_names = {alias{"SANDBOX_VOLUMES", "sandbox.volumes", {}, {}}};
constexpr std::array network_names = {alias{"SANDBOX_USE_HOST_NETWORK", "sandbox.use_host_network",
                                            alias_meaning::true_means, "host"}};
constexpr std::array platform_names = {alias{"SANDBOX_PLATFORM", "sandbox.platform", {}, {}}};
constexpr std::array image_repository_names = {alias{"OH_RUNTIME_RUNTIME_IMAGE_REPO", "", {}, {}}};
constexpr std::array extra_deps_names = {
    alias{"SANDBOX_RUNTIME_EXTRA_DEPS", "sandbox.runtime_extra_deps", {}, {}}};
constexpr std::array extra_build_args_names = {
    alias{"SANDBOX_RUNTIME_EXTRA_BUILD_ARGS", "sandbox.runtime_extra_build_args", {}, {}}};
constexpr std::array force_rebuild_names = {
    alias{"SANDBOX_FORCE_REBUILD_RUNTIME", "sandbox.force_rebuild_runtime", {}, {}}};
constexpr std::array user_id_names = {alias{"SANDBOX_USER_ID", "sandbox.user_id", {}, {}}};
constexpr std::array additional_network_names = {
    alias{"SANDBOX_ADDITIONAL_NETWORKS", "sandbox.additional_networks", {}, {}}};
constexpr std::array binding_address_names = {
    alias{"SANDBOX_RUNTIME_BINDING_ADDRESS", "sandbox.runtime_binding_address", {}, {}}};
constexpr std::array vscode_port_names = {
    alias{"SANDBOX_VSCODE_PORT", "sandbox.vscode_port", {}, {}}};
constexpr std::array overlays_dir_names = {alias{"SANDBOX_VOLUME_OVERLAYS", "", {}, {}}};
constexpr std::array enable_gpu_names = {alias{"SANDBOX_ENABLE_GPU", "sandbox.enable_gpu", {}, {}}};
constexpr std::array cuda_names = {
    alias{"SANDBOX_CUDA_VISIBLE_DEVICES", "sandbox.cuda_visible_devices", {}, {}}};
constexpr std::array runtime_kwargs_names = {
    alias{"SANDBOX_DOCKER_RUNTIME_KWARGS", "sandbox.docker_runtime_kwargs", {}, {}}};
constexpr std::array timeout_names = {alias{"SANDBOX_TIMEOUT", "sandbox.timeout", {}, {}}};
constexpr std::array keep_alive_names = {
    alias{"SANDBOX_KEEP_RUNTIME_ALIVE", "sandbox.keep_runtime_alive", {}, {}},
    alias{"SANDBOX_KEEP_REMOTE_RUNTIME_ALIVE", "sandbox.keep_remote_runtime_alive", {}, {}}};
constexpr std::array pause_closed_names = {
    alias{"SANDBOX_PAUSE_CLOSED_RUNTIMES", "sandbox.pause_closed_runtimes", {}, {}}};
constexpr std::array remove_all_names = {
    alias{"SANDBOX_RM_ALL_CONTAINERS", "sandbox.rm_all_containers", {}, {}}};
constexpr std::array api_url_names = {
    alias{"SANDBOX_REMOTE_RUNTIME_API_URL", "sandbox.remote_runtime_api_url", {}, {}}};
constexpr std::array api_key_names = {alias{"SANDBOX_API_KEY", "sandbox.api_key", {}, {}}};
constexpr std::array api_timeout_names = {
    alias{"SANDBOX_REMOTE_RUNTIME_API_TIMEOUT", "sandbox.remote_runtime_api_timeout", {}, {}}};
constexpr std::array init_timeout_names = {
    alias{"SANDBOX_REMOTE_RUNTIME_INIT_TIMEOUT", "sandbox.remote_runtime_init_timeout", {}, {}}};
constexpr std::array resource_factor_names = {alias{
    "SANDBOX_REMOTE_RUNTIME_RESOURCE_FACTOR", "sandbox.remote_runtime_resource_factor", {}, {}}};
constexpr std::array runtime_class_names = {
    alias{"SANDBOX_REMOTE_RUNTIME_CLASS", "sandbox.remote_runtime_class", {}, {}}};
constexpr std::array enable_retries_names = {alias{
    "SANDBOX_REMOTE_RUNTIME_ENABLE_RETRIES", "sandbox.remote_runtime_enable_retries", {}, {}}};
constexpr std::array color_names = {
    alias{"DISABLE_COLOR", "core.disable_color", alias_meaning::true_means, "never"}};
constexpr std::array log_format_names = {alias{"LOG_JSON", "", alias_meaning::true_means, "json"}};
constexpr std::array log_level_names = {
    alias{"LOG_LEVEL", "", {}, {}}, alias{"", "core.debug", alias_meaning::true_means, "debug"}};

constexpr double day = 86'400;

// clang-format off
constexpr std::array<setting_info, key_count> table = {{
    // name, kind, flag, placeholder, default, description, minimum, maximum, choices, aliases
    {"provider", kind::choice, "--provider", "NAME", "local",
     "what makes the sandboxes",
     {}, {}, providers, runtime_names},
    {"image", kind::text, "-i,--image", "IMAGE", "host",
     "what a sandbox sees as its root: host (this machine's programs, read-only) or rootfs:/PATH; "
     "with docker an image's name",
     {}, {}, {}, image_names},
    {"isolation", kind::choice, "--isolation", "MODE", "namespace",
     "namespace: a sandbox sees nothing of this machine's processes, files and network; "
     "none: a plain process in a directory of its own",
     {}, {}, isolations, {}},
    {"state_dir", kind::path, "", "DIR", "",
     "where sockets and the registry live (default: /run/sandfleet for root, "
     "$XDG_RUNTIME_DIR/sandfleet or /tmp/sandfleet-UID for others)",
     {}, {}, {}, {}},
    {"agent_program", kind::path, "", "FILE", "",
     "sandfleet-agent (default: beside sandfleet, then ../libexec/sandfleet, then PATH)",
     {}, {}, {}, {}},
    {"launcher_program", kind::path, "", "FILE", "",
     "sandfleet-launcher (default: as for agent_program)",
     {}, {}, {}, {}},
    {"io_threads", kind::integer, "", "N", "1",
     "threads that move bytes",
     1, 64, {}, {}},
    {"max_parallel_starts", kind::integer, "", "N", "0",
     "sandboxes that start at the same time; 0: twice the cores",
     0, 10'000, {}, {}},
    {"start_attempts", kind::integer, "", "N", "3",
     "tries to start a sandbox while the machine, not the task, is at fault",
     1, 20, {}, {}},
    {"start_backoff_base", kind::duration, "", "TIME", "100ms",
     "longest wait before the second try; doubles with each",
     0.001, day, {}, {}},
    {"start_backoff_cap", kind::duration, "", "TIME", "10",
     "longest wait before any try",
     0.001, day, {}, {}},
    {"health_interval", kind::duration, "", "TIME", "30",
     "time between two health checks of a sandbox; 0: none",
     0, day, {}, {}},
    {"health_timeout", kind::duration, "", "TIME", "10",
     "a sandbox that does not answer for so long is lost",
     0.001, day, {}, {}},
    {"image_timeout", kind::duration, "", "TIME", "30m",
     "time in which a container's image must have come or be built",
     0.001, day, {}, {}},
    {"image_repository", kind::text, "", "NAME", "sandfleet/runtime",
     "what images with extra_deps are called",
     {}, {}, {}, image_repository_names},
    {"workspace", kind::sandbox_path, "-w,--workdir", "DIR", "/workspace",
     "directory in the sandbox in which commands start; made when missing",
     {}, {}, {}, workspace_names},
    {"workspace_base", kind::path, "", "DIR", "",
     "directory of this machine that is mounted, writable, as the workspace",
     {}, {}, {}, workspace_base_names},
    {"env", kind::env, "-e,--env", "NAME=VALUE", "",
     "environment variable of every command in the sandbox",
     {}, {}, {}, env_names},
    {"volumes", kind::volumes, "-v,--volume", "HOST:SANDBOX[:ro]", "",
     "path of this machine to show inside the sandbox; with docker also a volume's name, and "
     ":overlay where what is written is the sandbox's own",
     {}, {}, {}, volume_names},
    {"network", kind::text, "--network", "MODE", "",
     "none: no network at all; host: this machine's; with docker also bridge, or the name of a "
     "network (default: none, with docker bridge)",
     {}, {}, networks, network_names},
    {"cpus", kind::number, "--cpus", "N", "",
     "cores that a sandbox may use, such as 0.5",
     0.01, 4096, {}, {}},
    {"memory_mb", kind::integer, "--memory", "MB", "4096",
     "memory of a sandbox in MiB, at least 16, what it writes included; 0: no limit",
     0, 1 << 30, {}, {}},
    {"pids", kind::integer, "--pids", "N", "1024",
     "processes and threads of a sandbox, at least 8; 0: no limit",
     0, 1 << 22, {}, {}},
    {"disk_mb", kind::integer, "--disk", "MB", "",
     "MiB that a sandbox may write",
     1, 1 << 30, {}, {}},
    {"start_timeout", kind::duration, "", "TIME", "60",
     "time in which a sandbox must be ready",
     0.001, day, {}, {}},
    {"timeout", kind::duration, "-t,--timeout", "TIME", "120",
     "time for a command; then its processes are killed",
     0.001, 365 * day, {}, timeout_names},
    {"keep_for", kind::duration, "--keep-for", "TIME", "24h",
     "time that a sandbox of 'run --rm=false' lives, unless it is stopped before; 0: without end",
     0, 10 * 365 * day, {}, {}},
    {"keep_runtime_alive", kind::truth, "", "BOOL", "false",
     "sandboxes stay when the program that started them ends, as if by --rm=false",
     {}, {}, {}, keep_alive_names},
    {"pause_closed_runtimes", kind::truth, "", "BOOL", "false",
     "those that stay by keep_runtime_alive are paused; their next use resumes them",
     {}, {}, {}, pause_closed_names},
    {"rm_all_containers", kind::truth, "", "BOOL", "false",
     "at its end a program takes away all kept sandboxes of this user, not only its own",
     {}, {}, {}, remove_all_names},
    {"extra_deps", kind::text, "", "COMMANDS", "",
     "shell commands that are run, as root, on top of a container's image; the result is kept",
     {}, {}, {}, extra_deps_names},
    {"extra_build_args", kind::list, "", "ARGUMENT", "",
     "as of docker build, for images with extra_deps",
     {}, {}, {}, extra_build_args_names},
    {"force_rebuild", kind::truth, "", "BOOL", "false",
     "an image with extra_deps is built even if there is one",
     {}, {}, {}, force_rebuild_names},
    {"platform", kind::text, "", "OS/ARCH", "",
     "of the container's image, such as linux/arm64 (default: the engine's own)",
     {}, {}, {}, platform_names},
    {"docker_user", kind::text, "", "USER[:GROUP]", "",
     "user of the container's first process (default: the image's)",
     {}, {}, {}, {}},
    {"user_id", kind::integer, "", "N", "",
     "commands in a container run as the user of this number, who is made where there is none; the "
     "caller's for mounted workspaces",
     0, 4'294'967'294.0, {}, user_id_names},
    {"additional_networks", kind::list, "", "NAME", "",
     "networks that a container joins beside its own",
     {}, {}, {}, additional_network_names},
    {"extra_hosts", kind::list, "", "NAME:ADDRESS", "",
     "lines of a container's /etc/hosts; the address may be host-gateway",
     {}, {}, {}, {}},
    {"docker_connection", kind::choice, "", "WAY", "auto",
     "how a container's agent is reached: by a socket that is handed in, by published ports; auto: "
     "by a socket where the engine is on this machine",
     {}, {}, connections, {}},
    {"binding_address", kind::text, "", "ADDRESS", "127.0.0.1",
     "address of this machine for published ports",
     {}, {}, {}, binding_address_names},
    {"vscode_port", kind::integer, "", "PORT", "",
     "port for VSCode (default: a free one from 40000 to 49999)",
     1, 65'535, {}, vscode_port_names},
    {"publish_ports", kind::truth, "", "BOOL", "false",
     "publish a port for VSCode and two for applications",
     {}, {}, {}, {}},
    {"overlays_dir", kind::path, "", "DIR", "",
     "where what is written to overlay volumes goes (default: below state_dir)",
     {}, {}, {}, overlays_dir_names},
    {"shm_mb", kind::integer, "", "MB", "",
     "MiB of a container's /dev/shm (default: the engine's, 64)",
     1, 1 << 20, {}, {}},
    {"capabilities", kind::list, "", "NAME", "",
     "capabilities that a container has beside the few usual ones, such as SYS_PTRACE",
     {}, {}, {}, {}},
    {"no_new_privileges", kind::truth, "", "BOOL", "true",
     "nothing in a container gains privileges: neither sudo nor su works",
     {}, {}, {}, {}},
    {"read_only_root", kind::truth, "", "BOOL", "false",
     "a container's root is read-only; /tmp, /run, the homes and the workspace lie in memory",
     {}, {}, {}, {}},
    {"security_options", kind::list, "", "OPTION", "",
     "as of docker run --security-opt, such as seccomp=FILE",
     {}, {}, {}, {}},
    {"docker_runtime", kind::text, "", "NAME", "",
     "what runs a container, such as runsc (default: the engine's)",
     {}, {}, {}, {}},
    {"enable_gpu", kind::truth, "", "BOOL", "false",
     "a container may use this machine's GPUs",
     {}, {}, {}, enable_gpu_names},
    {"cuda_visible_devices", kind::text, "", "N,N", "",
     "which GPUs (default: all)",
     {}, {}, {}, cuda_names},
    {"pause_stops", kind::truth, "", "BOOL", "false",
     "pausing stops a container's processes, which begin anew; else they stand still",
     {}, {}, {}, {}},
    {"docker_runtime_kwargs", kind::object, "", "OBJECT", "",
     "further arguments of docker-py's containers.run for a container, such as {\"shm_size\": \"1g\"}",
     {}, {}, {}, runtime_kwargs_names},
    {"remote_runtime_api_url", kind::text, "", "URL", "http://localhost:8000",
     "address of the runtime service of the provider remote",
     {}, {}, {}, api_url_names},
    {"api_key", kind::secret, "", "KEY", "",
     "what that service wants to be shown",
     {}, {}, {}, api_key_names},
    {"remote_runtime_api_timeout", kind::duration, "", "TIME", "30",
     "time for one request to that service",
     0.001, day, {}, api_timeout_names},
    {"remote_runtime_init_timeout", kind::duration, "", "TIME", "180",
     "time in which a sandbox of that service must be ready, unless start_timeout says otherwise",
     0.001, day, {}, init_timeout_names},
    {"remote_runtime_resource_factor", kind::integer, "", "N", "1",
     "1, 2, 4 or 8 times what a sandbox of that service has of CPU and memory",
     1, 8, {}, resource_factor_names},
    {"remote_runtime_class", kind::choice, "", "NAME", "",
     "what runs a sandbox there (default: the service's own); sysbox: Docker works in it",
     {}, {}, runtime_classes, runtime_class_names},
    {"remote_runtime_enable_retries", kind::truth, "", "BOOL", "true",
     "requests to that service that fail for the network's sake are made again",
     {}, {}, {}, enable_retries_names},
    {"concurrency", kind::integer, "-c,--concurrency", "N", "auto",
     "sandboxes at the same time in a batch",
     1, 100'000, automatic, {}},
    {"output", kind::choice, "--output", "FORMAT", "table",
     "table for people, json for programs",
     {}, {}, outputs, {}},
    {"color", kind::choice, "--color", "WHEN", "auto",
     "colours in tables; auto: on a terminal, unless NO_COLOR is set",
     {}, {}, colors, color_names},
    {"log_format", kind::choice, "", "FORMAT", "text",
     "what is said on standard error: text for people, json for programs, as --json-logs",
     {}, {}, log_formats, log_format_names},
    {"log_level", kind::choice, "--log-level", "LEVEL", "warning",
     "least weight of what is logged to standard error",
     {}, {}, log_levels, log_level_names},
}};
// clang-format on

constexpr auto ignored_keys = std::to_array<sv>({
    "core.cache_dir",
    "core.cli_multiline_input",
    "core.client_wait_timeout",
    "core.conversation_max_age_seconds",
    "core.default_agent",
    "core.e2b_api_key",
    "core.enable_browser",
    "core.enable_default_condenser",
    "core.file_store",
    "core.file_store_path",
    "core.file_store_web_hook_batch",
    "core.file_store_web_hook_headers",
    "core.file_store_web_hook_url",
    "core.file_uploads_allowed_extensions",
    "core.file_uploads_max_file_size_mb",
    "core.file_uploads_restrict_file_types",
    "core.git_user_email",
    "core.git_user_name",
    "core.init_git_in_empty_workspace",
    "core.jwt_secret",
    "core.max_budget_per_task",
    "core.max_concurrent_conversations",
    "core.max_iterations",
    "core.mcp_host",
    "core.modal_api_token_id",
    "core.modal_api_token_secret",
    "core.replay_trajectory_path",
    "core.run_as_openhands",
    "core.save_screenshots_in_trajectory",
    "core.save_trajectory_path",
    "core.search_api_key",
    "core.workspace_mount_rewrite",
    "sandbox.browsergym_eval_env",
    "sandbox.close_delay",
    "sandbox.enable_auto_lint",
    "sandbox.initialize_plugins",
    "sandbox.local_runtime_url",
    "sandbox.selected_repo",
    "sandbox.trusted_dirs",
});

constexpr auto sections_of_others =
    std::to_array<sv>({"agent", "cli", "condenser", "extended", "kubernetes", "llm", "mcp",
                       "model_routing", "security"});

std::string bounds_text(const setting_info& setting) {
  const sv unit = setting.kind == kind::duration ? " seconds" : "";
  std::string text;
  if (setting.minimum)
    text += " from " + core::number_text(*setting.minimum);
  if (setting.maximum)
    text += " to " + core::number_text(*setting.maximum);
  return text.empty() ? text : text + std::string(unit);
}

} // namespace

std::span<const setting_info> setting_table() noexcept {
  return table;
}

const setting_info& info(key which) noexcept {
  return table[static_cast<std::size_t>(which)];
}

std::optional<key> find_setting(std::string_view name) noexcept {
  const auto* row = std::ranges::find(table, name, &setting_info::name);
  if (row == table.end())
    return std::nullopt;
  return static_cast<key>(row - table.begin());
}

std::string own_variable(const setting_info& setting) {
  return std::string(own_variable_prefix) + core::to_upper(setting.name);
}

std::string allowed_values(const setting_info& setting) {
  const auto words = core::join(setting.choices, ", ");
  switch (setting.kind) {
  case kind::choice:
    return "one of: " + words;
  case kind::integer:
    return (words.empty() ? "" : words + ", or ") + "a whole number" + bounds_text(setting);
  case kind::number:
    return "a number" + bounds_text(setting);
  case kind::duration:
    return "seconds, or a number with ms, s, m or h" +
           (setting.minimum ? "," + bounds_text(setting) : "");
  case kind::truth:
    return "true or false";
  case kind::list:
    return "several separated by commas, or ['A', 'B']";
  case kind::volumes:
    return "HOST:SANDBOX, HOST:SANDBOX:ro or HOST:SANDBOX:overlay, several separated by commas";
  case kind::env:
    return "NAME=VALUE, several separated by commas, or {'NAME': 'VALUE', ...}";
  case kind::object:
    return "{\"NAME\": VALUE, ...}, as JSON or Python writes it";
  case kind::sandbox_path:
    return "an absolute path";
  case kind::text:
    return words.empty() ? "a text" : words + ", or a name";
  case kind::path:
  case kind::secret:
    return "a text";
  }
  return {};
}

std::span<const std::string_view> ignored_file_keys() noexcept {
  return ignored_keys;
}

std::span<const std::string_view> ignored_sections() noexcept {
  return sections_of_others;
}

} // namespace sandfleet::config
