#include "sandbox_agent/bash/find_program.hpp"

#include "sandbox_agent/user/identity.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sandfleet::agent {

std::optional<std::string> find_program(std::string_view name, std::string_view path,
                                        std::string_view working_dir) {
  const acting_as_user as_who_runs_it;
  for (;;) {
    const auto end = path.find(':');
    const auto directory = path.substr(0, end);
    std::string candidate;
    if (directory.empty() || directory.front() != '/')
      candidate.append(working_dir).push_back('/');
    candidate.append(directory);
    if (!directory.empty())
      candidate += '/';
    candidate.append(name);
    struct stat found {};
    if (::faccessat(AT_FDCWD, candidate.c_str(), X_OK, AT_EACCESS) == 0 &&
        ::stat(candidate.c_str(), &found) == 0 && S_ISREG(found.st_mode))
      return candidate;
    if (end == std::string_view::npos)
      return std::nullopt;
    path.remove_prefix(end + 1);
  }
}

} // namespace sandfleet::agent
