#include "tools/batch/task_file.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::batch {
namespace {

error open_error(const std::string& path, int number) {
  const auto code = number == ENOENT                      ? errc::not_found
                    : number == EACCES || number == EPERM ? errc::permission_denied
                                                          : errc::io_error;
  auto failure = errno_error(code, "cannot read the task file '" + path + "'", number)
                     .blamed_on(failure_class::task);
  if (path == "-")
    failure.hint = "standard input is /dev/stdin";
  return failure;
}

result<void> copy_all(int from, int to) {
  std::array<char, 65536> bytes{};
  for (;;) {
    const auto count = ::read(from, bytes.data(), bytes.size());
    if (count == 0)
      return {};
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return fail(errno_error(errc::io_error, "cannot read", errno));
    for (ssize_t done = 0; done < count;) {
      const auto written = ::write(to, bytes.data() + done, static_cast<std::size_t>(count - done));
      if (written < 0 && errno != EINTR)
        return fail(errno_error(errc::io_error, "cannot keep a copy", errno));
      done += written > 0 ? written : 0;
    }
  }
}

// A copy of what can be read from `from`, without a name, so that nobody need remove it.
result<int> spool(int from) {
  const auto* wanted = std::getenv("TMPDIR");
  const std::string directory = wanted != nullptr && *wanted != '\0' ? wanted : "/tmp";
  auto name = directory + "/sandfleet-tasks-XXXXXX";
  const int copy = ::mkostemp(name.data(), O_CLOEXEC);
  if (copy < 0)
    return fail(errno_error(errc::io_error, "cannot make a file in " + directory, errno));
  ::unlink(name.c_str());
  if (auto done = copy_all(from, copy); !done) {
    ::close(copy);
    return tl::unexpected(std::move(done.error()));
  }
  return copy;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r") == std::string_view::npos;
}

} // namespace

task_file::task_file(std::string path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor),
      lines_(std::make_unique<line_reader>(descriptor, longest_task_line)),
      parser_(std::make_unique<task_parser>()) {}

task_file::task_file(task_file&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)),
      lines_(std::move(other.lines_)), parser_(std::move(other.parser_)),
      skipped_(std::move(other.skipped_)) {}

task_file& task_file::operator=(task_file&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(lines_, other.lines_);
  std::swap(parser_, other.parser_);
  std::swap(skipped_, other.skipped_);
  return *this;
}

task_file::~task_file() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

result<task_file> task_file::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return fail(open_error(path, errno));
  task_file opened(path, descriptor);
  struct stat status {};
  if (::fstat(descriptor, &status) != 0)
    return fail(open_error(path, errno));
  if (S_ISDIR(status.st_mode))
    return fail(open_error(path, EISDIR));
  if (S_ISREG(status.st_mode))
    return opened;
  auto copy = spool(descriptor);
  if (!copy)
    return fail(std::move(copy.error()).blamed_on(failure_class::infrastructure));
  task_file spooled(path, *copy);
  if (auto ready = spooled.rewind({}); !ready)
    return tl::unexpected(std::move(ready.error()));
  return spooled;
}

result<void> task_file::rewind(std::unordered_set<std::uint64_t> skipped_lines) {
  if (::lseek(descriptor_, 0, SEEK_SET) < 0)
    return fail(open_error(path_, errno));
  lines_ = std::make_unique<line_reader>(descriptor_, longest_task_line);
  skipped_ = std::move(skipped_lines);
  return {};
}

result<std::optional<task_file::item>> task_file::next() {
  for (;;) {
    auto line = lines_->next();
    if (!line) {
      line.error().message += " the task file '" + path_ + "'";
      return tl::unexpected(std::move(line.error()));
    }
    if (!*line)
      return std::optional<item>();
    auto found = **line;
    if (skipped_.contains(found.number))
      continue;
    const auto where = path_ + ":" + std::to_string(found.number) + ": ";
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (found.number == 1 && found.text.starts_with(byte_order_mark))
      found.text.remove_prefix(byte_order_mark.size());
    if (found.too_long)
      return item{found.number,
                  fail(make_error(errc::invalid_argument,
                                  where + "the line is longer than " +
                                      std::to_string(longest_task_line >> 20) + " MiB")
                           .with_hint(R"(put large files beside the task file: {"from": PATH})")
                           .blamed_on(failure_class::task))};
    if (is_blank(found.text))
      continue;
    auto read = parser_->parse(found.text, found.padding);
    if (!read)
      read.error().message.insert(0, where);
    return item{found.number, std::move(read)};
  }
}

result<task_census> task_file::examine(const std::function<void(const bad_line&)>& report) {
  if (auto ready = rewind({}); !ready)
    return tl::unexpected(std::move(ready.error()));
  task_census census;
  for (;;) {
    auto found = next();
    if (!found)
      return tl::unexpected(std::move(found.error()));
    if (!*found)
      return census;
    auto& line = **found;
    if (line.read && !census.ids.insert(line.read->id).second) {
      // The line of the first one is not kept: with a million tasks it would cost more than ids.
      line.read = fail(make_error(errc::invalid_argument,
                                  path_ + ":" + std::to_string(line.number) + ": the id \"" +
                                      line.read->id + "\" is that of an earlier task")
                           .with_hint("ids are unique in a file; the earlier task counts")
                           .blamed_on(failure_class::task));
    }
    if (line.read)
      census.uses_default_image |= !line.read->image;
    else {
      census.bad_lines.insert(line.number);
      report(bad_line{line.number, line.read.error()});
    }
  }
}

std::string task_file::directory() const {
  const auto parent = std::filesystem::path(path_).parent_path().string();
  return parent.empty() ? "." : parent;
}

} // namespace sandfleet::batch
