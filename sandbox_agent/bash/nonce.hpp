#pragma once

#include <sandfleet/error.hpp>

#include <string>

namespace sandfleet::agent {

/// 128 random bits from the kernel, in 32 hexadecimal digits.
[[nodiscard]] result<std::string> make_nonce();

} // namespace sandfleet::agent
