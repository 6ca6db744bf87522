#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// The marks that a shell's prompts carry, and their separation from output. A mark is an operating
/// system command sequence, `ESC ] 6973 ; NONCE ; KIND ... BEL`, which every terminal ignores.
namespace sandfleet::agent {

/// PS1: the shell waits for a command. What a plain `sh` cannot tell without a fork is empty.
struct prompt_mark {
  int exit_code = 0;
  int job_pid = -1;    ///< $!, -1 without a background job
  int command = 0;     ///< the number of the command that is typed at it, as the shell counts
  std::string options; ///< $-
  int shell_pid = 0;   ///< $$
  std::optional<std::string> username;
  std::optional<std::string> hostname;
  std::optional<std::string> working_dir;
  std::optional<std::string> path;
  bool aside = false; ///< not printed with the prompt: then none of the others is printed either

  friend bool operator==(const prompt_mark&, const prompt_mark&) = default;
};

/// PS0: a command was read and starts now.
struct start_mark {
  friend bool operator==(const start_mark&, const start_mark&) = default;
};

/// PS2: the text typed so far is not a whole command.
struct more_mark {
  friend bool operator==(const more_mark&, const more_mark&) = default;
};

/// The shell is a bash too old for PS0 and ${var@Q} (before 4.4), or no bash.
struct plain_shell_mark {
  friend bool operator==(const plain_shell_mark&, const plain_shell_mark&) = default;
};

using mark = std::variant<prompt_mark, start_mark, more_mark, plain_shell_mark>;

/// Reads what stands between the nonce and BEL; nothing when the shell did not write it. In
/// particular the unexpanded text of a prompt (`$?`, `\#`), as `echo -e "$PS1"` prints it, is none.
[[nodiscard]] std::optional<mark> parse_mark(std::string_view body);

class mark_sink {
 public:
  virtual void on_output(std::string_view bytes) = 0;
  virtual void on_mark(const mark& seen) = 0;

 protected:
  ~mark_sink() = default;
};

/// Splits a byte stream, in pieces of any size, into output and marks. All that is not a valid mark
/// with the right nonce is output, byte by byte as it came. What may yet become a mark is held back
/// until that is known, at most `body_limit` bytes of it.
class mark_splitter {
 public:
  static constexpr std::size_t body_limit = 512 * 1024;

  explicit mark_splitter(std::string_view nonce);
  void feed(std::string_view bytes, mark_sink& sink);

 private:
  void give_up(mark_sink& sink);

  std::string prefix_;
  std::string held_; ///< begins with ESC: a part of the prefix, or the prefix and a part of a body
};

} // namespace sandfleet::agent
