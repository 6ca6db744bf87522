#include "runtime/protocol/action_codec.hpp"
#include "runtime/protocol/json_object.hpp"
#include "tests/fuzz/holds.hpp"

#include <cstdint>

/// A body is an action, or a refusal with a status of the protocol and a JSON object.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandfleet::protocol;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto decoded = decode_action(body);
  if (decoded)
    return 0;
  const auto& refusal = decoded.error();
  holds(refusal.status == 200 || refusal.status == 400 || refusal.status == 422 ||
        refusal.status == 500);
  const auto parsed = parse_json(refusal.body);
  holds(parsed && parsed->is_object());
  return 0;
}
