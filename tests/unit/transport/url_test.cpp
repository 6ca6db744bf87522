#include "runtime/transport/url.hpp"

#include <gtest/gtest.h>

namespace sandfleet::transport {
namespace {

TEST(url, encoding_keeps_unreserved_characters_and_slashes) {
  EXPECT_EQ(url_encode_path("/a-b_c.d~e/f"), "/a-b_c.d~e/f");
  EXPECT_EQ(url_encode_path("a b%c?\xc3\xa9"), "a%20b%25c%3F%C3%A9");
}

TEST(url, decoding_undoes_encoding_for_all_bytes) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte)
    all += static_cast<char>(byte);
  EXPECT_EQ(url_decode(url_encode_path(all)), all);
  EXPECT_EQ(url_decode("%41%4a%zz%4%"), "AJ%zz%4%");
  EXPECT_EQ(url_decode("a+b"), "a+b");
  EXPECT_EQ(url_decode("a+b", true), "a b");
}

TEST(url, targets_have_a_path_and_a_query) {
  for (const char* target : {"/a%20b?x=1", "http://host/a%20b?x=1", "http://host:80/a%20b?x=1"}) {
    EXPECT_EQ(split_target(target).path, "/a b") << target;
    EXPECT_EQ(split_target(target).query, "x=1") << target;
  }
  EXPECT_EQ(split_target("http://host").path, "/");
  EXPECT_EQ(split_target("/a?b?c").query, "b?c");
  EXPECT_EQ(split_target("/?://x/y").path, "/");
}

TEST(url, a_parameter_is_found_by_its_decoded_name) {
  EXPECT_EQ(query_value("a=1&b+c=%2f&a=2&d", "a"), "1");
  EXPECT_EQ(query_value("a=1&b+c=%2f&a=2&d", "b c"), "/");
  EXPECT_EQ(query_value("a=1&b+c=%2f&a=2&d", "d"), "");
  EXPECT_FALSE(query_value("a=1", "A"));
  EXPECT_FALSE(query_value("", "a"));
}

} // namespace
} // namespace sandfleet::transport
