#include "runtime/providers/docker/ports.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <set>

namespace sandfleet::providers::docker {
namespace {

TEST(ports, are_of_their_ranges_and_held_while_they_are_used) {
  const tests::temporary_directory place;
  const port_wishes all{.agent = true, .others = true, .vscode = 0, .address = "127.0.0.1"};
  std::set<int> seen;
  std::vector<held_ports> held;
  for (int i = 0; i < 50; ++i) {
    auto taken = take_ports(place.path() + "/ports", all);
    ASSERT_TRUE(taken) << taken.error().to_string();
    const auto& numbers = taken->numbers;
    EXPECT_TRUE(numbers.agent >= 30000 && numbers.agent < 40000);
    EXPECT_TRUE(numbers.vscode >= 40000 && numbers.vscode < 50000);
    EXPECT_TRUE(numbers.app_1 >= 50000 && numbers.app_1 < 55000);
    EXPECT_TRUE(numbers.app_2 >= 55000 && numbers.app_2 < 60000);
    for (const int port : {numbers.agent, numbers.vscode, numbers.app_1, numbers.app_2})
      EXPECT_TRUE(seen.insert(port).second) << port;
    held.push_back(std::move(*taken));
  }
}

std::size_t files_in(const std::string& dir) {
  const std::filesystem::directory_iterator all(dir);
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST(ports, leave_nothing_when_they_are_given_back_or_their_program_is_killed) {
  const tests::temporary_directory place;
  const auto dir = place.path() + "/ports";
  const port_wishes all{.agent = true, .others = true, .vscode = 0, .address = "127.0.0.1"};
  auto held = take_ports(dir, all);
  ASSERT_TRUE(held);
  EXPECT_EQ(files_in(dir), 4U);
  auto others = take_ports(dir, all);
  ASSERT_TRUE(others);
  others->locks = std::move(held->locks);
  EXPECT_EQ(files_in(dir), 4U);
  place.write("ports/39999", ""); // as a killed one leaves it
  forget_free_ports(dir);
  EXPECT_EQ(files_in(dir), 4U) << "those that are held stay";
  others->locks.clear();
  EXPECT_EQ(files_in(dir), 0U);
}

TEST(ports, are_those_that_are_wished) {
  const tests::temporary_directory place;
  const port_wishes some{.agent = false, .others = true, .vscode = 41234, .address = "127.0.0.1"};
  const auto taken = take_ports(place.path() + "/ports", some);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->numbers.agent, 0);
  EXPECT_EQ(taken->numbers.vscode, 41234);
}

} // namespace
} // namespace sandfleet::providers::docker
