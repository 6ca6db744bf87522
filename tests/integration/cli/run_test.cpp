#include "tests/integration/cli/program.hpp"
#include "tests/support/sanitizers.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sandfleet::test {
namespace {

/// `sandfleet run` with a state directory of its own.
class run_command : public testing::Test {
 protected:
  run_command() {
    around_.environment["SANDFLEET_STATE_DIR"] = state_.path();
    // The sandbox's user is another one than ours.
    ::chmod(shared_.path().c_str(), 0777);
  }

  static std::vector<std::string> words(std::vector<std::string> flags,
                                        const std::vector<std::string>& command) {
    flags.insert(flags.begin(), "run");
    flags.emplace_back("--");
    flags.insert(flags.end(), command.begin(), command.end());
    return flags;
  }

  [[nodiscard]] ended run(std::vector<std::string> flags, const std::vector<std::string>& command,
                          const std::string& input = {}) const {
    return run_sandfleet(words(std::move(flags), command), around_, input);
  }

  [[nodiscard]] ended sh(const std::string& script, std::vector<std::string> flags = {}) const {
    return run(std::move(flags), {"sh", "-c", script});
  }

  scratch_directory state_;
  scratch_directory shared_;
  surroundings around_;
};

/// A command that says when it runs and then holds a lock for as long as it lives.
constexpr auto hold_lock = "exec 9>/shared/lock; flock 9; echo running; exec sleep 1000";

bool lock_is_free(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool free = ::flock(descriptor, LOCK_EX | LOCK_NB) == 0;
  ::close(descriptor);
  return free;
}

TEST_F(run_command, prints_what_the_command_prints) {
  const auto done = run({}, {"echo", "hello", "world"});
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_EQ(done.out, "hello world\n");
  EXPECT_EQ(done.err, "");
}

TEST_F(run_command, passes_words_on_untouched) {
  const auto done = run({}, {"printf", "<%s>", "--output", "--", "a b", "", "$HOME", "*"});
  EXPECT_EQ(done.out, "<--output><--><a b><><$HOME><*>");
}

TEST_F(run_command, keeps_standard_output_and_error_apart) {
  const auto done = sh("echo out; echo err >&2");
  EXPECT_EQ(done.out, "out\n");
  EXPECT_EQ(done.err, "err\n");
}

TEST_F(run_command, ends_with_the_status_of_the_command) {
  EXPECT_EQ(sh("exit 0").status, 0);
  EXPECT_EQ(sh("exit 3").status, 3);
  EXPECT_EQ(sh("exit 255").status, 255);
}

TEST_F(run_command, ends_with_128_and_the_signal_that_ended_the_command) {
  EXPECT_EQ(sh("kill -TERM $$").status, 128 + SIGTERM);
  EXPECT_EQ(sh("kill -KILL $$").status, 128 + SIGKILL);
}

TEST_F(run_command, ends_with_124_when_the_time_is_up) {
  const auto done = sh("echo begun; sleep 1000", {"--timeout", "300ms"});
  EXPECT_EQ(done.status, 124);
  EXPECT_EQ(done.out, "begun\n");
  EXPECT_NE(done.err.find("did not end in time"), std::string::npos) << done.err;
}

TEST_F(run_command, says_when_the_memory_was_too_little) {
  if (tests::is_sanitized)
    GTEST_SKIP() << "a sanitizer's agent needs more memory than this sandbox has";
  const auto done = run({"--memory", "32"}, {"tail", "/dev/zero"});
  if (done.err.find("limit_not_held") != std::string::npos)
    GTEST_SKIP() << "memory is not limited here: " << done.err;
  EXPECT_EQ(done.status, 128 + SIGKILL);
  EXPECT_NE(done.err.find("the command ran out of memory"), std::string::npos) << done.err;
  EXPECT_NE(done.err.find("memory_mb: 32"), std::string::npos) << done.err;
}

TEST_F(run_command, ends_with_127_when_the_command_is_not_there) {
  const auto done = run({}, {"no-such-program"});
  EXPECT_EQ(done.status, 127) << done.err;
  EXPECT_NE(done.err, "");
}

TEST_F(run_command, ends_with_126_when_the_command_cannot_be_run) {
  EXPECT_EQ(run({}, {"/etc/passwd"}).status, 126);
}

TEST_F(run_command, ends_with_125_when_the_image_is_not_there) {
  const auto done = run({"--image", "rootfs:/no/such/directory"}, {"true"});
  EXPECT_EQ(done.status, 125);
  EXPECT_NE(done.err.find("/no/such/directory"), std::string::npos) << done.err;
  EXPECT_NE(done.err.find("class: task"), std::string::npos) << done.err;
}

TEST_F(run_command, ends_with_125_when_a_program_of_ours_is_not_there) {
  const auto done = run({"--set", "agent_program=/no/such/agent"}, {"true"});
  EXPECT_EQ(done.status, 125);
  EXPECT_NE(done.err.find("/no/such/agent"), std::string::npos) << done.err;
}

TEST_F(run_command, gives_the_command_an_empty_standard_input) {
  EXPECT_EQ(run({}, {"wc", "-c"}, "not for you").out, "0\n");
}

TEST_F(run_command, gives_the_command_our_standard_input_when_told_to) {
  std::string bytes;
  for (int i = 0; i < 300'000; ++i)
    bytes += static_cast<char>(i * 7);
  const auto done = run({"--stdin", "-"}, {"cat"}, bytes);
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_TRUE(done.out == bytes) << done.out.size();
}

TEST_F(run_command, passes_standard_input_on_while_it_comes_however_much) {
  const auto fifo = shared_.path() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0666), 0);
  running job(words({"--stdin", fifo}, {"sh", "-c", "head -n 1; wc -c"}), around_);
  std::ofstream input(fifo);
  input << "first\n" << std::flush;
  job.read_until("first\n");
  const std::string mebibyte(std::size_t{1} << 20, 'x');
  for (int i = 0; i < 80; ++i)
    input << mebibyte;
  input.close();
  const auto done = job.wait();
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_EQ(done.out, "first\n" + std::to_string(80 << 20) + "\n");
}

