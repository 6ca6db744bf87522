#include "sandbox_agent/files/file_text.hpp"

#include "runtime/protocol/utf8.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sandfleet::agent::files {

namespace {

struct closing_fd {
  explicit closing_fd(int number) : fd(number) {}
  ~closing_fd() {
    if (fd >= 0)
      ::close(fd);
  }
  closing_fd(const closing_fd&) = delete;
  closing_fd& operator=(const closing_fd&) = delete;
  int fd;
};

constexpr std::string_view blanks = " \t\n\r\v\f\x1c\x1d\x1e\x1f";

std::string hex_byte(unsigned char byte) {
  constexpr std::string_view digits = "0123456789abcdef";
  return std::string("0x") + digits[byte >> 4U] + digits[byte & 15U];
}

} // namespace

std::string os_error_text(int number, std::string_view path) {
  return "[Errno " + std::to_string(number) + "] " + std::strerror(number) + ": '" +
         std::string(path) + "'";
}

error os_error(int number, std::string_view path) {
  const auto code = [number] {
    switch (number) {
    case ENOENT:
    case ENOTDIR:
      return errc::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
    case EISDIR:
    case EINVAL:
    case ENXIO:
    case EEXIST:
    case ELOOP:
    case ENAMETOOLONG:
    case ETXTBSY:
      return errc::permission_denied;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return errc::limit_exceeded;
    default:
      return errc::io_error;
    }
  }();
  return make_error(code, os_error_text(number, path)).with("errno", std::int64_t{number});
}

int errno_of(const error& failure) noexcept {
  for (const auto& [name, value] : failure.evidence) {
    if (const auto* number = std::get_if<std::int64_t>(&value); number && name == "errno")
      return static_cast<int>(*number);
  }
  return 0;
}

result<std::string> load(const std::string& path, std::size_t max_bytes) {
  // Without O_NONBLOCK a FIFO would hold up everything.
  const closing_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat found {};
  if (file.fd < 0 || ::fstat(file.fd, &found) != 0)
    return fail(os_error(errno, path));
  if (S_ISDIR(found.st_mode))
    return fail(os_error(EISDIR, path));
  std::string bytes;
  if (found.st_size > 0)
    bytes.reserve(std::min(static_cast<std::size_t>(found.st_size), max_bytes));
  std::array<char, 16384> piece{};
  for (;;) {
    const auto got = ::read(file.fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return fail(os_error(errno, path));
    if (got == 0)
      return bytes;
    if (static_cast<std::size_t>(got) > max_bytes - bytes.size())
      return fail(make_error(errc::limit_exceeded, "the file is too large: '" + path + "'")
                      .with("max_bytes", static_cast<std::int64_t>(max_bytes)));
    bytes.append(piece.data(), static_cast<std::size_t>(got));
  }
}

result<void> store(const std::string& path, std::string_view bytes) {
  const closing_fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666));
  if (file.fd < 0)
    return fail(os_error(errno, path));
  struct stat found {};
  if (::fstat(file.fd, &found) != 0)
    return fail(os_error(errno, path));
  // The new bytes go over the old ones: ext4 brings a file that was emptied first to the disk when
  // it is closed, which takes milliseconds.
  const auto size = static_cast<off_t>(bytes.size());
  while (!bytes.empty()) {
    const auto sent = ::write(file.fd, bytes.data(), bytes.size());
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0)
      return fail(os_error(errno, path));
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  if (S_ISREG(found.st_mode) && found.st_size > size && ::ftruncate(file.fd, size) != 0)
    return fail(os_error(errno, path));
  return {};
}

std::string universal_newlines(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      plain += text[i];
      continue;
    }
    plain += '\n';
    if (i + 1 < text.size() && text[i + 1] == '\n')
      ++i;
  }
  return plain;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

std::string utf8_fault(std::string_view bytes) {
  if (protocol::is_utf8(bytes))
    return {};
  // The first fault: all before it is well-formed, so halving finds it.
  std::size_t good = 0;
  std::size_t bad = bytes.size();
  while (bad - good > 1) {
    const auto middle = good + (bad - good) / 2;
    auto head = bytes.substr(0, middle);
    // A sequence that is cut by the end of the head is no fault of its own.
    for (int back = 0; back < 3 && !head.empty() && !protocol::is_utf8(head); ++back)
      head.remove_suffix(1);
    (protocol::is_utf8(head) ? good : bad) = middle;
  }
  std::size_t position = bad - 1;
  while (position > 0 && !protocol::is_utf8(bytes.substr(0, position)))
    --position;
  const auto lead = static_cast<unsigned char>(bytes[position]);
  const bool is_lead = lead >= 0xC2 && lead <= 0xF4;
  const bool at_end = is_lead && bytes.size() - position < 4 &&
                      protocol::to_utf8(bytes.substr(position)) == "\xEF\xBF\xBD";
  return "'utf-8' codec can't decode byte " + hex_byte(lead) + " in position " +
         std::to_string(position) + ": " +
         (at_end    ? "unexpected end of data"
          : is_lead ? "invalid continuation byte"
                    : "invalid start byte");
}

std::string normal_path(std::string_view text) {
  std::string path;
  if (text.starts_with("//") && !text.starts_with("///"))
    path = "//"; // POSIX leaves the meaning of exactly two open
  else if (text.starts_with('/'))
    path = "/";
  const auto root = path.size();
  while (!text.empty()) {
    const auto part = text.substr(0, text.find('/'));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    if (part.empty() || part == ".")
      continue;
    if (path.size() > root)
      path += '/';
    path += part;
  }
  return path.empty() ? "." : path;
}

std::string absolute_path(std::string_view path, std::string_view directory) {
  if (path.starts_with('/'))
    return normal_path(path);
  return normal_path(std::string(directory) + "/" + std::string(path));
}

std::string_view strip_right(std::string_view text) {
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

std::string_view strip(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return strip_right(text);
}

bool looks_binary(const std::string& path) {
  if (path.ends_with(".pyc"))
    return true;
  const closing_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::array<char, 1024> head{};
  const auto got = file.fd < 0 ? -1 : ::read(file.fd, head.data(), head.size());
  if (got <= 0)
    return false;
  const std::string_view chunk(head.data(), static_cast<std::size_t>(got));
  const auto size = static_cast<double>(chunk.size());
  const auto not_ascii_text = static_cast<double>(std::ranges::count_if(chunk, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return !(byte >= 32 && byte < 127) &&
           std::string_view("\n\r\t\f\b").find(c) == std::string_view::npos;
  }));
  const auto low = static_cast<double>(
      std::ranges::count_if(chunk, [](char c) { return static_cast<unsigned char>(c) < 127; }));
  const bool likely = (not_ascii_text / size > 0.3 && low / size < 0.05) ||
                      (not_ascii_text / size > 0.8 && low / size > 0.8);
  const bool marked = chunk.starts_with("\xEF\xBB\xBF") || chunk.starts_with("\xFF\xFE") ||
                      chunk.starts_with("\xFE\xFF");
  auto whole = chunk; // the chunk's end may cut a sequence
  for (int back = 0; back < 3 && !whole.empty() && !protocol::is_utf8(whole); ++back)
    whole.remove_suffix(1);
  const bool has_nul = chunk.find('\0') != std::string_view::npos;
  const bool multibyte = low < size && !has_nul && protocol::is_utf8(whole);
  if (marked || multibyte)
    return false;
  return likely || has_nul || chunk.find('\xFF') != std::string_view::npos;
}

} // namespace sandfleet::agent::files
