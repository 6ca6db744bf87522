#include "runtime/core/text.hpp"
#include "sandbox_agent/bash/framing.hpp"
#include "sandbox_agent/bash/quoting.hpp"
#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <unistd.h>

namespace {

using namespace sandfleet::agent;

/// A shell that reads commands from a pipe and lives as long as the target does.
class shell {
 public:
  explicit shell(const char* program) {
    int to_shell[2];
    int from_shell[2];
    holds(::pipe(to_shell) == 0 && ::pipe(from_shell) == 0);
    const auto child = ::fork();
    if (child == 0) {
      ::dup2(to_shell[0], STDIN_FILENO);
      ::dup2(from_shell[1], STDOUT_FILENO);
      for (const int end : {to_shell[0], to_shell[1], from_shell[0], from_shell[1]})
        ::close(end);
      ::setenv("LC_ALL", "C.UTF-8", 1);
      ::unsetenv("LD_PRELOAD");
      ::execlp(program, program, static_cast<char*>(nullptr));
      ::_exit(127);
    }
    ::close(to_shell[0]);
    ::close(from_shell[1]);
    in_ = to_shell[1];
    out_ = from_shell[0];
  }
  shell(const shell&) = delete;
  shell& operator=(const shell&) = delete;

  /// What the shell makes of one word.
  std::string value_of(std::string_view word) const {
    const auto command = "printf '%s\\0' " + std::string(word) + "\n";
    for (std::string_view left = command; !left.empty();) {
      const auto sent = ::write(in_, left.data(), left.size());
      holds(sent > 0 || errno == EINTR); // the fuzzer's own alarm
      left.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(0, sent)));
    }
    std::string value;
    for (;;) {
      char buffer[4096];
      const auto got = ::read(out_, buffer, sizeof buffer);
      if (got < 0 && errno == EINTR)
        continue;
      holds(got > 0);
      value.append(buffer, static_cast<std::size_t>(got));
      if (value.back() == '\0') {
        value.pop_back();
        return value;
      }
    }
  }

 private:
  int in_ = -1;
  int out_ = -1;
};

bool is_control(char byte) {
  const auto code = static_cast<unsigned char>(byte);
  return (code < 0x20 && byte != '\n' && byte != '\t') || code == 0x7f;
}

std::size_t longest_line(std::string_view text) {
  std::size_t longest = 0;
  while (!text.empty()) {
    const auto length = std::min(text.find('\n'), text.size());
    longest = std::max(longest, length);
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return longest;
}

std::string without(std::string text, char byte) {
  std::erase(text, byte);
  return text;
}

void check(dialect kind, const std::string& text, const shell& interpreter) {
  const auto typed = frame_eval(kind, text, std::nullopt);
  constexpr std::string_view start = "\\eval ";
  holds(typed.bytes.ends_with('\n') && typed.bytes.starts_with(start));
  holds(std::none_of(typed.bytes.begin(), typed.bytes.end(), is_control));
  holds(longest_line(typed.bytes) <= line_limit(kind) + 20);
  holds(typed.lines == std::count(typed.bytes.begin(), typed.bytes.end(), '\n'));
  auto expected = without(text, '\0');
  const auto word = std::string_view(typed.bytes).substr(start.size());
  auto value = interpreter.value_of(word.substr(0, word.size() - 1));
  if (kind == dialect::posix) { // a command substitution drops line ends at the end, as eval may
    expected.erase(expected.find_last_not_of('\n') + 1);
    value.erase(value.find_last_not_of('\n') + 1);
  }
  holds(value == expected);
}

} // namespace

/// A text of any bytes reaches a real shell whole, through a terminal that cuts long lines and acts
/// on control bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const shell bash("bash");
  static const shell sh("sh");
  fuzz_input in(data, size);
  const auto repeat = 1 + in.byte() % 40;
  std::string text;
  for (int i = 0; i < repeat; ++i)
    text += in.rest();
  check(dialect::bash, text, bash);
  check(dialect::posix, text, sh);
  std::size_t used = 0;
  const auto plain = without(text, '\0');
  const auto quoted = sandfleet::core::quote_posix(text);
  holds(unquote_word(quoted, ";", used) == plain && used == quoted.size());
  holds(bash.value_of(quote_ansi_c(text)) == plain);
  holds(sh.value_of(quoted) == plain);
  return 0;
}
