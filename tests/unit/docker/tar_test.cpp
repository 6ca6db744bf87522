#include "runtime/docker/tar.hpp"

#include <gtest/gtest.h>

namespace sandfleet::docker {
namespace {

/// A number as ustar has it.
unsigned octal(const std::string& tar, std::size_t at, std::size_t length) {
  return static_cast<unsigned>(std::stoul(tar.substr(at, length), nullptr, 8));
}

TEST(tar, holds_names_modes_and_bytes) {
  const auto made = make_tar({{.path = "dir/file", .bytes = "hello", .mode = 0755}});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->substr(0, 8), "dir/file");
  EXPECT_EQ(octal(*made, 100, 7), 0755U);
  EXPECT_EQ(octal(*made, 124, 11), 5U);
  EXPECT_EQ(made->substr(257, 5), "ustar");
  EXPECT_EQ(made->substr(512, 5), "hello");
}

TEST(tar, is_the_same_for_the_same_files) {
  const std::vector<tar_file> files{{.path = "a", .bytes = "1"}, {.path = "b", .bytes = ""}};
  EXPECT_EQ(make_tar(files).value(), make_tar(files).value());
}

TEST(tar, can_be_compressed) {
  const std::string much(100'000, 'x');
  const auto made = make_tar({{.path = "a", .bytes = much}}, tar_compression::gzip);
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(made->substr(0, 2), "\x1f\x8b");
  EXPECT_LT(made->size(), 2000U);
}

} // namespace
} // namespace sandfleet::docker
