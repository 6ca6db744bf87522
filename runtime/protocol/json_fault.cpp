#include "runtime/protocol/json_fault.hpp"

#include <algorithm>
#include <array>

namespace sandfleet::protocol {

namespace {

constexpr int max_depth = 64;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// Walks over a text as far as it is JSON; the first fault ends the walk.
class walker {
 public:
  explicit walker(std::string_view text) : text_(text) {}

  std::optional<json_fault> run() {
    skip_blanks();
    if (!value(0))
      return fault_;
    skip_blanks();
    if (at_ < text_.size())
      stop("Extra data", at_);
    return fault_;
  }

 private:
  [[nodiscard]] char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool take(char wanted) {
    if (at_ >= text_.size() || text_[at_] != wanted)
      return false;
    ++at_;
    return true;
  }

  bool stop(std::string_view message, std::size_t offset) {
    fault_ = json_fault{message, offset};
    return false;
  }

  void skip_blanks() { at_ = std::min(text_.find_first_not_of(" \t\n\r", at_), text_.size()); }

  bool value(int depth) {
    if (depth > max_depth)
      return false;
    if (take('"'))
      return string();
    if (take('{'))
      return object(depth);
    if (take('['))
      return array(depth);
    return number() || constant() || stop("Expecting value", at_);
  }

  bool constant() {
    constexpr std::array<std::string_view, 6> known{"null", "true",     "false",
                                                    "NaN",  "Infinity", "-Infinity"};
    for (const auto word : known) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return true;
      }
    }
    return false;
  }

  void skip_digits() {
    while (is_digit(next()))
      ++at_;
  }

  bool number() {
    const auto begin = at_;
    take('-');
    if (!is_digit(next())) {
      at_ = begin;
      return false;
    }
    if (!take('0'))
      skip_digits();
    const auto after_integer = at_;
    if (take('.') && is_digit(next()))
      skip_digits();
    else
      at_ = after_integer;
    const auto after_fraction = at_;
    if (take('e') || take('E')) {
      if (!take('-'))
        take('+');
      if (is_digit(next()))
        skip_digits();
      else
        at_ = after_fraction;
    }
    return true;
  }

  /// From behind the quote on.
  bool string() {
    const auto begin = at_ - 1;
    for (;;) {
      if (at_ >= text_.size())
        return stop("Unterminated string starting at", begin);
      const char c = text_[at_++];
      if (c == '"')
        return true;
      if (static_cast<unsigned char>(c) < 0x20)
        return stop("Invalid control character at", at_ - 1);
      if (c == '\\' && !escape(begin))
        return false;
    }
  }

  /// From behind the backslash on.
  bool escape(std::size_t begin) {
    if (at_ >= text_.size())
      return stop("Unterminated string starting at", begin);
    const char c = text_[at_++];
    if (c != 'u')
      return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos ||
             stop("Invalid \\escape", at_ - 2);
    const auto digits = text_.substr(at_, 4);
    // Where the text ends too early, nothing is left of the closing quote either.
    if (digits.size() < 4 || at_ + 4 >= text_.size())
      return stop("Invalid \\uXXXX escape", at_ - 1);
    if (!std::ranges::all_of(digits, is_hex_digit))
      return stop("Invalid \\uXXXX escape", at_ - 1);
    at_ += 4;
    return true;
  }

  bool array(int depth) {
    skip_blanks();
    if (take(']'))
      return true;
    for (;;) {
      if (!value(depth + 1))
        return false;
      skip_blanks();
      if (take(']'))
        return true;
      if (!take(','))
        return stop("Expecting ',' delimiter", at_);
      skip_blanks();
    }
  }

  bool object(int depth) {
    skip_blanks();
    if (take('}'))
      return true;
    for (;;) {
      if (!take('"'))
        return stop("Expecting property name enclosed in double quotes", at_);
      if (!string())
        return false;
      skip_blanks();
      if (!take(':'))
        return stop("Expecting ':' delimiter", at_);
      skip_blanks();
      if (!value(depth + 1))
        return false;
      skip_blanks();
      if (take('}'))
        return true;
      if (!take(','))
        return stop("Expecting ',' delimiter", at_);
      skip_blanks();
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<json_fault> fault_;
};

} // namespace

std::optional<json_fault> find_json_fault(std::string_view text) {
  return walker(text).run();
}

} // namespace sandfleet::protocol
