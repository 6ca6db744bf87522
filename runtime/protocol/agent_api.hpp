#pragma once

#include <sandfleet/action.hpp>
#include <sandfleet/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The JSON of the agent's own endpoints (sandbox_agent/README.md), both directions. Decoders of
/// requests fail with `invalid_argument` (class task), those of replies with `protocol_error`;
/// both say which member is wrong. Members that are not known are ignored.
namespace sandfleet::protocol {

inline constexpr std::string_view api_key_header = "X-Session-API-Key";
inline constexpr std::string_view idempotency_key_header = "X-Idempotency-Key";
/// `Upgrade` of `GET /tunnel?port=N`: what follows are the bytes of a TCP connection.
inline constexpr std::string_view tunnel_protocol = "tcp";
inline constexpr std::string_view stream_media_type = "application/vnd.sandfleet.stream";

/// What the agent exits with when it finds no shell, as shells do for a command that is not there.
inline constexpr int no_shell_status = 127;
/// What it exits with when its working directory cannot be one: something else is in its place.
inline constexpr int no_workspace_status = 126;

/// Ceilings of what a request may ask for.
inline constexpr std::size_t max_output_bytes_ceiling = std::size_t{256} << 20;
inline constexpr std::chrono::hours timeout_ceiling{24 * 365};

/// `POST /session/run`.
[[nodiscard]] std::string encode_session_run(const command_request& request);
[[nodiscard]] result<command_request> decode_session_run(std::string_view body);
[[nodiscard]] std::string encode_session_run_reply(const command_result& outcome);
[[nodiscard]] result<command_result> decode_session_run_reply(std::string_view body);

/// How the two outputs stand in the JSON of an `/exec` reply.
enum class output_encoding : std::uint8_t {
  text,   ///< bytes that are not UTF-8 become U+FFFD
  base64, ///< exact
};

struct exec_call {
  exec_request request;
  output_encoding encoding = output_encoding::text;
};

/// What the agent takes as one message of `GET /exec`.
inline constexpr std::size_t max_exec_message_bytes = std::size_t{8} << 20;

/// `POST /exec`. `{"command": TEXT}` is decoded as argv {"/bin/sh", "-c", TEXT}.
[[nodiscard]] std::string encode_exec(const exec_request& request,
                                      output_encoding encoding = output_encoding::base64);
[[nodiscard]] result<exec_call> decode_exec(std::string_view body);
[[nodiscard]] std::string encode_exec_reply(const exec_result& outcome, output_encoding encoding);
/// The payload of a stream's last frame: the reply without its outputs.
[[nodiscard]] std::string encode_exec_end(const exec_result& outcome);
/// Reads both of the above; outputs that are absent are empty.
[[nodiscard]] result<exec_result>
decode_exec_reply(std::string_view body, output_encoding encoding = output_encoding::base64);

/// `POST /glob`.
[[nodiscard]] std::string encode_glob(std::string_view pattern);
[[nodiscard]] result<std::string> decode_glob(std::string_view body);
[[nodiscard]] std::string encode_glob_reply(const std::vector<std::string>& paths);
[[nodiscard]] result<std::vector<std::string>> decode_glob_reply(std::string_view body);

/// `POST /processes/kill`.
[[nodiscard]] std::string encode_kill_reply(int killed);
[[nodiscard]] result<int> decode_kill_reply(std::string_view body);

/// `POST /cancel`.
struct cancel_call {
  session_name session{"default"};
  bool force = false;
};
[[nodiscard]] std::string encode_cancel(const cancel_call& call);
[[nodiscard]] result<cancel_call> decode_cancel(std::string_view body);
[[nodiscard]] std::string encode_cancel_reply(bool cancelled);

/// `POST /life`: how long the agent lives from now on, at most 10 years; 0: without end.
[[nodiscard]] std::string encode_life(std::chrono::milliseconds time);
[[nodiscard]] result<std::chrono::milliseconds> decode_life(std::string_view body);

/// `POST /environment`: variables for what is started from now on, and for the shells that run.
/// `invalid_argument` for names that no shell takes.
[[nodiscard]] std::string encode_environment(const std::map<std::string, std::string>& variables);
[[nodiscard]] result<std::map<std::string, std::string>> decode_environment(std::string_view body);

/// The body of an answer that is not a success: `{"detail": TEXT}`, and that of a 422.
[[nodiscard]] std::string encode_detail(std::string_view detail);
[[nodiscard]] std::string encode_invalid_request(std::string_view errors);

/// What an HTTP status other than 2xx with such a body means to a client. `what` names the call.
[[nodiscard]] error decode_failure(int status, std::string_view body, const std::string& what);

/// The HTTP status by which the agent answers a failure.
[[nodiscard]] int http_status_of(const error& failure) noexcept;

} // namespace sandfleet::protocol
