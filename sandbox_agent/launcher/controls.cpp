#include "sandbox_agent/launcher/controls.hpp"

#include "sandbox_agent/launcher/listen.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sandfleet::launcher {

namespace {
constexpr std::size_t max_controllers = 64; ///< further ones wait in the kernel's queue
} // namespace

void controller::listen(const std::function<void(std::string_view)>& on_line) {
  char buffer[4096];
  const auto n = ::read(socket_.get(), buffer, sizeof buffer);
  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return;
  if (n <= 0) {
    socket_.reset();
    return;
  }
  lines_.feed({buffer, static_cast<std::size_t>(n)}, on_line);
  if (lines_.dropped())
    socket_.reset();
}

void controller::tell(std::string_view lines) noexcept {
  if (gone())
    return;
  const auto sent = ::send(socket_.get(), lines.data(), lines.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(lines.size()))
    socket_.reset();
}

result<void> controls::open(const std::string& path) {
  // Whoever sees the socket can connect to it.
  const auto unready = path + ".new";
  ::unlink(unready.c_str());
  auto made = listen_at(unready);
  if (!made)
    return fail(made.error());
  if (::rename(unready.c_str(), path.c_str()) != 0)
    return fail(errno_error(errc::io_error, "cannot listen on '" + path + "'", errno));
  listener_ = std::move(*made);
  ::fcntl(listener_.get(), F_SETFL, O_NONBLOCK);
  return {};
}

void controls::add_to(std::vector<pollfd>& polled) const {
  const bool room = controllers_.size() < max_controllers;
  polled.push_back({room ? listener_.get() : -1, POLLIN, 0});
  for (const auto& one : controllers_)
    polled.push_back({one.descriptor(), POLLIN, 0});
}

void controls::on_polled(std::span<const pollfd> polled,
                         const std::function<std::string()>& greeting,
                         const command_handler& on_command) {
  // Those that connect now come behind those that were polled.
  auto one = controllers_.begin();
  for (const auto& seen : polled.subspan(1)) {
    auto& from = *one++;
    if (seen.revents != 0 && !from.gone())
      from.listen([&](std::string_view command) { on_command(command, from); });
  }
  std::erase_if(controllers_, [](const controller& who) { return who.gone(); });
  if (polled[0].revents != 0)
    accept(greeting);
}

void controls::accept(const std::function<std::string()>& greeting) {
  unique_fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket)
    return;
  controllers_.emplace_back(std::move(socket)).tell(greeting());
}

void controls::tell(std::string_view lines, const controller* except) noexcept {
  for (auto& one : controllers_)
    if (&one != except)
      one.tell(lines);
}

} // namespace sandfleet::launcher
