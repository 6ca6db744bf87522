#include "runtime/transport/abandoned_socket.hpp"
#include "runtime/transport/http_connection.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <unordered_set>

namespace sandfleet::transport {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t idle_capacity = 4U << 10;

/// A listening socket that is closed unless it was handed on.
class owned_fd {
 public:
  explicit owned_fd(int fd) : fd_(fd) {}
  ~owned_fd() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  owned_fd(const owned_fd&) = delete;
  owned_fd& operator=(const owned_fd&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

error listen_error(const std::string& what, int number) {
  return errno_error(number == EADDRINUSE ? errc::already_exists : errc::io_error,
                     "cannot listen on " + what, number);
}

result<int> listen_unix(const unix_endpoint& where) {
  const auto name = "unix:" + where.path;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (where.path.empty() || where.path.size() >= sizeof address.sun_path)
    return fail(make_error(errc::invalid_argument, "cannot listen on " + name)
                    .with_cause("a socket's path has 1 to 107 bytes"));
  std::memcpy(address.sun_path, where.path.data(), where.path.size());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);

  remove_abandoned_socket(where.path);
  owned_fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0 || ::bind(socket.get(), generic, sizeof address) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0)
    return fail(listen_error(name, errno));
  return socket.release();
}

result<int> listen_tcp(const tcp_endpoint& where) {
  const auto name = where.host + ":" + std::to_string(where.port);
  error_code ec;
  const auto address = asio::ip::make_address(where.host, ec);
  if (ec)
    return fail(make_error(errc::invalid_argument, "cannot listen on " + name)
                    .with_cause("'" + where.host + "' is no IP address"));
  sockaddr_storage storage{};
  socklen_t size = 0;
  if (address.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(where.port);
    const auto bytes = address.to_v4().to_bytes();
    std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
    size = sizeof v4;
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(where.port);
    const auto bytes = address.to_v6().to_bytes();
    std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
    size = sizeof v6;
  }
  owned_fd socket(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (socket.get() < 0 ||
      ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0)
    return fail(listen_error(name, errno));
  return socket.release();
}

} // namespace

asio::awaitable<void> http_connection::run_handler(const http_server::handler& handle) {
  http_exchange exchange(*this);
  bool thrown = false;
  try {
    co_await handle(exchange);
  } catch (const std::exception&) {
    thrown = true; // a handler's fault, or its cancellation
  }
  if (std::exchange(watching, false)) {
    error_code ignored;
    socket.cancel(ignored);
  }
  if (!socket.is_open() || ((co_await asio::this_coro::cancellation_state).cancelled() !=
                            asio::cancellation_type::none)) {
    keep = false;
    co_return;
  }
  if (!replied) {
    constexpr std::string_view body =
        R"({"detail":"An unexpected error occurred. Please try again later."})";
    header_list headers;
    headers.emplace_back("Content-Type", "application/json");
    const auto sent = co_await begin_reply(500, headers, body.size(), body);
    if (!sent)
      co_return;
    ended = true;
  } else if (thrown) {
    keep = false; // half a reply must not look like a whole one
    co_return;
  }
  if (!ended)
    (void)co_await end_reply();
}

asio::awaitable<void> http_connection::serve(const http_server::handler& handle) {
  // Not `while (co_await read_head())`, for which g++ 12 passes a wrong `this`.
  for (;;) {
    const bool more = co_await read_head();
    if (!more)
      break;
    co_await run_handler(handle);
    if (!keep)
      break;
    const bool whole = co_await skip_rest();
    if (!whole)
      break;
    input.shrink(idle_capacity);
  }
  if (replied && ended)
    co_await linger();
}

struct http_server::impl : std::enable_shared_from_this<http_server::impl> {
  using acceptor_type = asio::basic_socket_acceptor<asio::generic::stream_protocol>;

