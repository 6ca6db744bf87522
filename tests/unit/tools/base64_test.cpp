#include "tools/batch/base64.hpp"

#include <gtest/gtest.h>

#include <random>

namespace sandfleet::batch {
namespace {

TEST(base64, knows_the_vectors_of_rfc_4648) {
  const std::pair<std::string, std::string> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(encode_base64(bytes), text);
    EXPECT_EQ(decode_base64(text), bytes);
  }
}

TEST(base64, refuses_what_is_not_canonical) {
  for (const auto* text : {"Zg", "Zg=", "Zg===", "Z===", "====", "Zh==", "Zm9=", "Zm 9v", "Zm9v\n",
                           "Zm-v", "=Zm9", "Zg==Zg=="})
    EXPECT_FALSE(decode_base64(text)) << text;
}

TEST(base64, gives_back_any_bytes) {
  std::mt19937 random(7);
  for (std::size_t size = 0; size < 300; ++size) {
    std::string bytes(size, '\0');
    for (auto& byte : bytes)
      byte = static_cast<char>(random());
    EXPECT_EQ(decode_base64(encode_base64(bytes)), bytes);
  }
}

} // namespace
} // namespace sandfleet::batch
