#pragma once

#include <cstddef>
#include <cstdint>

namespace sandfleet::batch {

/// What a machine offers.
struct machine {
  unsigned cores = 1;
  std::int64_t available_memory_mb = 0;
};

/// This machine: cores that this process may use, and what the kernel says is available.
[[nodiscard]] machine this_machine();

/// `--concurrency auto`: two sandboxes a core, so that one computes while another starts or waits,
/// as long as each has `sandbox_memory_mb` of the available memory but its last eighth; at least 1.
[[nodiscard]] std::size_t automatic_concurrency(const machine& host,
                                                std::int64_t sandbox_memory_mb);

/// Taken for a sandbox that has no limit of its own.
inline constexpr std::int64_t usual_sandbox_memory_mb = 256;

} // namespace sandfleet::batch
