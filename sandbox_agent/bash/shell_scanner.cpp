#include "sandbox_agent/bash/shell_scanner.hpp"

#include <string>
#include <string_view>

/// The scanner's part that knows lists, operators and compound commands.
namespace sandfleet::agent {

namespace {

std::string unquoted(std::string_view word) {
  std::string out;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word[i] == '\\' && i + 1 < word.size())
      out += word[++i];
    else if (word[i] != '\'' && word[i] != '"')
      out += word[i];
  }
  return out;
}

} // namespace

std::vector<std::size_t> shell_scanner::list(bool nested) {
  const level guard(*this);
  std::vector<std::size_t> starts;
  place now;
  while (!failed_) {
    if (!now.frames.empty() && now.frames.back() == frame::pattern) {
      case_pattern(now);
      continue;
    }
    skip_blanks();
    if (at_end())
      break;
    const char byte = text_[at_];
    if (byte == '#') {
      skip_comment();
      continue;
    }
    if (byte == '\n') {
      newline(now);
      continue;
    }
    if (byte == ')' && nested && now.frames.empty()) {
      ++at_;
      if (now.incomplete)
        fail();
      return starts;
    }
    if (!now.content) {
      starts.push_back(at_);
      now.content = true;
    }
    if (byte == '(') {
      open_parenthesis(now);
    } else if (byte == ')') {
      close(now, frame::paren);
      ++at_;
    } else if (byte == '<' || byte == '>' || looking_at("&>")) {
      redirection();
      now.simple = true;
    } else if (byte == ';' || byte == '&' || byte == '|') {
      operator_sign(now);
    } else {
      const auto found = word();
      if (!failed_)
        command_word(now, found);
    }
  }
  if (nested || !now.frames.empty() || now.incomplete || !here_documents_.empty())
    fail();
  return starts;
}

void shell_scanner::newline(place& now) {
  ++at_;
  skip_here_documents();
  if (now.incomplete)
    return;
  now.command_position = true;
  now.simple = false;
  if (now.frames.empty())
    now.content = false;
}

void shell_scanner::operator_sign(place& now) {
  if (looking_at(";;")) {
    expect(now, frame::branch);
    if (failed_)
      return;
    at_ += looking_at(";;&") ? 3 : 2;
    now.frames.back() = frame::pattern;
    return;
  }
  if (looking_at(";&")) {
    expect(now, frame::branch);
    if (failed_)
      return;
    at_ += 2;
    now.frames.back() = frame::pattern;
    return;
  }
  if (!now.simple)
    return fail(); // nothing stands before it
  now.simple = false;
  now.command_position = true;
  if (looking_at("&&") || looking_at("||") || looking_at("|&")) {
    at_ += 2;
    now.incomplete = true;
  } else {
    now.incomplete = text_[at_] == '|';
    ++at_;
  }
}

void shell_scanner::redirection() {
  if (looking_at("<(") || looking_at(">(")) {
    at_ += 2;
    list(true);
    return;
  }
  const bool here_document_ahead = looking_at("<<") && !looking_at("<<<");
  const bool strip_tabs = here_document_ahead && looking_at("<<-");
  while (!at_end() && std::string_view("<>&|").find(text_[at_]) != std::string_view::npos) {
    if (looking_at("<(") || looking_at(">("))
      break;
    ++at_;
  }
  if (strip_tabs)
    ++at_;
  skip_blanks();
  if (looking_at("<(") || looking_at(">("))
    return redirection();
  const auto target = word();
  if (target.empty())
    return fail();
  if (here_document_ahead)
    here_documents_.push_back({unquoted(target), strip_tabs});
}

