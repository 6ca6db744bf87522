#include "runtime/protocol/error_json.hpp"
#include "runtime/protocol/remote_api.hpp"
#include "runtime/protocol/remote_replies.hpp"
#include "runtime/service/key_file.hpp"
#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace sandfleet;
using namespace sandfleet::protocol;

template <class T>
void check_failure(const result<T>& outcome, errc code) {
  if (outcome)
    return;
  holds(outcome.error().code == code && !outcome.error().message.empty());
}

void check_start(std::string_view text) {
  const auto start = decode_runtime_start(text);
  check_failure(start, errc::invalid_argument);
  if (!start)
    return;
  holds(start->resource_factor >= 1 && start->resource_factor <= 8);
  const auto again = decode_runtime_start(encode_runtime_start(*start));
  holds(again && *again == *start);
  const auto server = read_action_server_command(start->command);
  check_failure(server, errc::invalid_argument);
  if (server && *server && (*server)->port)
    holds(*(*server)->port >= 0 && *(*server)->port <= 65'535);
}

/// What a client reads of whatever it is sent.
void check_replies(std::string_view text) {
  check_failure(decode_runtimes(text), errc::protocol_error);
  check_failure(decode_registry_prefix(text), errc::protocol_error);
  check_failure(decode_image_exists(text), errc::protocol_error);
  check_failure(decode_build_id(text), errc::protocol_error);
  check_failure(decode_build_state(text), errc::protocol_error);
  (void)read_refusal(text);
}

void check_runtime(std::string_view text) {
  check_replies(text);
  const auto runtime = decode_runtime(text);
  check_failure(runtime, errc::protocol_error);
  if (!runtime)
    return;
  const auto again = decode_runtime(encode_runtime(*runtime));
  holds(again && *again == *runtime);
}

void check_error(std::string_view text) {
  const auto failure = decode_error(text);
  check_failure(failure, errc::protocol_error);
  if (failure)
    holds(encode_error(*decode_error(encode_error(*failure))) == encode_error(*failure));
}

void check_keys(std::string_view text) {
  const auto keys = service::parse_key_file(text, "keys");
  check_failure(keys, errc::invalid_configuration);
  if (keys)
    check_failure(service::api_keys::make(*keys), errc::invalid_configuration);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input in(data, size);
  const auto kind = in.byte();
  const auto text = in.rest();
  switch (kind % 5) {
  case 0:
    check_start(text);
    break;
  case 1:
    check_runtime(text);
    break;
  case 2:
    check_error(text);
    break;
  case 3:
    check_keys(text);
    break;
  default:
    check_failure(decode_runtime_id(text), errc::invalid_argument);
  }
  return 0;
}
