#include "tests/integration/cli/program.hpp"
#include "tests/support/leftovers.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

namespace sandfleet::test {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::StartsWith;
using tests::ends;

/// Sandboxes that outlive the command that made them, in a state directory of their own.
class kept : public testing::Test {
 protected:
  kept() { around_.environment["SANDFLEET_STATE_DIR"] = state_.path(); }
  ~kept() override {
    // What a failed test has left.
    sandfleet({"stop", "--all"});
    sandfleet({"gc"});
  }

  ended sandfleet(std::vector<std::string> words, const std::string& input = {}) const {
    return run_sandfleet(std::move(words), around_, input);
  }

  [[nodiscard]] json::array list() const {
    const auto told = sandfleet({"ps", "--output", "json"});
    EXPECT_EQ(told.status, 0) << told.err;
    return json::parse(told.out).at("sandboxes").as_array();
  }

  [[nodiscard]] std::string only_id() const {
    const auto all = list();
    return all.size() == 1 ? json::value_to<std::string>(all[0].at("id")) : "";
  }

  [[nodiscard]] pid_t launcher() const {
    return static_cast<pid_t>(list().at(0).at("launcher_pid").as_int64());
  }

  [[nodiscard]] std::size_t entries() const {
    std::error_code ignored;
    return static_cast<std::size_t>(std::distance(
        std::filesystem::directory_iterator(state_.path() + "/sandboxes", ignored), {}));
  }

