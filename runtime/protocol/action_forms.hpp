#pragma once

#include <boost/json/fwd.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

/// Which actions and observations the reference (OpenHands 0.62, `openhands/events`) can decode,
/// and what it says of those that it cannot.
namespace sandfleet::protocol {

/// A type of action and the names that its "args" may have; the first `required` must be there.
struct action_form {
  std::string_view constant;
  std::string_view type;
  std::string_view class_name;
  std::size_t required;
  std::span<const std::string_view> names;
  bool carried_out = false; ///< by the server in a sandbox; the others are an agent's affair
};

/// Nothing where no action is called so.
[[nodiscard]] const action_form* find_action_form(std::string_view type);

[[nodiscard]] bool is_known_observation(const boost::json::value& type);

/// What is said of a type that is none.
[[nodiscard]] std::string unknown_action(const boost::json::value& type);
[[nodiscard]] std::string unknown_observation(const boost::json::value& type);

/// What the reference's dataclass says of arguments that do not fit it; empty when they do.
[[nodiscard]] std::string misfit(const action_form& form, const boost::json::object& args);

} // namespace sandfleet::protocol
