#pragma once

#include <sandfleet/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::cli {

/// A Debian tree to run sandboxes on.
struct root_plan {
  std::string suite = "bookworm";
  std::string mirror = "http://deb.debian.org/debian";
  std::vector<std::string> packages; ///< beside the smallest set
  std::string user = "openhands";    ///< of number 1000
};

/// What every such tree has.
[[nodiscard]] std::vector<std::string> usual_packages();

/// The words of the call of debootstrap(8), in namespaces of its own: its mounts and processes end
/// with it.
[[nodiscard]] std::vector<std::string> debootstrap_words(const root_plan& plan,
                                                         const std::string& directory);

/// What the end of debootstrap's output means. Pure.
[[nodiscard]] error explain_debootstrap(const std::string& tail, const root_plan& plan);

/// Whether a tree can be made below a directory: permission, programs, space.
[[nodiscard]] result<void> check_place(const std::string& parent);

/// Fills an empty directory. What was made is left to the caller, after a failure too. Cancelled,
/// it ends the programs that it started. `on_line` is told what they print.
boost::asio::awaitable<result<void>> make_root(root_plan plan, std::string directory,
                                               std::function<void(std::string_view)> on_line);

/// Makes an image of the engine that Docker's command line would use, out of a tree, which is read
/// as it is sent.
boost::asio::awaitable<result<void>> import_root(std::string directory, std::string name,
                                                 std::string user);

} // namespace sandfleet::cli
