#include "tools/batch/progress_display.hpp"

#include "tools/cli/json_log.hpp"

#include <iostream>

namespace sandfleet::batch {

using std::chrono::milliseconds;

namespace {

std::string progress_json(const progress_state& state) {
  const auto number = [](auto count) { return static_cast<std::int64_t>(count); };
  const cli::log_fields fields = {{"done", number(state.done)},
                                  {"total", number(state.total)},
                                  {"passed", number(state.passed)},
                                  {"running", number(state.running)}};
  return cli::json_log_line(std::chrono::system_clock::now(), "info", cli::own_logger, "progress",
                            fields);
}

} // namespace

progress_display::progress_display(const boost::asio::any_io_executor& executor,
                                   const cli::stream_look& look,
                                   std::function<progress_state()> state)
    : timer_(executor), look_(look), bar_(look.terminal && !look.json), state_(std::move(state)) {}

progress_display::~progress_display() {
  end();
}

void progress_display::begin() {
  if (look_.quiet)
    return;
  running_ = true;
  show();
  schedule();
}

void progress_display::end() {
  if (!running_)
    return;
  running_ = false;
  timer_.cancel();
  if (bar_)
    clear();
}

void progress_display::schedule() {
  // A log's tenths are looked for more often than they can come.
  timer_.expires_after(bar_ ? milliseconds(100) : milliseconds(250));
  timer_.async_wait([this](const boost::system::error_code& ended) {
    if (ended || !running_)
      return;
    show();
    schedule();
  });
}

void progress_display::show() {
  const auto state = state_();
  if (bar_) {
    auto bar = progress_bar(state, look_.width);
    if (bar == shown_)
      return;
    std::cerr << '\r' << bar << "\x1b[K" << std::flush;
    shown_ = std::move(bar);
  } else if (pace_.due(state)) {
    std::cerr << (look_.json ? progress_json(state) : progress_line(state)) << '\n' << std::flush;
  }
}

void progress_display::clear() {
  if (!shown_.empty())
    std::cerr << "\r\x1b[K" << std::flush;
  shown_.clear();
}

void progress_display::say(const std::string& line) {
  if (bar_)
    clear();
  std::cerr << line << '\n' << std::flush;
  if (running_ && bar_)
    show();
}

} // namespace sandfleet::batch
