// Stands in for sandfleet-agent where a test is about the sandbox and not about the agent: it takes
// the same arguments, says that it is ready, and runs the shell text of each connection.
//
// DOUBLE_MODE in the environment: "" as above; "deaf" survives the end of its lifeline and SIGTERM;
// "mute" is never ready; "fail" ends at once with status 3 and a word on standard error.

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <string>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

/// Reads a text up to its line end, runs it with both outputs on the connection.
[[noreturn]] void serve(int connection) {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  std::string text;
  char byte = 0;
  while (::read(connection, &byte, 1) == 1 && byte != '\n')
    text += byte;
  ::dup2(connection, STDOUT_FILENO);
  ::dup2(connection, STDERR_FILENO);
  ::execl("/bin/sh", "sh", "-c", text.c_str(), nullptr);
  ::_exit(127);
}

int option(int argc, char** argv, const char* name) {
  for (int i = 1; i + 1 < argc; ++i)
    if (std::strcmp(argv[i], name) == 0)
      return std::atoi(argv[i + 1]);
  std::fprintf(stderr, "%s is missing\n", name);
  std::exit(2);
}

/// All that it starts is limited by them; it may be too.
void enter_groups(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; ++i)
    if (std::strcmp(argv[i], "--commands-group-fd") == 0 &&
        ::write(std::atoi(argv[i + 1]), "0", 1) != 1)
      std::exit(2);
}

} // namespace

int main(int argc, char** argv) {
  const int listener = option(argc, argv, "--listen-fd");
  const int ready = option(argc, argv, "--ready-fd");
  const int lifeline = option(argc, argv, "--lifeline-fd");
  const char* named = std::getenv("DOUBLE_MODE");
  const std::string mode = named ? named : "";
  enter_groups(argc, argv);
  if (mode == "fail") {
    std::fputs("the double fails as it was told\n", stderr);
    return 3;
  }
  sigset_t watched;
  ::sigemptyset(&watched);
  ::sigaddset(&watched, SIGCHLD);
  ::sigaddset(&watched, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);
  const int signals = ::signalfd(-1, &watched, SFD_CLOEXEC);
  if (mode != "mute" && ::write(ready, "ready\n", 6) != 6)
    return 1;
  ::close(ready);
  const bool deaf = mode == "deaf";
  for (;;) {
    std::array<pollfd, 3> fds = {
        {{listener, POLLIN, 0}, {signals, POLLIN, 0}, {deaf ? -1 : lifeline, POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR)
      return 1;
    if (fds[0].revents != 0) {
      const int connection = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection >= 0 && ::fork() == 0)
        serve(connection);
      ::close(connection);
    }
    if (fds[1].revents != 0) {
      signalfd_siginfo info{};
      if (::read(signals, &info, sizeof info) == sizeof info && info.ssi_signo == SIGTERM && !deaf)
        return 0;
      while (::waitpid(-1, nullptr, WNOHANG) > 0) {
      }
    }
    if (fds[2].revents != 0)
      return 0;
  }
}
