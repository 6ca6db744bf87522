#pragma once

#include <sandfleet/error.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

/// What the refusals of a runtime service mean. Pure.
namespace sandfleet::providers::remote {

/// `what`: "start the sandbox x". With {"http_status"}; the cause is what it said. 400, 404,
/// 409 and 422 are the task's fault, so is a key that is not accepted; the others are the
/// infrastructure's.
[[nodiscard]] error explain_refusal(const std::string& what, int status, std::string_view body);

/// What to do about a service that does not answer.
[[nodiscard]] error explain_silence(const std::string& what, const std::string& url, error failure);

/// A reply that makes no sense.
[[nodiscard]] error explain_nonsense(const std::string& what, error failure);

/// Whether a call that ended so may go better in a moment: the service is busy, or does not answer.
[[nodiscard]] bool is_passing(int status) noexcept;

/// Whether the service cannot have seen a request that failed so.
[[nodiscard]] bool was_never_sent(const error& failure);

} // namespace sandfleet::providers::remote
