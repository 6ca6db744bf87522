#pragma once

#include "sandbox_agent/bash/row.hpp"

#include <cstddef>
#include <limits>
#include <string>

namespace sandfleet::agent {

/// What is kept of a command's output; the rest is dropped from the front.
struct text_limits {
  std::size_t lines = std::numeric_limits<std::size_t>::max();
  std::size_t bytes = std::numeric_limits<std::size_t>::max();
};

/// Cuts `text` from its front to the limits, at a character's begin; true when something went.
bool cut_front(std::string& text, const text_limits& limits);

/// The rows that scrolled off a terminal's top, as text. Holds at most about twice its limits.
class scrollback {
 public:
  void limit(text_limits limits) { limits_ = limits; }
  void push(const row& gone);
  void clear();

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool empty() const { return rows_ == 0; }
  [[nodiscard]] bool dropped() const { return dropped_; }

 private:
  text_limits limits_;
  std::string text_;
  std::size_t rows_ = 0;
  std::size_t lines_ = 0;
  bool dropped_ = false;
};

} // namespace sandfleet::agent
