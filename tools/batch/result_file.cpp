#include "tools/batch/result_file.hpp"

#include "runtime/core/test_stop.hpp"
#include "tools/batch/line_reader.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::batch {
namespace {

namespace od = simdjson::ondemand;

// Collected files make lines long; beyond this a file is none of ours.
constexpr std::size_t longest_result_line = 2'000U << 20;

struct known_result {
  std::string id;
  bool passed = false;
};

// Nothing when the line is not the beginning of a result.
std::optional<known_result> read_result(od::parser& parser, const text_line& line) {
  od::document document;
  od::object object;
  std::string_view id;
  known_result known;
  if (parser.iterate(line.text.data(), line.text.size(), line.text.size() + line.padding)
              .get(document) != simdjson::SUCCESS ||
      document.get_object().get(object) != simdjson::SUCCESS ||
      object.find_field("id").get_string().get(id) != simdjson::SUCCESS ||
      object.find_field("passed").get_bool().get(known.passed) != simdjson::SUCCESS)
    return std::nullopt;
  known.id = id;
  return known;
}

// True for what can be the first bytes of a line that `result_line` makes: a text of another kind
// is never taken for the remainder of one, and so never cut off.
bool begins_a_result(std::string_view text) {
  const auto take = [&text](std::string_view expected) {
    const auto length = std::min(text.size(), expected.size());
    const bool same = text.substr(0, length) == expected.substr(0, length);
    text.remove_prefix(length);
    return same;
  };
  if (!take(R"({"id":")"))
    return false;
  while (!text.empty() && text.front() != '"') // the id, up to the quote that ends it
    text.remove_prefix(std::min<std::size_t>(text.size(), text.front() == '\\' ? 2 : 1));
  return take(R"(","passed":)");
}

error open_error(const std::string& path, int number) {
  const auto refuse = [&](errc code, std::string hint) {
    return errno_error(code, "cannot open the result file '" + path + "'", number)
        .with_hint(std::move(hint))
        .blamed_on(failure_class::task);
  };
  switch (number) {
  case ENOENT:
  case ENOTDIR:
    return refuse(errc::not_found, "make its directory first, or give -o another path");
  case EACCES:
  case EPERM:
  case EROFS:
    return refuse(errc::permission_denied, "give -o a path that this user may write to");
  case EISDIR:
    return refuse(errc::invalid_argument, "give -o the path of a file");
  default:
    return refuse(errc::io_error, "give -o another path");
  }
}

} // namespace

result_file::result_file(std::string path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor) {}

result_file::result_file(result_file&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)),
      regular_(other.regular_), size_(other.size_), dirty_(other.dirty_), synced_(other.synced_),
      earlier_(std::move(other.earlier_)) {}

result_file::~result_file() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

result<result_file> result_file::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor < 0)
    return fail(open_error(path, errno));
  result_file opened(path, descriptor);
  struct stat status {};
  if (::fstat(descriptor, &status) != 0)
    return fail(errno_error(errc::io_error, "cannot read the result file " + path, errno));
  opened.regular_ = S_ISREG(status.st_mode);
  if (!opened.regular_)
    return opened;
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0)
    return fail(make_error(errc::already_exists, "the result file " + path + " is in use")
                    .with_cause("another program has locked it")
                    .with_hint("wait for the other run, or give -o another file")
                    .blamed_on(failure_class::task));
  if (auto read = opened.read_earlier(); !read)
    return tl::unexpected(std::move(read.error()));
  return opened;
}

result<void> result_file::read_earlier() {
  line_reader lines(descriptor_, longest_result_line);
  od::parser parser;
  const auto refuse = [&](std::uint64_t number, const std::string& cause) {
    return fail(make_error(errc::invalid_argument,
                           path_ + ":" + std::to_string(number) + ": not a result file")
                    .with_cause(cause)
                    .with_hint("the file was not changed; give -o another one")
                    .blamed_on(failure_class::task));
  };
  for (;;) {
    auto line = lines.next();
    if (!line) {
      line.error().message += " the result file '" + path_ + "'";
      return tl::unexpected(std::move(line.error()));
    }
    if (!*line)
      return {};
    const auto& found = **line;
    if (!found.terminated) {
      // Lines are appended whole, so this one is the remainder of a write that did not end.
      if (!begins_a_result(found.text))
        return refuse(found.number, "its last line is not the beginning of a result");
      earlier_.cut_bytes = found.text.size();
      if (::ftruncate(descriptor_, static_cast<off_t>(found.offset)) != 0)
        return fail(errno_error(errc::io_error, "cannot repair the result file " + path_, errno));
      return {};
    }
    auto known = read_result(parser, found);
    if (!known)
      return refuse(found.number, "the line is not a result");
    if (!earlier_.passed.emplace(known->id, known->passed).second)
      return refuse(found.number, "a second result of the task \"" + known->id + "\"");
    size_ = found.offset + found.text.size() + 1;
  }
}

error result_file::write_error(int number) const {
  auto failure =
      errno_error(errc::io_error, "cannot write to the result file '" + path_ + "'", number);
  if (number == ENOSPC || number == EDQUOT || number == EFBIG)
    return std::move(failure).with_hint(
        "make room and run the same command again: it goes on where this run stopped");
  return failure;
}

result<void> result_file::append(std::string_view line) {
  core::test_stop(core::test_stage::batch_result);
  std::size_t done = 0;
  if (core::stops_at(core::test_stage::batch_half_result)) {
    done = static_cast<std::size_t>(
        std::max<ssize_t>(0, ::write(descriptor_, line.data(), line.size() / 2)));
    core::test_stop(core::test_stage::batch_half_result);
  }
  while (done < line.size()) {
    const auto count = ::write(descriptor_, line.data() + done, line.size() - done);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0) {
      const int number = errno;
      // A line that is there in part would be lost to readers; when even this fails, the next run
      // repairs it.
      if (regular_ && ::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0)
        return fail(
            write_error(number).with("half_written_bytes", static_cast<std::int64_t>(done)));
      return fail(write_error(number));
    }
    done += static_cast<std::size_t>(count);
  }
  core::test_stop(core::test_stage::batch_kept);
  size_ += line.size();
  dirty_ = true;
  const auto now = std::chrono::steady_clock::now();
  if (now - synced_ < std::chrono::seconds(1))
    return {};
  return sync();
}

result<void> result_file::sync() {
  if (!dirty_ || !regular_)
    return {};
  if (::fdatasync(descriptor_) != 0)
    return fail(write_error(errno));
  dirty_ = false;
  synced_ = std::chrono::steady_clock::now();
  return {};
}

} // namespace sandfleet::batch
