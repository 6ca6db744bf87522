#pragma once

#include "sandbox_agent/user/give_tree.hpp"

#include <sandfleet/error.hpp>

#include <atomic>
#include <optional>
#include <string>

namespace sandfleet::agent {

/// Makes the working directory; with an owner to be, as one that its group may write to. Errors as
/// those of `make_directories`.
[[nodiscard]] result<void> make_workspace(const std::string& directory,
                                          const std::optional<new_owner>& owner);

/// `give_tree`, with what is worth knowing of it in the log. May take minutes: a thousand times a
/// thousand entries take seconds where the kernel knows them, and a disk's time where it does not.
void give_workspace(const std::string& directory, new_owner to, const std::atomic<bool>& stop);

} // namespace sandfleet::agent
