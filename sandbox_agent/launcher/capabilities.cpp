#include "sandbox_agent/launcher/capabilities.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sandfleet::launcher {

namespace {

constexpr std::array kept = {
    CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER,  CAP_FSETID,           CAP_KILL,
    CAP_SETGID, CAP_SETUID,       CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT};

constexpr std::uint64_t bit(int capability) {
  return std::uint64_t{1} << capability;
}

constexpr std::uint64_t kept_mask() {
  std::uint64_t mask = 0;
  for (const int capability : kept)
    mask |= bit(capability);
  return mask;
}

using capability_data = std::array<__user_cap_data_struct, 2>;

__user_cap_header_struct header() {
  return {_LINUX_CAPABILITY_VERSION_3, 0};
}

} // namespace

bool has_capability(int capability) noexcept {
  auto version = header();
  capability_data data{};
  if (::syscall(SYS_capget, &version, data.data()) != 0)
    return false;
  const auto effective = data[0].effective | (std::uint64_t{data[1].effective} << 32);
  return (effective & bit(capability)) != 0;
}

result<void> drop_privileges() {
  for (int capability = 0; capability < 64; ++capability) {
    if ((kept_mask() & bit(capability)) != 0)
      continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
      continue;
    if (errno == EINVAL)
      break; // beyond the kernel's last one
    return fail(errno_error(errc::start_failed, "cannot drop capabilities", errno));
  }
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  auto version = header();
  capability_data data{};
  data[0].effective = data[0].permitted = static_cast<std::uint32_t>(kept_mask());
  data[1].effective = data[1].permitted = static_cast<std::uint32_t>(kept_mask() >> 32);
  if (::syscall(SYS_capset, &version, data.data()) != 0)
    return fail(errno_error(errc::start_failed, "cannot drop capabilities", errno));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return fail(errno_error(errc::start_failed, "cannot forbid new privileges", errno));
  return {};
}

} // namespace sandfleet::launcher
