#include "runtime/core/text.hpp"
#include "sandbox_agent/bash/pty.hpp"
#include "sandbox_agent/files/file_text.hpp"
#include "sandbox_agent/files/replacement.hpp"
#include "sandbox_agent/files/zip.hpp"

#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <locale.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sandfleet::agent::files {

namespace {

constexpr std::size_t block_bytes = 64U << 10;

using reader = std::unique_ptr<archive, int (*)(archive*)>;

/// libarchive turns names into the locale's encoding, and the plain "C" locale has no umlauts.
class utf8_names {
 public:
  utf8_names() : utf8_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (utf8_)
      before_ = ::uselocale(utf8_);
  }
  ~utf8_names() {
    if (!utf8_)
      return;
    ::uselocale(before_);
    ::freelocale(utf8_);
  }
  utf8_names(const utf8_names&) = delete;
  utf8_names& operator=(const utf8_names&) = delete;

 private:
  locale_t utf8_;
  locale_t before_ = nullptr;
};

/// What libarchive says of its last failure, if anything.
std::string said_by(archive* zip) {
  const char* text = ::archive_error_string(zip);
  return text ? text : "no reason is given";
}

tl::unexpected<error> refuse(std::string_view name, std::string_view why) {
  return fail(make_error(errc::invalid_argument,
                         "the archive's entry '" + std::string(name) + "' " + std::string(why)));
}

result<reader> open_zip(int fd) {
  reader zip(::archive_read_new(), &::archive_read_free);
  ::archive_read_support_format_zip_seekable(zip.get());
  if (::lseek(fd, 0, SEEK_SET) < 0 ||
      ::archive_read_open_fd(zip.get(), fd, block_bytes) != ARCHIVE_OK)
    return fail(make_error(errc::unsupported, "the file is not a zip archive")
                    .with_cause(said_by(zip.get())));
  return zip;
}

/// An archive without entries is its end record alone, which libarchive does not take for a zip.
bool is_empty_zip(int fd) {
  constexpr std::string_view end_record = "PK\5\6";
  std::array<char, end_record.size()> head{};
  return ::pread(fd, head.data(), head.size(), 0) == static_cast<ssize_t>(head.size()) &&
         std::string_view(head.data(), head.size()) == end_record;
}

/// False at the archive's end.
result<bool> next_entry(archive* zip, archive_entry*& entry) {
  const int status = ::archive_read_next_header(zip, &entry);
  if (status == ARCHIVE_EOF)
    return false;
  if (status < ARCHIVE_WARN)
    return fail(
        make_error(errc::invalid_argument, "the archive is damaged").with_cause(said_by(zip)));
  return true;
}

result<void> check_entry(archive_entry* entry) {
  const char* given = ::archive_entry_pathname(entry);
  const std::string_view name = given ? given : "";
  if (name.empty() || name.starts_with('/'))
    return refuse(name, "has no relative name");
  for (const auto part : core::split(name, '/')) {
    if (part == "..")
      return refuse(name, "leaves the destination");
  }
  const auto type = ::archive_entry_filetype(entry);
  const bool link = ::archive_entry_symlink(entry) || ::archive_entry_hardlink(entry);
  if (link || (type != AE_IFREG && type != AE_IFDIR))
    return refuse(name, "is neither a file nor a directory");
  return {};
}

