#pragma once

#include <sandfleet/error.hpp>
#include <sandfleet/terminal.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

/// The text messages of `GET /terminal` (sandbox_agent/README.md). Decoders fail with
/// `protocol_error` and say which member is wrong; members that are not known are ignored.
namespace sandfleet::protocol {

/// What the agent takes as one message.
inline constexpr std::size_t max_terminal_message_bytes = std::size_t{256} << 10;

/// The program runs.
struct terminal_opened {
  bool joined = false; ///< it did already

  friend bool operator==(const terminal_opened&, const terminal_opened&) = default;
};

/// The program could not be started.
struct terminal_refused {
  int status = 500; ///< the HTTP status for this failure
  std::string detail;

  friend bool operator==(const terminal_refused&, const terminal_refused&) = default;
};

/// From a client: what to run, or the window's new size.
using terminal_order = std::variant<terminal_request, window_size>;
[[nodiscard]] std::string encode_terminal_order(const terminal_order& order);
[[nodiscard]] result<terminal_order> decode_terminal_order(std::string_view text);

/// From the agent.
using terminal_news = std::variant<terminal_opened, terminal_refused, terminal_exit>;
[[nodiscard]] std::string encode_terminal_news(const terminal_news& news);
[[nodiscard]] result<terminal_news> decode_terminal_news(std::string_view text);

} // namespace sandfleet::protocol
