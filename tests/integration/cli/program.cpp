#include "tests/integration/cli/program.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sandfleet::test {

namespace {

std::string program_path() {
  if (const char* directory = std::getenv("SANDFLEET_BIN"))
    return std::string(directory) + "/sandfleet";
  // Beside the tests' directory.
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() /
         "bin/sandfleet";
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (auto& text : texts)
    all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

/// Appends what there is; false at the end of the file.
bool read_some(int descriptor, std::string& text) {
  std::array<char, 65536> chunk{};
  const auto count = ::read(descriptor, chunk.data(), chunk.size());
  if (count > 0)
    text.append(chunk.data(), static_cast<std::size_t>(count));
  return count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN));
}

void close_once(int& descriptor) {
  if (descriptor >= 0)
    ::close(descriptor);
  descriptor = -1;
}

} // namespace

running::running(std::vector<std::string> arguments, const surroundings& around) {
  // The tests write to programs that may have ended.
  std::signal(SIGPIPE, SIG_IGN);
  auto path = program_path();
  arguments.insert(arguments.begin(), path);
  auto variables = around.environment;
  variables.try_emplace("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
  variables.try_emplace("HOME", "/nonexistent");
  std::vector<std::string> environment;
  for (const auto& [name, value] : variables)
    environment.emplace_back(name).append("=").append(value);
  auto argument_pointers = pointers(arguments);
  auto environment_pointers = pointers(environment);

  std::array<std::array<int, 2>, 3> pipes{};
  for (auto& pair : pipes)
    if (::pipe2(pair.data(), O_CLOEXEC) != 0)
      throw std::runtime_error("no pipe");
  pid_ = ::fork();
  if (pid_ == 0) {
    ::signal(SIGPIPE, SIG_DFL);
    ::dup2(pipes[0][0], STDIN_FILENO);
    ::dup2(pipes[1][1], STDOUT_FILENO);
    ::dup2(pipes[2][1], STDERR_FILENO);
    for (const int number : around.ignored_signals)
      ::signal(number, SIG_IGN);
    if (around.largest_file) {
      const rlimit files{*around.largest_file, *around.largest_file};
      ::setrlimit(RLIMIT_FSIZE, &files);
    }
    if (!around.directory.empty() && ::chdir(around.directory.c_str()) != 0)
      ::_exit(99);
    ::execve(path.c_str(), argument_pointers.data(), environment_pointers.data());
    ::_exit(98);
  }
  ::close(pipes[0][0]);
  ::close(pipes[1][1]);
  ::close(pipes[2][1]);
  in_ = pipes[0][1];
  out_ = pipes[1][0];
  err_ = pipes[2][0];
}

running::~running() {
  close_once(in_);
  close_once(out_);
  close_once(err_);
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
}

void running::read_until(const std::string& text) {
  while (out_text_.find(text) == std::string::npos)
    if (!read_some(out_, out_text_)) {
      FAIL() << "the output ended without '" << text << "': " << out_text_;
    }
}

void running::read_errors_until(const std::string& text) {
  while (err_text_.find(text) == std::string::npos)
    if (!read_some(err_, err_text_)) {
      FAIL() << "standard error ended without '" << text << "': " << err_text_;
    }
}

std::optional<std::string> running::error_line() {
  while (err_text_.find('\n') == std::string::npos)
    if (!read_some(err_, err_text_))
      return std::nullopt;
  const auto end = err_text_.find('\n');
  auto line = err_text_.substr(0, end);
  err_text_.erase(0, end + 1);
  return line;
}

void running::close_output() {
  close_once(out_);
}

void running::send_signal(int number) const {
  ::kill(pid_, number);
}

ended running::wait(const std::string& input) {
  ended result;
  std::string_view left = input;
  ::fcntl(in_, F_SETFL, O_NONBLOCK);
  if (left.empty())
    close_once(in_);
  while (out_ >= 0 || err_ >= 0) {
    // poll(2) passes over negative descriptors.
    std::array<pollfd, 3> all = {pollfd{in_, POLLOUT, 0}, pollfd{out_, POLLIN, 0},
                                 pollfd{err_, POLLIN, 0}};
    ::poll(all.data(), all.size(), -1);
    if (all[0].revents != 0) {
      const auto count = ::write(in_, left.data(), left.size());
      left.remove_prefix(count > 0 ? static_cast<std::size_t>(count) : 0);
      if (left.empty() || (count < 0 && errno != EAGAIN))
        close_once(in_);
    }
    if (all[1].revents != 0 && !read_some(out_, out_text_))
      close_once(out_);
    if (all[2].revents != 0 && !read_some(err_, err_text_))
      close_once(err_);
  }
  int status = 0;
  rusage used{};
  ::wait4(pid_, &status, 0, &used);
  result.peak_memory_kb = used.ru_maxrss;
  pid_ = -1;
  result.out = std::move(out_text_);
  result.err = std::move(err_text_);
  if (WIFEXITED(status))
    result.status = WEXITSTATUS(status);
  else
    result.signal = WTERMSIG(status);
  return result;
}

ended run_sandfleet(std::vector<std::string> arguments, const surroundings& around,
                    const std::string& input) {
  return running(std::move(arguments), around).wait(input);
}

} // namespace sandfleet::test
