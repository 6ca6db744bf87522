#include "runtime/providers/local/launcher_link.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <csignal>
#include <utility>

namespace sandfleet::providers::local {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);

class child_link final : public launcher_link {
 public:
  explicit child_link(transport::child_process launcher) : child_(std::move(launcher)) {}

  asio::awaitable<result<std::size_t>> read(std::span<char> into) override {
    return child_.read(into);
  }
  asio::awaitable<result<void>> write(std::string bytes) override {
    return child_.write(std::move(bytes));
  }
  asio::awaitable<std::optional<int>> ended() override {
    const auto status = co_await child_.wait();
    co_return status ? std::optional<int>(*status) : std::nullopt;
  }
  void close() override { child_.close(); }
  void kill(int signal) const noexcept override { child_.kill(signal); }

 private:
  transport::child_process child_;
};

/// A process that is no child: its end is seen by its pidfd.
class watched_process {
 public:
  watched_process(const asio::any_io_executor& executor, process_hold held)
      : held_(std::move(held)), pidfd_(executor, held_.duplicate()) {}

  asio::awaitable<void> ended() {
    (void)co_await pidfd_.async_wait(asio::posix::descriptor_base::wait_read, as_values);
  }
  void close() {
    error_code ignored;
    pidfd_.close(ignored);
  }
  void kill(int signal) const noexcept { held_.send(signal); }

 private:
  process_hold held_;
  asio::posix::stream_descriptor pidfd_;
};

class socket_link final : public launcher_link {
 public:
  using socket = asio::local::stream_protocol::socket;

  socket_link(socket connected, process_hold launcher)
      : socket_(std::move(connected)), launcher_(socket_.get_executor(), std::move(launcher)) {}

  asio::awaitable<result<std::size_t>> read(std::span<char> into) override {
    const auto buffer = asio::buffer(into.data(), into.size());
    const auto [ec, n] = co_await socket_.async_read_some(buffer, as_values);
    co_return ec ? std::size_t{0} : n;
  }
  asio::awaitable<result<void>> write(std::string bytes) override {
    const auto [ec, n] = co_await asio::async_write(socket_, asio::buffer(bytes), as_values);
    if (ec)
      co_return fail(errno_error(errc::io_error, "the launcher cannot be told", ec.value()));
    co_return result<void>{};
  }
  asio::awaitable<std::optional<int>> ended() override {
    co_await launcher_.ended();
    co_return std::nullopt;
  }
  void close() override {
    error_code ignored;
    socket_.close(ignored);
    launcher_.close();
  }
  void kill(int signal) const noexcept override { launcher_.kill(signal); }

 private:
  socket socket_;
  watched_process launcher_;
};

class watching_link final : public launcher_link {
 public:
  watching_link(const asio::any_io_executor& executor, process_hold launcher)
      : launcher_(executor, std::move(launcher)) {}

  asio::awaitable<result<std::size_t>> read(std::span<char> /*into*/) override {
    co_await launcher_.ended();
    co_return std::size_t{0};
  }
  asio::awaitable<result<void>> write(std::string /*bytes*/) override {
    co_return fail(errc::permission_denied, "the sandbox belongs to another program");
  }
  asio::awaitable<std::optional<int>> ended() override { co_return std::nullopt; }
  void close() override { launcher_.close(); }
  void kill(int /*signal*/) const noexcept override {}

 private:
  watched_process launcher_;
};

} // namespace

std::unique_ptr<launcher_link> link_to(transport::child_process launcher) {
  return std::make_unique<child_link>(std::move(launcher));
}

result<std::unique_ptr<launcher_link>> link_to(const asio::any_io_executor& executor,
                                               const std::string& path, process_hold launcher) {
  socket_link::socket socket(executor);
  error_code ec;
  // A socket of this machine takes a connection or refuses it at once.
  socket.connect(asio::local::stream_protocol::endpoint(path), ec);
  if (ec)
    return fail(errno_error(errc::connection_failed,
                            "the launcher does not listen on '" + path + "'", ec.value()));
  return std::make_unique<socket_link>(std::move(socket), std::move(launcher));
}

std::unique_ptr<launcher_link> watch_only(const asio::any_io_executor& executor,
                                          process_hold launcher) {
  return std::make_unique<watching_link>(executor, std::move(launcher));
}

} // namespace sandfleet::providers::local
