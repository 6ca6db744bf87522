#pragma once

#include <sandfleet/error.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spdlog {
class formatter;
}

namespace sandfleet::cli {

/// Texts and whole numbers.
using log_fields = evidence_list;

/// A line of the log as this program writes it, "event key=value key=\"a value\"", taken apart; a
/// text of another form is all event.
struct log_text {
  std::string event;
  log_fields fields;
};

[[nodiscard]] log_text parse_log_text(std::string_view text);

inline constexpr std::string_view own_logger = "sandfleet";

/// One JSON object: time (ISO 8601, UTC), level, logger, message, fields. Bytes that are not UTF-8
/// become U+FFFD.
[[nodiscard]] std::string json_log_line(std::chrono::system_clock::time_point at,
                                        std::string_view level, std::string_view logger,
                                        std::string_view message, const log_fields& fields = {});

/// The same of an error, now.
[[nodiscard]] std::string json_log_line(const error& failure);

/// Writes spdlog's messages as such lines.
[[nodiscard]] std::unique_ptr<spdlog::formatter> make_json_formatter();

} // namespace sandfleet::cli
