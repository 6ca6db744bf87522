#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// How a text reaches a shell through a terminal in canonical mode, which acts on control bytes
/// and cuts lines of more than 4,095 bytes without a word.
namespace sandfleet::agent {

enum class dialect {
  bash,  ///< PS0, PS1, PS2 with marks; the terminal echoes
  posix, ///< any other sh: PS1 with a mark; the terminal's echo is off
};

/// Bytes of a line, its newline not counted, that are typed at most. busybox's shell reads 1,024.
[[nodiscard]] std::size_t line_limit(dialect kind);

/// What is typed, ending in a newline (or, for a program, the key for return), and how many lines
/// that are.
struct typed_text {
  std::string bytes;
  int lines = 0;
  bool complete = false; ///< one command, which the shell's parser cannot refuse

  friend bool operator==(const typed_text&, const typed_text&) = default;
};

/// The commands that make a new shell's prompts carry marks with `nonce`. Typed rather than given
/// in the environment or a startup file: so they come after whatever the user's own files set.
[[nodiscard]] typed_text opening(dialect kind, std::string_view nonce);

/// Whether every line is short enough and no control byte but tab and newline is in it.
[[nodiscard]] bool can_be_typed(dialect kind, std::string_view text);

/// The text as it is.
[[nodiscard]] typed_text frame_as_is(std::string_view text);

/// The text as somebody at a keyboard gives it to a program: it ends with the key for return, which
/// programs that take the terminal out of canonical mode can tell from a newline.
[[nodiscard]] typed_text frame_input(std::string_view text);

/// The text as the argument of one `eval`, whatever its bytes and length, without a variable of
/// ours and with `$?` as it was; its standard input from a file when one is given. `options` are
/// those of the prompt that it is typed at. Where they say that a trap may skip the command, a
/// skipped one fails, and `$?` is lost.
[[nodiscard]] typed_text frame_eval(dialect kind, std::string_view text,
                                    const std::optional<std::string>& stdin_path,
                                    std::string_view options = {});

/// What the terminal echoes for typed text that has no control bytes.
[[nodiscard]] std::string echo_of(const typed_text& text);

} // namespace sandfleet::agent
