#pragma once

#include <sandfleet/error.hpp>
#include <sandfleet/ids.hpp>

#include <optional>
#include <string>
#include <vector>

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

/// Whether an engine that was told no platform warns that the image is for another one.
[[nodiscard]] std::optional<error> foreign_platform(const std::string& image,
                                                    const std::vector<std::string>& warnings);
/// An image for another processor than the one that the agent runs on; both as Go has it.
[[nodiscard]] error wrong_architecture(const std::string& image, const std::string& of_image,
                                       const std::string& of_agent);

[[nodiscard]] error not_ours(const sandbox_id& id);

} // namespace sandfleet::providers::docker
