#include "runtime/transport/base_url.hpp"

#include <gtest/gtest.h>

namespace sandfleet::transport {
namespace {

TEST(base_url, names_a_service) {
  const auto read = [](std::string_view text) { return parse_base_url(text).value(); };
  EXPECT_EQ(read("https://a.test"), (base_url{true, {"a.test", 443}, ""}));
  EXPECT_EQ(read("http://a.test/"), (base_url{false, {"a.test", 80}, ""}));
  EXPECT_EQ(read("HTTPS://10.0.0.1:8443/api/v1/"), (base_url{true, {"10.0.0.1", 8443}, "/api/v1"}));
  EXPECT_EQ(read("http://[::1]:99/x%20y"), (base_url{false, {"::1", 99}, "/x%20y"}));
  EXPECT_EQ(read("https://[::1]"), (base_url{true, {"::1", 443}, ""}));
}

TEST(base_url, that_is_none_is_refused) {
  for (const auto* text :
       {"", "a.test", "ftp://a", "https://", "https:///x", "https://a:0", "https://a:65536",
        "https://a:x", "https://::1", "https://[[a]]", "https://u:p@a", "https://a?x",
        "https://a/#x", "https://a b", "https://a\r\nX: y", "https://\xc3\xa9"}) {
    const auto read = parse_base_url(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, errc::invalid_argument);
  }
  EXPECT_EQ(parse_base_url("https://user:secret@a").error().to_string().find("secret"),
            std::string::npos);
}

} // namespace
} // namespace sandfleet::transport
