#include "runtime/protocol/action_codec.hpp"

#include <cstdint>
#include <cstdlib>

/// A body is an action or a refusal with a status of the protocol and a body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandfleet::protocol;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto decoded = decode_action(body);
  if (!decoded && (decoded.error().body.empty() ||
                   (decoded.error().status != 200 && decoded.error().status != 422 &&
                    decoded.error().status != 500)))
    std::abort();
  return 0;
}
