#include "tools/batch/task_parser.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

// Every line of a task file is a task with what the format requires, or an error that says why not.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static sandfleet::batch::task_parser parser;
  const auto read = parser.parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (read ? read->id.empty() || read->commands.empty() : read.error().message.empty())
    std::abort();
  return 0;
}
