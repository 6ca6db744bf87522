#include "runtime/core/test_stop.hpp"
#include "tests/integration/cli/batch_fixture.hpp"
#include "tests/integration/cli/sudden_death.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <iterator>

/// kill -9 of each process of the chain at each stage of a task's life.
namespace sandfleet::test {
namespace {

using testing::HasSubstr;
namespace stage = core::test_stage;
namespace json = boost::json;

/// In mid-command: the task itself says that it is there.
constexpr std::string_view in_command = "in_command";

enum class victim { engine, engine_and_launcher, launcher, init, bash };

/// What comes of it.
enum class outcome {
  goes_on_later, ///< the run is gone; the next one finishes
  retried,       ///< an attempt was lost to the infrastructure, and made again
  unharmed,      ///< the first attempt's result stands
  agents_fault,  ///< a task may have done that itself: it failed
};

struct death {
  std::string_view at;
  victim who;
  outcome then;
  bool isolated = true;
};

std::string name_of(const death& row) {
  constexpr const char* victims[] = {"engine", "engine_and_launcher", "launcher", "init", "bash"};
  return std::string(row.at) + "__" + victims[static_cast<int>(row.who)] +
         (row.isolated ? "" : "__without_isolation");
}

void PrintTo(const death& row, std::ostream* out) {
  *out << name_of(row);
}

std::vector<death> deaths() {
  std::vector<death> all;
  const auto stop = [&](std::string_view at, std::vector<std::pair<victim, outcome>> who) {
    for (const auto& [victim, then] : who)
      all.push_back({at, victim, then});
  };
  using enum victim;
  using enum outcome;
  stop(stage::engine_noted, {{engine, goes_on_later}});
  for (const auto at : {stage::engine_launched, stage::launcher_began, stage::launcher_grouped})
    stop(at, {{engine, goes_on_later}, {engine_and_launcher, goes_on_later}, {launcher, retried}});
  for (const auto at :
       {stage::launcher_cloned, stage::launcher_released, stage::init_released, stage::agent_began})
    stop(at, {{engine, goes_on_later},
              {engine_and_launcher, goes_on_later},
              {launcher, retried},
              {init, retried}});
  stop(stage::agent_ready, {{engine, goes_on_later},
                            {engine_and_launcher, goes_on_later},
                            {launcher, retried},
                            {init, retried},
                            {bash, unharmed}});
  stop(stage::batch_ready, {{engine, goes_on_later},
                            {engine_and_launcher, goes_on_later},
                            {launcher, retried},
                            {init, retried},
                            {bash, unharmed}});
  for (const bool isolated : {true, false})
    for (const auto& [who, then] : std::vector<std::pair<victim, outcome>>{
             {engine, goes_on_later},
             {engine_and_launcher, goes_on_later},
             {launcher, retried},
             // Without isolation it cannot be told from a task that killed its agent.
             {init, isolated ? retried : agents_fault},
             {bash, agents_fault}})
      all.push_back({in_command, who, then, isolated});
  stop(stage::batch_stopping, {{engine, goes_on_later},
                               {engine_and_launcher, goes_on_later},
                               {launcher, unharmed},
                               {init, unharmed},
                               {bash, unharmed}});
  for (const auto at : {stage::launcher_ended, stage::launcher_removed})
    stop(at, {{engine, goes_on_later}, {engine_and_launcher, goes_on_later}, {launcher, unharmed}});
  for (const auto at : {stage::batch_result, stage::batch_half_result, stage::batch_kept})
    stop(at, {{engine, goes_on_later}});
  return all;
}

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class sudden_death : public testing::TestWithParam<death> {
 protected:
  sudden_death() {
    files_.make_pipe("begun");
    if (!GetParam().isolated)
      shared_ = files_.shared("");
  }

  /// "early" has its result from a run before; "t" is the one that is hit; "late" comes after it.
  std::vector<std::string> lines() const {
    const auto log = [&](const std::string& id) { return "echo " + id + " >> " + shared_ + "log"; };
    // Hit in mid-command once, it does not wait there again.
    const auto wait =
        " && { test -e " + shared_ + "hit || { echo > " + shared_ + "begun; sleep 1000; }; }";
    const bool waits = GetParam().at == in_command;
    return {task_line("early", log("early")),
            task_line("t", log("t") + (waits ? wait : ""), R"("retries": 1)" + agents_stop()),
            task_line("late", log("late"))};
  }

  /// The agent has its task's environment alone.
  std::string agents_stop() const {
    if (!GetParam().at.starts_with("agent_"))
      return "";
    return R"(, "env": {"SANDFLEET_TEST_STOP_AT": ")" + std::string(GetParam().at) + ":" + shared_ +
           R"(stop"})";
  }

  std::vector<std::string> words() const {
    if (GetParam().isolated)
      return files_.words(lines(), {"--concurrency", "1"});
    auto words = files_.words(lines(), {"--concurrency", "1", "--isolation", "none"});
    words.erase(words.begin() + 4, words.begin() + 6); // volumes need isolation
    return words;
  }

  surroundings stopping() const {
    auto around = files_.around();
    if (GetParam().at != in_command)
      around.environment["SANDFLEET_TEST_STOP_AT"] =
          std::string(GetParam().at) + ":" + files_.shared("stop");
    return around;
  }

  /// Kills those that the row names, the one that stands still or others.
  static void kill_victims(const chain& found) {
    const auto kill = [](pid_t pid) {
      ASSERT_GT(pid, 0) << "the victim is not there";
      ::kill(pid, SIGKILL);
    };
    switch (GetParam().who) {
    case victim::engine:
      return kill(found.engine);
    case victim::engine_and_launcher:
      kill(found.engine);
      return kill(found.launcher);
    case victim::launcher:
      return kill(found.launcher);
    case victim::init:
      return kill(found.init);
    case victim::bash:
      return kill(found.bash);
    }
  }

  /// Runs "early" alone, then all until the victim is killed; returns how that run ended.
  ended run_and_kill() {
    EXPECT_EQ(run_sandfleet(words_of_early(), files_.around()).status, 0);
    early_ = content(files_.results_path());
    stop_point stop(files_.shared("stop"));
    running batch(words(), stopping());
    if (GetParam().at == in_command)
      files_.await_pipe("begun");
    else
      EXPECT_GT(stop.await(), 0) << "nobody came to the stage";
    const auto found = chain_below(batch.pid());
    const process_watch below(batch.pid());
    hit_ = sandboxes_in(files_.state_dir());
    std::ofstream(files_.shared("hit")).flush();
    const process_watch victims(root_of_victims(found), process_watch::whom::and_itself);
    kill_victims(found);
    // What can follow while the others stand still does: they find the same each time.
    const auto who = GetParam().who;
    if (who == victim::bash || (GetParam().at.starts_with("batch_") && who != victim::engine)) {
      EXPECT_EQ(victims.survivors(), "");
    }
    stop.release();
    auto done = batch.wait();
    EXPECT_EQ(below.survivors(), "");
    // Who ends the orphans cleans up after them; when that was killed too, the next run does.
    if (GetParam().who == victim::engine) {
      EXPECT_EQ(left_on_machine(files_.state_dir(), hit_), "");
    }
    return done;
  }

  /// The victims and those whose deaths follow.
  static pid_t root_of_victims(const chain& found) {
    switch (GetParam().who) {
    case victim::bash:
      return found.bash;
    case victim::init:
      return found.init;
    default:
      return found.launcher;
    }
  }

  std::vector<std::string> words_of_early() const {
    auto all = words();
    const auto path = files_.files_.write("early.jsonl", lines().front() + "\n");
    all[1] = path;
    return all;
  }

  /// How often each task's commands began.
  int begun(const std::string& id) const {
    const auto log = content(files_.shared("log"));
    int count = 0;
    for (auto at = log.find(id + "\n"); at != std::string::npos; at = log.find(id + "\n", at + 1))
      ++count;
    return count;
  }

  batch_files files_;
  std::string shared_ = "/shared/";
  std::string early_; ///< the results before the run that was hit
  std::set<std::string> hit_;
};

