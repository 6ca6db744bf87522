#include "tools/batch/task_steps.hpp"

#include "tools/batch/host_file.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace sandfleet::batch {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr std::uint32_t default_mode = 0644;

// The time that is left of a total, given out one command at a time.
class time_budget {
 public:
  time_budget(timekeeper& time, milliseconds total)
      : time_(&time), began_(time.now()), total_(total) {}

  /// At most `each`; nothing when it is used up.
  [[nodiscard]] std::optional<milliseconds> next(std::optional<milliseconds> each) const {
    const auto left = total_ - std::chrono::duration_cast<milliseconds>(time_->now() - began_);
    if (left <= milliseconds::zero())
      return std::nullopt;
    return std::min(left, each.value_or(left));
  }

 private:
  timekeeper* time_;
  timekeeper::time_point began_;
  milliseconds total_;
};

command_record out_of_time(const std::string& command) {
  command_record record;
  record.command = command;
  record.timed_out = true;
  return record;
}

command_record to_record(const std::string& command, command_result done) {
  command_record record;
  record.command = command;
  record.exit_code = done.exit_code;
  record.output = std::move(done.output);
  record.truncated = done.truncated;
  record.seconds = done.seconds.count();
  record.timed_out = done.timed_out;
  record.shell_restarted = done.shell_restarted;
  record.shell = std::move(done.shell);
  return record;
}

command_record to_record(const std::string& command, exec_result done) {
  command_record record;
  record.command = command;
  record.exit_code = done.exit_code;
  if (done.signal)
    record.exit_code = 128 + *done.signal;
  record.output = std::move(done.out);
  record.output += done.err;
  record.truncated = done.out_truncated || done.err_truncated;
  record.seconds = done.seconds.count();
  record.timed_out = done.timed_out;
  return record;
}

// Runs its argument with both outputs in the order in which they were written, by bash where there
// is one, since task files are written for it.
constexpr std::string_view one_shot_script = R"(exec 2>&1
if [ -x /bin/bash ]; then exec /bin/bash --norc --noprofile -c "$1"; fi
exec /bin/sh -c "$1")";

// A shell text outside the session.
exec_request one_shot(const std::string& command, const verify_plan& plan, milliseconds timeout) {
  exec_request request;
  request.argv = {"/bin/sh", "-c", std::string(one_shot_script), "sh", command};
  request.env = plan.env;
  request.clean_env = true;
  request.is_check = true;
  request.timeout = timeout;
  return request;
}

result<host_file> bytes_of(const file_source& source, const std::string& directory) {
  if (const auto* bytes = std::get_if<std::string>(&source.content))
    return host_file{*bytes, source.mode.value_or(default_mode)};
  auto file = read_host_file(directory, std::get<file_source::host_path>(source.content).path);
  if (file && source.mode)
    file->mode = *source.mode;
  return file;
}

error blamed(error failure, failure_class blame) {
  if (failure.blame != failure_class::infrastructure)
    failure.blame = blame;
  return failure;
}

error too_much_to_collect(std::size_t limit) {
  constexpr auto mib = [](std::size_t bytes) { return std::to_string(bytes >> 20U) + " MiB"; };
  return make_error(errc::limit_exceeded,
                    limit == largest_collected_file
                        ? "the file has more than the " + mib(limit) + " that are collected of one"
                        : "with it the files have more than the " + mib(largest_collection) +
                              " that are collected of a task");
}

// Whether later files cannot be read either.
bool ends_collecting(const error& failure) {
  return failure.code == errc::sandbox_lost || failure.code == errc::connection_failed ||
         failure.code == errc::cancelled || failure.code == errc::shutting_down ||
         failure.code == errc::out_of_memory;
}

} // namespace

asio::awaitable<result<void>> write_files(task_sandbox& box, const file_map& files,
                                          const std::string& directory, failure_class blame) {
  for (const auto& [path, source] : files) {
    auto file = bytes_of(source, directory);
    if (!file)
      co_return tl::unexpected(std::move(file.error()));
    auto written = co_await box.write_file(path, std::move(file->bytes), file->mode);
    if (!written)
      co_return fail(blamed(std::move(written.error()), blame).with("path", path));
  }
  co_return result<void>();
}

