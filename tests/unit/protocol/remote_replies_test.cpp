#include "runtime/protocol/remote_replies.hpp"

#include <gtest/gtest.h>

namespace sandfleet::protocol {
namespace {

TEST(remote_replies, lists_are_read_with_and_without_a_frame) {
  runtime_object one;
  one.runtime_id = "rt1";
  one.url = "http://x/rt1";
  one.failure = make_error(errc::out_of_memory, "too big").with("oom_kills", std::int64_t{1});
  const std::vector<runtime_object> all = {one, one};
  EXPECT_EQ(decode_runtimes(encode_runtimes(all, false)).value(), all);
  EXPECT_EQ(decode_runtimes(encode_runtimes(all, true)).value(), all);
  EXPECT_EQ(decode_runtimes(R"({"runtimes":[]})").value().size(), 0U);
  for (const char* text :
       {"", "{}", "7", R"({"runtimes":7})", R"({"runtimes":[7]})", R"({"runtimes":[{"url":"u"}]})"})
    EXPECT_EQ(decode_runtimes(text).error().code, errc::protocol_error) << text;
}

TEST(remote_replies, refusals_say_what_people_and_programs_can_read) {
  const auto plain = read_refusal("<h1>502</h1>\n");
  EXPECT_EQ(plain.detail, "<h1>502</h1>");
  EXPECT_FALSE(plain.is_structured);
  EXPECT_FALSE(plain.whole);
  const auto usual = read_refusal(R"({"detail":"no"})");
  EXPECT_EQ(usual.detail, "no");
  EXPECT_TRUE(usual.is_structured);
  const auto ours = read_refusal(R"({"detail":"no","error":{"code":"not_found","class":"task"}})");
  ASSERT_TRUE(ours.whole);
  EXPECT_EQ(ours.whole->code, errc::not_found);
  EXPECT_EQ(ours.whole->blame, failure_class::task);
  EXPECT_FALSE(read_refusal(R"({"detail":["a"],"error":"b"})").is_structured);
  EXPECT_LE(read_refusal(std::string(100'000, 'x')).detail.size(), 500U);
}

TEST(remote_replies, of_builds_have_the_members_that_they_must_have) {
  EXPECT_EQ(decode_registry_prefix(R"({"registry_prefix":"r/x"})").value(), "r/x");
  EXPECT_EQ(decode_build_id(R"({"build_id":"b"})").value(), "b");
  EXPECT_TRUE(decode_image_exists(R"({"exists":true,"image":{}})").value());
  EXPECT_FALSE(decode_image_exists(R"({"exists":false})").value());
  const auto state = decode_build_state(R"({"status":"failure","image":null,"error":"no"})");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->status, "FAILURE");
  EXPECT_EQ(state->failure, "no");
  for (const char* text : {"", "[]", "{}", R"({"exists":1})"}) {
    EXPECT_FALSE(decode_registry_prefix(text)) << text;
    EXPECT_FALSE(decode_build_id(text)) << text;
    EXPECT_FALSE(decode_image_exists(text)) << text;
    EXPECT_FALSE(decode_build_state(text)) << text;
  }
}

} // namespace
} // namespace sandfleet::protocol
