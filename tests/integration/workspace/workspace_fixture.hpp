#pragma once

#include "runtime/core/text.hpp"
#include "tests/support/engine_fixture.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <stdexcept>

namespace sandfleet::tests {

/// A repository on this machine, made by its git.
class origin {
 public:
  origin() { git("init -q -b main ."); }

  void commit(const std::map<std::string, std::string>& files) {
    for (const auto& [name, text] : files) {
      const auto path = std::filesystem::path(place_.path()) / name;
      std::filesystem::create_directories(path.parent_path());
      std::ofstream(path) << text;
    }
    git("add -A && git commit -q -m change");
  }

  void git(const std::string& words) {
    const auto command = "cd " + core::quote_posix(place_.path()) +
                         " && export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=A "
                         "GIT_AUTHOR_EMAIL=a@example GIT_COMMITTER_NAME=A "
                         "GIT_COMMITTER_EMAIL=a@example && git " +
                         words;
    if (std::system(command.c_str()) != 0)
      throw std::runtime_error("git " + words);
  }

  [[nodiscard]] const std::string& path() const { return place_.path(); }

 private:
  temporary_directory place_;
};

/// Sandboxes that see `origin_` as /srv/project.
class workspace_fixture : public engine_fixture {
 protected:
  void SetUp() override {
    if (std::system("git --version >/dev/null 2>&1") != 0)
      GTEST_SKIP() << "this machine has no git, and so none for its sandboxes";
    engine_fixture::SetUp();
    watch_ = engine_->on_status([this](const status_event& event) {
      const std::lock_guard lock(mutex_);
      seen_ += std::string(to_string(event.to)).substr(std::string_view("STATUS$").size()) + " ";
    });
  }

  sandbox fresh(const std::string& network = "none") {
    sandbox_spec spec;
    spec.network = network;
    spec.volumes = {{.host_path = origin_.path(), .sandbox_path = "/srv/project"}};
    return start(std::move(spec));
  }

  static workspace_setup of_origin() {
    workspace_setup wanted;
    wanted.repository = "file:///srv/project";
    return wanted;
  }

  /// What a command in the default session prints.
  std::string said(sandbox& box, const std::string& command) {
    const auto ended = run(box, command);
    return ended ? std::string(core::trim(ended->output)) : ended.error().to_string();
  }

  /// The states since the sandbox was ready first.
  std::string shown() {
    const std::lock_guard lock(mutex_);
    const auto ready = seen_.find("READY ");
    return ready == std::string::npos ? seen_ : seen_.substr(ready);
  }

  origin origin_;

 private:
  std::mutex mutex_;
  std::string seen_;
  subscription watch_;
};

} // namespace sandfleet::tests
