#include "actors/log.hpp"

#include <spdlog/spdlog.h>

#include <string>

namespace sandfleet::actors {

namespace {

spdlog::level::level_enum to_spdlog(log_level level) {
  switch (level) {
  case log_level::debug:
    return spdlog::level::debug;
  case log_level::info:
    return spdlog::level::info;
  case log_level::warning:
    return spdlog::level::warn;
  case log_level::error:
    return spdlog::level::err;
  }
  return spdlog::level::info;
}

void append_value(std::string& line, std::string_view value) {
  if (value.find_first_of(" \"\n\r\t=") == std::string_view::npos) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : value) {
    if (c == '\n' || c == '\r') {
      line += "\\n";
      continue;
    }
    if (c == '"' || c == '\\')
      line += '\\';
    line += c;
  }
  line += '"';
}

} // namespace

void log_event(log_level level, std::string_view event,
               std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  const auto logger = spdlog::get("sandfleet");
  if (!logger || !logger->should_log(to_spdlog(level)))
    return;
  std::string line(event);
  for (const auto& [key, value] : fields) {
    if (value.empty())
      continue;
    line += ' ';
    line += key;
    line += '=';
    append_value(line, value);
  }
  logger->log(to_spdlog(level), "{}", line);
}

} // namespace sandfleet::actors
