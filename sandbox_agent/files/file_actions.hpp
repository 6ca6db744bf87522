#pragma once

#include "runtime/protocol/action.hpp"
#include "sandbox_agent/files/editor.hpp"

#include <sandfleet/error.hpp>

#include <optional>
#include <string>
#include <sys/types.h>

namespace sandfleet::agent::files {

/// What an edit did to a file, for a linter, and where in the observation its word belongs.
struct text_change {
  std::string path;
  std::string old_text;
  std::string new_text;
  std::size_t lint_at = 0;
};

struct edited {
  protocol::edit_observation seen;
  std::optional<text_change> change; ///< of `str_replace` and `insert`
};

/// The actions `read`, `write` and `edit` of OpenHands' action server. An error is what the
/// reference answers with 500; most failures are observations.
class file_actions {
 public:
  /// `owner`: to whom new files are given; nobody when absent.
  file_actions(std::string working_dir, std::optional<uid_t> owner)
      : editor_(std::move(working_dir)), owner_(owner) {}

  /// `directory` is that of the session's shell; relative paths are below it.
  result<protocol::observation> read(const protocol::read_action& action,
                                     const std::string& directory);
  result<protocol::observation> write(const protocol::write_action& action,
                                      const std::string& directory);
  edited edit(const protocol::edit_action& action);

 private:
  editor editor_;
  std::optional<uid_t> owner_;
};

} // namespace sandfleet::agent::files
