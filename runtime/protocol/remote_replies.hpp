#pragma once

#include "runtime/protocol/remote_api.hpp"

#include <sandfleet/error.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a client of the Remote Runtime API reads. Errors: `protocol_error`.
namespace sandfleet::protocol {

/// `GET /list`, or the bare list of `GET /sessions/batch`. One that cannot be read is the list's
/// failure.
[[nodiscard]] result<std::vector<runtime_object>> decode_runtimes(std::string_view body);

/// `GET /registry_prefix`, `GET /image_exists` and `POST /build`.
[[nodiscard]] result<std::string> decode_registry_prefix(std::string_view body);
[[nodiscard]] result<bool> decode_image_exists(std::string_view body);
[[nodiscard]] result<std::string> decode_build_id(std::string_view body);

/// `GET /build_status`.
struct build_state {
  std::string
      status; ///< QUEUED, WORKING, SUCCESS, FAILURE, INTERNAL_ERROR, TIMEOUT, CANCELLED, ...
  std::string image;
  std::string failure; ///< what the service says of one that failed
};
[[nodiscard]] result<build_state> decode_build_state(std::string_view body);

/// The body of a reply that is no success.
struct refusal {
  std::string detail;         ///< what is said to people, at most 500 bytes; may be empty
  bool is_structured = false; ///< a JSON object with a text "detail", as services and agents say it
  std::optional<error> whole; ///< as `sandfleet serve` tells it, with class and evidence
};

[[nodiscard]] refusal read_refusal(std::string_view body);

} // namespace sandfleet::protocol
