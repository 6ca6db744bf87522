#include "runtime/providers/docker/agent_archive.hpp"

#include "runtime/docker/tar.hpp"
#include "runtime/providers/docker/container.hpp"

#include <cerrno>
#include <fstream>
#include <sstream>

namespace sandfleet::providers::docker {

result<std::shared_ptr<const std::string>> agent_archive::get() {
  const std::lock_guard lock(mutex_);
  if (made_)
    return made_;
  std::ifstream in(program_, std::ios::binary);
  std::ostringstream read;
  if (!(read << in.rdbuf()))
    return fail(errno_error(errc::io_error, "cannot read '" + program_ + "'", errno));
  const auto bytes = std::move(read).str();
  auto made = sandfleet::docker::make_tar(
      {{.path = std::string(inside_agent.substr(1)), .bytes = bytes, .mode = 0755}});
  if (!made)
    return fail(std::move(made.error()));
  made_ = std::make_shared<const std::string>(std::move(*made));
  return made_;
}

} // namespace sandfleet::providers::docker
