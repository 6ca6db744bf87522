#pragma once

#include <sandfleet/terminal.hpp>

#include <map>
#include <string>
#include <sys/types.h>
#include <termios.h>
#include <vector>

namespace sandfleet::test {

/// A program on a pty of this process, driven as by somebody who sits there. What is still running
/// at the end is killed.
class user_terminal {
 public:
  user_terminal(const std::vector<std::string>& argv,
                const std::map<std::string, std::string>& environment, window_size size = {});
  ~user_terminal();
  user_terminal(const user_terminal&) = delete;
  user_terminal& operator=(const user_terminal&) = delete;

  void type(const std::string& keys) const;
  void resize(window_size size) const;
  /// Reads until `text` has been shown, and forgets what was shown up to there. False at the end,
  /// or after twenty seconds.
  bool shows(const std::string& text);
  /// What has been shown since.
  [[nodiscard]] const std::string& shown() const { return shown_; }
  /// From the beginning.
  [[nodiscard]] const std::string& all_shown() const { return all_shown_; }

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  /// Closes the terminal, as the end of its window does.
  void close();
  /// The exit status, or 128 and the signal.
  int wait();

  /// The modes of the terminal as they are.
  [[nodiscard]] termios modes() const;

 private:
  bool more();

  pid_t pid_ = -1;
  int master_ = -1;
  int slave_ = -1; ///< keeps the terminal when the program has gone
  std::string shown_;
  std::string all_shown_;
};

} // namespace sandfleet::test
