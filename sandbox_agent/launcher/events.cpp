#include "sandbox_agent/launcher/events.hpp"

#include "runtime/protocol/json_writer.hpp"

#include <cerrno>
#include <sys/wait.h>
#include <unistd.h>

namespace sandfleet::launcher {

namespace {

protocol::json_writer begin(std::string_view event) {
  protocol::json_writer out;
  out.begin_object().member("event", event);
  return out;
}

std::string line(protocol::json_writer out) {
  out.end_object();
  return std::move(out).take() + "\n";
}

} // namespace

std::string limits_event(const limits_report& limits, bool can_pause) {
  auto out = begin("limits");
  out.key("limits").begin_object();
  for (const auto& [name, state] : limits)
    out.member(name, state);
  out.end_object().member("can_pause", can_pause);
  return line(std::move(out));
}

std::string warning_event(std::string_view message) {
  auto out = begin("warning");
  out.member("message", message);
  return line(std::move(out));
}

std::string started_event(pid_t process) {
  auto out = begin("started");
  out.member("pid", process);
  return line(std::move(out));
}

std::string paused_event(bool paused) {
  return line(begin(paused ? "paused" : "resumed"));
}

std::string kept_event(std::int64_t life_ms) {
  auto out = begin("kept");
  out.member("life_ms", life_ms);
  return line(std::move(out));
}

std::string stopping_event(std::string_view cause) {
  auto out = begin("stopping");
  out.member("cause", cause);
  return line(std::move(out));
}

std::string refused_event(std::string_view command, const error& why) {
  auto out = begin("refused");
  out.member("command", command).member("message", why.to_string());
  return line(std::move(out));
}

std::string failed_event(const error& failure, std::string_view log) {
  auto out = begin("failed");
  out.member("class", to_string(failure.blame))
      .member("code", to_string(failure.code))
      .member("message", failure.message)
      .member("cause", failure.cause)
      .member("hint", failure.hint)
      .member("log", log);
  return line(std::move(out));
}

std::string exited_event(int status, const resource_usage& usage, std::string_view log,
                         std::string_view victims) {
  std::optional<int> code;
  std::optional<int> signal;
  if (WIFEXITED(status))
    code = WEXITSTATUS(status);
  else if (WIFSIGNALED(status))
    signal = WTERMSIG(status);
  auto out = begin("exited");
  out.member("exit_code", code)
      .member("signal", signal)
      .member("oom_kills", usage.oom_kills)
      .member("cpu_seconds", usage.cpu_seconds)
      .member("peak_memory_mb", usage.peak_memory_mb);
  out.key("touched").begin_object();
  for (const auto& [limit, count] : usage.touched)
    out.member(limit, count);
  out.end_object();
  if (!victims.empty())
    out.member("oom_victims", victims);
  out.member("log", log);
  return line(std::move(out));
}

void emit(std::string_view lines) noexcept {
  while (!lines.empty()) {
    const auto n = ::write(STDOUT_FILENO, lines.data(), lines.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return;
    lines.remove_prefix(static_cast<std::size_t>(n));
  }
}

} // namespace sandfleet::launcher
