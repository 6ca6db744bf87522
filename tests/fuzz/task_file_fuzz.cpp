#include "tests/fuzz/holds.hpp"
#include "tools/batch/task_parser.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

/// Every line of a task file is a task with what the format requires, or an error that says why not
/// in a few words; and what one line leaves behind does not change how another is read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandfleet;
  static batch::task_parser used;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto read = used.parse(line);
  if (read) {
    holds(!read->id.empty() && !read->commands.empty());
    holds(read->timeout.count() > 0 && read->retries <= 100);
    holds(!read->verify || !read->verify->commands.empty());
    for (const auto& [path, source] : read->files)
      holds(!path.empty() && path.find('\0') == std::string::npos);
    for (const auto& [name, value] : read->env)
      holds(!name.empty() && name.find('=') == std::string::npos);
  } else {
    holds(read.error().code == errc::invalid_argument && read.error().blame == failure_class::task);
    holds(!read.error().message.empty() && read.error().message.size() < 1000);
  }
  batch::task_parser fresh;
  const auto again = fresh.parse(line);
  holds(read.has_value() == again.has_value());
  holds(read ? *read == *again : read.error().message == again.error().message);
  return 0;
}
