#include "tools/batch/progress_display.hpp"

#include <iostream>

namespace sandfleet::batch {

using std::chrono::milliseconds;

progress_display::progress_display(const boost::asio::any_io_executor& executor,
                                   const cli::stream_look& look,
                                   std::function<progress_state()> state)
    : timer_(executor), look_(look), state_(std::move(state)) {}

progress_display::~progress_display() {
  end();
}

void progress_display::begin() {
  running_ = true;
  show();
  schedule();
}

void progress_display::end() {
  if (!running_)
    return;
  running_ = false;
  timer_.cancel();
  if (look_.terminal)
    clear();
}

void progress_display::schedule() {
  // A log's tenths are looked for more often than they can come.
  timer_.expires_after(look_.terminal ? milliseconds(100) : milliseconds(250));
  timer_.async_wait([this](const boost::system::error_code& ended) {
    if (ended || !running_)
      return;
    show();
    schedule();
  });
}

void progress_display::show() {
  const auto state = state_();
  if (look_.terminal) {
    auto bar = progress_bar(state, look_.width);
    if (bar == shown_)
      return;
    std::cerr << '\r' << bar << "\x1b[K" << std::flush;
    shown_ = std::move(bar);
  } else if (pace_.due(state)) {
    std::cerr << progress_line(state) << '\n' << std::flush;
  }
}

void progress_display::clear() {
  if (!shown_.empty())
    std::cerr << "\r\x1b[K" << std::flush;
  shown_.clear();
}

void progress_display::say(const std::string& line) {
  if (look_.terminal)
    clear();
  std::cerr << line << '\n' << std::flush;
  if (running_ && look_.terminal)
    show();
}

} // namespace sandfleet::batch
