#include "sandbox_agent/files/edit_history.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace sandfleet::agent::files {

namespace {

constexpr std::size_t kept_texts = 10;

int open_unlinked() {
  const char* place = std::getenv("TMPDIR");
  const int fd = ::open(place && *place ? place : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  return fd >= 0 ? fd : ::memfd_create("edit-history", MFD_CLOEXEC);
}

} // namespace

edit_history::~edit_history() {
  if (fd_ >= 0)
    ::close(fd_);
}

void edit_history::release(const entry& one) const {
  if (one.size > 0)
    ::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, one.offset,
                static_cast<off_t>(one.size));
}

void edit_history::add(const std::string& path, std::string_view text) {
  if (fd_ < 0)
    fd_ = open_unlinked();
  const entry one{end_, text.size()};
  while (!text.empty()) {
    const auto sent = ::pwrite(fd_, text.data(), text.size(), end_);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0)
      return;
    end_ += sent;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  auto& texts = entries_[path];
  texts.push_back(one);
  if (texts.size() > kept_texts) {
    release(texts.front());
    texts.erase(texts.begin());
  }
}

std::optional<std::string> edit_history::pop(const std::string& path) {
  const auto found = entries_.find(path);
  if (found == entries_.end())
    return std::nullopt;
  const auto one = found->second.back();
  found->second.pop_back();
  if (found->second.empty())
    entries_.erase(found);
  std::string text(one.size, '\0');
  std::size_t got = 0;
  while (got < text.size()) {
    const auto count = ::pread(fd_, text.data() + got, text.size() - got,
                               one.offset + static_cast<std::int64_t>(got));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return std::nullopt;
    got += static_cast<std::size_t>(count);
  }
  release(one);
  return text;
}

} // namespace sandfleet::agent::files
