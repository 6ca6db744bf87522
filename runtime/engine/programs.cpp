#include "runtime/engine/programs.hpp"

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <unistd.h>
#include <vector>

namespace sandfleet::engine_detail {

namespace fs = std::filesystem;

namespace {

bool is_program(const fs::path& path) {
  std::error_code ec;
  return fs::is_regular_file(path, ec) && ::access(path.c_str(), X_OK) == 0;
}

/// "sandfleet-agent" is named by "agent_program".
std::string setting_of(std::string_view name) {
  return std::string(name.substr(name.find('-') + 1)) + "_program";
}

std::vector<fs::path> usual_places() {
  std::vector<fs::path> places;
  std::error_code ec;
  const auto self = fs::read_symlink("/proc/self/exe", ec);
  if (!ec) {
    places.push_back(self.parent_path());
    places.push_back(self.parent_path().parent_path() / "libexec/sandfleet");
  }
  const char* path = std::getenv("PATH"); // NOLINT(concurrency-mt-unsafe): read before any setenv
  std::istringstream parts(path ? path : "");
  for (std::string part; std::getline(parts, part, ':');)
    if (!part.empty())
      places.emplace_back(part);
  for (const char* installed : {"/usr/local/libexec/sandfleet", "/usr/libexec/sandfleet"})
    places.emplace_back(installed);
  return places;
}

} // namespace

result<std::string> find_program(const std::string& name, const std::string& configured) {
  if (!configured.empty()) {
    if (is_program(configured))
      return fs::absolute(configured).string();
    std::error_code ec;
    const bool exists = fs::exists(configured, ec);
    return fail(make_error(errc::not_found,
                           name + ": '" + configured + "' is not a program that can be run")
                    .with_cause(!exists                               ? "there is no such file"
                                : fs::is_regular_file(configured, ec) ? "it is not executable"
                                                                      : "it is no file")
                    .with_hint("correct the setting " + setting_of(name) +
                               ", or leave it out: then the usual places are searched"));
  }
  for (const auto& place : usual_places())
    if (is_program(place / name))
      return (place / name).string();
  return fail(make_error(errc::not_found, "the program " + name + " was not found")
                  .with_cause("it is neither beside this program, nor in ../libexec/sandfleet, nor "
                              "in PATH, nor in /usr/libexec/sandfleet")
                  .with_hint("build it with 'tools/dev build', or name it by the setting " +
                             setting_of(name)));
}

} // namespace sandfleet::engine_detail
