#include "sandbox_agent/files/listing.hpp"
#include "tests/fuzz/cage.hpp"

#include <algorithm>
#include <cstdint>

/// What matches a pattern of any bytes exists, is sorted, and lies below the directory.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandfleet::agent::files;
  static const cage where;
  static const auto directory = [] {
    const auto made = where.inside("d*[x]\\?");
    std::filesystem::create_directories(made + "/a/b");
    for (const char* name : {"/f", "/a/f.txt", "/a/b/[x]", "/.hidden", "/\xff", "/a*"})
      cage::write(made + name, "");
    return made;
  }();
  const std::string pattern(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 200));
  if (pattern.starts_with('/') || pattern.find("..") != std::string::npos ||
      pattern.find('\0') != std::string::npos)
    return 0; // these lead away from the few files, or are refused before
  const auto found = match_glob(pattern, directory);
  if (!found)
    return 0;
  holds(std::ranges::is_sorted(*found));
  for (const auto& path : *found)
    holds(std::filesystem::exists(std::filesystem::symlink_status(directory + "/" + path)));
  if (std::ranges::all_of(pattern, [](char c) { return c >= 'a' && c <= 'z'; }) && !pattern.empty())
    holds(!found->empty() == std::filesystem::exists(directory + "/" + pattern));
  return 0;
}
