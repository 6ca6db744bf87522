#include "tests/support/user_terminal.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdexcept>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sandfleet::test {

namespace {

constexpr int patience_ms = 20'000;

winsize cells(window_size size) {
  winsize wanted{};
  wanted.ws_row = size.rows;
  wanted.ws_col = size.columns;
  return wanted;
}

} // namespace

user_terminal::user_terminal(const std::vector<std::string>& argv,
                             const std::map<std::string, std::string>& environment,
                             window_size size) {
  std::vector<std::string> words = argv;
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment)
    variables.push_back(name + "=" + value);
  std::vector<char*> arguments;
  for (auto& word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::vector<char*> pairs;
  for (auto& variable : variables)
    pairs.push_back(variable.data());
  pairs.push_back(nullptr);

  const auto wanted = cells(size);
  if (::openpty(&master_, &slave_, nullptr, nullptr, &wanted) != 0)
    throw std::runtime_error("no pseudo terminal");
  ::fcntl(master_, F_SETFD, FD_CLOEXEC);
  ::fcntl(slave_, F_SETFD, FD_CLOEXEC);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::setsid();
    ::ioctl(slave_, TIOCSCTTY, 0);
    for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
      ::dup2(slave_, number);
    ::execve(arguments[0], arguments.data(), pairs.data());
    ::_exit(98);
  }
}

user_terminal::~user_terminal() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  close();
}

void user_terminal::close() {
  for (int* end : {&slave_, &master_}) {
    if (*end >= 0)
      ::close(*end);
    *end = -1;
  }
}

void user_terminal::type(const std::string& keys) const {
  if (::write(master_, keys.data(), keys.size()) != static_cast<ssize_t>(keys.size()))
    throw std::runtime_error("the terminal takes no keys");
}

void user_terminal::resize(window_size size) const {
  const auto wanted = cells(size);
  ::ioctl(master_, TIOCSWINSZ, &wanted); // the kernel tells the foreground
}

bool user_terminal::more() {
  pollfd readable{master_, POLLIN, 0};
  if (::poll(&readable, 1, patience_ms) <= 0)
    return false;
  char buffer[4096];
  const auto count = ::read(master_, buffer, sizeof buffer);
  if (count > 0) {
    shown_.append(buffer, static_cast<std::size_t>(count));
    all_shown_.append(buffer, static_cast<std::size_t>(count));
  }
  return count > 0;
}

bool user_terminal::shows(const std::string& text) {
  while (shown_.find(text) == std::string::npos)
    if (!more())
      return false;
  shown_.erase(0, shown_.find(text) + text.size());
  return true;
}

void user_terminal::signal(int number) const {
  ::kill(pid_, number);
}

int user_terminal::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

termios user_terminal::modes() const {
  termios now{};
  ::tcgetattr(slave_, &now);
  return now;
}

} // namespace sandfleet::test
