#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sandfleet::tests {

/// A directory that goes with its owner. Its path is short and not below TMPDIR: the path of a unix
/// socket is limited.
class temporary_directory {
 public:
  temporary_directory() {
    if (::mkdtemp(path_.data()) == nullptr)
      throw std::runtime_error("no temporary directory");
  }
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }

  /// Writes a file, whose directories are made; returns its path.
  std::string write(std::string_view name, std::string_view bytes) const {
    auto file = *this / name;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }

  static std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::string path_ = "/tmp/sandfleet-XXXXXX";
};

} // namespace sandfleet::tests
