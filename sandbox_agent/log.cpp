#include "sandbox_agent/log.hpp"

#include "runtime/protocol/json_writer.hpp"

#include <array>
#include <chrono>
#include <ctime>
#include <unistd.h>
#include <utility>

namespace sandfleet::agent {

namespace {

std::optional<std::string>& level_key() {
  static std::optional<std::string> key;
  return key;
}

std::string_view name_of(log_level level) {
  switch (level) {
  case log_level::info:
    return "INFO";
  case log_level::warning:
    return "WARNING";
  case log_level::error:
    break;
  }
  return "ERROR";
}

std::string iso_time(std::chrono::system_clock::time_point when) {
  using namespace std::chrono;
  const auto seconds = floor<std::chrono::seconds>(when);
  const std::time_t whole = system_clock::to_time_t(seconds);
  std::tm parts{};
  ::gmtime_r(&whole, &parts);
  std::array<char, 64> text{};
  const auto length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const auto rest = std::to_string(duration_cast<microseconds>(when - seconds).count());
  return std::string(text.data(), length) + "." + std::string(6 - rest.size(), '0') + rest +
         "+00:00";
}

} // namespace

void log_as_json(std::string key) {
  level_key() = std::move(key);
}

std::string log_line(log_level level, std::string_view message,
                     const std::optional<std::string>& json_level_key,
                     std::chrono::system_clock::time_point when) {
  if (!json_level_key)
    return "sandfleet-agent: " + std::string(message) + "\n";
  protocol::json_writer out;
  out.begin_object()
      .member("message", message)
      .member(*json_level_key, name_of(level))
      .member("timestamp", iso_time(when))
      .end_object();
  return std::move(out).take() + "\n";
}

void log(log_level level, std::string_view message) {
  const auto line = log_line(level, message, level_key(), std::chrono::system_clock::now());
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

} // namespace sandfleet::agent
