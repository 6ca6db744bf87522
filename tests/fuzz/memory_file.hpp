#pragma once

#include "tests/fuzz/holds.hpp"

#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/// A file that exists in memory alone and is gone with this; its offset stands at its beginning.
class memory_file {
 public:
  explicit memory_file(std::string_view bytes) : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    holds(::write(descriptor_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
          ::lseek(descriptor_, 0, SEEK_SET) == 0);
  }
  ~memory_file() { ::close(descriptor_); }
  memory_file(const memory_file&) = delete;
  memory_file& operator=(const memory_file&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }
  [[nodiscard]] std::string bytes() const {
    struct stat found {};
    holds(::fstat(descriptor_, &found) == 0);
    std::string all(static_cast<std::size_t>(found.st_size), '\0');
    holds(::pread(descriptor_, all.data(), all.size(), 0) == found.st_size);
    return all;
  }

 private:
  int descriptor_;
};
