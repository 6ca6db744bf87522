#pragma once

#include <sandfleet/error.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sandfleet::batch {

/// What an earlier run left in a result file.
struct earlier_results {
  std::unordered_map<std::string, bool> passed; ///< by id
  std::uint64_t cut_bytes = 0;                  ///< of a half-written last line that was removed
};

/// A result file that only ever grows by whole lines. It is locked against a second writer.
class result_file {
 public:
  /// Makes the file, or goes on with the one that is there: a last line that was not finished is
  /// cut off. A file that holds anything but results is left alone. Errors: `invalid_argument`
  /// (not a result file; two results of one id), `already_exists` (in use), `not_found`,
  /// `permission_denied`, `io_error`.
  static result<result_file> open(const std::string& path);

  result_file(result_file&& other) noexcept;
  result_file& operator=(result_file&&) = delete;
  ~result_file();

  [[nodiscard]] const earlier_results& earlier() const { return earlier_; }

  /// Appends a line, its line feed included. After an error nothing of the line is in the file.
  /// The file is forced to the disk at most once a second: a crash of the machine may lose the last
  /// second's results, and the next run makes them again.
  result<void> append(std::string_view line);

  /// Forces what was written to the disk.
  result<void> sync();

 private:
  result_file(std::string path, int descriptor);
  result<void> read_earlier();
  [[nodiscard]] error write_error(int number) const;

  std::string path_;
  int descriptor_ = -1;
  bool regular_ = false; ///< /dev/null and pipes can be neither cut nor read again
  std::uint64_t size_ = 0;
  bool dirty_ = false;
  std::chrono::steady_clock::time_point synced_{};
  earlier_results earlier_;
};

} // namespace sandfleet::batch
