#include "runtime/protocol/error_json.hpp"

#include <gtest/gtest.h>

namespace sandfleet::protocol {
namespace {

TEST(error_json, a_failure_comes_back_as_it_was) {
  const auto failure = make_error(errc::sandbox_lost, "it ended")
                           .with_cause("killed")
                           .with_hint("start another")
                           .blamed_on(failure_class::ambiguous)
                           .with("signal", std::int64_t{9})
                           .with("daemon", "said \"no\"");
  const auto text = encode_error(failure);
  const auto again = decode_error(text);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(encode_error(*again), text);
  EXPECT_EQ(again->code, errc::sandbox_lost);
  EXPECT_EQ(again->blame, failure_class::ambiguous);
  EXPECT_EQ(again->evidence, failure.evidence);
}

TEST(error_json, every_code_and_class_has_its_name) {
  for (int code = 0; code <= static_cast<int>(errc::internal); ++code) {
    const auto failure = make_error(static_cast<errc>(code), "x");
    EXPECT_EQ(decode_error(encode_error(failure))->code, failure.code);
    EXPECT_EQ(decode_error(encode_error(failure))->blame, failure.blame);
  }
}

TEST(error_json, what_is_not_known_is_not_guessed) {
  const auto failure = decode_error(R"({"code": "new_kind", "class": "moon"})");
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->code, errc::internal);
  EXPECT_EQ(failure->blame, failure_class::ambiguous);
  EXPECT_FALSE(decode_error("[]"));
}

TEST(error_json, the_first_of_two_facts_with_one_name_counts) {
  auto failure = make_error(errc::internal, "x").with("a", std::int64_t{1}).with("a", "two");
  EXPECT_NE(encode_error(failure).find(R"("evidence":{"a":1})"), std::string::npos);
}

} // namespace
} // namespace sandfleet::protocol
