#pragma once

#include "runtime/journal/store.hpp"
#include "runtime/protocol/remote_api.hpp"
#include "runtime/service/api_keys.hpp"

#include <sandfleet/error.hpp>
#include <sandfleet/spec.hpp>

namespace sandfleet::service {

inline constexpr std::string_view service_label = "sandfleet.service"; ///< of a sandbox's owner

/// What a request asks for, on top of what every sandbox of the service has. Errors: class task,
/// naming the member.
[[nodiscard]] result<sandbox_spec> specify(const sandbox_spec& base,
                                           const journal::sandbox_row& row,
                                           const protocol::runtime_start& asked);

/// What a sandbox of such a request may take.
[[nodiscard]] resources resources_of(const sandbox_spec& base,
                                     const protocol::runtime_start& asked);

} // namespace sandfleet::service
