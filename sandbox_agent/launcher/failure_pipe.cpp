#include "sandbox_agent/launcher/failure_pipe.hpp"

#include "runtime/core/text.hpp"

#include <unistd.h>

namespace sandfleet::launcher {

namespace {
constexpr std::size_t field_count = 5;
}

std::string encode_failure(const error& failure) {
  std::string bytes;
  for (const auto& field : {std::to_string(static_cast<int>(failure.code)),
                            std::to_string(static_cast<int>(failure.blame)), failure.message,
                            failure.cause, failure.hint}) {
    bytes += field;
    bytes += '\0';
  }
  return bytes;
}

void report_and_exit(int pipe, const error& failure) noexcept {
  const auto bytes = encode_failure(failure);
  (void)!::write(pipe, bytes.data(), bytes.size());
  ::_exit(1);
}

std::optional<error> decode_failure(std::string_view bytes) {
  const auto fields = core::split(bytes, '\0');
  if (fields.size() != field_count + 1) // each field ends with a NUL
    return std::nullopt;
  const auto code = core::parse_integer(fields[0]);
  const auto blame = core::parse_integer(fields[1]);
  if (!code || *code < 0 || *code > static_cast<int>(errc::internal) || !blame || *blame < 0 ||
      *blame > static_cast<int>(failure_class::ambiguous))
    return std::nullopt;
  error failure;
  failure.code = static_cast<errc>(*code);
  failure.blame = static_cast<failure_class>(*blame);
  failure.message = fields[2];
  failure.cause = fields[3];
  failure.hint = fields[4];
  return failure;
}

} // namespace sandfleet::launcher
