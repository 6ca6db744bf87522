#pragma once

#include "runtime/config/resolve.hpp"
#include "tests/support/temporary_directory.hpp"

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
    given_.directory = root_ + "/work";
    given_.environment["HOME"] = root_ + "/home";
    std::filesystem::create_directories(given_.directory);
    std::filesystem::create_directories(root_ + "/home");
  }

  /// Writes a file below the root; returns its path.
  std::string write(const std::string& name, const std::string& text) {
    return directory_.write(name, text);
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

  tests::temporary_directory directory_;
  const std::string& root_ = directory_.path();
  sources given_;
};

} // namespace sandfleet::config
