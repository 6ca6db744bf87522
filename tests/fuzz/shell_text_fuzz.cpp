#include "sandbox_agent/bash/command_splitter.hpp"
#include "sandbox_agent/bash/quoting.hpp"
#include "tests/fuzz/holds.hpp"

#include <cstdint>
#include <string>

/// Quoting is undone by unquoting, and the commands of a text are its parts, in order, with nothing
/// but blanks and line ends left out.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandfleet::agent;
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::size_t used = 0;
  if (unquote_word(text, ";", used))
    holds(used <= text.size());
  if (text.find('\0') == std::string::npos) {
    const auto quoted = quote_ansi_c(text);
    holds(unquote_word(quoted, "", used) == text && used == quoted.size());
  }
  const auto commands = split_commands(text);
  if (!commands)
    return 0;
  std::size_t at = 0;
  for (const auto& one : *commands) {
    const auto found = text.find(one, at);
    holds(found != std::string::npos);
    holds(text.find_first_not_of(" \t\n\r\v\f", at) >= found || one.empty());
    at = found + one.size();
  }
  return 0;
}
