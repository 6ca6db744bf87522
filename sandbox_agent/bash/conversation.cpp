#include "sandbox_agent/bash/conversation.hpp"

#include <algorithm>

namespace sandfleet::agent {

conversation::conversation(dialect kind, std::string_view nonce, terminal& screen)
    : kind_(kind), nonce_(nonce), terminal_(screen), splitter_(nonce) {}

typed_text conversation::opening() const {
  return agent::opening(kind_, nonce_);
}

void conversation::receive(std::string_view bytes) {
  splitter_.feed(bytes, *this);
}

void conversation::typed(const typed_text& text, bool echoed) {
  if (phase_ == phase::prompt) {
    echo_due_.clear();
    echo_seen_.clear();
    // A plain sh says nothing at the start and the later lines of a text, nor does bash without its
    // standard error; it gets one complete text at a time.
    const bool tells = kind_ == dialect::bash && !prompt_.aside;
    phase_ = tells ? phase::echo : phase::running;
    lines_unread_ = tells ? text.lines : 1;
    complete_ = tells && text.complete;
  } else if (phase_ == phase::echo) {
    lines_unread_ += text.lines;
    complete_ = false;
  }
  if (phase_ == phase::echo && echoed)
    echo_due_ += echo_of(text);
}

void conversation::key_typed() {
  if (phase_ == phase::prompt)
    typed({}, false);
  lines_unread_ = 0;
}

void conversation::show(std::string_view bytes) {
  terminal_.write(bytes);
  if (watcher_ && !bytes.empty())
    watcher_(bytes);
}

void conversation::on_output(std::string_view bytes) {
  switch (phase_) {
  case phase::opening:
    break;
  case phase::prompt:
  case phase::running:
    show(bytes);
    break;
  case phase::echo:
    echo_seen_ += bytes;
    if (echo_seen_.size() > echo_due_.size() + echo_slack)
      release_complaint(); // a background job prints without end
    break;
  }
}

void conversation::on_mark(const mark& seen) {
  if (const auto* prompt = std::get_if<prompt_mark>(&seen)) {
    on_prompt(*prompt);
  } else if (std::holds_alternative<start_mark>(seen)) {
    counted_ = true;
    started();
  } else if (std::holds_alternative<more_mark>(seen)) {
    line_was_read();
  } else if (phase_ == phase::opening && kind_ == dialect::bash) {
    kind_ = dialect::posix;
    new_dialect_ = true;
  }
}

void conversation::line_was_read() {
  lines_unread_ = std::max(0, lines_unread_ - 1);
}

/// Bash counts the commands that it reads and tells the count at each prompt, so that one that was
/// there before is a copy: a command printed it, or bash itself, which after an `eval` whose text
/// ends in open quotes or a backslash shows its last prompt once more, with the old status. An
/// empty line makes it show a new one.
bool conversation::is_copy(const prompt_mark& seen) {
  constexpr int first = 1; // where every new shell begins
  const bool counted = std::exchange(counted_, false);
  if (seen.aside || seen.command <= first || seen.command != prompt_.command ||
      seen.shell_pid != prompt_.shell_pid)
    return false;
  if (counted && lines_unread_ <= 1) {
    doubtful_ = true;
    return true;
  }
  return !counted && (phase_ != phase::echo || complete_);
}

void conversation::on_prompt(const prompt_mark& seen) {
  if (is_copy(seen))
    return;
  prompt_ = seen;
  if (seen.aside)
    lines_unread_ = 0;
  line_was_read();
  if (phase_ == phase::echo && lines_unread_ == 0)
    release_complaint();
  if (phase_ == phase::running && lines_unread_ != 0)
    phase_ = phase::echo;
  else if (phase_ == phase::opening || lines_unread_ == 0)
    phase_ = phase::prompt;
}

/// The echo may have come whole, in part (the terminal echoes the later lines of a long text while
/// the first already runs), or, where programs changed the terminal's modes, in another form.
void conversation::started() {
  if (phase_ != phase::echo)
    return;
  phase_ = phase::running;
  if (const auto at = echo_seen_.find(echo_due_); at != std::string::npos) {
    echo_seen_.erase(at, echo_due_.size());
    echo_due_.clear();
    show(echo_seen_);
  } else if (echo_due_.compare(0, echo_seen_.size(), echo_seen_) == 0) {
    echo_due_.erase(0, echo_seen_.size());
  } else {
    echo_due_.clear();
  }
  echo_seen_.clear();
}

/// No command started, so what came is the echo and behind it what the shell has to say about it.
void conversation::release_complaint() {
  if (const auto at = echo_seen_.find(echo_due_); at != std::string::npos) {
    echo_seen_.erase(at, echo_due_.size());
  } else {
    auto lines = std::count(echo_due_.begin(), echo_due_.end(), '\n');
    for (; lines > 0 && !echo_seen_.empty(); --lines)
      echo_seen_.erase(0, std::min(echo_seen_.find('\n'), echo_seen_.size() - 1) + 1);
  }
  show(echo_seen_);
  echo_seen_.clear();
  echo_due_.clear();
}

} // namespace sandfleet::agent
