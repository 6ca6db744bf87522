#include "sandbox_agent/launcher/failure_pipe.hpp"
#include "sandbox_agent/launcher/request.hpp"

#include <gtest/gtest.h>

namespace sandfleet::launcher {
namespace {

using words = std::vector<std::string_view>;

words with(words more) {
  words all = {"--id", "sb-1", "--state-dir", "/run/x", "--agent", "/bin/agent"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

TEST(launcher_request, splits_at_nul_and_keeps_empty_and_odd_values) {
  using namespace std::string_view_literals;
  EXPECT_EQ(split_arguments("a\0\0b c\n\0"sv), (words{"a", "", "b c\n"}));
  EXPECT_EQ(split_arguments("a\0b"sv), (words{"a", "b"}));
  EXPECT_TRUE(split_arguments("").empty());
}

TEST(launcher_request, reads_every_argument) {
  const auto wanted =
      parse_request(with({"--isolation", "namespaces", "--image",     "rootfs:/images/a",
                          "--workspace", "/w",         "--network",   "host",
                          "--volume",    "/h",         "/c",          "ro",
                          "--volume",    "/h2",        "/c2",         "rw",
                          "--env",       "A=",         "--env",       "B=x=y",
                          "--cpus",      "0.5",        "--memory-mb", "64",
                          "--pids",      "32",         "--disk-mb",   "10"}));
  ASSERT_TRUE(wanted) << wanted.error().to_string();
  EXPECT_EQ(wanted->id, "sb-1");
  EXPECT_EQ(rootfs_path(*wanted), "/images/a");
  EXPECT_EQ(wanted->workspace, "/w");
  EXPECT_TRUE(wanted->host_network);
  EXPECT_EQ(wanted->volumes, (std::vector<volume>{{"/h", "/c", true}, {"/h2", "/c2", false}}));
  EXPECT_EQ(wanted->env, (std::vector<std::string>{"A=", "B=x=y"}));
  EXPECT_EQ(wanted->limits.cpus, 0.5);
  EXPECT_EQ(wanted->limits.memory_mb, 64);
  EXPECT_EQ(wanted->limits.pids, 32);
  EXPECT_EQ(wanted->limits.disk_mb, 10);
}

TEST(launcher_request, has_safe_defaults) {
  const auto wanted = parse_request(with({}));
  ASSERT_TRUE(wanted);
  EXPECT_EQ(wanted->isolation, isolation_mode::namespaces);
  EXPECT_EQ(wanted->image, "host");
  EXPECT_FALSE(wanted->host_network);
}

TEST(launcher_request, names_what_is_wrong) {
  const std::pair<words, const char*> cases[] = {
      {with({"--colour", "red"}), "--colour"},
      {with({"--cpus"}), "--cpus"},
      {with({"--cpus", "-1"}), "--cpus"},
      {with({"--memory-mb", "64k"}), "--memory-mb"},
      {with({"--pids", "0"}), "--pids"},
      {with({"--workspace", "here"}), "--workspace"},
      {with({"--network", "bridge"}), "--network"},
      {with({"--isolation", "vm"}), "--isolation"},
      {with({"--image", "ubuntu"}), "--image"},
      {with({"--image", "rootfs:x"}), "--image"},
      {with({"--volume", "/h", "/c"}), "--volume"},
      {with({"--volume", "/h", "/c", "rx"}), "--volume"},
      {with({"--env", "=x"}), "--env"},
      {with({"--env", "x"}), "--env"},
      {{"--id", "../x", "--state-dir", "/r", "--agent", "/a"}, "--id"},
      {{"--id", "x", "--agent", "/a"}, "--state-dir"},
      {{"--id", "x", "--state-dir", "/r"}, "--agent"},
  };
  for (const auto& [arguments, name] : cases) {
    const auto wanted = parse_request(arguments);
    ASSERT_FALSE(wanted) << name;
    EXPECT_EQ(wanted.error().blame, failure_class::task);
    EXPECT_NE(wanted.error().message.find(name), std::string::npos) << wanted.error().message;
  }
}

TEST(launcher_request, without_isolation_has_no_image_and_no_volumes) {
  EXPECT_EQ(parse_request(with({"--isolation", "none", "--image", "rootfs:/x"})).error().code,
            errc::unsupported);
  EXPECT_EQ(parse_request(with({"--isolation", "none", "--volume", "/h", "/c", "ro"})).error().code,
            errc::unsupported);
  EXPECT_TRUE(parse_request(with({"--isolation", "none"})));
}

TEST(launcher_failure_pipe, carries_a_failure_whole_or_not_at_all) {
  auto failure = make_error(errc::permission_denied, "message: with\nlines")
                     .with_cause("cause")
                     .with_hint("")
                     .blamed_on(failure_class::task);
  const auto bytes = encode_failure(failure);
  const auto read = decode_failure(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, failure);
  for (std::size_t n = 0; n < bytes.size(); ++n)
    EXPECT_FALSE(decode_failure(std::string_view(bytes).substr(0, n))) << n;
}

} // namespace
} // namespace sandfleet::launcher
