#include "runtime/protocol/agent_api.hpp"

#include <cstdint>
#include <cstdlib>

/// What a decoder accepts, it must accept again once it was encoded.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandfleet::protocol;
  if (size == 0)
    return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  bool kept = true;
  switch (data[0] % 6) {
  case 0:
    if (auto read = decode_session_run(body))
      kept = decode_session_run(encode_session_run(*read)).has_value();
    break;
  case 1:
    if (auto read = decode_exec(body))
      kept = decode_exec(encode_exec(read->request, read->encoding)).has_value();
    break;
  case 2:
    if (auto read = decode_session_run_reply(body))
      kept = decode_session_run_reply(encode_session_run_reply(*read)).has_value();
    break;
  case 3:
    if (auto read = decode_exec_reply(body))
      kept = decode_exec_reply(encode_exec_reply(*read, output_encoding::base64)).has_value();
    break;
  case 4:
    if (auto read = decode_glob_reply(body))
      kept = decode_glob_reply(encode_glob_reply(*read)).has_value();
    break;
  default:
    (void)decode_failure(400 + data[0], body, "fuzz");
  }
  if (!kept)
    std::abort();
  return 0;
}
