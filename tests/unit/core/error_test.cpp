#include <sandfleet/error.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

namespace sandfleet {
namespace {

constexpr auto last_errc = static_cast<int>(errc::internal);

TEST(error, every_code_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (int i = 0; i <= last_errc; ++i) {
    const auto name = to_string(static_cast<errc>(i));
    EXPECT_NE(name, "unknown") << i;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

TEST(error, every_class_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(failure_class::ambiguous); ++i)
    names.insert(to_string(static_cast<failure_class>(i)));
  EXPECT_EQ(names, (std::set<std::string_view>{"agent", "task", "infrastructure", "ambiguous"}));
}

TEST(error, wrong_input_is_blamed_on_the_task_and_broken_machinery_on_the_infrastructure) {
  EXPECT_EQ(default_blame(errc::invalid_argument), failure_class::task);
  EXPECT_EQ(default_blame(errc::not_found), failure_class::task);
  EXPECT_EQ(default_blame(errc::start_failed), failure_class::infrastructure);
  EXPECT_EQ(default_blame(errc::connection_failed), failure_class::infrastructure);
  EXPECT_EQ(default_blame(errc::out_of_memory), failure_class::agent);
  EXPECT_EQ(default_blame(errc::timed_out), failure_class::ambiguous);
}

TEST(error, a_failure_gets_the_blame_of_its_code_until_told_otherwise) {
  for (int i = 0; i <= last_errc; ++i) {
    const auto code = static_cast<errc>(i);
    EXPECT_EQ(make_error(code, "x").blame, default_blame(code));
  }
  EXPECT_EQ(make_error(errc::internal, "x").blamed_on(failure_class::agent).blame,
            failure_class::agent);
}

TEST(error, text_says_message_cause_evidence_and_hint_in_this_order) {
  const auto failure = make_error(errc::start_failed, "sandbox sb-1 did not start")
                           .with_cause("the launcher exited")
                           .with("exit_code", std::int64_t{3})
                           .with("stderr", std::string("no overlay"))
                           .with_hint("run sandfleet doctor");
  EXPECT_EQ(failure.to_string(), "sandbox sb-1 did not start: the launcher exited (exit_code=3, "
                                 "stderr=no overlay); run sandfleet doctor");
}

TEST(error, text_of_a_bare_failure_is_its_message) {
  EXPECT_EQ(make_error(errc::internal, "broken").to_string(), "broken");
}

TEST(error, an_errno_value_becomes_cause_and_evidence) {
  const auto failure = errno_error(errc::io_error, "f cannot be read", ENOENT);
  EXPECT_EQ(failure.cause, "No such file or directory");
  ASSERT_EQ(failure.evidence.size(), 1U);
  EXPECT_EQ(failure.evidence[0].first, "errno");
  EXPECT_EQ(failure.evidence[0].second, evidence_value{std::int64_t{ENOENT}});
}

TEST(error, fail_is_returned_as_a_result_of_any_type) {
  const auto number = []() -> result<int> { return fail(errc::cancelled, "gone"); }();
  const auto nothing = []() -> result<void> { return fail(make_error(errc::cancelled, "gone")); }();
  ASSERT_FALSE(number);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(number.error(), nothing.error());
}

} // namespace
} // namespace sandfleet