  impl(asio::any_io_executor e, handler h, http_server_options o)
      : executor(std::move(e)), options(std::move(o)), handle(std::move(h)),
        home(options.concurrent ? asio::any_io_executor(asio::make_strand(executor)) : executor),
        acceptor(home), changed(home, asio::steady_timer::time_point::max()) {}

  ~impl() {
    if (!socket_path.empty())
      ::unlink(socket_path.c_str());
  }

  result<void> take(int fd) {
    int domain = 0;
    socklen_t size = sizeof domain;
    error_code ec;
    if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0)
      return fail(errno_error(errc::invalid_argument,
                              "descriptor " + std::to_string(fd) + " is no socket", errno));
    acceptor.assign(asio::generic::stream_protocol(domain, 0), fd, ec);
    if (ec)
      return fail(errno_error(errc::io_error, "cannot accept on a socket", ec.value()));
    if (domain == AF_INET || domain == AF_INET6) {
      sockaddr_storage bound{};
      size = sizeof bound;
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
      port = ntohs(domain == AF_INET ? reinterpret_cast<sockaddr_in&>(bound).sin_port
                                     : reinterpret_cast<sockaddr_in6&>(bound).sin6_port);
      no_delay = true;
    }
    asio::co_spawn(home, accept_all(shared_from_this()), [](const std::exception_ptr&) {});
    return {};
  }

  static asio::awaitable<void> accept_all(std::shared_ptr<impl> self) {
    while (self->acceptor.is_open()) {
      error_code ec;
      if (self->open.size() >= self->options.max_connections) {
        co_await self->acceptor.async_wait(acceptor_type::wait_read,
                                           asio::redirect_error(asio::use_awaitable, ec));
        if (!self->acceptor.is_open())
          break;
        self->close_longest_waiting();
        co_await self->next_change(std::chrono::hours(1));
        continue;
      }
      auto executor = self->options.concurrent
                          ? asio::any_io_executor(asio::make_strand(self->executor))
                          : self->executor;
      auto socket = co_await self->acceptor.async_accept(
          executor, asio::redirect_error(asio::use_awaitable, ec));
      if (ec == asio::error::operation_aborted || !self->acceptor.is_open())
        break;
      if (ec == asio::error::connection_aborted || ec == asio::error::interrupted)
        continue;
      if (ec) { // no descriptors or no memory: a connection that ends may free some
        self->close_longest_waiting();
        co_await self->next_change(std::chrono::seconds(1));
        continue;
      }
      self->begin(std::move(socket));
    }
  }

  void begin(http_connection::socket_type socket) {
    error_code ignored;
    socket.non_blocking(true, ignored);
    ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC); // accept(2) does not inherit it
    if (no_delay) {
      const int on = 1;
      ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (options.carry) {
      auto carried = options.carry(std::move(socket));
      if (!carried)
        return;
      socket = std::move(*carried);
      socket.non_blocking(true, ignored);
    }
    auto connection = std::make_shared<http_connection>(std::move(socket), options);
    connection->on_waiting = [this] {
      if (wanted)
        asio::dispatch(home, [self = shared_from_this()] { self->changed.cancel(); });
    };
    open.insert(connection);
    crowd = std::max(crowd, open.size());
    auto on = connection->socket.get_executor();
    auto work = [](std::shared_ptr<impl> self,
                   std::shared_ptr<http_connection> one) -> asio::awaitable<void> {
      co_await one->serve(self->handle);
    };
    asio::co_spawn(on, work(shared_from_this(), connection),
                   asio::bind_cancellation_slot(
                       connection->signal.slot(),
                       [self = shared_from_this(), connection](const std::exception_ptr&) {
                         error_code ec;
                         ++connection->wait_number;
                         connection->timer.cancel();
                         connection->socket.close(ec);
                         asio::dispatch(self->home, [self, connection] {
                           self->open.erase(connection);
                           self->changed.cancel();
                           self->look_for_a_crowd();
                         });
                       }));
  }

