#include "sandbox_agent/files/editor.hpp"

#include "sandbox_agent/files/editor_view.hpp"
#include "sandbox_agent/files/file_text.hpp"

#include <algorithm>
#include <sys/stat.h>

namespace sandfleet::agent::files {

namespace {

constexpr std::int64_t context_lines = 4; // shown before and after a change
constexpr std::string_view review =
    "Review the changes and make sure they are as expected. Edit the file again if necessary.";
constexpr std::string_view review_insertion =
    "Review the changes and make sure they are as expected (correct indentation, no duplicate "
    "lines, etc). Edit the file again if necessary.";

tl::unexpected<error> tool_error(std::string text) {
  return fail(errc::invalid_argument, std::move(text));
}

tl::unexpected<error> missing_parameter(const std::string& command, std::string_view name) {
  return tool_error("Parameter `" + std::string(name) + "` is required for command: " + command +
                    ".");
}

result<void> write_text(const std::string& path, std::string_view text, text_encoding kept_in) {
  if (auto fine = check_editable(path); !fine)
    return fine;
  const auto ran_into = [&](const error& what) {
    return tool_error("Ran into " + what.message + " while trying to write to " + path);
  };
  const auto bytes = encode_text(text, kept_in);
  if (!bytes)
    return ran_into(bytes.error());
  if (auto stored = store(path, *bytes); !stored)
    return ran_into(stored.error());
  return {};
}

/// Offsets of all occurrences, none of which overlap; an empty text occurs before each character
/// and at the end, as for Python's re.finditer.
std::vector<std::size_t> find_all(std::string_view text, std::string_view wanted) {
  std::vector<std::size_t> found;
  const auto step = std::max<std::size_t>(wanted.size(), 1);
  for (auto at = text.find(wanted); at != std::string_view::npos && at <= text.size();
       at = text.find(wanted, at + step)) {
    const bool inside = at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80;
    if (!inside)
      found.push_back(at);
  }
  return found;
}

std::int64_t line_at(std::string_view text, std::size_t offset) {
  return std::ranges::count(text.substr(0, offset), '\n') + 1;
}

edit_outcome rendered(result<edit_outcome> outcome) {
  if (outcome)
    return std::move(*outcome);
  return {"ERROR:\n" + outcome.error().message, std::nullopt, std::nullopt};
}

} // namespace

edit_outcome editor::run(const protocol::edit_action& action) {
  return rendered(dispatch(action));
}

edit_outcome editor::view(const std::string& path, const line_range& view_range) {
  const auto checked = check_path("view", path);
  if (!checked)
    return rendered(tl::unexpected(checked.error()));
  return rendered(view_checked(*checked, view_range));
}

editor::outcome editor::dispatch(const protocol::edit_action& action) {
  const auto path = check_path(action.command, action.path);
  if (!path)
    return tl::unexpected(path.error());
  if (action.command == "view")
    return view_checked(*path, std::nullopt);
  if (action.command == "create")
    return create(*path, action);
  if (action.command == "str_replace")
    return replace(*path, action);
  if (action.command == "insert")
    return insert(*path, action);
  if (action.command == "undo_edit")
    return undo(*path);
  return tool_error("Unrecognized command " + action.command +
                    ". The allowed commands for the oh_editor tool are: view, create, "
                    "str_replace, insert, undo_edit");
}

result<std::string> editor::check_path(const std::string& command, const std::string& given) const {
  auto path = normal_path(given);
  struct stat found {};
  if (path.find('\0') != std::string::npos && command == "create")
    return tool_error("Ran into embedded null byte while trying to write to " + path);
  if (!path.starts_with('/')) {
    std::string hint = "The path should be an absolute path, starting with `/`.";
    const auto meant = absolute_path(path, working_dir_);
    if (::stat(meant.c_str(), &found) == 0)
      hint += " Maybe you meant " + meant + "?";
    return invalid_parameter("path", path, hint);
  }
  const bool exists = path.find('\0') == std::string::npos && ::stat(path.c_str(), &found) == 0;
  if (command == "create" && exists)
    return invalid_parameter("path", path,
                             "File already exists at: " + path +
                                 ". Cannot overwrite files using command `create`.");
  if (command != "create" && !exists)
    return invalid_parameter("path", path,
                             "The path " + path + " does not exist. Please provide a valid path.");
  if (command == "view")
    return path;
  if (exists && S_ISDIR(found.st_mode))
    return invalid_parameter("path", path,
                             "The path " + path +
                                 " is a directory and only the `view` command can be used on "
                                 "directories.");
  if (is_office_or_audio(path))
    return invalid_parameter("path", path,
                             "The path " + path + " points to a binary file (" + extension(path) +
                                 ") and only the `view` command can be used on supported binary "
                                 "files.");
  return path;
}

editor::outcome editor::view_checked(const std::string& path, const line_range& view_range) {
  struct stat found {};
  const bool directory = ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
  auto text = directory ? view_directory(path, view_range) : view_file(path, view_range);
  if (!text)
    return tl::unexpected(text.error());
  return edit_outcome{std::move(*text), std::nullopt, std::nullopt};
}

editor::outcome editor::create(const std::string& path, const protocol::edit_action& action) {
  if (!action.file_text)
    return missing_parameter(action.command, "file_text");
  if (auto written = write_text(path, *action.file_text, text_encoding::utf8); !written)
    return tl::unexpected(written.error());
  history_.add(path, *action.file_text);
  return edit_outcome{"File created successfully at: " + path, std::nullopt, action.file_text};
}

editor::outcome editor::replace(const std::string& path, const protocol::edit_action& action) {
  if (!action.old_str)
    return missing_parameter(action.command, "old_str");
  if (action.new_str == action.old_str)
    return invalid_parameter(
        "new_str", *action.new_str,
        "No replacement was performed. `new_str` and `old_str` must be different.");
  const auto read = read_text(path);
  if (!read)
    return tl::unexpected(read.error());
  const auto& text = read->text;

  auto old_text = *action.old_str;
  auto new_text = action.new_str.value_or("");
  auto places = find_all(text, old_text);
  if (places.empty()) { // perhaps blanks around it are all that differs
    old_text = std::string(strip(old_text));
    new_text = std::string(strip(new_text));
    places = find_all(text, old_text);
  }
  if (places.empty())
    return tool_error("No replacement was performed, old_str `" + old_text +
                      "` did not appear verbatim in " + path + ".");
  if (places.size() > 1) {
    std::string lines;
    std::int64_t last = 0;
    for (const auto place : places) {
      const auto line = line_at(text, place);
      if (line != last)
        lines += (lines.empty() ? "" : ", ") + std::to_string(line);
      last = line;
    }
    return tool_error("No replacement was performed. Multiple occurrences of old_str `" + old_text +
                      "` in lines [" + lines + "]. Please ensure it is unique.");
  }

  const auto line = line_at(text, places.front());
  auto changed = text;
  changed.replace(places.front(), old_text.size(), new_text);
  if (auto written = write_text(path, changed, read->kept_in); !written)
    return tl::unexpected(written.error());
  history_.add(path, text);

  const auto first = std::max<std::int64_t>(0, line - context_lines);
  const auto last = line + context_lines + std::ranges::count(new_text, '\n');
  auto message = "The file " + path + " has been edited. " +
                 numbered(line_span(universal_newlines(changed), first + 1, last),
                          "a snippet of " + path, first + 1);
  const auto lint_at = message.size();
  message += review;
  return edit_outcome{std::move(message), text, std::move(changed), lint_at};
}

editor::outcome editor::insert(const std::string& path, const protocol::edit_action& action) {
  if (!action.insert_line)
    return missing_parameter(action.command, "insert_line");
  if (!action.new_str)
    return missing_parameter(action.command, "new_str");
  const auto read = read_text(path);
  if (!read)
    return tl::unexpected(read.error());
  const auto& text = read->text;
  const auto total = count_lines(text);
  const auto after = *action.insert_line;
  if (after < 0 || after > total)
    return invalid_parameter("insert_line", std::to_string(after),
                             "It should be within the range of allowed values: [0, " +
                                 std::to_string(total) + "]");

  const auto changed =
      line_span(text, 1, after) + *action.new_str + "\n" + line_span(text, after + 1, total);
  if (auto written = write_text(path, changed, read->kept_in); !written)
    return tl::unexpected(written.error());
  history_.add(path, text);

  const auto added = std::ranges::count(*action.new_str, '\n') + 1;
  const auto first = std::max<std::int64_t>(0, after - context_lines);
  const auto last = std::min(total + added, after + context_lines + added);
  const auto shown = universal_newlines(changed);
  auto message = "The file " + path + " has been edited. " +
                 numbered(line_span(shown, first + 1, last), "a snippet of the edited file",
                          std::max<std::int64_t>(1, after - context_lines + 1));
  const auto lint_at = message.size();
  message += review_insertion;
  return edit_outcome{std::move(message), text, shown, lint_at};
}

editor::outcome editor::undo(const std::string& path) {
  const auto current = read_text(path);
  if (!current)
    return tl::unexpected(current.error());
  auto before = history_.pop(path);
  if (!before)
    return tool_error("No edit history found for " + path + ".");
  if (auto written = write_text(path, *before, current->kept_in); !written)
    return tl::unexpected(written.error());
  return edit_outcome{"Last edit to " + path + " undone successfully. " + numbered(*before, path),
                      current->text, std::move(before)};
}

} // namespace sandfleet::agent::files
