#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/memory_file.hpp"
#include "tools/batch/result_file.hpp"
#include "tools/batch/result_json.hpp"

#include <map>

namespace {

using namespace sandfleet::batch;

std::string result_of(const std::string& id, bool passed) {
  task_result done;
  done.id = id;
  done.judged.passed = passed;
  return result_line(done);
}

/// A file of anything: left as it is, or a whole number of results to go on with.
void check_any(std::string_view bytes) {
  const memory_file file(bytes);
  std::size_t known = 0;
  {
    auto results = result_file::open(file.path());
    if (!results) {
      holds(file.bytes() == bytes && !results.error().message.empty());
      return;
    }
    const auto kept = file.bytes();
    holds(bytes.starts_with(kept) && (kept.empty() || kept.back() == '\n'));
    holds(kept.size() + results->earlier().cut_bytes == bytes.size());
    known = results->earlier().passed.size();
    if (!results->earlier().passed.contains("new")) {
      holds(results->append(result_of("new", true)));
      ++known;
    }
  }
  const auto again = result_file::open(file.path());
  holds(again && again->earlier().passed.size() == known && again->earlier().cut_bytes == 0);
}

/// Results of our own with any ids, the last write cut anywhere.
void check_resumed(fuzz_input& in) {
  std::string bytes;
  std::map<std::string, bool> whole;
  std::string last;
  for (auto count = 1 + in.byte() % 4; count > 0; --count) {
    const auto id = "i" + std::to_string(count) + in.text(20);
    bytes += last;
    last = result_of(id, in.flag());
    if (count > 1)
      whole[id] = last.find("\"passed\":true") != std::string::npos;
  }
  const auto cut = in.below(last.size());
  const memory_file file(bytes + last.substr(0, cut));
  const auto results = result_file::open(file.path());
  holds(results && results->earlier().cut_bytes == cut);
  holds(results->earlier().passed.size() == whole.size());
  holds(file.bytes() == bytes);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input in(data, size);
  if (in.flag())
    check_resumed(in);
  else
    check_any(in.rest());
  return 0;
}
