#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::agent {

/// Moves over the pieces of shell text that quoting and expansion make: it knows where a word ends,
/// not what it means. `failed()` once a quote or a parenthesis is not closed.
class shell_scanner {
 public:
  explicit shell_scanner(std::string_view text) : text_(text) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::size_t position() const { return at_; }

  /// Moves over a list of commands, up to the end of the text or, when `nested`, behind the `)`
  /// that ends it. Returns where its commands begin that a newline parts from those before.
  std::vector<std::size_t> list(bool nested);

 private:
  enum class frame { paren, brace, condition, loop, pattern, branch };
  struct here_document {
    std::string delimiter;
    bool strip_tabs = false;
  };
  /// Where in the grammar a list stands.
  struct place {
    std::vector<frame> frames;
    bool command_position = true; ///< a reserved word would be one here
    bool incomplete = false;      ///< an operator wants something after it
    bool content = false;         ///< the current command has begun
    bool simple = false;          ///< the last thing was a word or a closed compound command
  };

  /// One level of what may hold itself; too many end the scan, not the stack.
  struct level {
    explicit level(shell_scanner& scanner) : owner(scanner) {
      constexpr int deepest = 200;
      if (++owner.depth_ > deepest)
        owner.fail();
    }
    ~level() { --owner.depth_; }
    level(const level&) = delete;
    level& operator=(const level&) = delete;
    shell_scanner& owner;
  };

  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] bool looking_at(std::string_view what) const {
    return !at_end() && text_.compare(at_, what.size(), what) == 0;
  }
  [[nodiscard]] bool looking_at_word(std::string_view what) const;
  /// Nothing is read any more, and `at_` stays within the text.
  void fail() {
    failed_ = true;
    at_ = std::min(at_, text_.size());
  }
  void skip_blanks();
  void skip_blanks_and_lines();
  void skip_comment();
  void skip_here_documents();

  std::string_view word();
  void single_quotes();
  void ansi_c_quotes();
  void double_quotes();
  void expanded_text(char closing);
  void back_quotes();
  void dollar();
  bool arithmetic();
  void parentheses();
  void test_command();

  void newline(place& now);
  void operator_sign(place& now);
  void redirection();
  void open_parenthesis(place& now);
  void case_pattern(place& now);
  void command_word(place& now, std::string_view text);
  bool reserved_word(place& now, std::string_view text);
  void close(place& now, frame kind);
  void expect(const place& now, frame kind);

  std::string_view text_;
  std::size_t at_ = 0;
  bool failed_ = false;
  int depth_ = 0;
  std::size_t reread_ = 0; ///< bytes that were looked at for what they turned out not to be
  std::vector<here_document> here_documents_;
};

} // namespace sandfleet::agent
