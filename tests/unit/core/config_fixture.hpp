#pragma once

#include "runtime/config/resolve.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <stdlib.h>
#include <string>

namespace sandfleet::config {

/// A directory of its own as working directory and home, and an empty environment.
class config_test : public testing::Test {
 protected:
  config_test() {
    auto name = (std::filesystem::temp_directory_path() / "sandfleet-config-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
    given_.directory = root_ + "/work";
    given_.environment["HOME"] = root_ + "/home";
    std::filesystem::create_directories(given_.directory);
    std::filesystem::create_directories(root_ + "/home");
  }

  ~config_test() override {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  /// Writes a file below the root; returns its path.
  std::string write(const std::string& name, const std::string& text) {
    auto path = root_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    return path;
  }

  /// Uses `text` as the file of --config.
  void use_file(const std::string& text) { given_.config_file = write("given.toml", text); }

  resolved resolve_good() {
    auto outcome = resolve(given_);
    EXPECT_TRUE(outcome) << outcome.error().to_string();
    return outcome ? std::move(*outcome) : resolved{};
  }

  error resolve_bad() {
    auto outcome = resolve(given_);
    EXPECT_FALSE(outcome) << "no error";
    return outcome ? error{} : outcome.error();
  }

  std::string first_origin(const resolved& config, key which) {
    const auto& from = config.at(which).from;
    return from.empty() ? "" : from.front().to_string();
  }

  std::string root_;
  sources given_;
};

} // namespace sandfleet::config
