#pragma once

#include "runtime/protocol/remote_api.hpp"
#include "runtime/providers/registry.hpp"

#include <sandfleet/ids.hpp>
#include <sandfleet/listing.hpp>

#include <string>
#include <vector>

/// What this machine and a runtime service know of the same sandboxes. Pure.
namespace sandfleet::providers::remote {

/// What a sandbox is called here that nobody here has started: its session or what the service
/// calls it, where that is such an id; else one that is always made of the latter.
[[nodiscard]] sandbox_id id_of_stranger(const protocol::runtime_object& told);

/// Those of both, each once. Of other services' entries nothing is said.
[[nodiscard]] std::vector<sandbox_info> merge(std::vector<registry_entry> entries,
                                              std::vector<protocol::runtime_object> told,
                                              const std::string& service_url);

} // namespace sandfleet::providers::remote
