#include "bench/action/scratch_directory.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace sandfleet::bench {

scratch_directory::scratch_directory() : path_("/tmp/sandfleet-bench-XXXXXX") {
  if (!::mkdtemp(path_.data()))
    throw std::system_error(errno, std::generic_category(), "cannot make " + path_);
}

scratch_directory::~scratch_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

} // namespace sandfleet::bench
