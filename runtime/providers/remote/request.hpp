#pragma once

#include "runtime/protocol/remote_api.hpp"

#include <sandfleet/error.hpp>
#include <sandfleet/remote.hpp>
#include <sandfleet/spec.hpp>
#include <sandfleet/usage.hpp>

/// What a specification becomes at a runtime service. Pure.
namespace sandfleet::providers::remote {

/// By which the service finds the sandbox again: the caller's session, else our own id.
[[nodiscard]] const std::string& session_of(const sandbox_spec& spec, const sandbox_id& id);

/// Errors: `unsupported` of class task for what such a service has no words for, by its key.
[[nodiscard]] result<protocol::runtime_start>
start_request_of(const sandbox_spec& spec, const sandbox_id& id, const remote_options& options);

/// That the service decides on the limits that were asked for.
[[nodiscard]] limits_report limits_of(const sandbox_spec& spec);

} // namespace sandfleet::providers::remote