TEST_F(run_command, ends_with_the_command_whatever_more_there_is_to_read) {
  const auto file = shared_.write("input", std::string(std::size_t{4} << 20, 'x'));
  EXPECT_EQ(run({"--stdin", file}, {"head", "-c", "3"}).out, "xxx");
  const auto fifo = shared_.path() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0666), 0);
  running job(words({"--stdin", fifo}, {"echo", "done"}), around_);
  const std::ofstream silent(fifo);
  EXPECT_EQ(job.wait().out, "done\n");
}

TEST_F(run_command, gives_the_command_a_file_as_standard_input) {
  const auto file = shared_.write("input", "two\nlines\n");
  EXPECT_EQ(run({"--stdin", file}, {"cat"}).out, "two\nlines\n");
  EXPECT_EQ(run({"--stdin", "/no/such/file"}, {"cat"}).status, 125);
}

TEST_F(run_command, passes_large_output_on_whole) {
  const auto done = sh("seq 1 2000000");
  EXPECT_EQ(done.status, 0);
  std::string expected;
  for (int i = 1; i <= 2'000'000; ++i)
    expected += std::to_string(i) + "\n";
  EXPECT_TRUE(done.out == expected) << done.out.size() << " bytes";
}

TEST_F(run_command, passes_output_on_while_the_command_runs) {
  const auto fifo = shared_.path() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0666), 0);
  ASSERT_EQ(::chmod(fifo.c_str(), 0666), 0);
  running job(
      words({"-v", shared_.path() + ":/shared"}, {"sh", "-c", "echo first; cat /shared/fifo"}),
      around_);
  job.read_until("first\n");
  std::ofstream(fifo) << "second\n";
  const auto done = job.wait();
  EXPECT_EQ(done.out, "first\nsecond\n");
  EXPECT_EQ(done.status, 0);
}

TEST_F(run_command, sets_variables) {
  const auto done = sh("echo $A-$B", {"--env", "A=1,2", "-e", "B=x=y"});
  EXPECT_EQ(done.out, "1,2-x=y\n");
}

TEST_F(run_command, passes_none_of_our_own_variables_on) {
  around_.environment["SECRET_OF_MINE"] = "hunter2";
  EXPECT_EQ(run({}, {"env"}).out.find("hunter2"), std::string::npos);
}

