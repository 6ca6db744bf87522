#pragma once

#include "tests/support/engine_fixture.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <utility>
#include <vector>

namespace sandfleet::tests {

/// What a shell command on this machine prints, without the last line end; throws when it fails.
inline std::string on_machine(const std::string& command) {
  std::string printed;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::array<char, 4096> piece{};
  while (const auto n = std::fread(piece.data(), 1, piece.size(), pipe))
    printed.append(piece.data(), n);
  if (const int status = ::pclose(pipe); status != 0)
    throw std::runtime_error(command + ": status " + std::to_string(status));
  while (printed.ends_with('\n'))
    printed.pop_back();
  return printed;
}

/// An image made of another, removed at the end.
class changed_image {
 public:
  /// `changes`: as of `docker commit --change`; `script` runs in the image first.
  changed_image(const std::string& base, const std::vector<std::string>& changes,
                const std::string& script = "true")
      : name_("sandfleet-test/changed-" + make_secret().substr(0, 8) + ":1") {
    const auto container = on_machine("docker run -d --network none --entrypoint /bin/sh " + base +
                                      " -c '" + script + "'");
    on_machine("docker wait " + container);
    std::string options;
    for (const auto& change : changes)
      options += " --change '" + change + "'";
    on_machine("docker commit" + options + " " + container + " " + name_);
    on_machine("docker rm -f " + container);
  }
  ~changed_image() {
    [[maybe_unused]] const int gone =
        std::system(("docker rmi -f " + name_ + " >/dev/null").c_str());
  }
  changed_image(const changed_image&) = delete;
  changed_image& operator=(const changed_image&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
};

/// An engine over containers.
class docker_fixture : public engine_fixture {
 protected:
  static constexpr const char* busybox = "sandfleet-test/busybox:1";
  static constexpr const char* bash = "sandfleet-test/bash:1";

  /// Standard output of a program inside; throws when it fails.
  std::string inside(sandbox& box, const std::string& script) {
    exec_request request;
    request.argv = {"sh", "-c", script};
    auto done = wait_for(box.exec(std::move(request)));
    if (!done)
      throw std::runtime_error(done.error().to_string());
    if (done->exit_code != 0)
      throw std::runtime_error(script + ": " + done->err);
    auto printed = std::move(done->out);
    while (printed.ends_with('\n'))
      printed.pop_back();
    return printed;
  }

  static std::string container_of(const sandbox& box) { return "sandfleet-" + box.id().str(); }
};

} // namespace sandfleet::tests
