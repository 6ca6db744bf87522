#include "runtime/protocol/utf8.hpp"
#include "runtime/providers/registry.hpp"
#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace sandfleet;
using namespace sandfleet::providers;

/// What is read of a file can be used: as a part of a path, as a process's number.
void check_any(std::string_view text) {
  const auto read = parse_record(text);
  if (!read) {
    holds(!read.error().message.empty());
    return;
  }
  holds(!read->owner.empty() && read->owner.find_first_of("/.") == std::string::npos);
  holds(read->launcher >= 0 && read->owner_pid >= 0 && read->created_ms >= 0 &&
        read->expires_ms >= 0);
  const auto again = parse_record(to_json(*read));
  holds(again && *again == *read);
}

void check_round_trip(fuzz_input& in) {
  const auto text = [&] { return protocol::to_utf8(in.text(40)); };
  sandbox_record record;
  record.id = sandbox_id(text());
  record.owner = "0123456789abcdef";
  record.owner_pid = static_cast<pid_t>(in.below(60'000));
  record.kept = in.flag();
  record.expires_ms = static_cast<std::int64_t>(in.number() >> 1U);
  record.image = text();
  record.workspace = text();
  record.isolation = in.flag() ? isolation_mode::none : isolation_mode::namespaces;
  record.launcher = static_cast<pid_t>(in.below(60'000));
  record.launcher_start = in.number() >> 1U;
  record.boot_id = text();
  record.created_ms = static_cast<std::int64_t>(in.number() >> 1U);
  for (auto count = in.byte() % 4; count > 0; --count) {
    auto name = text();
    record.labels[std::move(name)] = text();
  }
  const auto written = to_json(record);
  const auto read = parse_record(written);
  holds(read && *read == record);
  // Cut anywhere it is no record, so a file that a crash left half-written is seen as one.
  holds(!parse_record(std::string_view(written).substr(0, in.below(written.size()))));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input in(data, size);
  if (in.flag())
    check_round_trip(in);
  else
    check_any(in.rest());
  return 0;
}
