#include "runtime/docker/client.hpp"
#include "runtime/providers/docker/derived_image.hpp"

#include <gmock/gmock.h>

namespace sandfleet::providers::docker {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Pair;

derived_image wish_of(std::string commands) {
  derived_image wish;
  wish.base = "ghcr.io/a/Base:1.2";
  wish.commands = std::move(commands);
  return wish;
}

TEST(derived_names, are_three) {
  const auto names = names_of(wish_of("true"), "sha256:1", "FROM x", "my/images");
  EXPECT_THAT(names.lock, MatchesRegex("my/images:v1_[0-9a-f]{16}"));
  EXPECT_THAT(names.source, MatchesRegex("my/images:v1_[0-9a-f]{16}_[0-9a-f]{16}"));
  EXPECT_EQ(names.versioned, "my/images:v1_ghcr.io_s_a_s_base_t_1.2");
}

TEST(derived_names, say_what_went_in) {
  const auto one = names_of(wish_of("true"), "sha256:1", "FROM x", "r");
  const auto same = names_of(wish_of("true"), "sha256:1", "FROM x", "r");
  EXPECT_EQ(one.source, same.source);
  const auto other_base = names_of(wish_of("true"), "sha256:2", "FROM x", "r");
  EXPECT_EQ(one.lock, other_base.lock);
  EXPECT_NE(one.source, other_base.source);
  const auto other_commands = names_of(wish_of("false"), "sha256:1", "FROM x", "r");
  EXPECT_NE(one.lock, other_commands.lock);
  EXPECT_EQ(one.versioned, other_commands.versioned);
}

TEST(derived_names, fit_into_a_tag) {
  auto wish = wish_of("true");
  wish.base = std::string(300, 'x') + "@sha256:" + std::string(64, 'f');
  const auto names = names_of(wish, "sha256:1", "", "r");
  EXPECT_THAT(names.versioned.substr(2), MatchesRegex("[a-z0-9_.-]{1,128}"));
}

TEST(dockerfile, runs_the_commands_as_root_and_gives_the_user_back) {
  EXPECT_EQ(*dockerfile_of(wish_of("echo \"a\"\necho b"), "1000", {"A"}),
            "FROM ghcr.io/a/Base:1.2\nUSER 0\nARG A\n"
            R"(RUN ["/bin/sh","-c","set -ex; echo \"a\"\necho b"])"
            "\nUSER 1000\n");
  EXPECT_THAT(*dockerfile_of(wish_of("true"), "", {}), testing::EndsWith("\"]\n"));
  EXPECT_EQ(dockerfile_of(wish_of(std::string(60'001, 'x')), "", {}).error().code,
            errc::limit_exceeded);
}

TEST(build_options, become_those_of_the_api) {
  const auto read = build_options({"--build-arg", "A=1=2", "--build-arg=B=", "--no-cache",
                                   "--label", "k=v", "--network=host", "--platform", "linux/arm64",
                                   "--cache-from=x", "--pull=false"});
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_THAT(read->names, ElementsAre("A", "B"));
  EXPECT_EQ(read->platform, "linux/arm64");
  EXPECT_THAT(read->query, testing::UnorderedElementsAre(
                               Pair("buildargs", R"({"A":"1=2","B":""})"), Pair("nocache", "1"),
                               Pair("labels", R"({"k":"v"})"), Pair("networkmode", "host"),
                               Pair("cachefrom", R"(["x"])")));
}

TEST(build_options, that_are_wrong_are_named) {
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{"--secret=x"},
                                                {"nonsense"},
                                                {"--label"},
                                                {"--build-arg", "A"},
                                                {"--no-cache=maybe"}}) {
    const auto read = build_options(wrong);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, errc::invalid_argument);
    EXPECT_THAT(read.error().message, HasSubstr(wrong.front().substr(0, 8)));
  }
}

void feed(build_log& log, std::vector<std::string>& seen, std::string text) {
  sandfleet::docker::progress_line line;
  line.text = std::move(text);
  log.take(line, [&](std::string_view one) { seen.emplace_back(one); });
}

TEST(build_log, has_no_colours_wherever_they_stand) {
  build_log log;
  std::vector<std::string> seen;
  feed(log, seen, "\x1b[91m+ \x1b[0m\x1b[91mcat /x\n\x1b[0m\x1b[91mcat: no\n");
  EXPECT_EQ(seen, (std::vector<std::string>{"+ cat /x", "cat: no"}));
}

TEST(build_log, says_which_command_failed) {
  build_log log;
  std::vector<std::string> seen;
  for (const auto* text :
       {"Step 2/3 : USER root\n", "Step 3/3 : RUN [x]", "\n", "\x1b[91m+ echo a\n\x1b[0m", "a\n",
        "\x1b[0m\x1b[91m+ cat /nothing\n", "cat: no such file\n"})
    feed(log, seen, text);
  EXPECT_THAT(seen, ElementsAre("Step 2/3 : USER root", "Step 3/3 : RUN [x]", "+ echo a", "a",
                                "+ cat /nothing", "cat: no such file"));
  const auto why =
      log.explain("i", make_error(errc::start_failed, "docker: cannot build")
                           .with_cause("The command '/bin/sh -c x' returned a non-zero code: 17"));
  EXPECT_EQ(why.blame, failure_class::task);
  EXPECT_EQ(why.cause, "cat /nothing: exit code 17");
  EXPECT_THAT(why.evidence, Contains(Pair("step", evidence_value("3/3"))));
  EXPECT_THAT(why.evidence, Contains(Pair("exit_code", evidence_value(std::int64_t{17}))));
}

TEST(build_log, leaves_other_failures_what_they_are) {
  const build_log log;
  const auto why = log.explain(
      "i", make_error(errc::connection_failed, "gone").with_cause("the connection broke"));
  EXPECT_EQ(why.blame, failure_class::infrastructure);
  EXPECT_EQ(why.cause, "the connection broke");
  EXPECT_THAT(why.evidence, IsEmpty());
}

} // namespace
} // namespace sandfleet::providers::docker
