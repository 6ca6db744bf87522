#include "tools/batch/progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace sandfleet::batch {
namespace {

double rate_of(const progress_state& state) {
  return state.seconds > 0 ? static_cast<double>(state.done) / state.seconds : 0;
}

std::string time_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::ceil(seconds));
  char text[64];
  if (whole < 100)
    std::snprintf(text, sizeof text, "%lld s", static_cast<long long>(whole));
  else if (whole < 6000)
    std::snprintf(text, sizeof text, "%lld min %02lld s", static_cast<long long>(whole / 60),
                  static_cast<long long>(whole % 60));
  else
    std::snprintf(text, sizeof text, "%lld h %02lld min", static_cast<long long>(whole / 3600),
                  static_cast<long long>(whole / 60 % 60));
  return text;
}

std::string counts(const progress_state& state) {
  char rate[32];
  std::snprintf(rate, sizeof rate, "%.1f/s", rate_of(state));
  auto text = std::to_string(state.done) + "/" + std::to_string(state.total) + "  " +
              std::to_string(state.passed) + " passed  " +
              std::to_string(state.done - state.passed) + " failed  " + rate;
  if (state.done > 0 && state.done < state.total)
    text +=
        "  " + time_text(static_cast<double>(state.total - state.done) / rate_of(state)) + " left";
  return text;
}

} // namespace

std::string progress_bar(const progress_state& state, unsigned width) {
  const auto text = counts(state);
  constexpr unsigned widest_bar = 40;
  constexpr unsigned narrowest_bar = 5;
  const auto room = width > text.size() + 5 ? width - static_cast<unsigned>(text.size()) - 5 : 0;
  if (room < narrowest_bar)
    return text.substr(0, width > 0 ? width - 1 : 0);
  const auto cells = std::min(room, widest_bar);
  const auto full = state.total == 0 ? cells : cells * state.done / state.total;
  return "[" + std::string(full, '#') + std::string(cells - full, '.') + "] " + text;
}

std::string progress_line(const progress_state& state) {
  return counts(state) + "  " + std::to_string(state.running) + " running";
}

bool log_pace::due(const progress_state& state) {
  const auto tenths = state.total == 0 ? 0 : state.done * 10 / state.total;
  const auto silence = std::max(10.0, state.seconds / 10);
  if (tenths == tenths_ && state.seconds - last_ < silence)
    return false;
  tenths_ = tenths;
  last_ = state.seconds;
  return true;
}

} // namespace sandfleet::batch
