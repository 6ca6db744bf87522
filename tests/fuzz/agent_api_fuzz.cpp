#include "runtime/protocol/agent_api.hpp"
#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace sandfleet::protocol;

/// What a decoder accepts it accepts again once it was encoded, and as the same.
template <class Decode, class Encode>
void check(std::string_view body, Decode decode, Encode encode) {
  const auto read = decode(body);
  if (!read) {
    holds(!read.error().message.empty() && read.error().message.size() < 1000);
    return;
  }
  const auto written = encode(*read);
  const auto again = decode(written);
  holds(again && encode(*again) == written);
}

void check_failure(int status, std::string_view body) {
  const auto failure = decode_failure(status, body, "fuzz");
  holds(!failure.message.empty());
  const auto told = encode_detail(failure.message);
  holds(decode_failure(status, told, "fuzz").message == failure.message);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input in(data, size);
  const auto kind = in.byte();
  const auto body = in.rest();
  switch (kind % 8) {
  case 0:
    check(body, decode_session_run, encode_session_run);
    break;
  case 1:
    check(body, decode_exec,
          [](const exec_call& call) { return encode_exec(call.request, call.encoding); });
    break;
  case 2:
    check(body, decode_session_run_reply, encode_session_run_reply);
    break;
  case 3:
  case 4: {
    const auto encoding = kind % 8 == 3 ? output_encoding::base64 : output_encoding::text;
    check(
        body, [&](std::string_view text) { return decode_exec_reply(text, encoding); },
        [&](const sandfleet::exec_result& done) { return encode_exec_reply(done, encoding); });
    break;
  }
  case 5:
    check(body, decode_glob_reply, encode_glob_reply);
    check(body, decode_glob, encode_glob);
    break;
  case 6:
    check(body, decode_kill_reply, encode_kill_reply);
    check(body, decode_life, encode_life);
    check(body, decode_environment, encode_environment);
    break;
  default:
    check_failure(400 + kind, body);
  }
  return 0;
}
