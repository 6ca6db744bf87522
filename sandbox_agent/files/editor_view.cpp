#include "sandbox_agent/files/editor_view.hpp"

#include "runtime/core/text.hpp"
#include "runtime/protocol/utf8.hpp"
#include "sandbox_agent/files/file_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <memory>
#include <sys/stat.h>

namespace sandfleet::agent::files {

namespace {

constexpr std::size_t max_file_bytes = std::size_t{10} << 20;
constexpr std::size_t max_shown = 16'000; // code points

constexpr std::string_view file_notice =
    "<response clipped><NOTE>Due to the max output limit, only part of this file has been shown to "
    "you. You should retry this tool after you have searched inside the file with `grep -n` in "
    "order to find the line numbers of what you are looking for.</NOTE>";
constexpr std::string_view directory_notice =
    "<response clipped><NOTE>Due to the max output limit, only part of this directory has been "
    "shown to you. You should use `ls -la` instead to view large directories "
    "incrementally.</NOTE>";

std::string clip(std::string_view text, std::string_view notice) {
  if (text.size() <= max_shown || protocol::count_code_points(text) <= max_shown)
    return std::string(text);
  return std::string(text.substr(0, protocol::code_point_offset(text, max_shown))) +
         std::string(notice);
}

/// Joined by "\n" what str.splitlines() gives: more characters end a line than "\n" does.
std::string join_split_lines(std::string_view text) {
  std::string joined;
  bool pending = false; // a line's end was seen and no further line yet
  const auto end_line = [&] {
    if (pending)
      joined += '\n';
    pending = true;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto rest = text.substr(i);
    if ((c >= '\n' && c <= '\r') || (c >= 0x1c && c <= 0x1e)) {
      end_line();
    } else if (rest.starts_with("\xC2\x85")) {
      i += 1;
      end_line();
    } else if (rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9")) {
      i += 2;
      end_line();
    } else {
      if (std::exchange(pending, false))
        joined += '\n';
      joined += text[i];
    }
  }
  return joined;
}

std::string list_text(const std::vector<std::int64_t>& numbers) {
  std::string text = "[";
  for (const auto number : numbers)
    text += (text.size() > 1 ? ", " : "") + std::to_string(number);
  return text + "]";
}

bool is_directory(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
}

/// Names in a directory but "." and ".."; the error has find(1)'s words.
result<std::vector<std::string>> names_in(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), &::closedir);
  if (!directory)
    return fail(errc::io_error, "find: '" + path + "': " + std::strerror(errno) + "\n");
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view name(entry->d_name);
    if (name != "." && name != "..")
      names.emplace_back(name);
  }
  return names;
}

} // namespace

tl::unexpected<error> invalid_parameter(std::string_view parameter, std::string_view value,
                                        std::string_view hint) {
  return fail(errc::invalid_argument, "Invalid `" + std::string(parameter) + "` parameter: " +
                                          std::string(value) + ". " + std::string(hint));
}

std::string extension(std::string_view path) {
  const auto name = path.substr(path.rfind('/') + 1);
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == name.size())
    return {};
  return std::string(name.substr(dot));
}

bool is_office_or_audio(std::string_view path) {
  constexpr std::array<std::string_view, 8> known{".docx", ".xlsx", ".pptx", ".pdf",
                                                  ".mp3",  ".wav",  ".m4a",  ".flac"};
  return std::ranges::find(known, core::to_lower(extension(path))) != known.end();
}

result<void> check_editable(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode))
    return {};
  const auto refuse = [&](const std::string& reason) {
    return fail(errc::invalid_argument, "File validation failed for " + path + ": " + reason);
  };
  if (static_cast<std::size_t>(found.st_size) > max_file_bytes) {
    std::array<char, 32> megabytes{};
    std::snprintf(megabytes.data(), megabytes.size(), "%.1f",
                  static_cast<double>(found.st_size) / 1048576);
    return refuse("File is too large (" + std::string(megabytes.data()) +
                  "MB). Maximum allowed size is " + std::to_string(max_file_bytes >> 20U) + "MB.");
  }
  if (!is_office_or_audio(path) && looks_binary(path))
    return refuse(
        "File appears to be binary and this file type cannot be read or edited by this tool.");
  return {};
}