  scratch_directory state_;
  surroundings around_;
};

TEST_F(kept, one_of_another_provider_than_the_configured_is_found_too) {
  EXPECT_EQ(sandfleet({"run", "--rm=false", "--name", "pet", "--", "true"}).status, 0);
  const auto id = only_id();
  around_.environment["RUNTIME"] = "docker";
  EXPECT_EQ(sandfleet({"ps", "--quiet"}).out, id + "\n");
  EXPECT_EQ(sandfleet({"exec", "pet", "--", "echo", "there"}).out, "there\n");
  EXPECT_EQ(sandfleet({"ps", "--quiet", "--provider", "docker"}).out, "");
  EXPECT_THAT(sandfleet({"stop", "--provider", "docker", "pet"}).err,
              HasSubstr("no sandbox 'pet'"));
  EXPECT_EQ(sandfleet({"stop", "--all"}).out, id + "\n");
}

TEST_F(kept, a_sandbox_stays_is_listed_used_and_stopped) {
  const auto made = sandfleet(
      {"run", "--rm=false", "--name", "pet", "--", "sh", "-c", "echo out; echo x > file; exit 3"});
  EXPECT_EQ(made.status, 3);
  EXPECT_EQ(made.out, "out\n");
  const auto id = only_id();
  EXPECT_EQ(made.err, id + "\n");

  const auto table = sandfleet({"ps"});
  EXPECT_THAT(table.out, HasSubstr("ID "));
  EXPECT_THAT(table.out, HasSubstr(id + "  pet "));
  EXPECT_THAT(table.out, HasSubstr("running"));
  EXPECT_THAT(table.out, HasSubstr("kept, 23 h left"));
  EXPECT_THAT(table.out, HasSubstr("sh -c 'echo out; echo x > file; exit 3'"));
  EXPECT_EQ(sandfleet({"ps", "--quiet"}).out, id + "\n");
  const auto listed = list().at(0).as_object();
  EXPECT_EQ(listed.at("name"), "pet");
  EXPECT_EQ(listed.at("state"), "running");
  EXPECT_EQ(listed.at("kept"), true);

  for (const auto& wanted : {std::string("pet"), id, id.substr(0, 8)}) {
    const auto used = sandfleet({"exec", wanted, "--", "cat", "file"});
    EXPECT_EQ(used.status, 0) << used.err;
    EXPECT_EQ(used.out, "x\n");
  }
  const auto launcher_pid = launcher();
  EXPECT_EQ(sandfleet({"stop", "pet"}).out, id + "\n");
  EXPECT_TRUE(ends(launcher_pid));
  EXPECT_EQ(entries(), 0U);
  EXPECT_TRUE(list().empty());
}

TEST_F(kept, a_sandbox_is_paused_and_resumed) {
  ASSERT_EQ(sandfleet({"run", "--rm=false", "--name", "pet", "--", "true"}).status, 0);
  const auto id = only_id();
  const auto paused = sandfleet({"pause", "pet"});
  if (paused.err.find("cannot be paused") != std::string::npos) {
    sandfleet({"stop", "pet"});
    GTEST_SKIP() << paused.err;
  }
  EXPECT_EQ(paused.out, id + "\n") << paused.err;
  EXPECT_EQ(list().at(0).at("state"), "paused");
  EXPECT_EQ(sandfleet({"exec", "pet", "--", "echo", "awake"}).out, "awake\n");
  EXPECT_EQ(list().at(0).at("state"), "running");
  EXPECT_EQ(sandfleet({"pause", "--all"}).out, id + "\n");
  EXPECT_EQ(sandfleet({"resume", "pet"}).out, id + "\n");
  EXPECT_EQ(list().at(0).at("state"), "running");
  sandfleet({"pause", "pet"});
  EXPECT_EQ(sandfleet({"stop", "pet"}).out, id + "\n");
  EXPECT_EQ(sandfleet({"pause", "pet"}).status, 1);
}

TEST_F(kept, with_keep_runtime_alive_a_sandbox_stays_and_its_name_is_taken) {
  around_.environment["SANDBOX_KEEP_RUNTIME_ALIVE"] = "true";
  ASSERT_EQ(sandfleet({"run", "--name", "pet", "--", "true"}).status, 0);
  const auto id = only_id();
  const auto again = sandfleet({"run", "--name", "pet", "--", "true"});
  EXPECT_EQ(again.status, 125);
  EXPECT_THAT(again.err, HasSubstr(id));
  EXPECT_EQ(sandfleet({"run", "--rm", "--", "true"}).status, 0);
  EXPECT_EQ(only_id(), id);
  around_.environment["SANDBOX_RM_ALL_CONTAINERS"] = "true";
  ASSERT_EQ(sandfleet({"run", "--rm", "--", "true"}).status, 0);
  EXPECT_TRUE(list().empty());
}

TEST_F(kept, without_a_command_the_id_is_the_output) {
  const auto made = sandfleet({"run", "--rm=false"});
  EXPECT_EQ(made.status, 0) << made.err;
  EXPECT_EQ(made.out, only_id() + "\n");
  const auto told = sandfleet({"run", "--rm=false", "--output", "json"});
  const auto report = json::parse(told.out).as_object();
  EXPECT_EQ(report.at("sandbox").at("kept"), true);
  EXPECT_THAT(json::value_to<std::string>(report.at("sandbox").at("id")), StartsWith("sb-"));
  const auto stopped = sandfleet({"stop", "--all"});
  EXPECT_EQ(std::ranges::count(stopped.out, '\n'), 2);
  EXPECT_TRUE(list().empty());
}

TEST_F(kept, a_run_that_is_interrupted_keeps_nothing) {
  running job({"run", "--rm=false", "--", "sh", "-c", "echo running; sleep 1000"}, around_);
  job.read_until("running\n");
  job.send_signal(SIGINT);
  EXPECT_EQ(job.wait().status, 130);
  EXPECT_EQ(entries(), 0U);
}

TEST_F(kept, a_run_that_is_killed_keeps_nothing_and_the_next_cleans_up) {
  pid_t launcher_pid = 0;
  {
    running job({"run", "--rm=false", "--", "sh", "-c", "echo running; sleep 1000"}, around_);
    job.read_until("running\n");
    launcher_pid = launcher();
    job.send_signal(SIGKILL);
    EXPECT_EQ(job.wait().signal, SIGKILL);
  }
  EXPECT_TRUE(ends(launcher_pid));
  EXPECT_EQ(list().at(0).at("state"), "abandoned");
  const auto id = only_id();
  EXPECT_THAT(sandfleet({"exec", id, "--", "true"}).err, HasSubstr("sandfleet gc"));
  const auto seen = sandfleet({"gc", "--dry-run"});
  EXPECT_THAT(seen.out, HasSubstr(id));
  EXPECT_EQ(entries(), 1U);
  const auto done = sandfleet({"gc", "--output", "json"});
  EXPECT_EQ(done.status, 0);
  EXPECT_THAT(done.out, HasSubstr("\"id\":\"" + id));
  EXPECT_EQ(entries(), 0U);
  EXPECT_EQ(sandfleet({"gc"}).out, "there is nothing to remove\n");
}

TEST_F(kept, gc_says_what_a_killed_launcher_left) {
  ASSERT_EQ(sandfleet({"run", "--rm=false", "--isolation", "none", "--", "sh", "-c",
                       "setsid sleep 1000 >/dev/null 2>&1 &"})
                .status,
            0);
  const auto launcher_pid = launcher();
  // Each dies without another seeing it, who would end the rest.
  const auto child_of = [](pid_t parent) {
    const auto number = std::to_string(parent);
    return std::stoi(tests::read_file("/proc/" + number + "/task/" + number + "/children"));
  };
  ::kill(launcher_pid, SIGSTOP);
  const pid_t guardian = child_of(launcher_pid);
  ::kill(guardian, SIGSTOP);
  ::kill(child_of(guardian), SIGKILL);
  ::kill(guardian, SIGKILL);
  ::kill(launcher_pid, SIGKILL);
  EXPECT_TRUE(ends(launcher_pid));
  const auto done = sandfleet({"gc", "--output", "json"});
  const auto removed = json::parse(done.out).at("removed").as_array().at(0).as_object();
  EXPECT_FALSE(removed.at("processes").as_array().empty());
  EXPECT_THAT(json::value_to<std::string>(removed.at("directory")), StartsWith(state_.path()));
  EXPECT_EQ(entries(), 0U);
}

TEST_F(kept, the_time_to_live_is_a_setting) {
  ASSERT_EQ(sandfleet({"run", "--rm=false", "--keep-for", "50ms"}).status, 0);
  const auto all = list();
  if (!all.empty()) {
    EXPECT_TRUE(ends(static_cast<pid_t>(all[0].at("launcher_pid").as_int64())));
  }
  EXPECT_EQ(entries(), 0U);
  ASSERT_EQ(sandfleet({"run", "--rm=false", "--keep-for", "0"}).status, 0);
  EXPECT_TRUE(list().at(0).at("expires").is_null());
}

TEST_F(kept, names_are_checked_and_refused_twice) {
  for (const char* name : {"", "a b", "sb-1", "-x", "\xc3\xa4"}) {
    const auto refused = sandfleet({"run", "--rm=false", "--name", name, "--", "true"});
    EXPECT_EQ(refused.status, 125) << name;
    EXPECT_THAT(refused.err, HasSubstr("--name"));
  }
  ASSERT_EQ(sandfleet({"run", "--rm=false", "--name", "pet"}).status, 0);
  const auto refused = sandfleet({"run", "--name", "pet", "--", "true"});
  EXPECT_EQ(refused.status, 125);
  EXPECT_THAT(refused.err, HasSubstr("there is a sandbox of the session 'pet'"));
  EXPECT_EQ(list().size(), 1U);
}

TEST_F(kept, a_running_programs_sandbox_can_be_used_but_not_stopped) {
  running job({"run", "--", "sh", "-c", "echo running; sleep 1000"}, around_);
  job.read_until("running\n");
  const auto id = only_id();
  EXPECT_THAT(sandfleet({"ps"}).out, HasSubstr("sandfleet ("));
  EXPECT_EQ(sandfleet({"exec", id, "--", "hostname"}).out, id + "\n");
  const auto refused = sandfleet({"stop", id});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("belongs to another program"));
  EXPECT_EQ(sandfleet({"stop", "--all"}).out, "");
  job.send_signal(SIGTERM);
  EXPECT_EQ(job.wait().status, 143);
}

