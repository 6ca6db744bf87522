#pragma once

#include <string>

namespace sandfleet::bench {

/// A new, empty directory with a short path, removed with what is in it.
class scratch_directory {
 public:
  scratch_directory();
  ~scratch_directory();
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

} // namespace sandfleet::bench
