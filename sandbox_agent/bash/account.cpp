#include "sandbox_agent/bash/account.hpp"

#include "runtime/core/system_text.hpp"
#include "sandbox_agent/user/identity.hpp"

#include <fstream>
#include <iterator>
#include <unistd.h>

namespace sandfleet::agent {

std::string own_user_name() {
  if (const auto& other = runs_as())
    return other->name;
  std::ifstream file("/etc/passwd");
  const std::string accounts(std::istreambuf_iterator<char>(file), {});
  const auto name = core::account_name(accounts, ::geteuid());
  return name.empty() ? std::to_string(::geteuid()) : std::string(name);
}

std::string own_host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  const std::string full = name;
  return full.substr(0, full.find('.'));
}

} // namespace sandfleet::agent