/// The directory in which an entry goes, made where missing, links not followed; `leaf` is its name
/// there (empty for a directory).
result<unique_fd> open_parent(int root, std::string_view name, bool is_directory,
                              std::string& leaf) {
  unique_fd at(::dup(root));
  auto parts = core::split(name, '/');
  std::erase_if(parts, [](std::string_view part) { return part.empty() || part == "."; });
  if (!is_directory) {
    if (parts.empty())
      return refuse(name, "has no name");
    leaf = parts.back();
    parts.pop_back();
  }
  for (const auto part : parts) {
    const std::string directory(part);
    if (::mkdirat(at.get(), directory.c_str(), 0777) != 0 && errno != EEXIST)
      return fail(os_error(errno, name));
    unique_fd below(
        ::openat(at.get(), directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (below.get() < 0)
      return fail(os_error(errno, name));
    at = std::move(below);
  }
  return at;
}

tl::unexpected<error> stopped() {
  return fail(errc::cancelled, "the archive was not unpacked to its end");
}

/// What is left to be written, and who may stop it.
struct allowance {
  std::uint64_t bytes;
  const std::stop_token& stop;
};

result<void> unpack_entry(archive* zip, archive_entry* entry, int root, allowance& left) {
  const std::string name = ::archive_entry_pathname(entry);
  const bool is_directory = ::archive_entry_filetype(entry) == AE_IFDIR;
  std::string leaf;
  const auto parent = open_parent(root, name, is_directory, leaf);
  if (!parent)
    return tl::unexpected(parent.error());
  if (is_directory)
    return {};
  // Who may read and write is the umask's matter: an archive packed by one user is for another.
  const auto permissions = static_cast<mode_t>(0666U | (::archive_entry_perm(entry) & 0111U));
  ::unlinkat(parent->get(), leaf.c_str(), 0);
  const unique_fd file(::openat(parent->get(), leaf.c_str(),
                                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, permissions));
  if (file.get() < 0)
    return fail(os_error(errno, name));
  std::array<char, 16384> block{};
  for (;;) {
    const auto got = ::archive_read_data(zip, block.data(), block.size());
    if (got < 0)
      return fail(
          make_error(errc::invalid_argument, "the archive's entry '" + name + "' is damaged")
              .with_cause(said_by(zip)));
    if (got == 0)
      return {};
    if (static_cast<std::uint64_t>(got) > left.bytes)
      return fail(errc::limit_exceeded, "the archive unpacks to too many bytes");
    left.bytes -= static_cast<std::uint64_t>(got);
    if (left.stop.stop_requested())
      return stopped();
    if (const int number = write_fully(file.get(), {block.data(), static_cast<std::size_t>(got)});
        number != 0)
      return fail(os_error(number, name));
  }
}

/// Looks at every entry before anything is written.
result<void> check_zip(int fd, const unpack_limits& limits, const std::stop_token& stop) {
  const auto zip = open_zip(fd);
  if (!zip)
    return tl::unexpected(zip.error());
  archive_entry* entry = nullptr;
  for (std::uint64_t count = 0;; ++count) {
    const auto more = next_entry(zip->get(), entry);
    if (!more)
      return tl::unexpected(more.error());
    if (!*more)
      return {};
    if (stop.stop_requested())
      return stopped();
    if (count >= limits.max_entries)
      return fail(errc::limit_exceeded, "the archive has too many entries");
    if (auto fine = check_entry(entry); !fine)
      return fine;
  }
}

} // namespace

result<void> unpack_zip(int fd, const std::string& destination, const unpack_limits& limits,
                        const std::stop_token& stop) {
  if (is_empty_zip(fd))
    return {};
  const utf8_names encoding;
  if (auto fine = check_zip(fd, limits, stop); !fine)
    return fine;
  const unique_fd root(::open(destination.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (root.get() < 0)
    return fail(os_error(errno, destination));
  const auto zip = open_zip(fd);
  if (!zip)
    return tl::unexpected(zip.error());
  struct stat found {};
  if (::fstat(fd, &found) != 0)
    return fail(os_error(errno, destination));
  allowance left{
      std::min(limits.max_bytes, static_cast<std::uint64_t>(found.st_size) * limits.max_ratio),
      stop};
  archive_entry* entry = nullptr;
  for (;;) {
    const auto more = next_entry(zip->get(), entry);
    if (!more)
      return tl::unexpected(more.error());
    if (!*more)
      return {};
    // Again: the file may have been changed in between.
    if (auto fine = check_entry(entry); !fine)
      return fine;
    if (auto unpacked = unpack_entry(zip->get(), entry, root.get(), left); !unpacked)
      return unpacked;
  }
}

} // namespace sandfleet::agent::files
