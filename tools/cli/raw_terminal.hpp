#pragma once

#include <sandfleet/error.hpp>
#include <sandfleet/terminal.hpp>

#include <memory>

namespace sandfleet::cli {

/// The user's terminal, which may be made to pass every key on. However the program ends, the modes
/// that the terminal had are put back: by the destructor, or, when the program is killed, by a
/// small process that waits for its end.
class raw_terminal {
 public:
  /// Forks that process: call it before there are threads. Fails when standard input and output
  /// are no terminal.
  static result<raw_terminal> prepare();

  raw_terminal(raw_terminal&&) noexcept;
  raw_terminal& operator=(raw_terminal&&) = delete;
  ~raw_terminal();

  /// Also after somebody has changed the modes, such as a shell that stopped the program.
  void make_raw();
  void restore();

  [[nodiscard]] static window_size size();

 private:
  struct impl;
  explicit raw_terminal(std::unique_ptr<impl> made);
  std::unique_ptr<impl> impl_;
};

} // namespace sandfleet::cli
