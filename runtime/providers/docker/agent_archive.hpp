#pragma once

#include <sandfleet/error.hpp>

#include <memory>
#include <mutex>
#include <string>

namespace sandfleet::providers::docker {

/// The agent's program as an archive to be unpacked at a container's root; read once, when it is
/// first needed. Thread-safe.
class agent_archive {
 public:
  explicit agent_archive(std::string program) : program_(std::move(program)) {}

  [[nodiscard]] result<std::shared_ptr<const std::string>> get();

 private:
  std::string program_;
  std::mutex mutex_;
  std::shared_ptr<const std::string> made_;
};

} // namespace sandfleet::providers::docker
