#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::transport {

/// Percent-encodes everything but RFC 3986's unreserved characters and '/'.
[[nodiscard]] std::string url_encode_path(std::string_view text);

/// Decodes %XX; a '%' that no two hex digits follow stands for itself.
[[nodiscard]] std::string url_decode(std::string_view text, bool plus_is_blank = false);

/// What a request asks for.
struct request_target {
  std::string path;  ///< decoded
  std::string query; ///< as it came, without the '?'
};

/// Reads the origin form and the absolute form (RFC 9112, 3.2).
[[nodiscard]] request_target split_target(std::string_view target);

/// The first parameter of that name in a query, decoded ('+' is a blank); nothing when absent.
[[nodiscard]] std::optional<std::string> query_value(std::string_view query, std::string_view name);

/// All parameters of that name.
[[nodiscard]] std::vector<std::string> query_values(std::string_view query, std::string_view name);

} // namespace sandfleet::transport
