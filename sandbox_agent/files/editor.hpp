#pragma once

#include "runtime/protocol/action.hpp"
#include "sandbox_agent/files/edit_history.hpp"

#include <sandfleet/error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sandfleet::agent::files {

/// What a command of the editor gave. `text` is what the client sees; after a failure it begins
/// with "ERROR:\n" and there are no contents.
struct edit_outcome {
  std::string text;
  std::optional<std::string> old_content;
  std::optional<std::string> new_content;
  std::optional<std::size_t> lint_at; ///< where in `text` stands what linting has to say
};

/// The editor of OpenHands' action server (PyPI openhands-aci, `OHEditor`): same commands, same
/// texts. A file keeps its encoding (`text_encoding`).
class editor {
 public:
  explicit editor(std::string working_dir) : working_dir_(std::move(working_dir)) {}

  edit_outcome run(const protocol::edit_action& action);
  edit_outcome view(const std::string& path,
                    const std::optional<std::vector<std::int64_t>>& view_range);

 private:
  using outcome = result<edit_outcome>;
  outcome dispatch(const protocol::edit_action& action);
  [[nodiscard]] result<std::string> check_path(const std::string& command,
                                               const std::string& given) const;
  outcome view_checked(const std::string& path,
                       const std::optional<std::vector<std::int64_t>>& view_range);
  outcome create(const std::string& path, const protocol::edit_action& action);
  outcome replace(const std::string& path, const protocol::edit_action& action);
  outcome insert(const std::string& path, const protocol::edit_action& action);
  outcome undo(const std::string& path);

  std::string working_dir_;
  edit_history history_;
};

} // namespace sandfleet::agent::files
