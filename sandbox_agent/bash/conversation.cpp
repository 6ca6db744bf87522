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
    phase_ = kind_ == dialect::bash ? phase::echo : phase::running;
    // A plain sh says nothing at the later lines of a text; it gets one complete text at a time.
    lines_unread_ = kind_ == dialect::bash ? text.lines : 1;
  } else if (phase_ == phase::echo) {
    lines_unread_ += text.lines;
  }
  if (phase_ == phase::echo && echoed)
    echo_due_ += echo_of(text);
}

void conversation::key_typed() {
  if (phase_ == phase::prompt)
    typed({}, false);
  lines_unread_ = 0;
}

void conversation::on_output(std::string_view bytes) {
  switch (phase_) {
  case phase::opening:
    break;
  case phase::prompt:
  case phase::running:
    terminal_.write(bytes);
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

void conversation::on_prompt(const prompt_mark& seen) {
  prompt_ = seen;
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
    terminal_.write(echo_seen_);
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
  terminal_.write(echo_seen_);
  echo_seen_.clear();
  echo_due_.clear();
}

} // namespace sandfleet::agent
