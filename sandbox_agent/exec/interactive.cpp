#include "sandbox_agent/exec/interactive.hpp"

#include "runtime/protocol/terminal_api.hpp"
#include "runtime/transport/deadline.hpp"
#include "sandbox_agent/bash/process_tree.hpp"
#include "sandbox_agent/exec/children.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <memory>
#include <optional>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::agent {

namespace asio = boost::asio;
using boost::system::error_code;
using transport::close_code;

namespace {

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t block_bytes = 16U << 10;
/// What is typed ahead of a program that does not read; the client waits beyond that.
constexpr std::size_t most_typed_ahead = 64U << 10;
/// A daemon may keep the terminal and write on when the program has ended.
constexpr std::size_t most_rest = 256U << 10;
/// For what a hang-up tells to save its work.
constexpr std::chrono::milliseconds hang_up_grace{500};

/// Something to wait for on the one thread: ask for the condition again after each `wait`.
class bell {
 public:
  explicit bell(const asio::any_io_executor& executor)
      : timer_(executor, asio::steady_timer::time_point::max()) {}
  void ring() { timer_.cancel(); }
  asio::awaitable<void> wait() { (void)co_await timer_.async_wait(as_values); }

 private:
  asio::steady_timer timer_;
};

/// One terminal while its program runs. Its parts are coroutines on one thread, each of which holds
/// it alive; `end` ends them all.
class terminal_under_way : public std::enable_shared_from_this<terminal_under_way> {
 public:
  terminal_under_way(const asio::any_io_executor& executor, pty_process process, std::string marker,
                     transport::websocket client)
      : pid_(process.pid), tree_(std::in_place, pid_), marker_(std::move(marker)),
        master_(executor, process.master.release()), pidfd_(executor, process.pidfd.release()),
        client_(std::move(client)), changed_(executor), typed_(executor), room_(executor) {
    claim_child(pid_);
  }

  asio::awaitable<void> run() {
    const auto executor = master_.get_executor();
    const auto self = shared_from_this();
    for (auto* part : {&terminal_under_way::show_output, &terminal_under_way::take_messages,
                       &terminal_under_way::type_input, &terminal_under_way::watch_client,
                       &terminal_under_way::watch_program})
      asio::co_spawn(executor, part(self), asio::detached);

    co_await asio::this_coro::throw_if_cancelled(false);
    bool cancelled = false;
    while (!cancelled && !client_gone_ && !broken_ && !(program_ended_ && output_ended_)) {
      co_await changed_.wait();
      cancelled = (co_await asio::this_coro::cancellation_state).cancelled() !=
                  asio::cancellation_type::none;
    }
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    if (cancelled) {
      kill();
      co_await client_.close(close_code::going_away, "the agent ends");
    } else if (broken_) {
      hang_up();
      co_await client_.close(broken_->code, broken_->reason);
      kill();
    } else if (client_gone_) {
      hang_up();
      co_await ended_in_time();
      kill();
    } else {
      co_await tell_the_end();
    }
  }

  /// Leaves nothing behind. What is still waited for holds this object alive.
  void end() {
    if (!reaped_)
      kill();
    release_child(pid_);
    tree_.reset();
    over_ = true;
    hang_up();
    error_code ignored;
    pidfd_.close(ignored);
    client_.drop();
    typed_.ring();
    room_.ring();
  }

 private:
  using self_ptr = std::shared_ptr<terminal_under_way>;

  struct fault {
    close_code code;
    const char* reason;
  };

  /// Ends when nobody has the terminal open any more, too.
  static asio::awaitable<void> show_output(self_ptr self) {
    std::array<char, block_bytes> block{};
    while (!self->program_ended_ && !self->over_) {
      const auto [ec, count] =
          co_await self->master_.async_read_some(asio::buffer(block), as_values);
      if (ec)
        break;
      const std::string_view piece(block.data(), count);
      const auto sent = co_await self->client_.write_bytes(piece);
      if (!sent) {
        self->client_gone_ = true;
        break;
      }
    }
    self->output_ended_ = true;
    self->changed_.ring();
  }

  static asio::awaitable<void> take_messages(self_ptr self) {
    while (!self->over_ && !self->broken_) {
      if (self->pending_.size() > most_typed_ahead) {
        co_await self->room_.wait();
        continue;
      }
      const auto message = co_await self->client_.read();
      if (!message || !*message) {
        self->client_gone_ = true;
        break;
      }
      self->obey(**message);
    }
    self->changed_.ring();
  }

