#pragma once

#include <sandfleet/error.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The JSON of the Remote Runtime API, which OpenHands' RemoteRuntime and its V1 remote sandbox
/// service speak (0.62, `openhands/runtime/impl/remote/`,
/// `openhands/app_server/sandbox/remote_sandbox_service.py`). Decoders of requests fail with
/// `invalid_argument` (class task), those of replies with `protocol_error`; both name the member.
/// Members that are not known are ignored.
namespace sandfleet::protocol {

inline constexpr std::string_view service_key_header = "X-API-Key";

/// `POST /start`.
struct runtime_start {
  std::string image;
  std::vector<std::string> command; ///< a text is taken as `/bin/sh -c TEXT`
  std::string working_dir;
  std::map<std::string, std::string> environment;
  std::string session_id;
  int resource_factor = 1; ///< 1, 2, 4 or 8
  std::string runtime_class;
  std::optional<std::int64_t> run_as_user;
  std::optional<std::int64_t> run_as_group;
  std::optional<std::int64_t> fs_group;

  friend bool operator==(const runtime_start&, const runtime_start&) = default;
};

[[nodiscard]] std::string encode_runtime_start(const runtime_start& start);
[[nodiscard]] result<runtime_start> decode_runtime_start(std::string_view body);

/// `POST /stop`, `/pause` and `/resume`.
[[nodiscard]] std::string encode_runtime_id(std::string_view runtime_id);
[[nodiscard]] result<std::string> decode_runtime_id(std::string_view body);

/// What the service tells of a sandbox.
struct runtime_object {
  std::string runtime_id;
  std::string session_id;
  std::string url;
  std::string status;     ///< running, paused, stopped, starting, error
  std::string pod_status; ///< ready, pending, running, failed, unknown, crashloopbackoff, not found
  std::int64_t restart_count = 0;
  std::vector<std::string> restart_reasons;
  std::map<std::string, int> work_hosts; ///< address: port inside
  std::string session_api_key;
  std::string image;
  std::optional<error> failure; ///< ours: why it ended, with class and evidence

  friend bool operator==(const runtime_object&, const runtime_object&) = default;
};

[[nodiscard]] std::string encode_runtime(const runtime_object& runtime);
[[nodiscard]] result<runtime_object> decode_runtime(std::string_view body);
/// `GET /list`; with `bare` a list alone, as `GET /sessions/batch` gives it.
[[nodiscard]] std::string encode_runtimes(std::span<const runtime_object> all, bool bare);

/// What a command that starts OpenHands' action execution server asks of it.
struct action_server_command {
  std::optional<int> port;
  std::string working_dir; ///< empty: not told
  std::vector<std::string> plugins;
  std::string username;
  std::optional<std::int64_t> user_id;
  bool enable_browser = true;

  friend bool operator==(const action_server_command&, const action_server_command&) = default;
};

/// Nothing when the command starts something else. Whatever stands before the module's name or the
/// script's path (micromamba, poetry, python) is skipped. Errors: `invalid_argument` for arguments
/// that the server would refuse.
[[nodiscard]] result<std::optional<action_server_command>>
read_action_server_command(std::span<const std::string> words);

/// Of a command that starts some server: `--port N` or `--port=N`; nothing when it says none.
[[nodiscard]] std::optional<int> read_served_port(std::span<const std::string> words);

} // namespace sandfleet::protocol
