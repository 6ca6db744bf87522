#include "runtime/protocol/terminal_api.hpp"
#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace sandfleet::protocol;

/// What a decoder accepts it accepts again once it was encoded, and as the same.
template <class Decode, class Encode>
void check(std::string_view text, Decode decode, Encode encode) {
  const auto read = decode(text);
  if (!read) {
    holds(!read.error().message.empty() && read.error().message.size() < 1000);
    return;
  }
  const auto written = encode(*read);
  const auto again = decode(written);
  holds(again && again->index() == read->index() && encode(*again) == written);
}

void check_order(std::string_view text) {
  const auto read = decode_terminal_order(text);
  if (!read)
    return;
  const auto* request = std::get_if<sandfleet::terminal_request>(&*read);
  const auto size = request ? request->size : std::get<sandfleet::window_size>(*read);
  holds(size.rows > 0 && size.columns > 0);
  if (!request)
    return;
  holds(request->cwd.find('\0') == std::string::npos);
  for (const auto& argument : request->argv)
    holds(argument.find('\0') == std::string::npos);
  for (const auto& [name, value] : request->env)
    holds(!name.empty() && name.find('=') == std::string::npos &&
          (name + value).find('\0') == std::string::npos);
}

} // namespace

/// Both sides' messages.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input in(data, size);
  const auto text = in.rest();
  check(text, decode_terminal_order, encode_terminal_order);
  check(text, decode_terminal_news, encode_terminal_news);
  check_order(text);
  return 0;
}
