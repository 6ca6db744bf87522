#pragma once

#include <sandfleet/error.hpp>

#include <string>
#include <string_view>

/// What every way to start a program beside the sessions has in common.
namespace sandfleet::agent {

/// For an environment that names none.
inline constexpr std::string_view usual_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A directory that a request names, or `usual`, below which relative ones are.
[[nodiscard]] std::string directory_of(const std::string& asked, const std::string& usual);

/// Where a program is: itself when it holds a slash. Errors: `not_found` and `permission_denied`
/// for it or the directory, class task.
[[nodiscard]] result<std::string> resolve_program(const std::string& program,
                                                  const std::string& search_path,
                                                  const std::string& working_dir);

/// Why `what` failed by an errno value, which is the request's fault.
[[nodiscard]] error start_error(const std::string& what, int number);

/// What the processes of one start are found by, should they leave their session (process_tree).
[[nodiscard]] std::string next_tree_marker();

} // namespace sandfleet::agent