TEST_F(kept, exec_passes_on_what_run_does) {
  ASSERT_EQ(sandfleet({"run", "--rm=false", "--name", "pet"}).status, 0);
  const auto sh = [&](const std::string& script, std::vector<std::string> flags = {},
                      const std::string& input = {}) {
    std::vector<std::string> words = {"exec"};
    words.insert(words.end(), flags.begin(), flags.end());
    words.insert(words.end(), {"pet", "--", "sh", "-c", script});
    return sandfleet(words, input);
  };
  const auto both = sh("echo out; echo err >&2; exit 7");
  EXPECT_EQ(both.status, 7);
  EXPECT_EQ(both.out, "out\n");
  EXPECT_EQ(both.err, "err\n");
  EXPECT_EQ(sh("kill -9 $$").status, 137);
  EXPECT_EQ(sh("pwd; echo $A", {"--workdir", "/tmp", "--env", "A=b"}).out, "/tmp\nb\n");
  EXPECT_EQ(sh("cat", {"--stdin", "-"}, "given").out, "given");
  EXPECT_EQ(sh("sleep 1000", {"--timeout", "100ms"}).status, 124);
  EXPECT_EQ(sandfleet({"exec", "pet", "--", "no-such-program"}).status, 127);
  const auto report = json::parse(sh("echo out", {"--output", "json"}).out).as_object();
  EXPECT_EQ(report.at("stdout"), "out\n");
  EXPECT_EQ(report.at("sandbox").at("kept"), true);
}

TEST_F(kept, what_is_wrong_is_said) {
  EXPECT_THAT(sandfleet({"stop"}).err, HasSubstr("there is no sandbox to stop"));
  EXPECT_THAT(sandfleet({"stop", "--all", "x"}).err, HasSubstr("exclude each other"));
  EXPECT_THAT(sandfleet({"exec", "nobody", "--", "true"}).err,
              HasSubstr("there is no sandbox 'nobody'"));
  EXPECT_THAT(sandfleet({"exec", "nobody"}).err, HasSubstr("no command"));
  ASSERT_EQ(sandfleet({"run", "--rm=false", "--name", "pet"}).status, 0);
  EXPECT_THAT(sandfleet({"stop", "pat"}).err, HasSubstr("did you mean 'pet'?"));
  ASSERT_EQ(sandfleet({"run", "--rm=false"}).status, 0);
  EXPECT_THAT(sandfleet({"exec", "sb-", "--", "true"}).err, HasSubstr("there is no sandbox"));
}

} // namespace
} // namespace sandfleet::test
