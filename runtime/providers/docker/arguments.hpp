#pragma once

#include <sandfleet/error.hpp>
#include <sandfleet/spec.hpp>

#include <string>

/// Arguments of docker-py's `containers.run` beyond what a specification says
/// (`docker_options::arguments`). Pure.
namespace sandfleet::providers::docker {

/// The specification with what the arguments say of things that it has itself: the user, the
/// network, limits, the environment. What it said of variables and labels goes first, of the rest
/// the arguments. Errors, class `task`, name the argument that is not known, has a wrong value, or
/// would take the container out of the engine's hands, and what to use instead.
[[nodiscard]] result<sandbox_spec> with_arguments(sandbox_spec spec);

/// The body of `POST /containers/create` with the others; `spec` is what `with_arguments` made.
[[nodiscard]] result<std::string> add_arguments(const std::string& body, const sandbox_spec& spec);

} // namespace sandfleet::providers::docker
