#pragma once

#include <sandfleet/error.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>

/// The forms that docker-py lets values have, read into those of the engine's API.
namespace sandfleet::providers::docker {

struct argument {
  std::string_view name;
  const boost::json::value& given;
  std::string_view binding_address; ///< for ports that name none

  /// That the value is not one of `wanted`.
  [[nodiscard]] tl::unexpected<error> misfit(std::string_view wanted) const;
};

using json_result = result<boost::json::value>;

[[nodiscard]] json_result read_text(const argument& from);
[[nodiscard]] json_result read_truth(const argument& from);
[[nodiscard]] json_result read_whole(const argument& from);
/// A number of bytes, or "512m".
[[nodiscard]] json_result read_bytes(const argument& from);
[[nodiscard]] json_result read_texts(const argument& from);
/// Texts, or numbers that stand for them.
[[nodiscard]] json_result read_names(const argument& from);
/// {"A": "B"}, or ["A=B"] or ["A"]; to an object.
[[nodiscard]] json_result read_pairs(const argument& from);
/// {"A": "B"}, or ["A:B"]; to a list.
[[nodiscard]] json_result read_colon_pairs(const argument& from);
/// ["/PLACE:OPTIONS"], or {"/PLACE": "OPTIONS"}; to an object.
[[nodiscard]] json_result read_tmpfs(const argument& from);
/// ["A", "B"], or "A,B".
[[nodiscard]] json_result read_text_or_texts(const argument& from);
[[nodiscard]] json_result read_objects(const argument& from);
[[nodiscard]] json_result read_devices(const argument& from);
[[nodiscard]] json_result read_device_requests(const argument& from);
[[nodiscard]] json_result read_ulimits(const argument& from);
[[nodiscard]] json_result read_log_config(const argument& from);
[[nodiscard]] json_result read_mounts(const argument& from);
/// {"/HOST": {"bind": "/INSIDE", "mode": "ro"}}, or ["/HOST:/INSIDE:ro"]; to a list.
[[nodiscard]] json_result read_binds(const argument& from);
/// {"80/tcp": 8080}; to an object of lists of addresses.
[[nodiscard]] json_result read_ports(const argument& from);

} // namespace sandfleet::providers::docker
