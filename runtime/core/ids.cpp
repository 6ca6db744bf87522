#include <sandfleet/ids.hpp>

#include <array>
#include <cstddef>
#include <stdexcept>
#include <sys/random.h>

namespace sandfleet {

namespace {

constexpr std::string_view id_prefix = "sb-";
constexpr std::size_t id_bytes = 8;

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
  return sandbox_id{std::string(id_prefix) + random_hex<id_bytes>()};
}

bool is_sandbox_id(std::string_view text) noexcept {
  return text.starts_with(id_prefix) && text.size() == id_prefix.size() + 2 * id_bytes &&
         text.find_first_not_of("0123456789abcdef", id_prefix.size()) == std::string_view::npos;
}

std::string make_secret() {
  return random_hex<32>();
}

} // namespace sandfleet