void expect_retried(const json::object& result) {
  EXPECT_EQ(result.at("attempts").as_int64(), 2);
  const auto& retried = result.at("retried").as_array();
  ASSERT_EQ(retried.size(), 1U);
  EXPECT_THAT(std::string(retried[0].at("error").as_string()),
              testing::AnyOf("start_failed", "sandbox_lost", "connection_failed"));
  EXPECT_THAT(std::string(retried[0].at("cause").as_string()),
              testing::AnyOf(HasSubstr("the launcher of"), HasSubstr("the agent of")));
}

TEST_P(sudden_death, loses_no_result_and_leaves_nothing) {
  const auto& row = GetParam();
  auto done = run_and_kill();
  const auto kept = content(files_.results_path());
  EXPECT_TRUE(kept.starts_with(early_)) << "results are never touched again";
  if (row.then == outcome::goes_on_later) {
    EXPECT_EQ(done.signal, SIGKILL);
    done = run_sandfleet(words(), files_.around());
    EXPECT_TRUE(content(files_.results_path()).starts_with(kept.substr(0, kept.rfind('\n') + 1)));
  }
  EXPECT_EQ(left_behind(files_.state_dir(), hit_), "");
  EXPECT_EQ(done.status, row.then == outcome::agents_fault ? 1 : 0) << done.err;

  const auto results = files_.results();
  ASSERT_EQ(results.size(), 3U) << done.err;
  const auto& hit = results.at("t");
  EXPECT_EQ(hit.at("passed").as_bool(), row.then != outcome::agents_fault);
  EXPECT_TRUE(results.at("late").at("passed").as_bool());
  EXPECT_EQ(begun("early"), 1);
  EXPECT_EQ(begun("late"), 1);
  if (row.at == stage::batch_kept) {
    EXPECT_EQ(begun("t"), 1) << "it had its result";
  }
  if (row.then == outcome::retried)
    expect_retried(hit);
  else
    EXPECT_EQ(hit.at("attempts").as_int64(), 1);
  if (row.then == outcome::agents_fault) {
    EXPECT_THAT(verdict_class(hit), testing::AnyOf("agent", "ambiguous"));
  }
  if (row.at == stage::batch_half_result) {
    EXPECT_THAT(done.err, HasSubstr("half written"));
  }
}