void shell_scanner::open_parenthesis(place& now) {
  if (now.command_position) {
    if (looking_at("((")) {
      const auto start = at_;
      if (arithmetic()) {
        now.simple = true;
        now.incomplete = false;
        return;
      }
      at_ = start;
    }
    ++at_;
    now.frames.push_back(frame::paren);
    now.incomplete = false;
    now.simple = false;
    return;
  }
  // A function's name and (): its body may follow on the next line.
  ++at_;
  skip_blanks();
  if (!looking_at(")"))
    return fail();
  ++at_;
  now.command_position = true;
  now.incomplete = true;
  now.simple = false;
}

void shell_scanner::expect(const place& now, frame kind) {
  if (now.frames.empty() || now.frames.back() != kind || now.incomplete)
    fail();
}

void shell_scanner::close(place& now, frame kind) {
  expect(now, kind);
  if (failed_)
    return;
  now.frames.pop_back();
  now.command_position = true; // `if (a) then`: a reserved word may follow at once
  now.simple = true;
}

/// `esac`, or the patterns of a branch up to their `)`.
void shell_scanner::case_pattern(place& now) {
  skip_blanks_and_lines();
  if (at_end())
    return fail();
  if (text_[at_] == '(') {
    ++at_;
  } else if (looking_at_word("esac")) { // not by word(), which would move twice over all inside it
    word();
    now.frames.back() = frame::branch;
    now.incomplete = false;
    return close(now, frame::branch);
  }
  while (!failed_ && !looking_at(")")) {
    skip_blanks();
    if (looking_at("|"))
      ++at_;
    else if (!looking_at(")") && word().empty())
      return fail();
  }
  if (failed_)
    return;
  ++at_;
  now.frames.back() = frame::branch;
  now.command_position = true;
  now.incomplete = false;
  now.simple = false;
}

/// From behind `[[` to behind `]]`.
void shell_scanner::test_command() {
  while (!failed_) {
    skip_blanks_and_lines();
    if (at_end())
      return fail();
    const auto piece = word();
    if (piece == "]]")
      return;
    if (piece.empty())
      ++at_;
  }
}

void shell_scanner::command_word(place& now, std::string_view text) {
  if (now.command_position && reserved_word(now, text))
    return;
  now.command_position = false;
  now.incomplete = false;
  now.simple = true;
}

bool shell_scanner::reserved_word(place& now, std::string_view text) {
  const auto open = [&](frame kind) {
    now.frames.push_back(kind);
    now.incomplete = false;
    now.simple = false;
    return true;
  };
  const auto middle = [&](frame kind) {
    expect(now, kind);
    now.simple = false;
    return true;
  };
  if (text == "if")
    return open(frame::condition);
  if (text == "then" || text == "elif" || text == "else")
    return middle(frame::condition);
  if (text == "fi")
    return close(now, frame::condition), true;
  if (text == "while" || text == "until")
    return open(frame::loop);
  if (text == "do")
    return middle(frame::loop);
  if (text == "done")
    return close(now, frame::loop), true;
  if (text == "{")
    return open(frame::brace);
  if (text == "}")
    return close(now, frame::brace), true;
  if (text == "esac")
    return close(now, frame::branch), true;
  if (text == "!" || text == "time" || text == "coproc") {
    now.simple = text != "!";
    now.incomplete = false;
    return true;
  }
  if (text == "for" || text == "select") {
    skip_blanks();
    if (!looking_at("(("))
      word();
    else if (!arithmetic())
      fail();
    open(frame::loop);
    now.simple = true; // `;` may follow
    return true;
  }
  if (text == "case") {
    skip_blanks();
    word();
    skip_blanks_and_lines();
    if (word() != "in")
      fail();
    return open(frame::pattern);
  }
  if (text == "[[") {
    test_command();
    now.command_position = false;
    now.incomplete = false;
    now.simple = true;
    return true;
  }
  if (text == "function") {
    skip_blanks();
    word();
    skip_blanks();
    if (looking_at("(")) {
      now.command_position = false;
      open_parenthesis(now);
    }
    now.command_position = true;
    now.incomplete = true;
    now.simple = false;
    return true;
  }
  return false;
}

} // namespace sandfleet::agent
