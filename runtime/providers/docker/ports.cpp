#include "runtime/providers/docker/ports.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <filesystem>
#include <netinet/in.h>
#include <optional>
#include <random>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::providers::docker {

namespace {

struct port_range {
  std::uint16_t first;
  std::uint16_t last;
};

constexpr port_range agent_range{30000, 39999};
constexpr port_range vscode_range{40000, 49999};
constexpr port_range app_1_range{50000, 54999};
constexpr port_range app_2_range{55000, 59999};

/// 0 or an errno.
int try_to_listen(const std::string& address, std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &at.sin_addr) != 1)
    return 0; // not for us to say
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return errno;
  const int failed = ::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 ? 0 : errno;
  ::close(fd);
  return failed;
}

/// Nothing when another holds it, or has just removed what was opened here.
std::optional<port_lock> try_lock(const std::string& path, bool make) {
  auto lock = file_lock::try_take(path, make);
  struct stat locked {};
  if (!lock || ::fstat(lock->descriptor(), &locked) != 0 || locked.st_nlink == 0)
    return std::nullopt;
  return port_lock(path, std::move(*lock));
}

class taker {
 public:
  taker(std::string dir, std::string address)
      : dir_(std::move(dir)), address_(std::move(address)), random_(std::random_device{}()) {}

  /// From anywhere in the range on, so that programs that start together do not meet.
  result<void> take(port_range range, std::uint16_t& into) {
    const int size = range.last - range.first + 1;
    const int start = std::uniform_int_distribution<int>(0, size - 1)(random_);
    for (int i = 0; i < size; ++i) {
      const auto port = static_cast<std::uint16_t>(range.first + (start + i) % size);
      const auto path = dir_ + "/" + std::to_string(port);
      auto lock = try_lock(path, true);
      const int failed = lock ? try_to_listen(address_, port) : EADDRINUSE;
      if (failed == EADDRNOTAVAIL)
        return fail(make_error(errc::invalid_argument,
                               "binding_address: '" + address_ + "' is no address of this machine")
                        .with_hint("127.0.0.1 is, and 0.0.0.0 stands for all"));
      if (failed != 0)
        continue;
      into = port;
      held_.locks.push_back(std::move(*lock));
      return {};
    }
    return fail(make_error(errc::limit_exceeded, "no port from " + std::to_string(range.first) +
                                                     " to " + std::to_string(range.last) +
                                                     " is free")
                    .blamed_on(failure_class::infrastructure));
  }

  held_ports& held() { return held_; }

 private:
  std::string dir_;
  std::string address_;
  std::mt19937 random_;
  held_ports held_;
};

} // namespace

port_lock::port_lock(std::string path, file_lock lock)
    : path_(std::move(path)), lock_(std::move(lock)) {}

port_lock& port_lock::operator=(port_lock&& other) noexcept {
  release();
  path_ = std::exchange(other.path_, {});
  lock_ = std::move(other.lock_);
  return *this;
}

port_lock::~port_lock() {
  release();
}

/// Removed before it is unlocked: nobody else can have locked one of that name.
void port_lock::release() {
  if (lock_.descriptor() >= 0 && !path_.empty())
    ::unlink(path_.c_str());
}

void forget_free_ports(const std::string& dir) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(dir, ignored))
    (void)try_lock(entry.path().string(), false);
}

result<held_ports> take_ports(const std::string& dir, const port_wishes& wishes) {
  ::mkdir(dir.c_str(), 0700);
  taker from(dir, wishes.address);
  auto& numbers = from.held().numbers;
  result<void> done;
  if (wishes.agent)
    done = from.take(agent_range, numbers.agent);
  if (done && wishes.others && wishes.vscode == 0)
    done = from.take(vscode_range, numbers.vscode);
  if (wishes.others && wishes.vscode != 0)
    numbers.vscode = wishes.vscode;
  if (done && wishes.others)
    done = from.take(app_1_range, numbers.app_1);
  if (done && wishes.others)
    done = from.take(app_2_range, numbers.app_2);
  if (!done)
    return fail(std::move(done.error()));
  return std::move(from.held());
}

} // namespace sandfleet::providers::docker