result<file_text> read_text(const std::string& path) {
  if (auto fine = check_editable(path); !fine)
    return tl::unexpected(fine.error());
  const auto ran_into = [&](const std::string& what) {
    return fail(errc::io_error, "Ran into " + what + " while trying to read " + path);
  };
  const auto bytes = load(path, max_file_bytes);
  if (!bytes)
    return ran_into(bytes.error().message);
  const auto kept_in = encoding_of(*bytes);
  const auto text = decode_text(*bytes, kept_in);
  if (!text)
    return ran_into(text.error().message);
  return file_text{universal_newlines(*text), kept_in};
}

std::string line_span(std::string_view text, std::int64_t first, std::int64_t last) {
  std::string span;
  std::int64_t number = 0;
  for (const auto line : lines_of(text)) {
    if (++number > last)
      break;
    if (number >= first)
      span += line;
  }
  return span;
}

std::int64_t count_lines(std::string_view text) {
  return std::ranges::count(text, '\n') + (text.empty() || text.ends_with('\n') ? 0 : 1);
}

std::string numbered(std::string_view text, const std::string& what, std::int64_t first_number) {
  std::string shown = "Here's the result of running `cat -n` on " + what + ":\n";
  const auto clipped = clip(text, file_notice);
  auto number = first_number;
  for (const auto line : core::split(clipped, '\n')) {
    const auto digits = std::to_string(number++);
    shown.append(digits.size() < 6 ? 6 - digits.size() : 0, ' ').append(digits).append("\t");
    shown.append(line).append("\n");
  }
  return shown;
}

result<std::string> view_file(const std::string& path, const line_range& range) {
  if (auto fine = check_editable(path); !fine)
    return tl::unexpected(fine.error());
  if (is_office_or_audio(path))
    return fail(errc::unsupported,
                "Error in converting file to Markdown: no converter is available. Please use "
                "Python code to read " +
                    path);
  const auto read = read_text(path);
  if (!read)
    return tl::unexpected(read.error());
  const auto& text = read->text;
  if (!range || range->empty())
    return numbered(text, path);

  const auto refuse = [&](const std::string& hint) {
    return invalid_parameter("view_range", list_text(*range), hint);
  };
  if (range->size() != 2)
    return refuse("It should be a list of two integers.");
  const auto total = count_lines(text);
  const auto first = range->at(0);
  auto last = range->at(1);
  if (first < 1 || first > total)
    return refuse("Its first element `" + std::to_string(first) +
                  "` should be within the range of lines of the file: " + list_text({1, total}) +
                  ".");
  std::string warning;
  if (last == -1) {
    last = total;
  } else if (last > total) {
    const auto lines = std::to_string(total);
    warning = "NOTE: We only show up to " + lines + " since there're only " + lines +
              " lines in this file.\n";
    last = total;
  }
  if (last < first)
    return refuse("Its second element `" + std::to_string(last) +
                  "` should be greater than or equal to the first element `" +
                  std::to_string(first) + "`.");
  return warning + numbered(join_split_lines(line_span(text, first, last)), path, first);
}

result<std::string> view_directory(const std::string& path, const line_range& range) {
  if (range && !range->empty())
    return invalid_parameter(
        "view_range", list_text(*range),
        "The `view_range` parameter is not allowed when `path` points to a directory.");
  const auto top = names_in(path);
  if (!top)
    return tl::unexpected(top.error());
  std::vector<std::string> paths{path};
  std::size_t hidden = 0;
  const auto base = path == "/" ? std::string("/") : path + "/";
  for (const auto& name : *top) {
    if (name.starts_with('.')) {
      ++hidden;
      continue;
    }
    paths.push_back(base + name);
    if (!is_directory(paths.back()))
      continue;
    const auto directory = paths.back();
    const auto below = names_in(directory);
    if (!below)
      return tl::unexpected(below.error());
    for (const auto& inner : *below) {
      if (!inner.starts_with('.'))
        paths.push_back(directory + "/" + inner);
    }
  }
  std::ranges::sort(paths);
  std::string joined;
  for (const auto& one : paths)
    joined += one + "\n";
  joined = clip(joined, directory_notice);

  std::string shown = "Here's the files and directories up to 2 levels deep in " + path +
                      ", excluding hidden "
                      "items:\n";
  bool first = true;
  for (const auto one : core::split(strip(joined), '\n')) {
    shown.append(std::exchange(first, false) ? "" : "\n").append(one);
    if (is_directory(std::string(one)))
      shown += '/';
  }
  if (hidden > 0)
    shown += "\n\n" + std::to_string(hidden) +
             " hidden files/directories in this directory are excluded. You can use 'ls -la " +
             path + "' to see them.";
  return shown;
}

} // namespace sandfleet::agent::files
