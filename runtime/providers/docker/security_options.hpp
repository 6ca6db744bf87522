#pragma once

#include <sandfleet/error.hpp>

#include <string>
#include <vector>

namespace sandfleet::providers::docker {

/// Options as of `docker run --security-opt` as an engine takes them: of `seccomp=FILE` the file of
/// this machine is read, and its JSON takes the name's place; `unconfined`, `builtin` and JSON
/// stay. Errors: `not_found`, `io_error` and `invalid_argument`, which name the file.
[[nodiscard]] result<std::vector<std::string>> resolve_security(std::vector<std::string> options);

} // namespace sandfleet::providers::docker
