#include "sandbox_agent/exec/remote_viewer.hpp"

#include "runtime/protocol/terminal_api.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include <utility>

namespace sandfleet::agent {

namespace asio = boost::asio;
using transport::close_code;

namespace {

/// What a client has not taken yet; the program waits beyond that.
constexpr std::size_t most_unsent = 64U << 10;

/// Its parts are coroutines on one thread, each of which holds it alive; `end` ends them all.
class remote_viewer : public terminal_viewer, public std::enable_shared_from_this<remote_viewer> {
 public:
  remote_viewer(const asio::any_io_executor& executor, std::shared_ptr<shared_terminal> terminal,
                transport::websocket client, std::string greeting, window_size size)
      : executor_(executor), terminal_(std::move(terminal)), client_(std::move(client)),
        greeting_(std::move(greeting)), size_(size), changed_(executor), more_(executor) {}

  void show(std::string_view bytes) override {
    unsent_ += bytes;
    more_.ring();
  }
  [[nodiscard]] bool backed_up() const override {
    return unsent_.size() + in_flight_ > most_unsent;
  }
  [[nodiscard]] window_size size() const override { return size_; }
  void ended(const terminal_exit& how) override {
    exit_ = how;
    more_.ring();
  }

  asio::awaitable<void> serve() {
    const auto self = shared_from_this();
    terminal_->join(*this);
    for (auto* part :
         {&remote_viewer::pass_output, &remote_viewer::take_messages, &remote_viewer::watch_client})
      asio::co_spawn(executor_, part(self), asio::detached);

    co_await asio::this_coro::throw_if_cancelled(false);
    bool cancelled = false;
    while (!cancelled && !gone_ && !broken_ && !told_) {
      co_await changed_.wait();
      cancelled = (co_await asio::this_coro::cancellation_state).cancelled() !=
                  asio::cancellation_type::none;
    }
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    terminal_->leave(*this, cancelled);
    if (cancelled)
      co_await client_.close(close_code::going_away, "the agent ends");
    else if (broken_)
      co_await client_.close(broken_->code, broken_->reason);
    else if (told_)
      co_await client_.close(close_code::normal, {});
  }

  void end() {
    over_ = true;
    terminal_->leave(*this, true);
    client_.drop();
    more_.ring();
  }

 private:
  using self_ptr = std::shared_ptr<remote_viewer>;

  struct fault {
    close_code code;
    const char* reason;
  };

  static asio::awaitable<void> pass_output(self_ptr self) {
    const auto greeted = co_await self->client_.write_text(self->greeting_);
    while (greeted && !self->over_ && !self->told_) {
      if (!self->unsent_.empty()) {
        const auto piece = std::exchange(self->unsent_, {});
        self->in_flight_ = piece.size();
        const auto sent = co_await self->client_.write_bytes(piece);
        self->in_flight_ = 0;
        self->terminal_->went_on();
        if (!sent)
          break;
      } else if (self->exit_) {
        const auto text = protocol::encode_terminal_news(*self->exit_);
        const auto sent = co_await self->client_.write_text(text);
        if (!sent)
          break;
        self->told_ = true;
      } else {
        co_await self->more_.wait();
      }
    }
    if (!self->told_)
      self->gone_ = true;
    self->changed_.ring();
  }

  static asio::awaitable<void> take_messages(self_ptr self) {
    while (!self->over_ && !self->broken_) {
      const auto message = co_await self->client_.read();
      if (!message || !*message) {
        self->gone_ = true;
        break;
      }
      self->obey(**message);
      co_await self->terminal_->room();
    }
    self->changed_.ring();
  }

  void obey(const transport::websocket_message& message) {
    if (!message.is_text) {
      terminal_->type(message.payload);
      return;
    }
    const auto order = protocol::decode_terminal_order(message.payload);
    const auto* size = order ? std::get_if<window_size>(&*order) : nullptr;
    if (size) {
      size_ = *size;
      terminal_->fit();
    } else if (order) {
      broken_ = fault{close_code::policy, "the terminal is open already"};
    } else {
      broken_ = fault{close_code::bad_payload, "a text that is no message of a terminal"};
    }
  }

  static asio::awaitable<void> watch_client(self_ptr self) {
    co_await self->client_.gone();
    self->gone_ = true;
    self->changed_.ring();
  }

  asio::any_io_executor executor_;
  std::shared_ptr<shared_terminal> terminal_;
  transport::websocket client_;
  std::string greeting_;
  window_size size_;
  bell changed_; ///< what `serve` waits for
  bell more_;    ///< there is something to send, or all is over
  std::string unsent_;
  std::size_t in_flight_ = 0;
  std::optional<terminal_exit> exit_;
  std::optional<fault> broken_; ///< the client's
  bool gone_ = false;
  bool told_ = false;
  bool over_ = false;
};

struct ending {
  remote_viewer& what;
  ~ending() { what.end(); }
};

} // namespace

asio::awaitable<void> view_terminal(std::shared_ptr<shared_terminal> terminal,
                                    transport::websocket client, std::string greeting,
                                    window_size size) {
  const auto executor = co_await asio::this_coro::executor;
  const auto viewer = std::make_shared<remote_viewer>(executor, std::move(terminal),
                                                      std::move(client), std::move(greeting), size);
  const ending end_it{*viewer};
  co_await viewer->serve();
}

} // namespace sandfleet::agent
