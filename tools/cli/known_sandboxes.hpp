#pragma once

#include "tools/cli/context.hpp"
#include "tools/cli/foreground.hpp"

#include <sandfleet/engine.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::cli {

/// The label that shows what a sandbox was made to run.
inline constexpr std::string_view command_label = "command";

/// An engine that looks at what is there: it removes nothing and checks nobody's health.
[[nodiscard]] result<engine> observing_engine(const cli_context& context);

/// The sandbox that a user means: by its id, its name, or the beginning of an id that no other
/// has. `invalid_argument` names all that could be meant, `not_found` the nearest.
[[nodiscard]] result<sandbox_info> find_sandbox(std::span<const sandbox_info> all,
                                                const std::string& wanted);

/// The same, attached.
[[nodiscard]] result<sandbox> attach_to(engine& runtime, foreground& work,
                                        const std::string& wanted);

/// A name is a session id, but must not look like an id.
[[nodiscard]] result<void> check_name(const std::string& name);

/// The label's value; empty when there is none.
[[nodiscard]] std::string label_of(const sandbox_info& info, std::string_view label);

/// Words as a shell would take them, at most 200 bytes.
[[nodiscard]] std::string command_text(const std::vector<std::string>& words);

} // namespace sandfleet::cli
