#include "runtime/docker/api.hpp"
#include "runtime/providers/docker/start_failure.hpp"
#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace sandfleet;
using namespace sandfleet::docker;

/// What an engine sends is read, or is an error that says what it was.
template <class Read>
void check(std::string_view text, Read read) {
  const auto got = read(text);
  if (!got)
    holds(got.error().code == errc::protocol_error && !got.error().message.empty() &&
          got.error().to_string().size() < 2000);
}

void check_container(std::string_view text) {
  const auto read = read_container(text);
  if (!read)
    return;
  holds(!read->id.empty() && !read->name.starts_with('/'));
  for (const auto& [inside, address, port] : read->bindings)
    holds(port > 0);
}

void check_refusal(fuzz_input& in) {
  const int status = static_cast<int>(400 + in.below(200));
  const auto text = in.rest();
  const auto refusal = explain_refusal("do it", status, text);
  holds(!refusal.message.empty() && !refusal.cause.empty() && refusal.cause.size() <= 2000);
  const auto start = providers::docker::explain_start(refusal);
  holds(start.cause == refusal.cause);
  const auto pull = providers::docker::explain_pull("x", refusal);
  holds(pull.cause == refusal.cause);
}

void check_image_name(std::string_view text) {
  const auto [repository, tag] = split_image_name(text);
  holds(repository.size() <= text.size());
  holds(text.find('@') != std::string_view::npos || !tag.empty() || text.ends_with(':'));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input in(data, size);
  const auto kind = in.byte() % 10;
  if (kind == 8) {
    check_refusal(in);
    return 0;
  }
  const auto text = in.rest();
  switch (kind) {
  case 0:
    check(text, read_container);
    check_container(text);
    break;
  case 1:
    check(text, read_containers);
    break;
  case 2:
    check(text, read_image);
    break;
  case 3:
    check(text, read_info);
    break;
  case 4:
    check(text, read_event);
    break;
  case 5:
    check(text, read_progress);
    break;
  case 6:
    check(text, read_usage);
    break;
  case 9:
    check(text, read_gateway);
    break;
  default:
    check_image_name(text);
  }
  return 0;
}
