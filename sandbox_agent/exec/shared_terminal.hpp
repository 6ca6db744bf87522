#pragma once

#include "sandbox_agent/bash/process_tree.hpp"
#include "sandbox_agent/bash/pty.hpp"
#include "sandbox_agent/exec/bell.hpp"

#include <sandfleet/terminal.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::agent {

/// Who sees what a terminal shows.
class terminal_viewer {
 public:
  virtual ~terminal_viewer() = default;
  virtual void show(std::string_view bytes) = 0;
  /// It has much that it has not passed on yet: the program waits, and `went_on` is told later.
  [[nodiscard]] virtual bool backed_up() const = 0;
  [[nodiscard]] virtual window_size size() const = 0;
  virtual void ended(const terminal_exit& how) = 0;
};

/// A program on a pty and all who watch it. It lives until the program has ended, or the last
/// viewer has left: that hangs up, and kills what is left of the process tree a moment later. Its
/// window is as large as the smallest of theirs. Everything runs on one thread.
class shared_terminal : public std::enable_shared_from_this<shared_terminal> {
 public:
  /// `marker` stands in the program's environment (process_tree.hpp).
  shared_terminal(const boost::asio::any_io_executor& executor, pty_process process,
                  std::string marker);
  shared_terminal(const shared_terminal&) = delete;
  shared_terminal& operator=(const shared_terminal&) = delete;

  /// Reads and writes from here on. With the first viewer joined.
  void begin();

  /// Whether one may still join.
  [[nodiscard]] bool lives() const { return !program_ended_ && !deserted_; }
  /// Shows the viewer the end of what was shown before.
  void join(terminal_viewer& viewer);
  /// `at_once`: when it was the last, there is no moment to save work.
  void leave(terminal_viewer& viewer, bool at_once);
  void went_on() { drained_.ring(); }
  /// A viewer's size has changed.
  void fit();

  void type(std::string_view bytes);
  /// Completes when more may be typed.
  boost::asio::awaitable<void> room();

 private:
  using self_ptr = std::shared_ptr<shared_terminal>;

  static boost::asio::awaitable<void> live(self_ptr self);
  static boost::asio::awaitable<void> show_output(self_ptr self);
  static boost::asio::awaitable<void> type_input(self_ptr self);
  static boost::asio::awaitable<void> watch_program(self_ptr self);

  void show(std::string_view bytes);
  [[nodiscard]] bool held_up() const;
  boost::asio::awaitable<void> tell_the_end();
  boost::asio::awaitable<void> ended_in_time();
  void hang_up();
  void kill();
  void end();

  pid_t pid_;
  std::optional<tree_root> tree_;
  std::string marker_;
  boost::asio::posix::stream_descriptor master_;
  boost::asio::posix::stream_descriptor pidfd_;
  std::vector<terminal_viewer*> viewers_;
  bell changed_; ///< what `live` waits for
  bell typed_;   ///< there is something to type, or all is over
  bell room_;    ///< more may be typed ahead, or all is over
  bell drained_; ///< a viewer has passed something on, or all is over
  std::string pending_;
  std::string shown_; ///< the end of it
  bool program_ended_ = false;
  bool output_ended_ = false;
  bool deserted_ = false;
  bool reaped_ = false;
  bool over_ = false;
};

/// Terminals by the names that their first viewers gave them.
class terminal_table {
 public:
  /// Null when there is none that lives.
  [[nodiscard]] std::shared_ptr<shared_terminal> find(const std::string& name);
  void add(const std::string& name, const std::shared_ptr<shared_terminal>& made);

 private:
  std::map<std::string, std::weak_ptr<shared_terminal>> all_;
};

} // namespace sandfleet::agent
