#pragma once

#include <sandfleet/error.hpp>
#include <sandfleet/spec.hpp>

namespace sandfleet::batch {

/// Says what is wrong with the specification that all tasks of a batch share, where it is certain
/// that no sandbox can be made from it: flags that contradict each other, and paths of this machine
/// that do not exist. Found here it is one error, and not the failure of each task. What is known
/// of the local provider alone is asked of that alone. `image_is_used`: some task has no image of
/// its own.
[[nodiscard]] result<void> check_base(const sandbox_spec& base, bool image_is_used);

} // namespace sandfleet::batch
