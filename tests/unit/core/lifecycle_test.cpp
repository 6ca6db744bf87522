#include "runtime/core/lifecycle.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

namespace sandfleet::core {
namespace {

using s = sandbox_state;
using e = lifecycle_event;

sandbox_state state_at(std::size_t i) {
  return static_cast<sandbox_state>(i);
}
lifecycle_event event_at(std::size_t i) {
  return static_cast<lifecycle_event>(i);
}

std::string describe(s from, e event) {
  return std::string(to_string(from)) + " + " + std::string(to_string(event));
}

/// What must hold, written apart from the implementation: one row a state, one letter an event in
/// the order of `lifecycle_event`, naming the state that follows; '.' means refused.
///   S starting  B building  R runtime_started  W setting_up_workspace  G git_hooks  A ready
///   p pausing  P paused  r resuming  k stopping  K stopped  X error  D disconnected  M out of
///   memory
constexpr std::array<std::string_view, sandbox_state_count> expected = {
    // build start up setup hooks ready pause paused resume lost stop stopped failed memory
    "BS......r.k.X.", // created
    "BSR.......k.XM", // starting_runtime
    ".S........k.X.", // building_runtime
    "...W.A...Dk.XM", // runtime_started
    "....GA...Dk.XM", // setting_up_workspace
    ".....A...Dk.XM", // setting_up_git_hooks
    "...WG.p..Dk.XM", // ready
    ".....A.P.Dk.X.", // pausing
    "........rDk.X.", // paused
    "..R....P.Dk.XM", // resuming
    "...........KX.", // stopping
    "..............", // stopped
    "..........k...", // error
    ".....A..r.k.XM", // error_runtime_disconnected
    "..........k...", // error_memory
};

std::optional<s> state_of(char letter) {
  switch (letter) {
  case 'S':
    return s::starting_runtime;
  case 'B':
    return s::building_runtime;
  case 'R':
    return s::runtime_started;
  case 'W':
    return s::setting_up_workspace;
  case 'G':
    return s::setting_up_git_hooks;
  case 'A':
    return s::ready;
  case 'p':
    return s::pausing;
  case 'P':
    return s::paused;
  case 'r':
    return s::resuming;
  case 'k':
    return s::stopping;
  case 'K':
    return s::stopped;
  case 'X':
    return s::error;
  case 'D':
    return s::error_runtime_disconnected;
  case 'M':
    return s::error_memory;
  default:
    return std::nullopt;
  }
}

TEST(lifecycle, answers_every_event_in_every_state_as_the_table_says) {
  for (std::size_t i = 0; i < sandbox_state_count; ++i) {
    ASSERT_EQ(expected[i].size(), lifecycle_event_count);
    for (std::size_t j = 0; j < lifecycle_event_count; ++j)
      EXPECT_EQ(next_state(state_at(i), event_at(j)), state_of(expected[i][j]))
          << describe(state_at(i), event_at(j));
  }
}

TEST(lifecycle, has_one_row_for_each_state_and_event) {
  std::set<std::pair<s, e>> seen;
  for (const auto& row : transitions())
    EXPECT_TRUE(seen.emplace(row.from, row.event).second) << describe(row.from, row.event);
}

TEST(lifecycle, reaches_every_state_from_created) {
  std::set<s> reached{s::created};
  for (std::size_t round = 0; round < sandbox_state_count; ++round)
    for (const auto& row : transitions())
      if (reached.contains(row.from))
        reached.insert(row.to);
  EXPECT_EQ(reached.size(), sandbox_state_count);
}

TEST(lifecycle, leads_from_every_state_to_stopped) {
  std::set<s> ending{s::stopped};
  for (std::size_t round = 0; round < sandbox_state_count; ++round)
    for (const auto& row : transitions())
      if (ending.contains(row.to))
        ending.insert(row.from);
  EXPECT_EQ(ending.size(), sandbox_state_count);
}

TEST(lifecycle, ends_in_stopped_alone) {
  for (std::size_t i = 0; i < sandbox_state_count; ++i)
    EXPECT_EQ(is_final(state_at(i)), state_at(i) == s::stopped) << to_string(state_at(i));
}

TEST(lifecycle, stands_in_stopping_before_it_is_stopped) {
  for (const auto& row : transitions())
    if (row.to == s::stopped) {
      EXPECT_EQ(row.from, s::stopping);
    }
}

TEST(lifecycle, can_be_stopped_in_every_state_that_is_not_about_to_end) {
  for (std::size_t i = 0; i < sandbox_state_count; ++i) {
    const auto state = state_at(i);
    EXPECT_EQ(next_state(state, e::stop_begun).has_value(),
              state != s::stopping && state != s::stopped)
        << to_string(state);
  }
}

TEST(lifecycle, names_every_event_and_state_once) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < lifecycle_event_count; ++i)
    names.insert(to_string(event_at(i)));
  EXPECT_EQ(names.size(), lifecycle_event_count);
  EXPECT_FALSE(names.contains("unknown"));
  names.clear();
  for (std::size_t i = 0; i < sandbox_state_count; ++i)
    names.insert(to_string(state_at(i)));
  EXPECT_EQ(names.size(), sandbox_state_count);
  EXPECT_FALSE(names.contains("STATUS$UNKNOWN"));
}

TEST(lifecycle, uses_the_names_that_openhands_clients_know) {
  EXPECT_EQ(to_string(s::starting_runtime), "STATUS$STARTING_RUNTIME");
  EXPECT_EQ(to_string(s::building_runtime), "STATUS$BUILDING_RUNTIME");
  EXPECT_EQ(to_string(s::runtime_started), "STATUS$RUNTIME_STARTED");
  EXPECT_EQ(to_string(s::setting_up_workspace), "STATUS$SETTING_UP_WORKSPACE");
  EXPECT_EQ(to_string(s::setting_up_git_hooks), "STATUS$SETTING_UP_GIT_HOOKS");
  EXPECT_EQ(to_string(s::ready), "STATUS$READY");
  EXPECT_EQ(to_string(s::stopped), "STATUS$STOPPED");
  EXPECT_EQ(to_string(s::error), "STATUS$ERROR");
  EXPECT_EQ(to_string(s::error_runtime_disconnected), "STATUS$ERROR_RUNTIME_DISCONNECTED");
  EXPECT_EQ(to_string(s::error_memory), "STATUS$ERROR_MEMORY");
}

} // namespace
} // namespace sandfleet::core
