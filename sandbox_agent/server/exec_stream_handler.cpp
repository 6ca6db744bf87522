#include "runtime/protocol/agent_api.hpp"
#include "runtime/protocol/stream_frame.hpp"
#include "sandbox_agent/exec/input_feed.hpp"
#include "sandbox_agent/server/handlers.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace sandfleet::agent {

namespace asio = boost::asio;
using protocol::frame_type;
using transport::close_code;

namespace {

/// A program whose client has much to feed it. Its parts are coroutines on one thread, each of
/// which holds it alive.
class fed_program : public std::enable_shared_from_this<fed_program> {
 public:
  fed_program(const asio::any_io_executor& executor, transport::websocket client)
      : executor_(executor), client_(std::move(client)), changed_(executor),
        input_(std::make_shared<input_feed>(executor)) {}

  asio::awaitable<void> serve(exec_request request, const one_shot_settings& settings) {
    const auto self = shared_from_this();
    co_await asio::this_coro::throw_if_cancelled(false);
    for (auto part : {&fed_program::take_input, &fed_program::watch_client})
      asio::co_spawn(executor_, part(self), asio::detached);
    output_sink sink = [this](int number, std::string_view piece) {
      return pass_on(static_cast<frame_type>(number), piece);
    };
    auto runs = run_one_shot(std::move(request), settings, std::move(sink), input_);
    asio::co_spawn(
        executor_, std::move(runs),
        asio::bind_cancellation_slot(
            stop_.slot(), [self](const std::exception_ptr& thrown, result<exec_result> outcome) {
              if (!thrown)
                self->outcome_ = std::move(outcome);
              self->over_ = true;
              self->changed_.ring();
            }));
    while (!over_) {
      co_await changed_.wait();
      const bool ends = (co_await asio::this_coro::cancellation_state).cancelled() !=
                        asio::cancellation_type::none;
      if (!over_ && (gone_ || ends))
        stop_.emit(asio::cancellation_type::all);
    }
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    if (outcome_ && !gone_)
      co_await tell_end();
    else
      co_await client_.close(close_code::going_away, "the program was ended");
  }

  void end() {
    input_->close(); // a program that could not be started takes nothing
    client_.drop();
  }

 private:
  using self_ptr = std::shared_ptr<fed_program>;

  asio::awaitable<void> tell_end() {
    if (!*outcome_) {
      co_await refuse(client_, outcome_->error());
      co_return;
    }
    std::string frame;
    protocol::append_frame(frame, frame_type::end, protocol::encode_exec_end(**outcome_));
    const auto told = co_await client_.write_bytes(frame);
    if (told)
      co_await client_.close(close_code::normal, {});
  }

  asio::awaitable<void> pass_on(frame_type type, std::string_view piece) {
    std::string frame;
    protocol::append_frame(frame, type, piece);
    const auto sent = co_await client_.write_bytes(frame);
    if (!sent)
      throw boost::system::system_error(asio::error::broken_pipe);
  }

  /// No further message is read before the program has taken the last.
  static asio::awaitable<void> take_input(self_ptr self) {
    for (;;) {
      const auto message = co_await self->client_.read();
      if (!message || !*message || (*message)->is_text)
        break;
      if ((*message)->payload.empty())
        self->input_->end();
      else
        co_await self->input_->give((*message)->payload);
    }
    self->leave();
  }

  static asio::awaitable<void> watch_client(self_ptr self) {
    co_await self->client_.gone();
    self->leave();
  }

  void leave() {
    gone_ = true;
    changed_.ring();
  }

  asio::any_io_executor executor_;
  transport::websocket client_;
  bell changed_; ///< what `serve` waits for
  std::shared_ptr<input_feed> input_;
  asio::cancellation_signal stop_;
  std::optional<result<exec_result>> outcome_;
  bool gone_ = false;
  bool over_ = false;
};

struct ending {
  fed_program& what;
  ~ending() { what.end(); }
};

} // namespace

handling get_exec(context& with, http_exchange& exchange) {
  auto client = co_await accept_client(exchange, protocol::max_exec_message_bytes);
  if (!client)
    co_return;
  const auto message = co_await read_first(*client);
  if (!message)
    co_return;
  auto call = protocol::decode_exec(*message);
  if (!call) {
    co_await refuse(*client, call.error());
    co_return;
  }
  if (const auto why = refusal_of(with, call->request)) {
    co_await refuse(*client, *why);
    co_return;
  }
  with.stats.action_began();
  const auto executor = co_await asio::this_coro::executor;
  const auto runs = std::make_shared<fed_program>(executor, std::move(*client));
  const ending end_it{*runs};
  co_await runs->serve(std::move(call->request), with.one_shot);
}

} // namespace sandfleet::agent
