#include "runtime/protocol/agent_api.hpp"

#include "runtime/protocol/base64.hpp"
#include "runtime/protocol/program_fields.hpp"
#include "runtime/protocol/utf8.hpp"

#include <limits>

namespace sandfleet::protocol {

namespace {

bool is_shell_name(std::string_view name) {
  const auto fits = [](char c, bool first) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (!first && c >= '0' && c <= '9');
  };
  for (std::size_t i = 0; i < name.size(); ++i)
    if (!fits(name[i], i == 0))
      return false;
  return !name.empty();
}

using namespace std::chrono;

constexpr auto int_low = std::int64_t{std::numeric_limits<int>::min()};
constexpr auto int_high = std::int64_t{std::numeric_limits<int>::max()};

double to_seconds(milliseconds span) {
  return duration<double>(span).count();
}

/// Rounded up, so that a short time-out does not become none.
milliseconds read_timeout(json_object& in, milliseconds fallback) {
  const auto ceiling = to_seconds(timeout_ceiling);
  const double seconds_asked = in.number_or("timeout_s", to_seconds(fallback), 0, ceiling);
  const auto span = ceil<milliseconds>(duration<double>(seconds_asked));
  if (span <= milliseconds::zero())
    in.reject("timeout_s", "must be greater than 0");
  return span;
}

std::size_t read_max_output(json_object& in) {
  return static_cast<std::size_t>(in.integer_or("max_output_bytes",
                                                std::int64_t{default_max_output_bytes}, 0,
                                                std::int64_t{max_output_bytes_ceiling}));
}

void read_argv(json_object& in, exec_request& request) {
  if (in.has("argv") == in.has("command")) {
    in.reject("argv", "or 'command' must be given, and not both");
    return;
  }
  if (in.has("command")) {
    request.argv = {"/bin/sh", "-c", in.string("command")};
  } else {
    request.argv = read_strings(in, "argv");
    if (request.argv.empty() || request.argv.front().empty())
      in.reject("argv", "must begin with a program's name");
  }
  for (const auto& argument : request.argv)
    refuse_nul(in, in.has("command") ? "command" : "argv", argument);
}

void read_stdin(json_object& in, exec_request& request) {
  if (!in.has("stdin_base64")) {
    request.stdin_bytes = in.string_or("stdin", "");
    return;
  }
  if (in.has("stdin"))
    in.reject("stdin", "and 'stdin_base64' must not both be given");
  auto bytes = base64_decode(in.string("stdin_base64"));
  if (!bytes)
    in.reject("stdin_base64", "must be base64");
  else
    request.stdin_bytes = std::move(*bytes);
}

void write_exec_outcome(json_writer& out, const exec_result& outcome,
                        const output_encoding* encoding) {
  out.member("exit_code", outcome.exit_code).member("signal", outcome.signal);
  if (encoding) {
    const bool exact = *encoding == output_encoding::base64;
    out.member("stdout", exact ? base64_encode(outcome.out) : outcome.out);
    out.member("stderr", exact ? base64_encode(outcome.err) : outcome.err);
  }
  out.member("stdout_truncated", outcome.out_truncated)
      .member("stderr_truncated", outcome.err_truncated)
      .member("timed_out", outcome.timed_out)
      .member("oom_kills", outcome.oom_kills)
      .member("seconds", outcome.seconds.count());
}

std::string read_output(json_object& in, std::string_view name, output_encoding encoding) {
  auto text = in.string_or(name, "");
  if (encoding == output_encoding::text)
    return text;
  auto bytes = base64_decode(text);
  if (!bytes)
    in.reject(name, "must be base64");
  return std::move(bytes).value_or("");
}

std::optional<int> read_int(json_object& in, std::string_view name) {
  const auto number = in.optional_integer(name, int_low, int_high);
  return number ? std::optional<int>(static_cast<int>(*number)) : std::nullopt;
}

std::int64_t read_oom_kills(json_object& in) {
  return in.integer_or("oom_kills", 0, 0, std::numeric_limits<std::int64_t>::max());
}

template <class T>
result<T> finish(const json_object& in, T value) {
  if (in.failure())
    return fail(*in.failure());
  return value;
}

json_object request_of(std::string_view body, const char* call) {
  return {body, errc::invalid_argument, std::string("request of ") + call};
}

json_object reply_of(std::string_view body, const char* call) {
  return {body, errc::protocol_error, std::string("reply to ") + call};
}

} // namespace

std::string encode_session_run(const command_request& request) {
  json_writer out;
  out.begin_object()
      .member("command", request.command)
      .member("session", request.session.str())
      .key("stdin");
  if (request.stdin_path.empty())
    out.null();
  else
    out.value(request.stdin_path);
  out.member("timeout_s", to_seconds(request.timeout))
      .member("max_output_bytes", request.max_output_bytes)
      .end_object();
  return std::move(out).take();
}

