#include "sandbox_agent/exec/program.hpp"

#include "sandbox_agent/bash/find_program.hpp"

#include <sandfleet/ids.hpp>

#include <cerrno>
#include <cstdint>
#include <sys/stat.h>

namespace sandfleet::agent {

std::string directory_of(const std::string& asked, const std::string& usual) {
  if (asked.empty())
    return usual;
  return asked.starts_with('/') ? asked : usual + "/" + asked;
}

error start_error(const std::string& what, int number) {
  const auto code = number == ENOENT || number == ENOTDIR ? errc::not_found
                    : number == EACCES || number == EPERM ? errc::permission_denied
                    : number == E2BIG                     ? errc::invalid_argument
                                                          : errc::io_error;
  return errno_error(code, what, number).blamed_on(failure_class::task);
}

result<std::string> resolve_program(const std::string& program, const std::string& search_path,
                                    const std::string& working_dir) {
  struct stat found {};
  if (::stat(working_dir.c_str(), &found) != 0)
    return fail(start_error("cannot run in '" + working_dir + "'", errno));
  if (!S_ISDIR(found.st_mode))
    return fail(start_error("cannot run in '" + working_dir + "'", ENOTDIR));
  if (program.find('/') != std::string::npos)
    return program;
  auto searched = find_program(program, search_path, working_dir);
  if (!searched)
    return fail(start_error("cannot run '" + program + "'", ENOENT).with("PATH", search_path));
  return std::move(*searched);
}

std::string next_tree_marker() {
  static const std::string prefix = make_secret().substr(0, 16);
  static std::uint64_t number = 0;
  return prefix + "-" + std::to_string(++number);
}

} // namespace sandfleet::agent
