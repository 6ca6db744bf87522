#pragma once

#include <sandfleet/error.hpp>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sandfleet::protocol {

inline constexpr std::size_t max_json_depth = 64;
inline constexpr std::string_view json_too_deep = "too deep";

/// The value of a JSON text; ill-formed UTF-8 is read as U+FFFD. The error is one line that says
/// what is wrong and where; it begins with `json_too_deep` for a text nested deeper than
/// `max_depth`.
[[nodiscard]] tl::expected<boost::json::value, std::string>
parse_json(std::string_view text, std::size_t max_depth = max_json_depth);

/// Reads the members of one JSON object, each with the type that it must have. The first member
/// that is wrong is remembered, later reads give defaults, and `failure()` tells in the end.
class json_object {
 public:
  /// `code` is that of every failure; `what` begins each message.
  json_object(std::string_view text, errc code, std::string what);

  [[nodiscard]] bool has(std::string_view name) const; ///< present and not null
  std::string string(std::string_view name);           ///< required
  std::string string_or(std::string_view name, std::string fallback);
  std::optional<std::string> optional_string(std::string_view name);
  bool boolean_or(std::string_view name, bool fallback);
  /// In [low, high].
  std::int64_t integer(std::string_view name, std::int64_t low, std::int64_t high);
  std::int64_t integer_or(std::string_view name, std::int64_t fallback, std::int64_t low,
                          std::int64_t high);
  std::optional<std::int64_t> optional_integer(std::string_view name, std::int64_t low,
                                               std::int64_t high);
  double number_or(std::string_view name, double fallback, double low, double high);
  /// The member itself; null when it is absent.
  [[nodiscard]] const boost::json::value* find(std::string_view name) const;

  /// Says that a member is wrong, unless something was wrong before.
  void reject(std::string_view name, std::string_view why);

  [[nodiscard]] const std::optional<error>& failure() const { return failure_; }

 private:
  boost::json::value value_;
  const boost::json::object* members_ = nullptr;
  errc code_;
  std::string what_;
  std::optional<error> failure_;
};

} // namespace sandfleet::protocol
