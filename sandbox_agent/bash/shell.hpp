#pragma once

#include "sandbox_agent/bash/conversation.hpp"
#include "sandbox_agent/bash/process_tree.hpp"
#include "sandbox_agent/bash/pty.hpp"
#include "sandbox_agent/bash/terminal.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace sandfleet::agent {

struct shell_spec {
  std::string working_dir;
  std::map<std::string, std::string> env;
  std::string tree_marker;  ///< see process_tree.hpp
  bool user_startup = true; ///< whether the user's startup file is read
};

/// A shell process on a pty: moves bytes between the pty and the conversation, sees its end at
/// once, and is killed with all that it started when it goes out of use.
class shell : public std::enable_shared_from_this<shell> {
 public:
  using clock = std::chrono::steady_clock;

  /// Bash where the PATH of `spec.env` has one, else sh. `not_found` when it has neither.
  static result<std::shared_ptr<shell>> start(const boost::asio::any_io_executor& executor,
                                              const shell_spec& spec);

  shell(const boost::asio::any_io_executor& executor, pty_process process, dialect kind,
        std::string_view nonce, std::string tree_marker);
  ~shell();
  shell(const shell&) = delete;
  shell& operator=(const shell&) = delete;

  /// Nobody has used it yet, so that nothing is lost if it dies before somebody does.
  void offer();
  [[nodiscard]] bool used() const { return used_; }

  /// To be called at a prompt, or with input for what runs. `input_follows`: what runs may read
  /// the terminal, whose echo then shows in the output.
  void type(const typed_text& text, bool input_follows);
  /// One control character.
  void type_key(char key);

  /// Completes when the shell has come to its prompt, when it has ended, at `deadline`, or, should
  /// the waiting be cancelled, then. Output alone completes nothing: `last_output` tells of it.
  boost::asio::awaitable<void> changed(clock::time_point deadline);

  /// Kills the shell and all that it started; what was printed until then is taken in.
  boost::asio::awaitable<void> kill();

  /// The same at once, for when nobody reads its output any more.
  void kill_now();

  /// Sees at once that it has ended, should the event loop not have come to it yet.
  void notice_end();

  [[nodiscard]] bool at_prompt() const { return conversation_.at_prompt(); }
  [[nodiscard]] bool opened() const { return conversation_.opened(); }
  [[nodiscard]] const prompt_mark& prompt() const { return conversation_.prompt(); }
  [[nodiscard]] dialect kind() const { return conversation_.kind(); }
  [[nodiscard]] terminal& screen() { return terminal_; }
  [[nodiscard]] pid_t pid() const { return ended_ ? 0 : pid_; }
  [[nodiscard]] const std::optional<int>& ended() const { return ended_; }
  /// Why nothing came of what it runs, as far as that can be seen: what the shell does, or how it
  /// ended.
  [[nodiscard]] std::string standing() const;
  /// Is given what programs print, as it comes; empty: nobody is.
  void watch_output(output_watcher watcher) { conversation_.watch_output(std::move(watcher)); }
  /// When output last came.
  [[nodiscard]] clock::time_point last_output() const { return last_output_; }
  /// Where the shell's process is; empty where that cannot be seen.
  [[nodiscard]] std::string directory() const;

 private:
  void run();
  static boost::asio::awaitable<void> read_loop(std::shared_ptr<shell> self);
  static boost::asio::awaitable<void> watch_end(std::shared_ptr<shell> self);
  static boost::asio::awaitable<void> send_rest(std::shared_ptr<shell> self);
  void received(std::string_view bytes);
  void read_what_is_left();
  void finish();
  void close();
  void send(std::string_view bytes);
  void notify();
  void note_use();

  boost::asio::posix::stream_descriptor master_;
  boost::asio::posix::stream_descriptor pidfd_;
  pid_t pid_;
  std::optional<tree_root> tree_;
  std::string tree_marker_;
  terminal terminal_;
  conversation conversation_;
  boost::asio::steady_timer change_;
  bool used_ = true;
  bool end_seen_ = false;
  bool reading_ended_ = false;
  std::optional<int> ended_;
  int end_signal_ = 0;
  std::string name_; ///< of its program, as the kernel has it
  clock::time_point last_output_ = clock::now();
  std::optional<typed_text> held_input_; ///< until the shell has read what was typed before
  std::string unsent_;
  bool sending_ = false;
  bool quiet_ = false;       ///< the terminal's echo is off by us
  bool echo_later_ = false;  ///< and goes on again when the command runs
  bool stray_input_ = false; ///< the terminal's line may hold characters that no one has read
  std::array<char, 16 * 1024> buffer_{};
};

} // namespace sandfleet::agent
