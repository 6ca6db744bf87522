#pragma once

#include "tests/integration/cli/program.hpp"

#include <boost/json/object.hpp>

#include <map>
#include <string>
#include <vector>

namespace sandfleet::test {

/// `sandfleet batch` with files and a state directory of its own. /shared in every sandbox is a
/// directory of this machine.
class batch_files {
 public:
  batch_files();

  /// The words of a batch over these lines.
  std::vector<std::string> words(const std::vector<std::string>& lines,
                                 std::vector<std::string> flags = {}) const;

  [[nodiscard]] ended run(const std::vector<std::string>& lines,
                          std::vector<std::string> flags = {}) const;

  /// The result file by id. Fails the test when a line is no result, or an id comes twice.
  [[nodiscard]] std::map<std::string, boost::json::object> results() const;

  [[nodiscard]] std::string shared(const std::string& name) const;
  [[nodiscard]] std::string results_path() const { return files_.path() + "/results.jsonl"; }
  [[nodiscard]] std::string state_dir() const { return state_.path(); }
  [[nodiscard]] const surroundings& around() const { return around_; }

  /// A pipe that tasks open as /shared/NAME.
  void make_pipe(const std::string& name) const;
  /// Waits until a task has written a line to it.
  void await_pipe(const std::string& name) const;

  scratch_directory files_;

 private:
  scratch_directory state_;
  scratch_directory shared_;
  surroundings around_;
};

/// {"id": ID, "commands": [COMMAND]} with `more` keys behind.
[[nodiscard]] std::string task_line(const std::string& id, const std::string& command,
                                    const std::string& more = {});

[[nodiscard]] std::string verdict_class(const boost::json::object& result);

} // namespace sandfleet::test
