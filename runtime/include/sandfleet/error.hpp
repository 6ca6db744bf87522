#pragma once

#include <tl/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sandfleet {

/// Whose fault a failure is. Decides who acts on it (see `may_be_retried`).
enum class failure_class : std::uint8_t {
  agent,          ///< the command did it: non-zero exit, time-out, out of memory by its own doing
  task,           ///< the specification is wrong: bad path, failing setup, unknown image
  infrastructure, ///< engine, provider, network or host
  ambiguous,      ///< the evidence fits more than one of the above
};

/// What failed. Closed: a new kind of failure gets a name here before it is reported anywhere.
enum class errc : std::uint8_t {
  invalid_argument,      ///< a value that the caller gave is not acceptable
  invalid_configuration, ///< a setting from a flag, the environment or a file is not acceptable
  not_found,             ///< the thing named does not exist (file, sandbox, image, program)
  already_exists,        ///< the thing to be made is there already
  permission_denied,     ///< the operating system or the provider refused
  limit_exceeded,        ///< a bound of ours or of the user's was reached (size, count, memory)
  timed_out,             ///< the deadline passed
  cancelled,             ///< the caller no longer wants the answer
  shutting_down,         ///< the engine no longer admits work
  start_failed,          ///< the provider could not make the sandbox
  sandbox_lost,          ///< the sandbox ended or vanished while it was in use
  sandbox_paused,        ///< somebody paused the sandbox while it was in use
  out_of_memory,         ///< the kernel killed for memory
  connection_failed,     ///< no connection, or it broke in mid-request
  protocol_error,        ///< the peer answered something that the protocol does not allow
  unsupported,           ///< this provider or this machine cannot do it
  io_error,              ///< reading or writing a file or a pipe failed
  internal,              ///< a fault of ours
};

/// One observed fact behind a failure, such as {"exit_code", 137} or {"daemon", "no space left"}.
using evidence_value = std::variant<std::int64_t, std::string>;
using evidence_list = std::vector<std::pair<std::string, evidence_value>>;

/// A failure as a value. `message` says what failed and where, `cause` why, `hint` what to do
/// (empty when there is nothing the reader could do).
struct error {
  errc code = errc::internal;
  failure_class blame = failure_class::infrastructure;
  std::string message;
  std::string cause;
  std::string hint;
  evidence_list evidence;

  error&& with_cause(std::string text) &&;
  error&& with_hint(std::string text) &&;
  error&& with(std::string name, evidence_value value) &&;
  error&& blamed_on(failure_class who) &&;

  /// One line for people: "message: cause (name=value, ...); hint".
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const error&, const error&) = default;
};

template <class T>
using result = tl::expected<T, error>;

/// Builds a failure with the class that is usual for its code (`default_blame`).
[[nodiscard]] error make_error(errc code, std::string message);

/// The same, ready to be returned from a function of type `result<T>`.
[[nodiscard]] tl::unexpected<error> fail(errc code, std::string message);
[[nodiscard]] tl::unexpected<error> fail(error failure);

/// `message` with the text of an errno value as its cause and {"errno", value} as evidence.
[[nodiscard]] error errno_error(errc code, std::string message, int error_number);

[[nodiscard]] failure_class default_blame(errc code) noexcept;
/// True when another attempt may go better: an `infrastructure` failure, but for what this machine
/// or provider cannot do at all (`unsupported`).
[[nodiscard]] bool may_be_retried(const error& failure) noexcept;
[[nodiscard]] std::string_view to_string(errc code) noexcept;
[[nodiscard]] std::string_view to_string(failure_class value) noexcept;

} // namespace sandfleet
