#pragma once

#include "runtime/protocol/action.hpp"

#include <tl/expected.hpp>

#include <string>
#include <string_view>

/// The bodies of `POST /execute_action` as OpenHands 0.62's server reads and writes them.
namespace sandfleet::protocol {

/// The answer to a body that asks for nothing this server can do: 400 when it is no text or nested
/// too deep, 422 when its form is wrong, 500 when it is no action or none that can run here, 200
/// with an error observation when the reference answers so.
struct action_refusal {
  int status = 500;
  std::string body; ///< JSON
};

[[nodiscard]] tl::expected<action, action_refusal> decode_action(std::string_view body);

/// Same members in the same order as the reference; "run" content is cut to 30,000 characters
/// unless hidden.
[[nodiscard]] std::string encode(const observation& what);

} // namespace sandfleet::protocol
