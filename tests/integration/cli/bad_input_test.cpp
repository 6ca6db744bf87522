#include "tests/integration/cli/batch_fixture.hpp"
#include "tests/support/sanitizers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace sandfleet::test {
namespace {

using testing::HasSubstr;

/// What a user may get wrong, and what he must be told: what is wrong, where, what to do.
struct mistake {
  std::string name;
  std::string tasks;
  std::vector<std::string> flags;
  std::map<std::string, std::string> environment;
  std::vector<std::string> says;
};

void PrintTo(const mistake& m, std::ostream* out) {
  *out << m.name;
}

const std::string good = task_line("a", "true") + "\n";

std::vector<mistake> mistakes() {
  const auto line = [](std::string name, const std::string& text, std::vector<std::string> says) {
    says.insert(says.begin(), "tasks.jsonl:2: ");
    return mistake{std::move(name), "\n" + text + "\n", {}, {}, std::move(says)};
  };
  const auto key = [&](std::string name, const std::string& keys, std::vector<std::string> says) {
    return line(std::move(name), R"({"id": "x", "commands": ["true"], )" + keys + "}", says);
  };
  const auto flags = [](std::string name, std::vector<std::string> words,
                        std::vector<std::string> says) {
    return mistake{std::move(name), good, std::move(words), {}, std::move(says)};
  };
  return {
      {"no_task", "", {}, {}, {"tasks.jsonl has no task", R"("commands": ["echo hello"])"}},
      {"blank_lines_only", "\n \n\r\n", {}, {}, {"tasks.jsonl has no task"}},
      line("no_json", "id: x", {"a task is a JSON object on one line", "none of its lines is one"}),
      line("half_an_object", R"({"id": "x", "commands": ["true"])", {"not valid JSON"}),
      line("two_objects", R"({"id":"x","commands":["true"]} {"id":"y"})", {"something follows"}),
      line("a_list", "[]", {"a task is a JSON object on one line"}),
      line("no_utf8", "{\"id\": \"\xff\"}", {"not valid UTF-8"}),
      line("nul_bytes", std::string("\0\0\0", 3), {"a task is a JSON object"}),
      line("no_id", R"({"commands": ["true"]})", {R"(key "id" is missing)"}),
      line("empty_id", R"({"id": "", "commands": ["true"]})", {R"(key "id")", "an empty one"}),
      line("numeric_id", R"({"id": 7, "commands": ["true"]})", {R"(key "id")", "a number"}),
      line("no_commands", R"({"id": "x"})", {R"(key "commands" is missing)"}),
      line("empty_commands", R"({"id": "x", "commands": []})", {"an empty list"}),
      line("commands_as_text", R"({"id": "x", "commands": "true"})", {"found a string"}),
      line("a_key_twice", R"({"id": "x", "id": "y"})", {R"(key "id" is given twice)"}),
      key("unknown_key", R"("comands": [])", {R"(did you mean "commands"?)"}),
      key("unknown_inner_key", R"("resources": {"memory": 64})",
          {R"("resources.memory")", "known keys: cpus"}),
      key("negative_time", R"("timeout_s": -1)", {R"(key "timeout_s")", "found -1"}),
      key("time_as_text", R"("timeout_s": "5")", {R"(key "timeout_s")", "found a string"}),
      key("endless_time", R"("timeout_s": 1e400)", {R"(key "timeout_s")"}),
      key("too_little_memory", R"("resources": {"memory_mb": 1})", {"from 16", "found 1"}),
      key("half_a_retry", R"("retries": 0.5)", {R"(key "retries")", "a whole number"}),
      key("bad_base64", R"("files": {"f": {"base64": "%"}})", {R"(key "files.f.base64")"}),
      key("file_twice", R"("files": {"f": {"from": "/a", "base64": ""}})", {"found both"}),
      key("nul_in_a_command", R"("setup": ["a\u0000b"])", {R"(key "setup[0]")", "NUL"}),
      key("long_variable", R"("env": {"V": ")" + std::string(131'072, 'x') + R"("})",
          {R"(key "env.V")", "at most 128 KiB"}),
      key("bad_pattern", R"("expect": {"output_regex": "("}))", {"not a regular expression"}),
      flags("unknown_flag", {"--concurency", "2"}, {"did you mean '--concurrency'?"}),
      flags("bad_number", {"--memory", "lots"}, {"'lots' (flag --memory)", "allowed:"}),
      flags("no_concurrency", {"--concurrency", "0"}, {"'0' (flag --concurrency)", "allowed:"}),
      flags("bad_volume", {"--volume", "data"}, {"'data' (flag --volume)", "HOST:SANDBOX"}),
      flags("two_networks", {"--network", "none", "--network", "host"},
            {"'none' and 'host' contradict each other", "give it once"}),
      flags("two_results", {"-o", "other"}, {"--results"}),
      flags("flag_and_set", {"--memory", "64", "--set", "memory_mb=128"},
            {"memory_mb", "contradict each other"}),
      flags("volume_without_isolation", {"--isolation", "none"},
            {"--volume contradicts --isolation none", "leave one of the two out"}),
      flags("missing_volume", {"--volume", "/nowhere:/x"},
            {"volume '/nowhere' does not exist", "make it first"}),
      flags("missing_image", {"--image", "rootfs:/nowhere"},
            {"image 'rootfs:/nowhere' is not a directory", "unpack"}),
      flags("no_such_image", {"--image", "ubuntu"}, {"'ubuntu'", "flag --image", "rootfs:/PATH"}),
      flags("no_such_provider", {"--provider", "nobody"}, {"nobody", "local"}),
      flags("missing_agent", {"--set", "agent_program=/nowhere"},
            {"sandfleet-agent: '/nowhere'", "no such file", "the setting agent_program"}),
      flags("agent_that_is_none", {"--set", "agent_program=/etc/passwd"},
            {"sandfleet-agent: '/etc/passwd'", "not executable"}),
      flags("missing_launcher", {"--set", "launcher_program=/nowhere"},
            {"sandfleet-launcher: '/nowhere'", "the setting launcher_program"}),
      flags("state_in_a_file", {"--set", "state_dir=/etc/passwd"},
            {"'/etc/passwd' is not safe to use", "state_dir"}),
      flags("missing_configuration", {"--config", "/nowhere.toml"},
            {"'/nowhere.toml' cannot be read", "No such file", "--config"}),
      flags("directory_as_configuration", {"--config", "/etc"},
            {"'/etc' cannot be read", "Is a directory"}),
      {"unknown_variable",
       good,
       {},
       {{"SANDFLEET_CONCURENCY", "2"}},
       {"SANDFLEET_CONCURENCY is not known", "did you mean 'SANDFLEET_CONCURRENCY'?"}},
      {"bad_variable",
       good,
       {},
       {{"SANDFLEET_PIDS", "few"}},
       {"'few' (environment SANDFLEET_PIDS)", "allowed:"}},
  };
}

class bad_input : public testing::TestWithParam<mistake> {};

TEST_P(bad_input, is_one_clear_error_and_nothing_runs) {
  const auto& m = GetParam();
  batch_files files;
  files.files_.write("tasks.jsonl", m.tasks);
  auto around = files.around();
  around.environment.insert(m.environment.begin(), m.environment.end());
  auto words = files.words({}, m.flags);
  files.files_.write("tasks.jsonl", m.tasks); // `words` has written its own
  const auto done = run_sandfleet(std::move(words), around);
  EXPECT_EQ(done.status, 125) << done.err;
  EXPECT_TRUE(files.results().empty());
  for (const auto& text : m.says)
    EXPECT_THAT(done.err, HasSubstr(text));
}

INSTANTIATE_TEST_SUITE_P(batch, bad_input, testing::ValuesIn(mistakes()),
                         [](const auto& row) { return row.param.name; });

/// Mistakes about files, each of which needs its own.
class bad_files : public testing::Test {
 protected:
  ended batch(const std::string& tasks, const std::string& results) {
    return run_sandfleet({"batch", tasks, "-o", results}, files_.around());
  }
  [[nodiscard]] std::string tasks() const { return files_.files_.write("tasks", good); }
  static std::string content(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  batch_files files_;
};

TEST_F(bad_files, tasks_that_cannot_be_read) {
  for (const std::string path : {"/nowhere", "/tmp", "-", ""}) {
    const auto done = batch(path, files_.results_path());
    EXPECT_EQ(done.status, 125);
    EXPECT_THAT(done.err, HasSubstr("cannot read the task file '" + path + "'"));
  }
  EXPECT_THAT(batch("-", files_.results_path()).err, HasSubstr("/dev/stdin"));
}

TEST_F(bad_files, results_that_cannot_be_written) {
  for (const std::string path : {"/nowhere/results", "/tmp", ""}) {
    const auto done = batch(tasks(), path);
    EXPECT_EQ(done.status, 125) << path;
    EXPECT_THAT(done.err, HasSubstr("the result file '" + path + "'"));
    EXPECT_THAT(done.err, HasSubstr("hint: ")) << path;
  }
}

TEST_F(bad_files, the_tasks_are_never_taken_for_results) {
  for (const auto& text : {good, good.substr(0, good.size() - 1)}) {
    const auto path = files_.files_.write("tasks", text);
    const auto link = files_.files_.path() + "/link";
    (void)!::symlink(path.c_str(), link.c_str());
    for (const auto& results : {path, link}) {
      const auto done = batch(path, results);
      EXPECT_EQ(done.status, 125);
      EXPECT_THAT(done.err, HasSubstr("is given as tasks and as results"));
    }
    // Another one's tasks are not results either.
    const auto other = files_.files_.write("other", text);
    EXPECT_EQ(batch(path, other).status, 125);
    EXPECT_EQ(content(path), text);
    EXPECT_EQ(content(other), text);
  }
}

TEST_F(bad_files, a_line_of_200_mb_is_named_and_costs_bounded_memory) {
  const auto path = files_.files_.write("tasks", good);
  constexpr off_t length = 200'000'000;
  {
    const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    ASSERT_EQ(::ftruncate(file, length), 0);
    const auto rest = "\n" + task_line("b", "true") + "\n";
    ASSERT_EQ(::pwrite(file, rest.data(), rest.size(), length), ssize_t(rest.size()));
    ::close(file);
  }
  const auto done = batch(path, files_.results_path());
  EXPECT_EQ(done.status, 125);
  EXPECT_THAT(done.err, HasSubstr("tasks:2: the line is longer than 64 MiB"));
  EXPECT_EQ(files_.results().size(), 2U) << "the others run";
  if (!tests::is_sanitized) {
    EXPECT_LT(done.peak_memory_kb * 1024, length);
  }
}

TEST_F(bad_files, ten_thousand_tasks_are_read_and_those_with_results_passed_over) {
  std::string tasks;
  std::string results;
  for (int i = 0; i < 10'000; ++i) {
    const auto id = "t" + std::to_string(i);
    tasks += task_line(id, "true") + "\n";
    if (i % 3'000 != 1)
      results += R"({"id":")" + id + R"(","passed":true,"verdict":{"class":"ok"}})" + "\n";
  }
  files_.files_.write("results.jsonl", results);
  const auto done = batch(files_.files_.write("tasks", tasks), files_.results_path());
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("10000 of 10000 (9996 of them in an earlier run)"));
  EXPECT_EQ(files_.results().size(), 10'000U);
}

TEST_F(bad_files, a_full_device_ends_the_batch) {
  const auto done = batch(tasks(), "/dev/full");
  EXPECT_EQ(done.status, 125);
  EXPECT_THAT(done.err, HasSubstr("No space left on device"));
  EXPECT_THAT(done.err, HasSubstr("make room"));
}

/// Tasks whose results are 4 KiB and more.
std::vector<std::string> long_results() {
  std::vector<std::string> lines;
  for (int i = 0; i < 12; ++i)
    lines.push_back(task_line("t" + std::to_string(i), "printf '%04096d' 1"));
  return lines;
}

TEST_F(bad_files, a_batch_that_met_the_limit_of_a_files_size_goes_on_later) {
  auto tight = files_.around();
  tight.largest_file = 20'000;
  const auto words = files_.words(long_results(), {"--concurrency", "2"});
  const auto first = run_sandfleet(words, tight);
  EXPECT_EQ(first.status, 125);
  EXPECT_THAT(first.err, HasSubstr("File too large"));
  EXPECT_EQ(files_.results().size(), 4U) << "whole lines only";
  EXPECT_EQ(run_sandfleet(words, files_.around()).status, 0);
  EXPECT_EQ(files_.results().size(), 12U);
}

TEST_F(bad_files, a_batch_whose_disk_was_full_goes_on_when_there_is_room) {
  const auto disk = files_.files_.path() + "/disk";
  ::mkdir(disk.c_str(), 0755);
  // This test has a process of its own.
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) ||
      ::mount("disk", disk.c_str(), "tmpfs", 0, "size=20k") != 0)
    GTEST_SKIP() << "this user may not mount";
  auto words = files_.words(long_results(), {"--concurrency", "2"});
  words[3] = disk + "/results";
  const auto first = run_sandfleet(words, files_.around());
  EXPECT_EQ(first.status, 125);
  EXPECT_THAT(first.err, HasSubstr("No space left on device"));
  const auto kept = content(disk + "/results");
  EXPECT_TRUE(kept.ends_with("}\n")) << "whole lines only";
  ASSERT_EQ(::mount(nullptr, disk.c_str(), nullptr, MS_REMOUNT, "size=1m"), 0);
  EXPECT_EQ(run_sandfleet(words, files_.around()).status, 0);
  const auto all = content(disk + "/results");
  EXPECT_TRUE(all.starts_with(kept));
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 12);
  ::umount(disk.c_str());
}

} // namespace
} // namespace sandfleet::test
