#include "tests/integration/cli/batch_fixture.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <gtest/gtest.h>

#include <fstream>
#include <sys/stat.h>

namespace sandfleet::test {

namespace json = boost::json;

batch_files::batch_files() {
  around_.environment["SANDFLEET_STATE_DIR"] = state_.path();
  // The sandbox's user is another one than ours.
  ::chmod(shared_.path().c_str(), 0777);
}

std::vector<std::string> batch_files::words(const std::vector<std::string>& lines,
                                            std::vector<std::string> flags) const {
  std::string text;
  for (const auto& line : lines)
    text += line + "\n";
  const auto tasks = files_.write("tasks.jsonl", text);
  std::vector<std::string> all = {"batch",        tasks,      "-o",
                                  results_path(), "--volume", shared_.path() + ":/shared"};
  all.insert(all.end(), flags.begin(), flags.end());
  return all;
}

ended batch_files::run(const std::vector<std::string>& lines,
                       std::vector<std::string> flags) const {
  return run_sandfleet(words(lines, std::move(flags)), around_);
}

std::map<std::string, json::object> batch_files::results() const {
  std::map<std::string, json::object> all;
  std::ifstream file(results_path());
  for (std::string line; std::getline(file, line);) {
    boost::system::error_code bad;
    auto value = json::parse(line, bad);
    if (bad || !value.is_object()) {
      ADD_FAILURE() << "not a result: " << line;
      continue;
    }
    const std::string id(value.at("id").as_string());
    EXPECT_TRUE(all.emplace(id, value.as_object()).second) << "a second result of " << id;
  }
  return all;
}

std::string batch_files::shared(const std::string& name) const {
  return shared_.path() + "/" + name;
}

void batch_files::make_pipe(const std::string& name) const {
  ::mkfifo(shared(name).c_str(), 0666);
  ::chmod(shared(name).c_str(), 0666); // whatever the umask is
}

void batch_files::await_pipe(const std::string& name) const {
  std::ifstream pipe(shared(name));
  std::string line;
  std::getline(pipe, line);
}

std::string task_line(const std::string& id, const std::string& command, const std::string& more) {
  return R"({"id": ")" + id + R"(", "commands": [)" + json::serialize(json::string(command)) + "]" +
         (more.empty() ? "" : ", " + more) + "}";
}

std::string verdict_class(const json::object& result) {
  return std::string(result.at("verdict").at("class").as_string());
}

} // namespace sandfleet::test
