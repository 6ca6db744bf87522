#include "sandbox_agent/bash/pty.hpp"
#include "sandbox_agent/files/file_text.hpp"
#include "sandbox_agent/files/zip.hpp"
#include "sandbox_agent/files/zip_writer.hpp"

#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace sandfleet::agent::files {

namespace {

constexpr std::size_t piece_bytes = 64U << 10;
constexpr int steps_at_once = 256;

bool has_vanished(int number) {
  return number == ENOENT || number == ENOTDIR || number == ELOOP;
}

} // namespace

struct zip_stream::impl {
  struct pending {
    std::string path;
    std::string name; ///< in the archive
  };

  result<void> begin(const std::string& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0)
      return fail(os_error(errno, path));
    // The reference makes an empty archive of a single file; here the file is in it.
    todo.push_back({path, S_ISDIR(found.st_mode) ? "" : path.substr(path.rfind('/') + 1)});
    return {};
  }

  result<void> add_directory(const pending& one) {
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(one.path.c_str()), &::closedir);
    if (!open) {
      const bool left_out = !one.name.empty() && (has_vanished(errno) || errno == EACCES);
      return left_out ? result<void>() : result<void>(fail(os_error(errno, one.path)));
    }
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(open.get()))
      names.emplace_back(entry->d_name);
    std::ranges::sort(names, std::greater<>()); // taken from the back
    for (const auto& name : names) {
      if (name != "." && name != "..")
        todo.push_back({one.path + "/" + name, one.name.empty() ? name : one.name + "/" + name});
    }
    return {};
  }

  result<void> add(const pending& one) {
    struct stat found {};
    if (::lstat(one.path.c_str(), &found) != 0)
      return {}; // gone since it was listed
    const bool top = one.name.find('/') == std::string::npos && todo.empty();
    if (S_ISLNK(found.st_mode)) {
      if (::stat(one.path.c_str(), &found) != 0 || (S_ISDIR(found.st_mode) && !one.name.empty()))
        return {};
    }
    if (S_ISDIR(found.st_mode))
      return add_directory(one);
    if (!S_ISREG(found.st_mode))
      return top ? result<void>(fail(os_error(EINVAL, one.path))) : result<void>();
    file = unique_fd(::open(one.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.get() < 0 && has_vanished(errno))
      return {};
    if (file.get() < 0 || ::fstat(file.get(), &found) != 0)
      return fail(os_error(errno, one.path));
    if (!S_ISREG(found.st_mode)) { // another took its name
      file = unique_fd();
      return {};
    }
    zip.begin_entry(out, one.name, static_cast<std::uint64_t>(found.st_size), found.st_mode,
                    found.st_mtime);
    left = static_cast<std::uint64_t>(found.st_size);
    return {};
  }

  result<void> add_data() {
    std::array<char, 16384> block{};
    const auto got = ::read(file.get(), block.data(),
                            static_cast<std::size_t>(std::min<std::uint64_t>(left, block.size())));
    if (got < 0)
      return fail(
          make_error(errc::io_error, "a file cannot be read").with_cause(std::strerror(errno)));
    zip.data(out, {block.data(), static_cast<std::size_t>(got)});
    left -= static_cast<std::uint64_t>(got);
    if (got > 0 && left > 0)
      return {};
    file = unique_fd();
    zip.end_entry(out);
    return {};
  }

  result<void> step() {
    if (file.get() >= 0)
      return add_data();
    if (!todo.empty()) {
      const auto one = std::move(todo.back());
      todo.pop_back();
      return add(one);
    }
    finished = true;
    zip.finish(out);
    return {};
  }

  zip_writer zip;
  std::string start;
  std::string out;
  bool begun = false;
  bool finished = false;
  std::vector<pending> todo;
  unique_fd file; ///< the one under way
  std::uint64_t left = 0;
};

zip_stream::zip_stream(const std::string& path) : impl_(std::make_unique<impl>()) {
  impl_->start = path;
}

zip_stream::~zip_stream() = default;

result<std::string_view> zip_stream::next() {
  impl_->out.clear();
  if (!std::exchange(impl_->begun, true)) {
    if (auto begun = impl_->begin(impl_->start); !begun)
      return tl::unexpected(begun.error());
  }
  for (int steps = 0; !impl_->finished && steps < steps_at_once && impl_->out.size() < piece_bytes;
       ++steps) {
    if (auto made = impl_->step(); !made)
      return tl::unexpected(made.error());
  }
  return std::string_view(impl_->out);
}

bool zip_stream::finished() const {
  return impl_->finished;
}

} // namespace sandfleet::agent::files
