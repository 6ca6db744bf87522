#include "tools/cli/json_log.hpp"

#include "runtime/protocol/json_writer.hpp"
#include "runtime/protocol/utf8.hpp"

#include <spdlog/formatter.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <optional>

namespace sandfleet::cli {

namespace {

using std::chrono::system_clock;

/// Takes a value off the front of `text`: up to a blank, or what stands between quotes.
std::optional<std::string> take_value(std::string_view& text) {
  std::string value;
  if (!text.starts_with('"')) {
    value = text.substr(0, text.find(' '));
    text.remove_prefix(value.size());
    return value;
  }
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      value += text[i] == 'n' ? '\n' : text[i];
    } else {
      value += text[i];
    }
  }
  return std::nullopt;
}

std::string time_text(system_clock::time_point at) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(at);
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(at - whole).count();
  const std::time_t seconds = system_clock::to_time_t(whole);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                parts.tm_sec, static_cast<int>(millis));
  return text.data();
}

class json_formatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& to) override {
    const auto text = parse_log_text({message.payload.data(), message.payload.size()});
    const auto level = spdlog::level::to_string_view(message.level);
    const auto& logger = message.logger_name;
    const auto line = json_log_line(message.time, {level.data(), level.size()},
                                    {logger.data(), logger.size()}, text.event, text.fields) +
                      "\n";
    to.append(line.data(), line.data() + line.size());
  }

  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<json_formatter>();
  }
};

} // namespace

log_text parse_log_text(std::string_view text) {
  log_text parsed;
  auto rest = text;
  parsed.event = rest.substr(0, rest.find(' '));
  rest.remove_prefix(parsed.event.size());
  while (!rest.empty()) {
    rest.remove_prefix(1); // the blank
    const auto equals = rest.find_first_of("= ");
    if (equals == std::string_view::npos || rest[equals] != '=' || equals == 0)
      return {std::string(text), {}};
    std::string name(rest.substr(0, equals));
    rest.remove_prefix(equals + 1);
    auto value = take_value(rest);
    if (!value || (!rest.empty() && !rest.starts_with(' ')))
      return {std::string(text), {}};
    parsed.fields.emplace_back(std::move(name), std::move(*value));
  }
  return parsed;
}

std::string json_log_line(system_clock::time_point at, std::string_view level,
                          std::string_view logger, std::string_view message,
                          const log_fields& fields) {
  protocol::json_writer out;
  out.begin_object()
      .member("time", time_text(at))
      .member("level", level)
      .member("logger", logger)
      .member("message", protocol::to_utf8(message));
  out.key("fields").begin_object();
  for (const auto& [name, value] : fields)
    if (const auto* number = std::get_if<std::int64_t>(&value))
      out.member(name, *number);
    else
      out.member(name, protocol::to_utf8(std::get<std::string>(value)));
  out.end_object().end_object();
  return std::move(out).take();
}

std::string json_log_line(const error& failure) {
  log_fields fields = {{"class", std::string(to_string(failure.blame))},
                       {"code", std::string(to_string(failure.code))}};
  if (!failure.cause.empty())
    fields.emplace_back("cause", failure.cause);
  fields.insert(fields.end(), failure.evidence.begin(), failure.evidence.end());
  if (!failure.hint.empty())
    fields.emplace_back("hint", failure.hint);
  return json_log_line(system_clock::now(), "error", own_logger, failure.message, fields);
}

std::unique_ptr<spdlog::formatter> make_json_formatter() {
  return std::make_unique<json_formatter>();
}

} // namespace sandfleet::cli
