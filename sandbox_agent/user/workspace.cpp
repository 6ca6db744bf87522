#include "sandbox_agent/user/workspace.hpp"

#include "runtime/core/text.hpp"
#include "sandbox_agent/files/make_directories.hpp"
#include "sandbox_agent/log.hpp"

#include <chrono>
#include <cmath>
#include <sys/stat.h>

namespace sandfleet::agent {

namespace {

constexpr std::chrono::seconds worth_a_line{2};

} // namespace

result<void> make_workspace(const std::string& directory, const std::optional<new_owner>& owner) {
  if (!owner)
    return files::make_directories(directory);
  const auto before = ::umask(002);
  auto made = files::make_directories(directory);
  ::umask(before);
  return made;
}

void give_workspace(const std::string& directory, new_owner to, const std::atomic<bool>& stop) {
  const auto begun = std::chrono::steady_clock::now();
  const auto done = give_tree(directory, to, stop);
  struct stat is {};
  if (::stat(directory.c_str(), &is) == 0 && (is.st_mode & 0060U) != 0060U)
    ::chmod(directory.c_str(), (is.st_mode & 07777U) | 0060U);
  const auto took = std::chrono::steady_clock::now() - begun;
  if (took >= worth_a_line)
    log(log_level::info,
        directory + ": of " + std::to_string(done.seen) + " entries " + std::to_string(done.given) +
            " were given to user " + std::to_string(to.uid) + " in " +
            core::number_text(std::round(std::chrono::duration<double>(took).count())) + " s");
  if (done.refused != 0)
    log(log_level::warning, directory + ": " + std::to_string(done.refused) +
                                " entries could not be given to user " + std::to_string(to.uid) +
                                ", first " + done.first_refusal);
}

} // namespace sandfleet::agent
