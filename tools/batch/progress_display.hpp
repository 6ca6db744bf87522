#pragma once

#include "tools/batch/progress.hpp"
#include "tools/cli/context.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <string>

namespace sandfleet::batch {

/// Shows progress on standard error while a batch runs: a bar that is drawn at most ten times a
/// second on a terminal, lines (of text, or JSON) at the pace of `log_pace` elsewhere; nothing when
/// quiet. No timer runs before `begin`
/// and after `end`. Used on the executor alone.
class progress_display {
 public:
  progress_display(const boost::asio::any_io_executor& executor, const cli::stream_look& look,
                   std::function<progress_state()> state);
  ~progress_display();
  progress_display(const progress_display&) = delete;
  progress_display& operator=(const progress_display&) = delete;

  void begin();
  void end();

  /// Prints a line of text; the bar stays below it.
  void say(const std::string& line);

 private:
  void schedule();
  void show();
  void clear();

  boost::asio::steady_timer timer_;
  cli::stream_look look_;
  bool bar_; ///< lines otherwise
  std::function<progress_state()> state_;
  log_pace pace_;
  std::string shown_; ///< the bar on the screen
  bool running_ = false;
};

} // namespace sandfleet::batch
