#include "sandbox_agent/launcher/syscall_filter.hpp"

#include <array>
#include <cerrno>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sandfleet::launcher {

namespace {

constexpr auto code = std::to_array<sock_filter>({
#include "sandbox_agent/launcher/syscall_filter_code.inc" // made by syscall_filter/generate.cpp
});

} // namespace

std::span<const sock_filter> syscall_filter() noexcept {
  return code;
}

result<void> install_syscall_filter() {
  sock_fprog program{};
  program.len = static_cast<unsigned short>(code.size());
  program.filter = const_cast<sock_filter*>(code.data()); // the kernel copies it
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0)
    return {};
  auto failure = errno_error(errc::unsupported, "cannot restrict system calls", errno)
                     .blamed_on(failure_class::infrastructure);
  if (errno == ENOSYS || errno == EINVAL)
    failure.hint = "a kernel with CONFIG_SECCOMP_FILTER is needed; or use isolation 'none'";
  return fail(std::move(failure));
}

} // namespace sandfleet::launcher