result<command_request> decode_session_run(std::string_view body) {
  auto in = request_of(body, "/session/run");
  command_request request;
  request.command = in.string("command");
  request.session = session_name(in.string_or("session", "default"));
  if (request.session.empty())
    in.reject("session", "must not be empty");
  request.stdin_path = in.string_or("stdin", "");
  refuse_nul(in, "stdin", request.stdin_path);
  request.timeout = read_timeout(in, request.timeout);
  request.max_output_bytes = read_max_output(in);
  return finish(in, std::move(request));
}

std::string encode_session_run_reply(const command_result& outcome) {
  json_writer out;
  out.begin_object()
      .member("exit_code", outcome.exit_code)
      .member("output", outcome.output)
      .member("truncated", outcome.truncated)
      .member("timed_out", outcome.timed_out)
      .member("shell_restarted", outcome.shell_restarted)
      .member("shell_ended", outcome.shell_ended)
      .member("shell", outcome.shell)
      .member("oom_kills", outcome.oom_kills)
      .member("seconds", outcome.seconds.count())
      .end_object();
  return std::move(out).take();
}

result<command_result> decode_session_run_reply(std::string_view body) {
  auto in = reply_of(body, "/session/run");
  command_result outcome;
  outcome.exit_code = read_int(in, "exit_code");
  outcome.output = in.string("output");
  outcome.truncated = in.boolean_or("truncated", false);
  outcome.timed_out = in.boolean_or("timed_out", false);
  outcome.shell_restarted = in.boolean_or("shell_restarted", false);
  outcome.shell_ended = in.boolean_or("shell_ended", false);
  outcome.shell = in.string_or("shell", "");
  outcome.oom_kills = read_oom_kills(in);
  outcome.seconds =
      duration<double>(in.number_or("seconds", 0, 0, static_cast<double>(std::int64_t{1} << 53)));
  if (!outcome.exit_code && !outcome.timed_out)
    in.reject("exit_code", "is missing");
  return finish(in, std::move(outcome));
}

std::string encode_exec(const exec_request& request, output_encoding encoding) {
  json_writer out;
  out.begin_object();
  write_program(out, request.argv, request.cwd, request.env);
  out.member("clean_env", request.clean_env).member("is_check", request.is_check);
  if (is_utf8(request.stdin_bytes))
    out.member("stdin", request.stdin_bytes);
  else
    out.member("stdin_base64", base64_encode(request.stdin_bytes));
  out.member("timeout_s", to_seconds(request.timeout))
      .member("max_output_bytes", request.max_output_bytes)
      .member("output_encoding", encoding == output_encoding::text ? "text" : "base64")
      .end_object();
  return std::move(out).take();
}

result<exec_call> decode_exec(std::string_view body) {
  auto in = request_of(body, "/exec");
  exec_call call;
  auto& request = call.request;
  read_argv(in, request);
  request.cwd = in.string_or("cwd", "");
  refuse_nul(in, "cwd", request.cwd);
  request.env = read_env(in);
  request.clean_env = in.boolean_or("clean_env", false);
  request.is_check = in.boolean_or("is_check", false);
  read_stdin(in, request);
  request.timeout = read_timeout(in, request.timeout);
  request.max_output_bytes = read_max_output(in);
  const auto encoding = in.string_or("output_encoding", "text");
  if (encoding != "text" && encoding != "base64")
    in.reject("output_encoding", "must be \"text\" or \"base64\"");
  call.encoding = encoding == "base64" ? output_encoding::base64 : output_encoding::text;
  return finish(in, std::move(call));
}

std::string encode_exec_reply(const exec_result& outcome, output_encoding encoding) {
  json_writer out;
  out.begin_object();
  write_exec_outcome(out, outcome, &encoding);
  out.end_object();
  return std::move(out).take();
}

std::string encode_exec_end(const exec_result& outcome) {
  json_writer out;
  out.begin_object();
  write_exec_outcome(out, outcome, nullptr);
  out.end_object();
  return std::move(out).take();
}

result<exec_result> decode_exec_reply(std::string_view body, output_encoding encoding) {
  auto in = reply_of(body, "/exec");
  exec_result outcome;
  outcome.exit_code = read_int(in, "exit_code");
  outcome.signal = read_int(in, "signal");
  outcome.out = read_output(in, "stdout", encoding);
  outcome.err = read_output(in, "stderr", encoding);
  outcome.out_truncated = in.boolean_or("stdout_truncated", false);
  outcome.err_truncated = in.boolean_or("stderr_truncated", false);
  outcome.timed_out = in.boolean_or("timed_out", false);
  outcome.oom_kills = read_oom_kills(in);
  outcome.seconds =
      duration<double>(in.number_or("seconds", 0, 0, static_cast<double>(std::int64_t{1} << 53)));
  if (!outcome.exit_code && !outcome.signal && !outcome.timed_out)
    in.reject("exit_code", "and 'signal' are missing");
  return finish(in, std::move(outcome));
}

