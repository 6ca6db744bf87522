#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"
#include "tools/batch/output_regex.hpp"

/// A pattern of any bytes matches, does not match, or is refused with words, in bounded time and
/// stack; and what is accepted when a task is read does not turn out to be no pattern afterwards.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandfleet;
  fuzz_input in(data, size);
  const auto pattern = in.text();
  const std::string output(in.rest().substr(0, 512));
  const auto fine = batch::check_regex(pattern);
  const auto found = batch::regex_found(pattern, output);
  if (!found)
    holds(found.error().blame == failure_class::task && !found.error().message.empty());
  holds(fine || (!found && found.error().code == errc::invalid_argument));
  holds(!fine || found || found.error().code == errc::limit_exceeded);
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || c == ' '; };
  if (std::all_of(pattern.begin(), pattern.end(), is_plain) && !pattern.empty())
    holds(found && *found == (output.find(pattern) != std::string::npos));
  return 0;
}