TEST_F(run_command, shows_a_directory_writable_or_read_only) {
  const auto written =
      sh("echo inside > /shared/made && cat /shared/made", {"-v", shared_.path() + ":/shared"});
  EXPECT_EQ(written.status, 0) << written.err;
  std::ifstream made(shared_.path() + "/made");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(made), {}), "inside\n");
  const auto refused = sh("cat /shared/made; echo > /shared/other", //
                          {"-v", shared_.path() + ":/shared:ro"});
  EXPECT_EQ(refused.out, "inside\n");
  EXPECT_NE(refused.status, 0);
  EXPECT_FALSE(std::filesystem::exists(shared_.path() + "/other"));
}

TEST_F(run_command, starts_in_the_workspace) {
  EXPECT_EQ(run({}, {"pwd"}).out, "/workspace\n");
  EXPECT_EQ(run({"--workdir", "/some/where"}, {"pwd"}).out, "/some/where\n");
}

TEST_F(run_command, has_no_network_unless_asked_for) {
  const auto alone = run({}, {"cat", "/proc/net/dev"});
  const auto lines = std::count(alone.out.begin(), alone.out.end(), '\n');
  EXPECT_LE(lines, 3) << "two of header and at most the loopback: " << alone.out;
}

TEST_F(run_command, each_run_has_a_fresh_sandbox) {
  EXPECT_EQ(sh("echo x > /workspace/left").status, 0);
  EXPECT_NE(run({}, {"cat", "/workspace/left"}).status, 0);
}

TEST_F(run_command, prints_one_json_object_when_told_to) {
  const auto done = sh("echo out; echo err >&2; exit 3", {"--output", "json"});
  EXPECT_EQ(done.status, 3);
  EXPECT_EQ(done.err, "");
  const auto report = boost::json::parse(done.out);
  EXPECT_EQ(report.at("exit_code"), 3);
  EXPECT_EQ(report.at("exit_status"), 3);
  EXPECT_EQ(report.at("stdout"), "out\n");
  EXPECT_EQ(report.at("stderr"), "err\n");
  EXPECT_EQ(report.at("timed_out"), false);
  EXPECT_EQ(report.at("verdict").at("class"), "agent");
  EXPECT_EQ(report.at("sandbox").at("provider"), "local");
  EXPECT_GT(report.at("seconds").at("start").as_double(), 0);
}

TEST_F(run_command, json_says_ok_for_a_command_that_went_well) {
  const auto report = boost::json::parse(run({"--output", "json"}, {"true"}).out);
  EXPECT_EQ(report.at("verdict").at("class"), "ok");
}

TEST_F(run_command, json_holds_the_failure_of_the_engine) {
  const auto done = run({"--output", "json", "--image", "rootfs:/no/such"}, {"true"});
  EXPECT_EQ(done.status, 125);
  const auto report = boost::json::parse(done.out);
  EXPECT_EQ(report.at("verdict").at("class"), "task");
  EXPECT_TRUE(report.at("exit_code").is_null());
}

TEST_F(run_command, json_replaces_bytes_that_are_not_text) {
  const auto report = boost::json::parse(run({"--output", "json"}, {"printf", "a\\377z"}).out);
  EXPECT_EQ(report.at("stdout"), "a\xEF\xBF\xBDz");
}

class run_signal : public run_command, public testing::WithParamInterface<int> {};

TEST_P(run_signal, takes_the_sandbox_away_and_says_so_in_the_status) {
  running job(words({"-v", shared_.path() + ":/shared"}, {"sh", "-c", hold_lock}), around_);
  job.read_until("running\n");
  job.send_signal(GetParam());
  const auto done = job.wait();
  EXPECT_EQ(done.status, 128 + GetParam()) << done.err;
  EXPECT_EQ(done.err, "");
  EXPECT_TRUE(lock_is_free(shared_.path() + "/lock"));
}

INSTANTIATE_TEST_SUITE_P(both, run_signal, testing::Values(SIGINT, SIGTERM));

TEST_F(run_command, can_be_interrupted_while_nobody_reads_its_output) {
  running job(words({}, {"yes"}), around_);
  job.read_until("y\ny\n");
  job.send_signal(SIGTERM);
  EXPECT_EQ(job.wait().status, 128 + SIGTERM);
}

