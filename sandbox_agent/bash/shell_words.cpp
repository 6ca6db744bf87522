#include "sandbox_agent/bash/shell_scanner.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

/// The scanner's part that moves over words, blanks and here-documents.
namespace sandfleet::agent {

namespace {

constexpr std::string_view word_ends = " \t\n;&|<>()";

constexpr std::size_t most_reread(std::size_t size) {
  return 16 * size + 4096;
}

} // namespace

bool shell_scanner::looking_at_word(std::string_view what) const {
  const auto end = at_ + what.size();
  return looking_at(what) &&
         (end == text_.size() || word_ends.find(text_[end]) != std::string_view::npos);
}

void shell_scanner::single_quotes() {
  const auto end = text_.find('\'', at_ + 1);
  if (end == std::string_view::npos)
    return fail();
  at_ = end + 1;
}

void shell_scanner::ansi_c_quotes() {
  for (at_ += 2; !at_end() && text_[at_] != '\''; ++at_) {
    if (text_[at_] == '\\')
      ++at_;
  }
  if (at_end())
    return fail();
  ++at_;
}

void shell_scanner::double_quotes() {
  expanded_text('"');
}

/// From the byte before it to behind `closing`. Quotes mean something within braces alone.
void shell_scanner::expanded_text(char closing) {
  const level guard(*this);
  ++at_;
  while (!failed_) {
    if (at_end())
      return fail();
    const char byte = text_[at_];
    if (byte == closing) {
      ++at_;
      return;
    }
    if (byte == '\\')
      at_ += 2;
    else if (byte == '`')
      back_quotes();
    else if (byte == '$')
      dollar();
    else if (byte == '"')
      double_quotes();
    else if (byte == '\'' && closing == '}')
      single_quotes();
    else
      ++at_;
  }
}

void shell_scanner::back_quotes() {
  for (++at_; !at_end() && text_[at_] != '`'; ++at_) {
    if (text_[at_] == '\\')
      ++at_;
  }
  if (at_end())
    return fail();
  ++at_;
}

/// `$` and what belongs to it. $'...' is none inside of double quotes, but there it does no harm
/// to end a step early: the quote is then a plain character.
void shell_scanner::dollar() {
  ++at_;
  if (looking_at("((")) {
    const auto start = at_;
    if (arithmetic())
      return;
    at_ = start;
  }
  if (looking_at("(")) {
    ++at_;
    list(true);
  } else if (looking_at("{")) {
    expanded_text('}');
  }
}

/// From `((` to behind `))`. False when it does not end so: then it was two opening parentheses.
/// What lies behind them is then read once more, and with many of them once for each.
bool shell_scanner::arithmetic() {
  const auto start = at_;
  int open = 0;
  while (!at_end()) {
    const char byte = text_[at_];
    if (byte == '\\')
      ++at_;
    else if (byte == '(')
      ++open;
    else if (byte == ')' && --open == 1)
      break;
    ++at_;
  }
  reread_ += std::min(at_, text_.size()) - start;
  if (reread_ > most_reread(text_.size()))
    fail();
  if (!looking_at("))"))
    return false;
  at_ += 2;
  return true;
}

/// From `(` to behind the `)` of an array's or a pattern's list.
void shell_scanner::parentheses() {
  const level guard(*this);
  ++at_;
  while (!failed_) {
    skip_blanks_and_lines();
    if (at_end())
      return fail();
    if (text_[at_] == ')') {
      ++at_;
      return;
    }
    if (text_[at_] == '(')
      parentheses();
    else if (word().empty())
      ++at_;
  }
}

std::string_view shell_scanner::word() {
  const auto start = at_;
  while (!failed_ && !at_end()) {
    const char byte = text_[at_];
    const char before = at_ > start ? text_[at_ - 1] : '\0';
    if (byte == '(' && before != '\0' &&
        std::string_view("=@!?*+").find(before) != std::string_view::npos)
      parentheses();
    else if (word_ends.find(byte) != std::string_view::npos)
      break;
    else if (byte == '\\')
      at_ = std::min(at_ + 2, text_.size());
    else if (byte == '\'')
      single_quotes();
    else if (byte == '"')
      double_quotes();
    else if (byte == '`')
      back_quotes();
    else if (looking_at("$'"))
      ansi_c_quotes();
    else if (byte == '$')
      dollar();
    else
      ++at_;
  }
  return text_.substr(start, at_ - start);
}

void shell_scanner::skip_blanks() {
  for (;;) {
    if (looking_at("\\\n"))
      at_ += 2;
    else if (!at_end() && (text_[at_] == ' ' || text_[at_] == '\t'))
      ++at_;
    else
      return;
  }
}

void shell_scanner::skip_comment() {
  at_ = std::min(text_.find('\n', at_), text_.size());
}

void shell_scanner::skip_blanks_and_lines() {
  for (;;) {
    skip_blanks();
    if (!at_end() && text_[at_] == '\n') {
      ++at_;
      skip_here_documents();
    } else if (!at_end() && text_[at_] == '#') {
      skip_comment();
    } else {
      return;
    }
  }
}

/// Behind the newline after a line with `<<`.
void shell_scanner::skip_here_documents() {
  const auto waiting = std::exchange(here_documents_, {});
  for (const auto& document : waiting) {
    bool found = false;
    while (!found && !at_end()) {
      const auto end = std::min(text_.find('\n', at_), text_.size());
      auto line = text_.substr(at_, end - at_);
      if (document.strip_tabs)
        line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
      found = line == document.delimiter;
      at_ = std::min(end + 1, text_.size());
    }
    if (!found)
      return fail();
  }
}

} // namespace sandfleet::agent
