#include "sandbox_agent/bash/command_splitter.hpp"
#include "sandbox_agent/bash/quoting.hpp"

#include <cstdint>
#include <cstdlib>

/// Quoting is undone by unquoting, and no text breaks unquoting or the splitter.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandfleet::agent;
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::size_t used = 0;
  (void)unquote_word(text, ";", used);
  if (text.find('\0') == std::string::npos) {
    const auto quoted = quote_ansi_c(text);
    if (unquote_word(quoted, "", used) != text || used != quoted.size())
      std::abort();
  }
  (void)split_commands(text);
  return 0;
}
