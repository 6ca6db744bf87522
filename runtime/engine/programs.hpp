#pragma once

#include <sandfleet/error.hpp>

#include <string>

namespace sandfleet::engine_detail {

/// The path of one of our programs: `configured` when it is set; else `name` beside the running
/// program, in ../libexec/sandfleet from there, or in PATH. `not_found` names all of them.
[[nodiscard]] result<std::string> find_program(const std::string& name,
                                               const std::string& configured);

} // namespace sandfleet::engine_detail
