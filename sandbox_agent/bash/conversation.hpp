#pragma once

#include "sandbox_agent/bash/framing.hpp"
#include "sandbox_agent/bash/marks.hpp"
#include "sandbox_agent/bash/terminal.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace sandfleet::agent {

using output_watcher = std::function<void(std::string_view bytes)>;

/// What a shell and we say to each other over the terminal, without any I/O: takes the bytes that
/// came from it, knows from the marks whether it stands at its prompt, and sends what is output to
/// the terminal. The echo of what was typed at a prompt is no output; what background jobs print
/// there is.
class conversation final : private mark_sink {
 public:
  conversation(dialect kind, std::string_view nonce, terminal& screen);

  /// What is typed first of all.
  [[nodiscard]] typed_text opening() const;

  void receive(std::string_view bytes);

  /// What is typed at a prompt: the shell is busy from here until it has read all lines and stands
  /// at its prompt again. While it is busy: further lines for what runs, or for the text that the
  /// shell does not find complete. `echoed`: whether the terminal echoes it.
  void typed(const typed_text& text, bool echoed);

  /// Is given what goes to the terminal, as it comes; empty: nobody is.
  void watch_output(output_watcher watcher) { watcher_ = std::move(watcher); }

  /// A control character. What was typed before and not yet read may have gone by it.
  void key_typed();

  [[nodiscard]] bool at_prompt() const { return phase_ == phase::prompt; }
  /// The shell has yet to read what was typed: it cannot be told whether it or what it will run
  /// reads the next line.
  [[nodiscard]] bool reads() const { return phase_ == phase::echo && lines_unread_ != 0; }
  /// What was typed has begun to run.
  [[nodiscard]] bool runs() const { return phase_ == phase::running; }
  [[nodiscard]] bool opened() const { return phase_ != phase::opening; }
  [[nodiscard]] dialect kind() const { return kind_; }

  /// What the last prompt said.
  [[nodiscard]] const prompt_mark& prompt() const { return prompt_; }

  /// True once, when the shell turned out to want `dialect::posix`: its opening is to be typed.
  [[nodiscard]] bool take_new_dialect() { return std::exchange(new_dialect_, false); }

  /// True once, when the shell may stand at its prompt, and will tell if an empty line is typed.
  [[nodiscard]] bool take_doubt() { return std::exchange(doubtful_, false); }

 private:
  enum class phase {
    opening, ///< no prompt of ours yet; all is dropped
    prompt,  ///< nothing typed, nothing runs
    echo,    ///< typed, not started: what comes is echo, or a complaint of the shell's parser
    running,
  };

  void on_output(std::string_view bytes) override;
  void on_mark(const mark& seen) override;
  void on_prompt(const prompt_mark& seen);
  bool is_copy(const prompt_mark& seen);
  void line_was_read();
  void started();
  void release_complaint();
  void show(std::string_view bytes);

  static constexpr std::size_t echo_slack = 256 * 1024;

  dialect kind_;
  std::string nonce_;
  terminal& terminal_;
  output_watcher watcher_;
  mark_splitter splitter_;
  phase phase_ = phase::opening;
  prompt_mark prompt_;
  int lines_unread_ = 0;
  bool counted_ = false;  ///< a command was read since the last prompt
  bool complete_ = false; ///< what was typed at the last prompt is sure to be read
  std::string echo_due_;
  std::string echo_seen_;
  bool new_dialect_ = false;
  bool doubtful_ = false;
};

} // namespace sandfleet::agent
