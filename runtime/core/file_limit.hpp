#pragma once

namespace sandfleet::core {

/// Lets this process have as many files open as it may: its soft limit becomes its hard one.
void raise_file_limit();

} // namespace sandfleet::core
