#include "sandbox_agent/bash/marks.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

/// Output as it came, and a byte for each mark.
class recorder final : public sandfleet::agent::mark_sink {
 public:
  void on_output(std::string_view bytes) override { output += bytes; }
  void on_mark(const sandfleet::agent::mark& seen) override {
    marks.push_back(seen);
    positions.push_back(output.size());
  }

  std::string output;
  std::vector<sandfleet::agent::mark> marks;
  std::vector<std::size_t> positions;
};

} // namespace

/// Any split of the same bytes gives the same output and marks, and without marks nothing is lost.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandfleet::agent;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);

  recorder whole;
  mark_splitter at_once("n0nce");
  at_once.feed(bytes, whole);
  recorder split;
  mark_splitter one_by_one("n0nce");
  for (const char& byte : bytes)
    one_by_one.feed(std::string_view(&byte, 1), split);
  if (whole.output != split.output || whole.marks != split.marks ||
      whole.positions != split.positions)
    std::abort();
  if (whole.marks.empty() && !bytes.starts_with(whole.output))
    std::abort();
  return 0;
}
