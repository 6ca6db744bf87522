#include "tests/integration/cli/program.hpp"
#include "tests/support/user_terminal.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace sandfleet::test {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

/// Each line as the JSON object that it must be.
std::vector<boost::json::object> objects_of(const std::string& text) {
  std::vector<boost::json::object> objects;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    boost::system::error_code wrong;
    const auto value = boost::json::parse(line, wrong);
    EXPECT_FALSE(wrong) << line;
    if (wrong || !value.is_object())
      continue;
    objects.push_back(value.as_object());
    EXPECT_THAT(std::string(value.at("time").as_string()),
                ContainsRegex("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z$"));
    EXPECT_EQ(value.at("logger").as_string(), "sandfleet");
    EXPECT_TRUE(value.at("level").is_string() && value.at("message").is_string() &&
                value.at("fields").is_object())
        << line;
  }
  return objects;
}

class logs : public testing::Test {
 protected:
  logs() { around_.environment["SANDFLEET_STATE_DIR"] = place_.path() + "/state"; }

  std::string tasks(const std::string& text) {
    const auto path = place_.path() + "/tasks.jsonl";
    std::ofstream(path) << text;
    return path;
  }
  std::string results() const { return place_.path() + "/results.jsonl"; }

  scratch_directory place_;
  surroundings around_;
};

constexpr auto two_tasks = R"({"id":"a","commands":["true"]}
{"id":"b","commands":["true"]}
)";

TEST_F(logs, what_the_engine_logs_is_json_on_request) {
  const auto ran =
      run_sandfleet({"run", "--json-logs", "--log-level", "info", "--", "echo", "out"}, around_);
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out, "out\n");
  const auto lines = objects_of(ran.err);
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines.front().at("level").as_string(), "info");
  EXPECT_TRUE(lines.front().at("fields").as_object().contains("sandbox")) << ran.err;
}

TEST_F(logs, errors_are_json_too) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"run", "--json-logs"},
                                                {"--json-logs", "stop", "nobody"},
                                                {"--json-logs", "no-such-command"},
                                                {"ps", "--json-logs", "--no-such-flag"},
                                                {"ps", "--json-logs", "--set", "nonsense=1"}}) {
    const auto ended = run_sandfleet(words, around_);
    EXPECT_NE(ended.status, 0);
    const auto lines = objects_of(ended.err);
    ASSERT_EQ(lines.size(), 1U) << ended.err;
    EXPECT_EQ(lines.front().at("level").as_string(), "error");
    EXPECT_TRUE(lines.front().at("fields").as_object().contains("class"));
  }
}

TEST_F(logs, a_variable_asks_for_json_as_well) {
  around_.environment["LOG_JSON"] = "true";
  EXPECT_EQ(objects_of(run_sandfleet({"stop", "nobody"}, around_).err).size(), 1U);
}

TEST_F(logs, a_batch_reports_in_json) {
  // The second task ends long after it is time to say that the first one has.
  const auto path = tasks(R"({"id":"a","commands":["true"]}
{"id":"b","commands":["sleep 0.8"]}
no task
)");
  const auto ran =
      run_sandfleet({"batch", path, "-o", results(), "--json-logs", "-c", "1"}, around_);
  const auto lines = objects_of(ran.err);
  bool progress = false;
  bool bad_line = false;
  for (const auto& line : lines) {
    const bool told = line.at("message").as_string() == "progress";
    progress = progress || told;
    if (told) {
      EXPECT_EQ(line.at("fields").at("total").as_int64(), 2);
    }
    bad_line = bad_line || line.at("level").as_string() == "error";
  }
  EXPECT_TRUE(progress) << ran.err;
  EXPECT_TRUE(bad_line) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("BATCH"));
}

TEST_F(logs, quiet_leaves_errors_alone) {
  const auto good = run_sandfleet({"batch", tasks(two_tasks), "-o", results(), "--quiet"}, around_);
  EXPECT_EQ(good.status, 0);
  EXPECT_EQ(good.err, "");
  const auto again =
      run_sandfleet({"batch", tasks(two_tasks), "-o", results(), "--quiet"}, around_);
  EXPECT_EQ(again.err, "") << "that it goes on is no error";
  const auto bad = run_sandfleet({"--quiet", "stop", "nobody"}, around_);
  EXPECT_THAT(bad.err, HasSubstr("nobody"));
  const auto ran = run_sandfleet({"--quiet", "run", "--", "sh", "-c", "echo theirs >&2"}, around_);
  EXPECT_EQ(ran.err, "theirs\n");
  EXPECT_EQ(run_sandfleet({"ps", "--quiet"}, around_).out, "");
}

TEST_F(logs, colours_are_for_terminals_that_want_them) {
  const auto program = std::string(std::getenv("SANDFLEET_BIN")) + "/sandfleet";
  const auto shown_on_a_terminal = [&](std::map<std::string, std::string> environment,
                                       std::vector<std::string> more = {}) {
    environment["SANDFLEET_STATE_DIR"] = place_.path() + "/state";
    more.insert(more.begin(), program);
    more.insert(more.end(), {"stop", "nobody"});
    user_terminal user(more, environment);
    EXPECT_TRUE(user.shows("there is no sandbox"));
    user.wait();
    return user.all_shown();
  };
  EXPECT_THAT(shown_on_a_terminal({{"TERM", "xterm"}}), HasSubstr("\x1b["));
  EXPECT_THAT(shown_on_a_terminal({{"TERM", "xterm"}, {"NO_COLOR", "1"}}), Not(HasSubstr("\x1b[")));
  EXPECT_THAT(shown_on_a_terminal({{"TERM", "dumb"}}), Not(HasSubstr("\x1b[")));
  EXPECT_THAT(shown_on_a_terminal({{"TERM", "xterm"}}, {"--json-logs"}), Not(HasSubstr("\x1b[")));
  EXPECT_THAT(run_sandfleet({"stop", "nobody"}, around_).err, Not(HasSubstr("\x1b[")));
  EXPECT_THAT(run_sandfleet({"--color", "always", "stop", "nobody"}, around_).err,
              HasSubstr("\x1b["));
}

} // namespace
} // namespace sandfleet::test
