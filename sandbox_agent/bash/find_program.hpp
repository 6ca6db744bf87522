#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sandfleet::agent {

/// The first executable file of that name in the directories of a PATH; those that are relative
/// are below `working_dir`.
[[nodiscard]] std::optional<std::string> find_program(std::string_view name, std::string_view path,
                                                      std::string_view working_dir);

} // namespace sandfleet::agent
