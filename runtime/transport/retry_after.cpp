#include "runtime/transport/retry_after.hpp"

#include "runtime/core/text.hpp"

#include <algorithm>
#include <ctime>
#include <string>

namespace sandfleet::transport {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds longest = std::chrono::hours(24);

std::optional<std::chrono::system_clock::time_point> parse_date(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0')
    return std::nullopt;
  const auto seconds = ::timegm(&parts);
  if (seconds < 0)
    return std::nullopt;
  return std::chrono::system_clock::from_time_t(seconds);
}

} // namespace

std::optional<milliseconds> parse_retry_after(std::string_view text,
                                              std::chrono::system_clock::time_point now) {
  const std::string given(core::trim(text));
  if (const auto seconds = core::parse_integer(given)) {
    if (*seconds < 0)
      return std::nullopt;
    return std::min<milliseconds>(longest,
                                  std::chrono::seconds(std::min<std::int64_t>(
                                      *seconds, std::chrono::hours(25) / std::chrono::seconds(1))));
  }
  const auto date = parse_date(given);
  if (!date)
    return std::nullopt;
  return std::clamp(std::chrono::duration_cast<milliseconds>(*date - now), milliseconds(0),
                    longest);
}

} // namespace sandfleet::transport