  /// Waits until a connection has ended or, while room is `wanted`, waits for its client; at most
  /// for `limit`.
  asio::awaitable<void> next_change(std::chrono::milliseconds limit) {
    error_code ec;
    changed.expires_after(limit);
    co_await changed.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    wanted = false;
  }

  void look_for_a_crowd() {
    constexpr std::size_t many = 64;
    if (crowd < many || open.size() > crowd / 4)
      return;
    crowd = open.size();
    if (options.crowd_left)
      options.crowd_left();
  }

  /// To make room for another. Those that are at work stay.
  void close_longest_waiting() {
    wanted = true;
    std::shared_ptr<http_connection> chosen;
    auto since = http_connection::not_waiting;
    for (const auto& connection : open) {
      const auto its = connection->waiting_since.load();
      if (its < since) {
        since = its;
        chosen = connection;
      }
    }
    if (!chosen)
      return;
    asio::dispatch(chosen->socket.get_executor(), [chosen, since] {
      if (chosen->waiting_since == since)
        end(*chosen);
    });
  }

  static void end(http_connection& connection) {
    connection.signal.emit(asio::cancellation_type::all);
    error_code ignored;
    connection.socket.close(ignored);
  }

  void close_acceptor() {
    error_code ignored;
    acceptor.close(ignored);
    if (!socket_path.empty())
      ::unlink(std::exchange(socket_path, {}).c_str());
  }

  /// `abort`: those that answer a request too. What left HTTP has no end of its own to wait for.
  void end_connections(bool abort) {
    for (const auto& connection : open) {
      asio::dispatch(connection->socket.get_executor(), [connection, abort] {
        connection->stopping = true;
        if (!abort && !connection->idle && !connection->upgraded)
          return;
        end(*connection);
      });
    }
  }

  static asio::awaitable<void> stop(std::shared_ptr<impl> self, std::chrono::milliseconds grace) {
    self->close_acceptor();
    self->changed.cancel(); // the accepting loop may wait for it
    self->end_connections(false);
    const auto deadline = std::chrono::steady_clock::now() + grace;
    bool aborted = false;
    while (!self->open.empty()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0 && !std::exchange(aborted, true))
        self->end_connections(true);
      co_await self->next_change(aborted ? std::chrono::hours(1) : left);
    }
  }

  asio::any_io_executor executor;
  http_server_options options;
  handler handle;
  asio::any_io_executor home; ///< what follows is touched on it alone
  acceptor_type acceptor;
  asio::steady_timer changed;
  std::atomic<bool> wanted = false; ///< room for one more connection is
  std::unordered_set<std::shared_ptr<http_connection>> open;
  std::size_t crowd = 0; ///< the most that were open since a crowd left
  std::string socket_path;
  std::uint16_t port = 0;
  bool no_delay = false;
};

http_server::http_server(asio::any_io_executor executor, handler handle,
                         http_server_options options)
    : impl_(std::make_shared<impl>(std::move(executor), std::move(handle), std::move(options))) {}

http_server::~http_server() {
  asio::dispatch(impl_->home, [self = impl_] {
    self->close_acceptor();
    self->end_connections(true);
  });
}

result<void> http_server::listen(const endpoint& where) {
  const auto* local = std::get_if<unix_endpoint>(&where);
  const auto fd = local ? listen_unix(*local) : listen_tcp(std::get<tcp_endpoint>(where));
  if (!fd)
    return tl::unexpected(fd.error());
  if (local)
    impl_->socket_path = local->path;
  return impl_->take(*fd);
}

result<void> http_server::listen_fd(int fd) {
  return impl_->take(fd);
}

std::uint16_t http_server::port() const {
  return impl_->port;
}

asio::awaitable<void> http_server::stop(std::chrono::milliseconds grace) {
  co_await asio::co_spawn(impl_->home, impl::stop(impl_, grace), asio::use_awaitable);
}

} // namespace sandfleet::transport
