#include "sandbox_agent/bash/nonce.hpp"

#include <array>
#include <cerrno>
#include <sys/random.h>

namespace sandfleet::agent {

result<std::string> make_nonce() {
  std::array<unsigned char, 16> bits{};
  if (::getrandom(bits.data(), bits.size(), 0) != static_cast<ssize_t>(bits.size()))
    return fail(errno_error(errc::start_failed, "cannot read random bits", errno));
  std::string out;
  for (const auto byte : bits) {
    out += "0123456789abcdef"[byte >> 4U];
    out += "0123456789abcdef"[byte & 15U];
  }
  return out;
}

} // namespace sandfleet::agent
