#pragma once

#include "tests/fuzz/holds.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

/// A directory, in memory where that can be had, beside a bait: whatever is done inside, the bait
/// must stay as it is.
class cage {
 public:
  cage()
      : top_((std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp") +
             std::string("/sandfleet-fuzz-XXXXXX")) {
    holds(::mkdtemp(top_.data()) != nullptr);
    std::filesystem::create_directories(inside());
    std::ofstream(top_ + "/bait") << "bait";
  }
  ~cage() { std::filesystem::remove_all(top_); }
  cage(const cage&) = delete;
  cage& operator=(const cage&) = delete;

  [[nodiscard]] std::string inside() const { return top_ + "/in"; }
  [[nodiscard]] std::string inside(const std::string& name) const { return inside() + "/" + name; }

  static std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void write(const std::string& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }

  void check_bait() const {
    holds(read(top_ + "/bait") == "bait");
    holds(std::distance(std::filesystem::directory_iterator(top_), {}) == 2);
  }

 private:
  std::string top_;
};
