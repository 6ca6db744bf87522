#include "sandbox_agent/launcher/oom_victims.hpp"

#include "runtime/core/text.hpp"
#include "sandbox_agent/launcher/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace sandfleet::launcher {

namespace {

constexpr std::size_t most_victims = 10;
constexpr int most_records = 1 << 20;

/// What follows `name` up to one of `ends`; nothing where it is not there.
std::optional<std::string_view> value_of(std::string_view text, std::string_view name,
                                         std::string_view ends) {
  const auto at = text.find(name);
  if (at == std::string_view::npos)
    return std::nullopt;
  text.remove_prefix(at + name.size());
  return text.substr(0, text.find_first_of(ends));
}

/// Whether a path is the group's or below.
bool is_within(std::string_view path, std::string_view group) {
  const auto at = path.find(group);
  if (at == std::string_view::npos)
    return false;
  const auto after = path.substr(at + group.size());
  return after.empty() || after.front() == '/';
}

} // namespace

void oom_victims::read(std::string_view record) {
  const auto end = record.find('\n');
  const auto start = record.find(';');
  auto message = record.substr(0, end);
  if (start < end)
    message.remove_prefix(start + 1);
  if (message.starts_with("oom-kill:")) {
    // The victim's name, which may hold anything, comes after the groups.
    const auto group = value_of(message, ",task_memcg=", ",");
    const auto pid = message.rfind(",pid=");
    next_.reset();
    if (group && is_within(*group, group_) && pid != std::string_view::npos)
      if (const auto number = value_of(message.substr(pid), ",pid=", ","))
        next_ = "Killed process " + std::string(*number) + " (";
    return;
  }
  const auto at = next_ ? message.find(*next_) : std::string_view::npos;
  if (at == std::string_view::npos || count_ == most_victims)
    return;
  const auto told = message.substr(at + next_->size());
  const auto name_end = told.rfind(") total-vm:");
  const auto size = core::parse_integer(value_of(told, ", anon-rss:", "k").value_or(""));
  if (name_end == std::string_view::npos || !size || *size < 0)
    return;
  next_.reset();
  ++count_;
  text_ += (text_.empty() ? "" : ", ") + std::string(told.substr(0, name_end)) + " " +
           (*size < 1024 ? std::to_string(*size) + " KiB" : std::to_string(*size / 1024) + " MiB");
}

std::string find_oom_victims(std::string_view id) {
  oom_victims found(id);
  const unique_fd log(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  std::array<char, 8192> record{};
  for (int left = most_records; log && left > 0; --left) {
    const auto got = ::read(log.get(), record.data(), record.size());
    if (got > 0)
      found.read({record.data(), static_cast<std::size_t>(got)});
    else if (got == 0 || (errno != EPIPE && errno != EINTR)) // EPIPE: some were overwritten
      break;
  }
  return found.text();
}

} // namespace sandfleet::launcher
