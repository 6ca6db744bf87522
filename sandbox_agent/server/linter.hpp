#pragma once

#include "sandbox_agent/exec/one_shot.hpp"
#include "sandbox_agent/files/file_actions.hpp"

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string>

namespace sandfleet::agent {

/// The paragraph about an edit's lint issues: of Python by flake8 where there is one, else by what
/// python3 says to its syntax; other languages have none. Nothing when nobody could look: no
/// Python, or not within 10 s a text.
boost::asio::awaitable<std::optional<std::string>> lint_change(files::text_change change,
                                                               one_shot_settings with);

} // namespace sandfleet::agent
