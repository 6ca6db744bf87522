#include "sandbox_agent/files/zip.hpp"
#include "sandbox_agent/files/zip_writer.hpp"
#include "tests/fuzz/cage.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/memory_file.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <sys/stat.h>

namespace {

using namespace sandfleet;
using namespace sandfleet::agent::files;
namespace fs = std::filesystem;

constexpr unpack_limits limits{.max_entries = 20, .max_bytes = 64 * 1024};

/// Ways out of the destination that are there before anything is unpacked.
void lay_traps(const cage& where) {
  fs::create_directory_symlink("..", where.inside("up"));
  fs::create_symlink("../bait", where.inside("bait"));
}

void check_tree(const cage& where) {
  where.check_bait();
  std::uint64_t bytes = 0;
  for (const auto& one : fs::recursive_directory_iterator(where.inside())) {
    const auto name = one.path().filename();
    if (one.is_symlink())
      holds(name == "up" || name == "bait");
    else
      holds(one.is_regular_file() || one.is_directory());
    bytes += one.is_symlink() || !one.is_regular_file() ? 0 : one.file_size();
    struct stat found {};
    holds(::lstat(one.path().c_str(), &found) == 0 && (found.st_mode & 07000U) == 0);
  }
  holds(bytes <= limits.max_bytes);
}

result<void> unpack(std::string_view bytes, const std::string& into) {
  const memory_file file(bytes);
  return unpack_zip(file.descriptor(), into, limits);
}

void check_any(std::string_view bytes) {
  const cage where;
  lay_traps(where);
  const auto done = unpack(bytes, where.inside());
  holds(done || !done.error().message.empty());
  check_tree(where);
}

/// Archives of our own writing: names of any kind, and those that are plain come out as they went
/// in.
void check_written(fuzz_input& in) {
  std::string bytes;
  zip_writer writer;
  std::map<std::string, std::string> plain;
  bool only_plain = true;
  for (auto count = 1 + in.byte() % 4; count > 0; --count) {
    const auto name = in.text(20);
    const auto content = in.text();
    const bool is_plain = !name.empty() && name != "up" && name != "bait" &&
                          std::ranges::all_of(name, [](char c) { return c >= 'a' && c <= 'z'; });
    only_plain = only_plain && is_plain && !plain.contains(name);
    const std::uint32_t mode = is_plain ? S_IFREG | 0644 : static_cast<std::uint32_t>(in.number());
    plain[name] = content;
    writer.begin_entry(bytes, name, content.size(), mode, 0);
    writer.data(bytes, content);
    writer.end_entry(bytes);
  }
  writer.finish(bytes);
  const cage where;
  lay_traps(where);
  const auto done = unpack(bytes, where.inside());
  check_tree(where);
  if (!only_plain)
    return;
  holds(done);
  for (const auto& [name, content] : plain)
    holds(cage::read(where.inside(name)) == content);
}

} // namespace

/// No archive writes outside of its destination, makes links or devices, or goes beyond its limits.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input in(data, size);
  if (in.flag())
    check_written(in);
  else
    check_any(in.rest());
  return 0;
}