INSTANTIATE_TEST_SUITE_P(at, sudden_death, testing::ValuesIn(deaths()),
                         [](const auto& row) { return name_of(row.param); });

class lost_attempt : public testing::TestWithParam<victim> {};

TEST_P(lost_attempt, tells_what_it_had_used) {
  const batch_files files;
  files.make_pipe("begun");
  running batch(files.words({task_line("t",
                                       "for i in {1..20000}; do :; done; echo > /shared/begun; "
                                       "sleep 1000",
                                       R"("retries": 0, "resources": {"memory_mb": 64})")}),
                files.around());
  files.await_pipe("begun");
  const auto found = chain_below(batch.pid());
  const auto hit = sandboxes_in(files.state_dir());
  ::kill(GetParam() == victim::launcher ? found.launcher : found.init, SIGKILL);
  const auto done = batch.wait();
  EXPECT_EQ(done.status, 1) << done.err;
  EXPECT_EQ(left_behind(files.state_dir(), hit), "");
  const auto result = files.results().at("t");
  EXPECT_EQ(verdict_class(result), "infrastructure");
  if (result.at("limits").at("memory_mb").as_string() != "enforced")
    GTEST_SKIP() << "memory is not limited here: " << result.at("limits").at("memory_mb");
  EXPECT_GT(result.at("usage").at("cpu_seconds").to_number<double>(), 0);
  EXPECT_GT(result.at("usage").at("peak_memory_mb").to_number<double>(), 0);
  EXPECT_EQ(result.at("usage").at("oom_kills").as_int64(), 0);
  EXPECT_EQ(result.at("touched").at("memory_mb").as_int64(), 0);
}

INSTANTIATE_TEST_SUITE_P(by, lost_attempt, testing::Values(victim::launcher, victim::init),
                         [](const auto& row) {
                           return row.param == victim::launcher ? "launcher" : "init";
                         });

TEST(killed_batch, goes_on_each_time_until_all_have_results) {
  const batch_files files;
  std::vector<std::string> lines;
  for (int i = 0; i < 6; ++i)
    lines.push_back(task_line("t" + std::to_string(i), "echo >> /shared/log"));
  const auto words = files.words(lines, {"--concurrency", "3"});
  auto around = files.around();
  around.environment["SANDFLEET_TEST_STOP_AT"] =
      std::string(stage::batch_kept) + ":" + files.shared("stop");
  std::set<std::string> hit;
  // Each run is killed when its first result is in the file, with up to two tasks under way.
  for (std::size_t results = 1; results <= lines.size(); ++results) {
    stop_point stop(files.shared("stop"));
    running batch(words, around);
    ASSERT_GT(stop.await(), 0);
    hit.merge(sandboxes_in(files.state_dir()));
    const process_watch below(batch.pid());
    batch.send_signal(SIGKILL);
    EXPECT_EQ(batch.wait().signal, SIGKILL);
    EXPECT_EQ(below.survivors(), "");
    EXPECT_EQ(files.results().size(), results);
  }
  const auto last = run_sandfleet(words, files.around());
  EXPECT_EQ(last.status, 0) << last.err;
  EXPECT_EQ(left_behind(files.state_dir(), hit), "") << "although no task was left to run";
}

class retry_budget : public testing::TestWithParam<int> {};

TEST_P(retry_budget, is_exact_and_its_end_names_the_cause) {
  const batch_files files;
  const auto retries = GetParam();
  // An agent that ends at once: each start fails by the infrastructure's fault.
  const auto done = files.run({task_line("t", "true", R"("retries": )" + std::to_string(retries))},
                              {"--set", "agent_program=/bin/true"});
  EXPECT_EQ(done.status, 1) << done.err;
  const auto result = files.results().at("t");
  EXPECT_EQ(result.at("attempts").as_int64(), retries + 1);
  EXPECT_EQ(result.at("retried").as_array().size(), static_cast<std::size_t>(retries));
  EXPECT_EQ(verdict_class(result), "infrastructure");
  EXPECT_THAT(std::string(result.at("verdict").at("cause").as_string()),
              HasSubstr("ended before it was ready"));
}

INSTANTIATE_TEST_SUITE_P(of, retry_budget, testing::Values(0, 1));

} // namespace
} // namespace sandfleet::test
