#include <sandfleet/ids.hpp>

#include <array>
#include <cstddef>
#include <stdexcept>
#include <sys/random.h>

namespace sandfleet {

namespace {

template <std::size_t Bytes>
std::string random_hex() {
  std::array<unsigned char, Bytes> raw{};
  static_assert(Bytes <= 256, "getrandom answers up to 256 bytes whole, whatever signals arrive");
  if (::getrandom(raw.data(), raw.size(), 0) != static_cast<ssize_t>(raw.size()))
    throw std::runtime_error("the kernel's random number generator does not answer");
  constexpr auto* digits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * Bytes);
  for (const auto byte : raw) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

} // namespace

sandbox_id make_sandbox_id() {
  return sandbox_id{"sb-" + random_hex<8>()};
}

std::string make_secret() {
  return random_hex<32>();
}

} // namespace sandfleet