std::string encode_glob(std::string_view pattern) {
  json_writer out;
  out.begin_object().member("pattern", pattern).end_object();
  return std::move(out).take();
}

result<std::string> decode_glob(std::string_view body) {
  auto in = request_of(body, "/glob");
  auto pattern = in.string("pattern");
  refuse_nul(in, "pattern", pattern);
  return finish(in, std::move(pattern));
}

std::string encode_glob_reply(const std::vector<std::string>& paths) {
  json_writer out;
  out.begin_object().key("paths").begin_array();
  for (const auto& path : paths)
    out.value(path);
  out.end_array().end_object();
  return std::move(out).take();
}

result<std::vector<std::string>> decode_glob_reply(std::string_view body) {
  auto in = reply_of(body, "/glob");
  if (!in.has("paths"))
    in.reject("paths", "is missing");
  return finish(in, read_strings(in, "paths"));
}

std::string encode_kill_reply(int killed) {
  json_writer out;
  out.begin_object().member("killed", killed).end_object();
  return std::move(out).take();
}

result<int> decode_kill_reply(std::string_view body) {
  auto in = reply_of(body, "/processes/kill");
  return finish(in, static_cast<int>(in.integer("killed", 0, int_high)));
}

std::string encode_cancel(const cancel_call& call) {
  json_writer out;
  out.begin_object()
      .member("session_id", call.session.str())
      .member("force", call.force)
      .end_object();
  return std::move(out).take();
}

result<cancel_call> decode_cancel(std::string_view body) {
  auto in = request_of(body, "/cancel");
  cancel_call call;
  call.session = session_name(in.string_or("session_id", "default"));
  call.force = in.boolean_or("force", false);
  return finish(in, std::move(call));
}

std::string encode_life(std::chrono::milliseconds time) {
  json_writer out;
  out.begin_object().member("milliseconds", time.count()).end_object();
  return std::move(out).take();
}

result<std::chrono::milliseconds> decode_life(std::string_view body) {
  constexpr std::chrono::milliseconds longest = std::chrono::hours(24 * 365 * 10);
  auto in = request_of(body, "/life");
  std::chrono::milliseconds time(in.integer("milliseconds", 0, longest.count()));
  return finish(in, std::move(time));
}

std::string encode_environment(const std::map<std::string, std::string>& variables) {
  json_writer out;
  out.begin_object().key("env").begin_object();
  for (const auto& [name, value] : variables)
    out.member(name, value);
  out.end_object().end_object();
  return std::move(out).take();
}

result<std::map<std::string, std::string>> decode_environment(std::string_view body) {
  auto in = request_of(body, "/environment");
  auto variables = read_env(in);
  for (const auto& [name, value] : variables)
    if (!is_shell_name(name))
      in.reject("env", "'" + to_utf8(name) + "' is no name of a shell's variable");
  return finish(in, std::move(variables));
}

std::string encode_cancel_reply(bool cancelled) {
  json_writer out;
  out.begin_object().member("cancelled", cancelled).end_object();
  return std::move(out).take();
}

std::string encode_detail(std::string_view detail) {
  json_writer out;
  out.begin_object().member("detail", detail).end_object();
  return std::move(out).take();
}

std::string encode_invalid_request(std::string_view errors) {
  json_writer out;
  out.begin_object()
      .member("detail", "Invalid request parameters")
      .member("errors", errors)
      .end_object();
  return std::move(out).take();
}

error decode_failure(int status, std::string_view body, const std::string& what) {
  const auto code = [&] {
    switch (status) {
    case 401:
    case 403:
      return errc::permission_denied;
    case 404:
      return errc::not_found;
    case 413:
      return errc::limit_exceeded;
    case 422:
      return errc::invalid_argument;
    case 503:
      return errc::shutting_down;
    default:
      return errc::internal;
    }
  }();
  json_object in(body, errc::protocol_error, what);
  auto detail = in.optional_string("detail");
  auto errors = in.optional_string("errors");
  auto failure =
      detail && !detail->empty()
          ? make_error(code, errors ? *detail + ": " + *errors : *detail)
          : make_error(code, "the agent failed").with_cause(to_utf8(body.substr(0, 200)));
  return std::move(failure).with("call", what).with("status", std::int64_t{status});
}

int http_status_of(const error& failure) noexcept {
  switch (failure.code) {
  case errc::invalid_argument:
    return 422;
  case errc::not_found:
    return 404;
  case errc::permission_denied:
    return 403;
  case errc::limit_exceeded:
    return 413;
  case errc::shutting_down:
    return 503;
  default:
    return 500;
  }
}

} // namespace sandfleet::protocol
