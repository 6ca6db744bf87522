#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// The action protocol of OpenHands 0.62 as values (openhands/events/action, .../observation).
namespace sandfleet::protocol {

inline constexpr std::size_t max_session_name = 255; ///< bytes

struct run_action {
  std::string command;
  bool is_input = false;
  bool blocking = false;
  bool is_static = false;
  std::optional<std::string> cwd;
  bool hidden = false;
  std::optional<double> timeout;      ///< seconds; stands beside "args"; none: no hard time-out
  std::string session_id = "default"; ///< ours, of every action: the bash session it belongs to
};

struct read_action {
  std::string path;
  std::int64_t start = 0;
  std::int64_t end = -1;
  std::string impl_source = "default"; ///< or "oh_aci"
  std::optional<std::vector<std::int64_t>> view_range;
  std::string session_id = "default";
};

struct write_action {
  std::string path;
  std::string content;
  std::int64_t start = 0;
  std::int64_t end = -1;
  std::string session_id = "default";
};

struct edit_action {
  std::string path;
  std::string command; ///< view, create, str_replace, insert, undo_edit
  std::optional<std::string> file_text;
  std::optional<std::string> old_str;
  std::optional<std::string> new_str;
  std::optional<std::int64_t> insert_line;
  std::string impl_source = "oh_aci";
  std::string session_id = "default";
};

using action = std::variant<run_action, read_action, write_action, edit_action>;

/// CmdOutputMetadata; empty optionals are JSON null.
struct run_metadata {
  int exit_code = -1; ///< -1 while the command still runs
  int pid = -1;       ///< bash's $!, -1 without a background job
  std::optional<std::string> username;
  std::optional<std::string> hostname;
  std::optional<std::string> working_dir;
  std::optional<std::string> py_interpreter_path;
  std::string prefix;
  std::string suffix;
};

struct run_observation {
  std::string content;
  std::string command;
  run_metadata metadata;
  bool hidden = false;
};

struct read_observation {
  std::string content;
  std::string path;
  std::string impl_source = "default";
};

struct write_observation {
  std::string path;
};

struct edit_observation {
  std::string content;
  std::string path;
  bool prev_exist = false;
  std::optional<std::string> old_content;
  std::optional<std::string> new_content;
  std::string impl_source = "oh_aci";
  std::string diff;
};

struct error_observation {
  std::string content;
  std::string error_id;
};

using observation = std::variant<run_observation, read_observation, write_observation,
                                 edit_observation, error_observation>;

} // namespace sandfleet::protocol