asio::awaitable<result<void>> run_commands(task_sandbox& box, timekeeper& time,
                                           const std::vector<std::string>& commands,
                                           const command_plan& plan,
                                           std::vector<command_record>& records) {
  const time_budget budget(time, plan.timeout);
  for (const auto& command : commands) {
    const auto timeout = budget.next(plan.command_timeout);
    if (!timeout) {
      records.push_back(out_of_time(command));
      break;
    }
    command_request request;
    request.command = command;
    request.stdin_path = plan.stdin_path;
    request.timeout = *timeout;
    auto done = co_await box.run(std::move(request));
    if (!done)
      co_return tl::unexpected(std::move(done.error()));
    records.push_back(to_record(command, std::move(*done)));
    if (records.back().exit_code != 0 && !plan.continue_on_error)
      break;
  }
  co_return result<void>();
}

namespace {

// Links that the commands left can make one of the files another one as well.
asio::awaitable<result<void>> expect_files(task_sandbox& box, const file_map& files,
                                           const std::string& directory) {
  for (const auto& [path, source] : files) {
    const auto file = bytes_of(source, directory);
    if (!file)
      co_return tl::unexpected(file.error());
    const auto found = co_await box.read_file(path, file->bytes.size());
    if (found && found->bytes == file->bytes)
      continue;
    if (!found && found.error().blame == failure_class::infrastructure)
      co_return tl::unexpected(found.error());
    co_return fail(make_error(errc::permission_denied, "a file of verify has become another one")
                       .blamed_on(failure_class::agent)
                       .with("path", path));
  }
  co_return result<void>();
}

} // namespace

asio::awaitable<result<void>> run_verify(task_sandbox& box, timekeeper& time,
                                         const verify_plan& plan, const std::string& directory,
                                         std::vector<command_record>& records) {
  auto killed = co_await box.kill_processes();
  if (!killed)
    co_return killed;
  // By now what is in the way is what the commands have left.
  auto written = co_await write_files(box, plan.files, directory, failure_class::agent);
  if (written && plan.files.size() > 1)
    written = co_await expect_files(box, plan.files, directory);
  if (!written)
    co_return written;
  const time_budget budget(time, plan.timeout);
  for (const auto& command : plan.commands) {
    const auto timeout = budget.next(std::nullopt);
    if (!timeout) {
      records.push_back(out_of_time(command));
      break;
    }
    auto done = co_await box.exec(one_shot(command, plan, *timeout));
    if (!done) {
      // A shell that is not there may never have been.
      const auto blame = done.error().code == errc::permission_denied ? failure_class::agent
                                                                      : failure_class::ambiguous;
      co_return fail(blamed(std::move(done.error()), blame));
    }
    records.push_back(to_record(command, std::move(*done)));
    if (records.back().exit_code != 0)
      break;
  }
  co_return result<void>();
}

asio::awaitable<result<void>>
collect_files(task_sandbox& box, const std::vector<std::string>& patterns, collection& found) {
  std::size_t left = largest_collection;
  for (const auto& pattern : patterns) {
    auto paths = co_await box.glob(pattern);
    if (!paths) {
      if (ends_collecting(paths.error()))
        co_return tl::unexpected(std::move(paths.error()));
      found.emplace(pattern, std::move(paths.error()));
      continue;
    }
    if (paths->empty())
      found.emplace(pattern, make_error(errc::not_found, "nothing matches"));
    for (const auto& path : *paths) {
      if (found.contains(path))
        continue;
      if (found.size() >= most_collected_files) {
        found.emplace(pattern,
                      make_error(errc::limit_exceeded, "more files match than the " +
                                                           std::to_string(most_collected_files) +
                                                           " that are collected"));
        break;
      }
      const auto limit = std::min(left, largest_collected_file);
      auto file = co_await box.read_file(path, limit);
      if (!file && file.error().code == errc::limit_exceeded)
        file = fail(too_much_to_collect(limit));
      if (!file && ends_collecting(file.error()))
        co_return tl::unexpected(std::move(file.error()));
      if (!file) {
        found.emplace(path, std::move(file.error()));
        continue;
      }
      left -= std::min(left, file->bytes.size());
      found.emplace(path, collected_file{std::move(file->bytes), file->mode});
    }
  }
  co_return result<void>();
}

} // namespace sandfleet::batch
