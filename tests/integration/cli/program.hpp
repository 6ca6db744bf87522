#pragma once

#include "tests/support/temporary_directory.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace sandfleet::test {

/// How a program ended and what it wrote.
struct ended {
  int status = -1; ///< exit status; -1 when a signal ended it
  int signal = 0;
  std::string out;
  std::string err;
  std::int64_t peak_memory_kb = 0; ///< resident
};

/// What a program starts with beside its arguments.
struct surroundings {
  std::map<std::string, std::string> environment; ///< nothing else but PATH and HOME is set
  std::string directory;                          ///< empty: ours
  std::optional<std::uint64_t> largest_file;      ///< bytes; what writes more gets EFBIG
  std::vector<int> ignored_signals;
};

/// The built `sandfleet`, running. What is not awaited is killed.
class running {
 public:
  running(std::vector<std::string> arguments, const surroundings& around);
  ~running();
  running(const running&) = delete;
  running& operator=(const running&) = delete;

  /// Reads standard output until it holds `text`, or fails the test at its end.
  void read_until(const std::string& text);

  /// The same of standard error.
  void read_errors_until(const std::string& text);

  /// The next line of standard error, without its end; nothing when there is no further one.
  std::optional<std::string> error_line();

  /// Nobody reads standard output any more.
  void close_output();

  void send_signal(int number) const;
  [[nodiscard]] pid_t pid() const { return pid_; }

  /// Writes `input` to standard input, closes it, and reads to the end.
  ended wait(const std::string& input = {});

 private:
  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
  int err_ = -1;
  std::string out_text_;
  std::string err_text_;
};

[[nodiscard]] ended run_sandfleet(std::vector<std::string> arguments,
                                  const surroundings& around = {}, const std::string& input = {});

/// A directory of its own that goes with the object.
using scratch_directory = tests::temporary_directory;

} // namespace sandfleet::test
