#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

// Each fuzz target over the inputs that are kept of it: examples of what it reads, and what once
// broke it. A property that does not hold ends the process.

namespace {

using target = int(const std::uint8_t*, std::size_t);

void replay(const std::string& name, target& input) {
  std::size_t count = 0;
  for (const auto& one :
       std::filesystem::directory_iterator(std::string(FUZZ_CORPUS) + "/" + name + "_fuzz")) {
    SCOPED_TRACE(one.path().string());
    std::ifstream file(one.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    input(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ++count;
  }
  EXPECT_GT(count, 0U);
}

} // namespace

#define TARGET(name) extern "C" int name##_input(const std::uint8_t*, std::size_t);
#include <fuzz_targets.inc> // made by CMake: TARGET(name) for each
#undef TARGET

#define TARGET(name)                                                                               \
  TEST(fuzz_corpus, name) {                                                                        \
    replay(#name, name##_input);                                                                   \
  }
#include <fuzz_targets.inc> // made by CMake: TARGET(name) for each
#undef TARGET
