#pragma once

#include <sandfleet/error.hpp>

#include <linux/filter.h>
#include <span>

namespace sandfleet::launcher {

/// The program that answers each system call of a sandbox, as syscall_filter/policy.hpp says it.
[[nodiscard]] std::span<const sock_filter> syscall_filter() noexcept;

/// Puts this process and all it will start under the filter, for ever. Wants `no_new_privs`.
[[nodiscard]] result<void> install_syscall_filter();

} // namespace sandfleet::launcher
