#include "runtime/core/git.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace sandfleet::core {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

git_source read(const std::string& repository, const std::string& host = "github.com") {
  auto source = read_git_source(repository, host);
  EXPECT_TRUE(source) << repository << ": " << source.error().to_string();
  return source.value_or(git_source{});
}

TEST(git_source, reads_owner_and_name_at_a_host) {
  const auto source = read("octo/hello.world");
  EXPECT_EQ(source.url, "https://github.com/octo/hello.world.git");
  EXPECT_EQ(source.directory, "hello.world");
  EXPECT_EQ(source.web_host, "https://github.com");
  EXPECT_EQ(read("group/sub/name.git", "gitlab.example:8443").url,
            "https://gitlab.example:8443/group/sub/name.git");
}

TEST(git_source, reads_what_git_reads) {
  EXPECT_EQ(read("https://host.example/o/name.git/").directory, "name");
  EXPECT_EQ(read("http://127.0.0.1:8080/name").web_host, "http://127.0.0.1:8080");
  EXPECT_EQ(read("ssh://git@host/o/name").web_host, "");
  EXPECT_EQ(read("git@host.example:o/name.git").directory, "name");
  EXPECT_EQ(read("git@host.example:name").directory, "name");
  EXPECT_EQ(read("file:///srv/name.git").directory, "name");
  EXPECT_EQ(read("/srv/with space/name").url, "/srv/with space/name");
  EXPECT_EQ(read("/srv/name/.git").directory, "name");
}

TEST(git_source, refuses_what_is_no_repository) {
  for (const auto* text :
       {"name", "o/..", "../x", "-o/x", "--upload-pack=x", "o/na me", "ext::sh -c id", "ftp://h/x",
        "https:///x", "https://host", "https://host/", "/", "o/x\n", "/srv/..", "file:///.git"}) {
    const auto source = read_git_source(text, "github.com");
    ASSERT_FALSE(source) << text;
    EXPECT_EQ(source.error().code, errc::invalid_argument);
    EXPECT_EQ(source.error().blame, failure_class::task);
  }
  EXPECT_FALSE(read_git_source("o/x", "host/path"));
  EXPECT_FALSE(read_git_source("o/x", "me@host"));
}

TEST(git_source, does_not_repeat_a_secret_that_stands_in_the_url) {
  const auto source = read_git_source("https://me:hunter2@host/o/x", "github.com");
  ASSERT_FALSE(source);
  EXPECT_THAT(source.error().to_string(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(source.error().hint, HasSubstr("token"));
}

TEST(git_access, shows_the_token_to_its_host_alone_and_in_no_argument) {
  const auto access = git_access_for(read("o/x"), "sesame");
  EXPECT_EQ(access.env.at("SANDFLEET_GIT_USER"), "x-access-token");
  EXPECT_EQ(access.env.at("SANDFLEET_GIT_PASSWORD"), "sesame");
  for (const auto& option : access.options)
    EXPECT_THAT(option, Not(HasSubstr("sesame")));
  EXPECT_TRUE(std::ranges::any_of(access.options, [](const std::string& option) {
    return option.starts_with("credential.https://github.com.helper=");
  }));
}

TEST(git_access, names_the_user_that_the_host_wants) {
  EXPECT_EQ(git_access_for(read("o/x", "gitlab.com"), "t").env.at("SANDFLEET_GIT_USER"), "oauth2");
  EXPECT_EQ(git_access_for(read("o/x", "bitbucket.org"), "t").env.at("SANDFLEET_GIT_USER"),
            "x-token-auth");
  const auto own = git_access_for(read("o/x", "bitbucket.org"), "me:pass:word").env;
  EXPECT_EQ(own.at("SANDFLEET_GIT_USER"), "me");
  EXPECT_EQ(own.at("SANDFLEET_GIT_PASSWORD"), "pass:word");
  EXPECT_TRUE(git_access_for(read("o/x"), "").options.empty());
}

struct printed_case {
  std::string printed;
  errc code;
  failure_class blame;
};

TEST(clone_error, says_whose_fault_it_is) {
  using f = failure_class;
  for (const auto& one : std::vector<printed_case>{
           {"fatal: unable to access 'https://h/': Could not resolve host: h",
            errc::connection_failed, f::infrastructure},
           {"fatal: unable to access 'http://h/': Failed to connect to h port 80",
            errc::connection_failed, f::infrastructure},
           {"fatal: unable to access 'x': The requested URL returned error: 503",
            errc::connection_failed, f::infrastructure},
           {"fatal: could not read Username for 'https://h': terminal prompts disabled",
            errc::permission_denied, f::task},
           {"fatal: Authentication failed for 'https://h/'", errc::permission_denied, f::task},
           {"fatal: repository 'https://h/o/x/' not found", errc::not_found, f::task},
           {"fatal: '/srv/x' does not appear to be a git repository\nfatal: Could not read from "
            "remote repository.",
            errc::not_found, f::task},
           {"fatal: destination path 'x' already exists and is not an empty directory.",
            errc::already_exists, f::task},
           {"fatal: something else", errc::invalid_argument, f::task}}) {
    const auto why = clone_error("https://h/o/x", 128, one.printed);
    EXPECT_EQ(why.code, one.code) << one.printed;
    EXPECT_EQ(why.blame, one.blame) << one.printed;
    EXPECT_THAT(why.to_string(), HasSubstr("output=fatal: "));
  }
}

TEST(end_of, keeps_whole_lines_and_characters) {
  EXPECT_EQ(end_of(" short\n", 100), "short");
  EXPECT_EQ(end_of("one\ntwo\nthree", 7), "[8 bytes before] three");
  EXPECT_EQ(end_of("aaaa\xc3\xa4zz", 3), "[6 bytes before] zz");
}

TEST(pre_commit_hook, is_known_as_such_by_openhands_and_runs_the_script) {
  const auto hook = pre_commit_hook();
  EXPECT_TRUE(hook.starts_with("#!/bin/bash\n"));
  EXPECT_THAT(hook, HasSubstr("This hook was installed by OpenHands"));
  EXPECT_THAT(hook, HasSubstr(".openhands/pre-commit.sh"));
}

TEST(workspace_setup, is_checked_as_a_whole) {
  workspace_setup wanted;
  EXPECT_TRUE(validate(wanted));
  wanted.branch = "main";
  EXPECT_FALSE(validate(wanted)) << "of no repository";
  wanted.repository = "o/x";
  EXPECT_TRUE(validate(wanted));
  wanted.branch = "--orphan";
  EXPECT_FALSE(validate(wanted));
  wanted.branch.clear();
  wanted.token = "sesame\n";
  const auto checked = validate(wanted);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().to_string(), Not(HasSubstr("sesame")));
  wanted.token = "sesame";
  EXPECT_TRUE(validate(wanted));
  wanted.repository = "/srv/x";
  EXPECT_FALSE(validate(wanted)) << "a path takes no token";
  wanted.token.clear();
  wanted.clone_timeout = {};
  EXPECT_FALSE(validate(wanted));
}

} // namespace
} // namespace sandfleet::core
