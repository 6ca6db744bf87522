#pragma once

#include "runtime/transport/http_client.hpp"

#include <sandfleet/error.hpp>

#include <chrono>
#include <optional>
#include <string>

/// What who stands before an agent answers in its place. Pure.
namespace sandfleet::engine_detail {

/// Nothing when the reply is the agent's own. Else a `connection_failed` of the class that the
/// gateway told, or infrastructure, with {"http_status"}; {"connected", 0} where the agent cannot
/// have seen the request; {"retry_after_ms"} where the gateway said when to come again.
[[nodiscard]] std::optional<error> gateway_refusal(const transport::http_reply& reply,
                                                   const std::string& what);

/// What it said about coming again.
[[nodiscard]] std::optional<std::chrono::milliseconds> told_wait(const error& refusal);
[[nodiscard]] std::int64_t told_status(const error& refusal); ///< 0: none

} // namespace sandfleet::engine_detail
