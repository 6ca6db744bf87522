#include "sandbox_agent/files/file_actions.hpp"

#include "runtime/core/text.hpp"
#include "runtime/protocol/base64.hpp"
#include "sandbox_agent/files/editor_view.hpp"
#include "sandbox_agent/files/file_text.hpp"
#include "sandbox_agent/files/make_directories.hpp"
#include "sandbox_agent/files/unified_diff.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

namespace sandfleet::agent::files {

namespace {

using protocol::error_observation;
using protocol::observation;

/// Read as data URLs rather than as text.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> media{{
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".jpeg", "image/jpeg"},
    {".bmp", "image/bmp"},
    {".gif", "image/gif"},
    {".pdf", "application/pdf"},
    {".mp4", "video/mp4"},
    {".webm", "video/webm"},
    {".ogg", "audio/ogg"},
}};

tl::unexpected<error> null_byte() {
  return fail(errc::invalid_argument, "embedded null byte");
}

observation failed(std::string text) {
  return error_observation{std::move(text), ""};
}

/// Python's `lines[low:high]`: negative bounds count from the end, all are clamped.
std::string slice(const std::vector<std::string_view>& lines, std::int64_t low, std::int64_t high) {
  const auto size = static_cast<std::int64_t>(lines.size());
  const auto clamp = [&](std::int64_t bound) {
    return std::clamp<std::int64_t>(bound < 0 ? bound + size : bound, 0, size);
  };
  std::string joined;
  for (auto i = clamp(low); i < clamp(high); ++i)
    joined += lines[static_cast<std::size_t>(i)];
  return joined;
}

/// The reference's rule, with its oddities: a range begins at the last line but one at the latest,
/// and holds at least one line.
std::string range_of(const std::vector<std::string_view>& lines, std::int64_t start,
                     std::int64_t end) {
  const auto size = static_cast<std::int64_t>(lines.size());
  start = std::clamp<std::int64_t>(start, 0, size);
  end = end == -1 ? -1 : std::clamp<std::int64_t>(end, 0, size);
  if (end == -1)
    return slice(lines, start, size);
  const auto begin = std::max<std::int64_t>(0, std::min(start, size - 2));
  return slice(lines, begin, std::max(begin + 1, end));
}

} // namespace

result<observation> file_actions::read(const protocol::read_action& action,
                                       const std::string& directory) {
  const auto path = absolute_path(action.path, directory);
  if (path.find('\0') != std::string::npos)
    return null_byte();
  if (looks_binary(path))
    return failed("ERROR_BINARY_FILE");
  if (action.impl_source == "oh_aci")
    return protocol::read_observation{editor_.view(action.path, action.view_range).text,
                                      action.path, "oh_aci"};

  const auto bytes = load(path);
  if (!bytes) {
    switch (errno_of(bytes.error())) {
    case ENOENT:
      return failed("File not found: " + path + ". Your current working directory is " + directory +
                    ".");
    case EISDIR:
      return failed("Path is a directory: " + path + ". You can only read files");
    default:
      return fail(bytes.error());
    }
  }
  const auto lowered = core::to_lower(path);
  for (const auto& [ending, type] : media) {
    if (lowered.ends_with(ending))
      return protocol::read_observation{
          "data:" + std::string(type) + ";base64," + protocol::base64_encode(*bytes), path};
  }
  if (!utf8_fault(*bytes).empty())
    return failed("File could not be decoded as utf-8: " + path + ".");
  const auto text = universal_newlines(*bytes);
  return protocol::read_observation{range_of(lines_of(text), action.start, action.end), path};
}

result<observation> file_actions::write(const protocol::write_action& action,
                                        const std::string& directory) {
  const auto path = absolute_path(action.path, directory);
  if (path.find('\0') != std::string::npos)
    return null_byte();
  struct stat before {};
  if (::stat(path.substr(0, std::max<std::size_t>(path.rfind('/'), 1)).c_str(), &before) != 0) {
    if (auto made = make_parents(path); !made)
      return fail(made.error());
  }
  const bool existed = ::stat(path.c_str(), &before) == 0;
  auto text = action.content + "\n";
  if (existed) {
    const auto bytes = load(path);
    if (!bytes && errno_of(bytes.error()) == EISDIR)
      return failed("Path is a directory: " + path + ". You can only write to files");
    if (!bytes)
      return fail(bytes.error());
    if (!utf8_fault(*bytes).empty())
      return failed("File could not be decoded as utf-8: " + path);
    const auto old_text = universal_newlines(*bytes);
    const auto lines = lines_of(old_text);
    const auto size = static_cast<std::int64_t>(lines.size());
    text = (action.start == 0 ? std::string() : slice(lines, 0, action.start)) + text +
           (action.end == -1 ? std::string() : slice(lines, action.end, size));
  }
  if (auto stored = store(path, text); !stored) {
    if (errno_of(stored.error()) == ENOENT)
      return failed("File not found: " + path);
    return fail(stored.error());
  }
  if (!existed) {
    const auto owner = owner_.value_or(static_cast<uid_t>(-1));
    if (::chmod(path.c_str(), 0664) != 0 || ::chown(path.c_str(), owner, owner) != 0)
      return failed("File " + path + " written, but failed to change ownership and permissions: " +
                    os_error_text(errno, path));
  }
  return protocol::write_observation{path};
}

edited file_actions::edit(const protocol::edit_action& action) {
  auto outcome = editor_.run(action);
  edited done;
  done.seen = protocol::edit_observation{.content = std::move(outcome.text),
                                         .path = action.path,
                                         .old_content = action.old_str,
                                         .new_content = action.new_str,
                                         .diff = unified_diff(outcome.old_content.value_or(""),
                                                              outcome.new_content.value_or(""),
                                                              action.path)};
  if (outcome.lint_at)
    done.change = text_change{action.path, std::move(*outcome.old_content),
                              std::move(*outcome.new_content), *outcome.lint_at};
  return done;
}

} // namespace sandfleet::agent::files
