#pragma once

#include <sandfleet/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sandfleet {

struct window_size {
  std::uint16_t rows = 24;
  std::uint16_t columns = 80;

  friend bool operator==(const window_size&, const window_size&) = default;
};

/// A program on a terminal inside a sandbox, beside the sessions.
struct terminal_request {
  std::vector<std::string> argv; ///< empty: bash, or sh where there is none
  std::string cwd;               ///< empty: the workspace
  std::map<std::string, std::string> env;
  window_size size;
  /// Letters, digits, '.', '_' and '-', at most 64: whoever opens the same name while the program
  /// runs joins it, in place of starting one, and sees and types what all see and type. Its window
  /// is as large as the smallest of theirs. Empty: nobody joins.
  std::string name;
};

/// How such a program ended: one of the two is set.
struct terminal_exit {
  std::optional<int> exit_code;
  std::optional<int> signal;

  friend bool operator==(const terminal_exit&, const terminal_exit&) = default;
};

/// The other end of that terminal; cheap to copy. At most one `read`, and one `write` or `resize`,
/// at a time. Dropping the last copy leaves; the last who leaves
/// hangs up, as closing a terminal's window does. Errors of every
/// call: `connection_failed` when the way to the sandbox broke, `protocol_error`, `cancelled`.
class terminal {
 public:
  /// A handle to nothing. Only assignment and destruction are allowed.
  terminal() = default;

  /// The next bytes that the program wrote; empty once it has ended and all is read.
  boost::asio::awaitable<result<std::string>> read();

  /// How it ended; set when `read` has given the end.
  [[nodiscard]] std::optional<terminal_exit> ended() const;

  /// Types bytes. Waits while the program does not read.
  boost::asio::awaitable<result<void>> write(std::string bytes);

  boost::asio::awaitable<result<void>> resize(window_size size);

  /// Leaves now: what is awaited ends with `cancelled`.
  void hang_up();

  struct impl;
  explicit terminal(std::shared_ptr<impl> made);

 private:
  std::shared_ptr<impl> impl_;
};

} // namespace sandfleet
