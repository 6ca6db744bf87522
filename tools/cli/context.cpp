#include "tools/cli/context.hpp"

#include "tools/cli/json_log.hpp"
#include "tools/cli/table.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <iostream>
#include <sys/ioctl.h>
#include <unistd.h>

namespace sandfleet::cli {

namespace {

bool colours_wanted(std::string_view setting, bool terminal) {
  if (setting != "auto")
    return setting == "always";
  // https://no-color.org: set and not empty.
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return terminal && (no_color == nullptr || *no_color == '\0') &&
         (term == nullptr || std::string_view(term) != "dumb");
}

} // namespace

stream_look look_of(int descriptor, std::string_view colour) {
  stream_look look;
  look.terminal = ::isatty(descriptor) == 1;
  look.colour = colours_wanted(colour, look.terminal);
  winsize size{};
  if (look.terminal && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    look.width = size.ws_col;
  return look;
}

void print_error(const error& failure, const stream_look& look) {
  if (look.json) {
    std::cerr << json_log_line(failure) + "\n" << std::flush;
    return;
  }
  std::string text = painted("sandfleet: ", tone::bad, look) +
                     painted(printable(failure.message), tone::strong, look) + "\n";
  const auto line = [&](const char* name, const std::string& value) {
    if (!value.empty())
      text += painted("  " + std::string(name) + ": ", tone::dim, look) + printable(value) + "\n";
  };
  line("class", std::string(to_string(failure.blame)));
  line("cause", failure.cause);
  for (const auto& [name, value] : failure.evidence)
    line(name.c_str(), std::holds_alternative<std::string>(value)
                           ? std::get<std::string>(value)
                           : std::to_string(std::get<std::int64_t>(value)));
  line("hint", failure.hint);
  std::cerr << text << std::flush;
}

void set_up_logging(std::string_view level, const stream_look& look) {
  auto sink = std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>(
      look.colour ? spdlog::color_mode::always : spdlog::color_mode::never);
  auto logger = std::make_shared<spdlog::logger>("sandfleet", std::move(sink));
  if (look.json)
    logger->set_formatter(make_json_formatter());
  else
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
  logger->set_level(spdlog::level::from_str(std::string(level)));
  logger->flush_on(spdlog::level::warn);
  spdlog::set_default_logger(std::move(logger));
}

} // namespace sandfleet::cli