  void obey(const transport::websocket_message& message) {
    if (!message.is_text) {
      pending_ += message.payload;
      typed_.ring();
      return;
    }
    const auto order = protocol::decode_terminal_order(message.payload);
    const auto* size = order ? std::get_if<window_size>(&*order) : nullptr;
    if (size)
      resize(*size);
    else if (order)
      broken_ = fault{close_code::policy, "the terminal is open already"};
    else
      broken_ = fault{close_code::bad_payload, "a text that is no message of a terminal"};
  }

  void resize(window_size wanted) {
    winsize size{};
    size.ws_row = wanted.rows;
    size.ws_col = wanted.columns;
    ::ioctl(master_.native_handle(), TIOCSWINSZ, &size);
  }

  static asio::awaitable<void> type_input(self_ptr self) {
    while (!self->over_) {
      if (self->pending_.empty()) {
        co_await self->typed_.wait();
        continue;
      }
      auto piece = std::exchange(self->pending_, {});
      self->room_.ring();
      std::size_t done = 0;
      while (done < piece.size()) {
        const auto [ec, count] = co_await self->master_.async_write_some(
            asio::buffer(piece.data() + done, piece.size() - done), as_values);
        if (ec)
          co_return; // a program that has ended reads no more
        done += count;
      }
    }
  }

  static asio::awaitable<void> watch_client(self_ptr self) {
    co_await self->client_.gone();
    self->client_gone_ = true;
    self->changed_.ring();
  }

  static asio::awaitable<void> watch_program(self_ptr self) {
    (void)co_await self->pidfd_.async_wait(asio::posix::descriptor_base::wait_read, as_values);
    self->program_ended_ = true;
    error_code ignored;
    if (self->master_.is_open())
      self->master_.cancel(ignored);
    self->changed_.ring();
  }

  asio::awaitable<void> tell_the_end() {
    std::array<char, block_bytes> block{};
    for (std::size_t rest = 0; rest < most_rest;) {
      const auto count = ::read(master_.native_handle(), block.data(), block.size());
      if (count <= 0)
        break;
      rest += static_cast<std::size_t>(count);
      const std::string_view piece(block.data(), static_cast<std::size_t>(count));
      const auto sent = co_await client_.write_bytes(piece);
      if (!sent)
        co_return;
    }
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG) != 0 ||
        info.si_pid != pid_)
      co_return;
    reaped_ = true;
    terminal_exit ended;
    (info.si_code == CLD_EXITED ? ended.exit_code : ended.signal) = info.si_status;
    const auto text = protocol::encode_terminal_news(ended);
    const auto told = co_await client_.write_text(text);
    if (told)
      co_await client_.close(close_code::normal, {});
  }

  /// Closing the terminal tells those who use it that its user has gone.
  void hang_up() {
    error_code ignored;
    master_.close(ignored);
  }

  asio::awaitable<void> ended_in_time() {
    bool patience_over = false;
    const transport::deadline grace(master_.get_executor(), hang_up_grace, [&] {
      patience_over = true;
      changed_.ring();
    });
    while (!program_ended_ && !patience_over)
      co_await changed_.wait();
  }

  void kill() {
    kill_tree(pid_, marker_, reply_patience_ms);
    siginfo_t info{};
    // Not waited for when the kernel cannot kill it: the reaper takes it when it dies.
    reaped_ = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG) == 0 &&
              info.si_pid == pid_;
  }

  pid_t pid_;
  std::optional<tree_root> tree_;
  std::string marker_;
  asio::posix::stream_descriptor master_;
  asio::posix::stream_descriptor pidfd_;
  transport::websocket client_;
  bell changed_; ///< what `run` waits for
  bell typed_;   ///< there is something to type, or all is over
  bell room_;    ///< more may be typed ahead, or all is over
  std::string pending_;
  std::optional<fault> broken_; ///< the client's
  bool client_gone_ = false;
  bool program_ended_ = false;
  bool output_ended_ = false;
  bool reaped_ = false;
  bool over_ = false;
};

struct ending {
  terminal_under_way& what;
  ~ending() { what.end(); }
};

} // namespace

asio::awaitable<void> run_interactive(pty_process process, std::string marker,
                                      transport::websocket client) {
  const auto under_way = std::make_shared<terminal_under_way>(
      co_await asio::this_coro::executor, std::move(process), std::move(marker), std::move(client));
  const ending end_it{*under_way};
  co_await under_way->run();
}

} // namespace sandfleet::agent
