#pragma once

#include "tests/support/temporary_directory.hpp"

#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sandfleet::tests {

/// A registry of images on loopback (Debian's docker-registry), for the user "ada" with the
/// password "secret"; gone with its owner, and all that it has.
class local_registry {
 public:
  [[nodiscard]] static bool can_be() { return ::access("/usr/bin/docker-registry", X_OK) == 0; }

  /// `network`: a file of the namespace of networks whose loopback is meant; empty: of this one.
  explicit local_registry(const std::string& network = {}) {
    const auto accounts = place_.write(
        "accounts", "ada:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n");
    const auto config = place_.write("config.yml", "version: 0.1\n"
                                                   "log: {level: info}\n"
                                                   "storage: {filesystem: {rootdirectory: " +
                                                       place_ / "data" +
                                                       "}}\n"
                                                       "http: {addr: '127.0.0.1:0'}\n"
                                                       "auth: {htpasswd: {realm: tests, path: " +
                                                       accounts + "}}\n");
    int log[2];
    if (::pipe(log) != 0)
      throw std::runtime_error("no pipe");
    child_ = ::fork();
    if (child_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (!network.empty() && ::setns(::open(network.c_str(), O_RDONLY), CLONE_NEWNET) != 0)
        ::_exit(127);
      ::dup2(log[1], 1);
      ::dup2(log[1], 2);
      ::close(log[0]);
      ::execl("/usr/bin/docker-registry", "docker-registry", "serve", config.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(log[1]);
    if (child_ < 0)
      throw std::runtime_error("no process");
    log_ = ::fdopen(log[0], "r");
    read_address();
  }

  ~local_registry() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    std::fclose(log_);
  }
  local_registry(const local_registry&) = delete;
  local_registry& operator=(const local_registry&) = delete;

  /// "127.0.0.1:PORT", a port that was free.
  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  /// It says where it listens once it does.
  void read_address() {
    const std::string sign = "listening on ";
    char line[4096];
    while (std::fgets(line, sizeof line, log_) != nullptr) {
      const std::string text(line);
      if (const auto at = text.find(sign); at != std::string::npos) {
        const auto rest = text.substr(at + sign.size());
        address_ = rest.substr(0, rest.find_first_not_of("0123456789.:"));
        return;
      }
    }
    throw std::runtime_error("the registry has ended");
  }

  temporary_directory place_;
  pid_t child_ = -1;
  std::FILE* log_ = nullptr;
  std::string address_;
};

} // namespace sandfleet::tests
