#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/memory_file.hpp"
#include "tools/batch/line_reader.hpp"

/// The lines of a file, put together again, are the file; one beyond the limit is told and skipped.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandfleet::batch;
  fuzz_input in(data, size);
  const std::size_t longest = in.byte();
  std::string bytes;
  for (auto repeat = 1 + in.byte(); repeat > 0; --repeat) // lines across the reader's buffers
    bytes += in.rest();
  const memory_file file(bytes);
  line_reader lines(file.descriptor(), longest);
  std::uint64_t offset = 0;
  std::uint64_t number = 0;
  for (;;) {
    const auto line = lines.next();
    holds(line);
    if (!*line)
      break;
    const auto& found = **line;
    holds(found.number == ++number && found.offset == offset);
    const auto end = std::min(bytes.find('\n', offset), bytes.size());
    const auto expected = std::string_view(bytes).substr(offset, end - offset);
    holds(found.terminated == (end < bytes.size()));
    holds(found.too_long == (expected.size() > longest));
    holds(found.too_long ? found.text.empty() : found.text == expected);
    volatile char readable = 0; // a sanitizer sees what may not be read
    for (std::size_t i = 0; found.text.data() != nullptr && i < found.padding; ++i)
      readable = found.text.data()[found.text.size() + i];
    (void)readable;
    offset = end + (found.terminated ? 1 : 0);
  }
  holds(offset == bytes.size());
  return 0;
}
