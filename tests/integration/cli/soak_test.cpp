#include "tests/integration/cli/batch_fixture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace sandfleet::test {
namespace {

namespace fs = std::filesystem;

constexpr int tasks = 10'000;

/// What a process holds at one moment.
struct holding {
  long resident_kb = 0;
  long descriptors = 0;
  long threads = 0;
  long children = 0;
};

long field(const std::string& status, const std::string& name) {
  const auto at = status.find("\n" + name + ":");
  return at == std::string::npos ? 0 : std::stol(status.substr(at + name.size() + 2));
}

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

holding holding_of(pid_t pid) {
  const auto proc = "/proc/" + std::to_string(pid);
  const auto status = contents(proc + "/status");
  holding now;
  now.resident_kb = field(status, "VmRSS");
  now.threads = field(status, "Threads");
  now.descriptors = std::distance(fs::directory_iterator(proc + "/fd"), fs::directory_iterator());
  for (const auto& thread : fs::directory_iterator(proc + "/task")) {
    const auto children = contents(thread.path() / "children");
    now.children += std::count(children.begin(), children.end(), ' ');
  }
  return now;
}

long most(const std::vector<holding>& all, std::size_t from, std::size_t to, long holding::*what) {
  long found = 0;
  for (auto i = from; i < to; ++i)
    found = std::max(found, all[i].*what);
  return found;
}

std::string soak_task(int number) {
  const auto text = std::to_string(number);
  const auto id = "t" + text;
  switch (number % 20) {
  case 0:
    return task_line(id, "exit 3");
  case 1:
    return task_line(id, "head -c 200000 /dev/urandom | od -c");
  case 2:
    return task_line(id, "(setsid sleep 1000 &) ; nohup sleep 1000 & echo left");
  case 3:
    return task_line(id, "cat in; echo $((" + text + " * 2)) > out",
                     R"("files": {"in": "x"}, "collect": ["out"])");
  default:
    return task_line(id, "echo " + text, R"("expect": {"output_contains": ")" + text + R"("})");
  }
}

TEST(soak, ten_thousand_tasks_leave_memory_descriptors_and_processes_flat) {
  const batch_files files;
  std::vector<std::string> lines;
  for (int i = 0; i < tasks; ++i)
    lines.push_back(soak_task(i));
  running batch(files.words(lines, {"--concurrency", "8"}), files.around());
  std::vector<holding> seen;
  while (const auto line = batch.error_line()) {
    if (line->find("/" + std::to_string(tasks)) != std::string::npos &&
        line->find(" running") != std::string::npos && !line->ends_with(" 0 running"))
      seen.push_back(holding_of(batch.pid()));
  }
  EXPECT_EQ(batch.wait().status, 1);

  const auto results = files.results();
  EXPECT_EQ(results.size(), static_cast<std::size_t>(tasks));
  for (const auto& [id, result] : results) {
    const bool fails = std::stoi(id.substr(1)) % 20 == 0;
    EXPECT_EQ(result.at("passed").as_bool(), !fails) << id << ": " << result;
    EXPECT_EQ(result.at("attempts").as_int64(), 1) << id;
  }

  ASSERT_GE(seen.size(), 8U);
  const auto half = seen.size() / 2;
  const auto grows = [&](long holding::*what) {
    return most(seen, half, seen.size(), what) - most(seen, 1, half, what);
  };
  EXPECT_LE(grows(&holding::resident_kb), most(seen, 1, half, &holding::resident_kb) / 10);
  EXPECT_LE(grows(&holding::descriptors), 16) << "of 8 sandboxes that come and go";
  EXPECT_LE(grows(&holding::children), 8);
  EXPECT_LE(grows(&holding::threads), 0);
  EXPECT_TRUE(fs::is_empty(files.state_dir() + "/sandboxes"));
}

} // namespace
} // namespace sandfleet::test
