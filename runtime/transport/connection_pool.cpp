#include "runtime/transport/connection_pool.hpp"

#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace sandfleet::transport {

bool client_connection::usable() {
  char byte = 0;
  return ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         (errno == EAGAIN || errno == EWOULDBLOCK);
}

std::unique_ptr<client_connection> connection_pool::take() {
  const std::lock_guard lock(mutex_);
  while (!idle_.empty()) {
    auto kept = std::move(idle_.back());
    idle_.pop_back();
    if (kept->usable())
      return kept;
  }
  return nullptr;
}

void connection_pool::keep(std::unique_ptr<client_connection> used) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < max_idle_)
    idle_.push_back(std::move(used));
}

void connection_pool::keep_none() {
  const std::lock_guard lock(mutex_);
  max_idle_ = 0;
  idle_.clear();
}

} // namespace sandfleet::transport
