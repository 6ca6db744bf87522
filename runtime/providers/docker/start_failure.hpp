#pragma once

#include <sandfleet/error.hpp>
#include <sandfleet/ids.hpp>

#include <string>

/// What an engine's refusals mean for a sandbox. Pure.
namespace sandfleet::providers::docker {

/// Whether the engine said no, or was never reached: then it has made nothing.
[[nodiscard]] bool was_refused(const error& failure);
/// Whether a container could not be created for want of its image.
[[nodiscard]] bool is_missing_image(const error& refusal);
/// Whether a port that it was to publish is somebody else's.
[[nodiscard]] bool is_taken_port(const error& refusal);

/// Why a container could not be created or started: whose fault it is, and what to do.
[[nodiscard]] error explain_start(error refusal);
/// Why an image could not be had.
[[nodiscard]] error explain_pull(const std::string& image, error refusal);

[[nodiscard]] error not_ours(const sandbox_id& id);

} // namespace sandfleet::providers::docker
