#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::agent::files {

/// The bytes of a zip archive with stored (uncompressed) entries, without I/O: PKWARE's
/// APPNOTE.TXT 6.3. Checksums follow the data (flag bit 3), so that nothing is read twice; sizes
/// beyond 4 GiB and more than 65,535 entries are written as ZIP64.
/// Ours because libarchive's writer links every format that it knows into a static program.
class zip_writer {
 public:
  /// Appends the head of an entry whose data will have `size` bytes or, where that is below 4 GiB,
  /// any other number below it. `mode` is that of stat(2). A name that is not UTF-8 is kept as it
  /// is.
  void begin_entry(std::string& out, std::string name, std::uint64_t size, std::uint32_t mode,
                   std::time_t modified);
  void data(std::string& out, std::string_view bytes);
  void end_entry(std::string& out);
  /// Appends the directory of all entries; last.
  void finish(std::string& out);

 private:
  struct entry {
    std::string name;
    std::uint64_t announced = 0;
    std::uint64_t size = 0; ///< of the data so far
    std::uint64_t offset = 0;
    std::uint32_t mode = 0;
    std::uint32_t time = 0; ///< DOS date and time
    std::uint32_t crc = 0;
  };

  std::vector<entry> entries_;
  std::uint64_t offset_ = 0; ///< where the next byte goes
};

} // namespace sandfleet::agent::files
