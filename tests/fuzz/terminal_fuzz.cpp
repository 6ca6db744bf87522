#include "sandbox_agent/bash/terminal.hpp"

#include <cstdint>
#include <cstdlib>

/// No bytes, in whatever pieces, break the terminal, and its text obeys its limits.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandfleet::agent;
  if (size == 0)
    return 0;
  const std::size_t piece = 1 + data[0] % 64;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  static constexpr std::size_t max_bytes = 4096;
  terminal screen;
  screen.limit({.lines = 100, .bytes = max_bytes});
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    screen.write(bytes.substr(at, piece));
  bool dropped = false;
  if (screen.text(dropped).size() > max_bytes)
    std::abort();
  (void)screen.take_reply();
  screen.clear();
  if (!screen.untouched())
    std::abort();
  return 0;
}