TEST_F(run_command, ends_quietly_when_its_reader_goes_away) {
  running job(words({"-v", shared_.path() + ":/shared"},
                    {"sh", "-c", "exec 9>/shared/lock; flock 9; exec yes"}),
              around_);
  job.read_until("y\ny\n");
  job.close_output();
  const auto done = job.wait();
  EXPECT_EQ(done.status, 128 + SIGPIPE);
  EXPECT_EQ(done.err, "");
  EXPECT_TRUE(lock_is_free(shared_.path() + "/lock"));
}

TEST_F(run_command, programs_in_the_sandbox_die_of_broken_pipes_as_usual) {
  EXPECT_EQ(run({}, {"bash", "-c", "yes | head -1; echo ${PIPESTATUS[0]}"}).out,
            "y\n" + std::to_string(128 + SIGPIPE) + "\n");
}

TEST_F(run_command, says_which_limits_do_not_hold) {
  const auto done =
      run({"--output", "json", "--memory", "64", "--pids", "64", "--cpus", "1"}, {"true"});
  ASSERT_EQ(done.status, 0) << done.err;
  const auto limits = boost::json::parse(done.out).at("limits").as_object();
  for (const auto* limit : {"memory_mb", "pids", "cpus"}) {
    ASSERT_TRUE(limits.contains(limit)) << limit;
    const std::string state(limits.at(limit).as_string());
    const bool warned = done.err.find(std::string("limit=") + limit) != std::string::npos;
    EXPECT_EQ(warned, state != "enforced") << limit << ": " << state;
  }
}

TEST(doctor_command, finds_what_this_machine_has_and_starts_a_sandbox) {
  const scratch_directory state;
  const surroundings around{{{"SANDFLEET_STATE_DIR", state.path()}}, {}};
  const auto told = run_sandfleet({"doctor", "--output", "json"}, around);
  const auto report = boost::json::parse(told.out);
  EXPECT_EQ(told.status, report.at("usable").as_bool() ? 0 : 1);
  EXPECT_EQ(told.status, 0) << told.out;
  std::vector<std::string> names;
  for (const auto& check : report.at("checks").as_array()) {
    names.emplace_back(check.at("name").as_string());
    EXPECT_NE(check.at("detail"), "") << names.back();
  }
  for (const auto* name :
       {"kernel", "user namespaces", "user ids", "overlay", "cgroups", "open files", "process ids",
        "bash", "sandfleet-agent", "sandfleet-launcher", "docker", "limit memory_mb", "sandbox"})
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
}

TEST(doctor_command, wants_an_engine_of_docker_only_where_sandboxes_are_containers) {
  const scratch_directory state;
  const surroundings around{{{"SANDFLEET_STATE_DIR", state.path()},
                             {"DOCKER_HOST", "unix://" + state.path() + "/none.sock"}},
                            {}};
  const auto docker_in = [](const std::string& text) {
    const auto report = boost::json::parse(text);
    for (const auto& check : report.at("checks").as_array())
      if (check.at("name") == "docker")
        return check.as_object();
    return boost::json::object{};
  };
  const auto local = run_sandfleet({"doctor", "--output", "json"}, around);
  EXPECT_EQ(local.status, 0) << local.out;
  EXPECT_EQ(docker_in(local.out).at("state"), "note");
  const auto docker =
      run_sandfleet({"doctor", "--provider", "docker", "--image", "x", "--output", "json"}, around);
  EXPECT_EQ(docker.status, 1);
  const auto finding = docker_in(docker.out);
  EXPECT_EQ(finding.at("state"), "missing");
  EXPECT_NE(finding.at("detail").as_string().find("(DOCKER_HOST)"), std::string::npos);
  EXPECT_NE(finding.at("hint"), "");
}

TEST(doctor_command, ends_with_1_and_a_reason_when_sandboxes_cannot_work) {
  const auto told = run_sandfleet({"doctor", "--set", "agent_program=/no/such/agent"});
  EXPECT_EQ(told.status, 1);
  EXPECT_NE(told.out.find("missing"), std::string::npos);
  EXPECT_NE(told.out.find("/no/such/agent"), std::string::npos);
}

} // namespace
} // namespace sandfleet::test
