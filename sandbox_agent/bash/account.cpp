#include "sandbox_agent/bash/account.hpp"

#include <fstream>
#include <unistd.h>

namespace sandfleet::agent {

std::string own_user_name() {
  const auto wanted = std::to_string(::geteuid());
  std::ifstream accounts("/etc/passwd");
  for (std::string line; std::getline(accounts, line);) { // name:password:uid:...
    const auto name_end = line.find(':');
    const auto password_end =
        name_end == std::string::npos ? name_end : line.find(':', name_end + 1);
    if (password_end == std::string::npos)
      continue;
    const auto id_end = line.find(':', password_end + 1);
    if (line.substr(password_end + 1, id_end - password_end - 1) == wanted)
      return line.substr(0, name_end);
  }
  return wanted;
}

std::string own_host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  const std::string full = name;
  return full.substr(0, full.find('.'));
}

} // namespace sandfleet::agent
