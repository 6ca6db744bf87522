#pragma once

#include "tests/support/temporary_directory.hpp"

#include <filesystem>
#include <string>
#include <string_view>

class directory : public sandfleet::tests::temporary_directory {
 public:
  [[nodiscard]] std::string at(std::string_view name = {}) const {
    return name.empty() ? path() : *this / name;
  }
  [[nodiscard]] std::string read(std::string_view name) const {
    return temporary_directory::read(at(name));
  }
  [[nodiscard]] bool has(std::string_view name) const {
    return std::filesystem::exists(std::filesystem::symlink_status(at(name)));
  }
};
