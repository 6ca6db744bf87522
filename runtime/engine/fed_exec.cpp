#include "runtime/engine/agent_client.hpp"
#include "runtime/protocol/agent_api.hpp"
#include "runtime/protocol/stream_frame.hpp"
#include "runtime/protocol/terminal_api.hpp"
#include "runtime/transport/deadline.hpp"
#include "runtime/transport/op.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace sandfleet::engine_detail {

namespace asio = boost::asio;

namespace {

constexpr std::size_t max_input_message = 64U << 10;
constexpr std::chrono::milliseconds reply_margin{10'000};

/// One program whose input and outputs go over a WebSocket side by side. For one strand.
class fed_exec {
 public:
  using output_sink = std::function<void(int, std::string_view)>;
  using input_source = std::function<asio::awaitable<result<std::string>>()>;

  fed_exec(const asio::any_io_executor& strand, transport::websocket opened,
           const exec_request& request, output_sink on_output, input_source next_input)
      : strand_(strand), socket_(std::move(opened)), max_output_(request.max_output_bytes),
        on_output_(std::move(on_output)), next_input_(std::move(next_input)),
        pump_over_(strand, asio::steady_timer::time_point::max()) {}

  asio::awaitable<result<exec_result>> run(std::string order, std::chrono::milliseconds timeout) {
    co_await asio::this_coro::throw_if_cancelled(false);
    transport::deadline limit(strand_, timeout + reply_margin, [this] { socket_.drop(); });
    auto sent = co_await socket_.write_text(order);
    if (!sent)
      co_return fail(std::move(sent.error()));
    begin_pump();
    auto outcome = co_await take_outputs();
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    stop_pump_.emit(asio::cancellation_type::all);
    if (!outcome || pump_runs_)
      socket_.drop();
    while (pump_runs_)
      (void)co_await pump_over_.async_wait(asio::as_tuple(asio::use_awaitable));
    if (input_failure_)
      co_return fail(std::move(*input_failure_));
    if (limit.cancel())
      co_return fail(make_error(errc::timed_out, "GET /exec: no reply in time")
                         .blamed_on(failure_class::infrastructure));
    co_return outcome;
  }

 private:
  void begin_pump() {
    pump_runs_ = true;
    asio::co_spawn(
        strand_, pump(),
        asio::bind_cancellation_slot(stop_pump_.slot(),
                                     [this](const std::exception_ptr& thrown, result<void> fed) {
                                       if (thrown)
                                         fed = fail(transport::describe_exception(thrown));
                                       if (!fed && fed.error().code != errc::cancelled)
                                         input_failure_ = std::move(fed.error());
                                       if (!fed)
                                         socket_.drop();
                                       pump_runs_ = false;
                                       pump_over_.cancel();
                                     }));
  }

  /// That the agent takes no more is told by what it says, or does not say, at last.
  asio::awaitable<result<void>> pump() {
    for (;;) {
      auto piece = co_await next_input_();
      if (!piece)
        co_return fail(std::move(piece.error()));
      std::string_view left = *piece;
      do {
        const auto sent = co_await socket_.write_bytes(left.substr(0, max_input_message));
        if (!sent)
          co_return result<void>{};
        left.remove_prefix(std::min(left.size(), max_input_message));
      } while (!left.empty());
      if (piece->empty())
        co_return result<void>{};
    }
  }

  asio::awaitable<result<exec_result>> take_outputs() {
    protocol::frame_decoder frames;
    exec_result kept;
    std::string end;
    while (!frames.ended()) {
      const auto message = co_await socket_.read();
      if (!message || !*message) {
        auto broken = message ? make_error(errc::connection_failed,
                                           "GET /exec: the agent has closed the stream")
                              : message.error();
        co_return fail(std::move(broken).with("connected", std::int64_t{1}));
      }
      if ((*message)->is_text)
        co_return fail(refusal((*message)->payload));
      auto fed = frames.feed((*message)->payload,
                             [&](protocol::frame_type type, std::string_view payload) {
                               if (type == protocol::frame_type::end)
                                 end = payload;
                               else if (on_output_)
                                 on_output_(static_cast<int>(type), payload);
                               else
                                 keep(kept, type, payload);
                             });
      if (!fed)
        co_return fail(std::move(fed.error()));
    }
    auto outcome = protocol::decode_exec_reply(end);
    if (outcome) {
      outcome->out = std::move(kept.out);
      outcome->err = std::move(kept.err);
      outcome->out_truncated = kept.out_truncated;
      outcome->err_truncated = kept.err_truncated;
    }
    co_return outcome;
  }

  void keep(exec_result& kept, protocol::frame_type type, std::string_view payload) const {
    const bool is_out = type == protocol::frame_type::standard_output;
    auto& text = is_out ? kept.out : kept.err;
    auto& truncated = is_out ? kept.out_truncated : kept.err_truncated;
    const auto room = max_output_ - text.size();
    text.append(payload.substr(0, room));
    truncated = truncated || payload.size() > room;
  }

  static error refusal(std::string_view text) {
    const auto news = protocol::decode_terminal_news(text);
    const auto* refused = news ? std::get_if<protocol::terminal_refused>(&*news) : nullptr;
    if (refused == nullptr)
      return make_error(errc::protocol_error, "GET /exec: no answer to what was asked");
    return protocol::decode_failure(refused->status, protocol::encode_detail(refused->detail),
                                    "GET /exec");
  }

  asio::any_io_executor strand_;
  transport::websocket socket_;
  std::size_t max_output_;
  output_sink on_output_;
  input_source next_input_;
  asio::steady_timer pump_over_;
  asio::cancellation_signal stop_pump_;
  std::optional<error> input_failure_;
  bool pump_runs_ = false;
};

} // namespace

asio::awaitable<result<exec_result>>
agent_client::exec_fed(asio::any_io_executor executor, exec_request request,
                       std::function<void(int, std::string_view)> on_output,
                       std::function<asio::awaitable<result<std::string>>()> next_input) const {
  auto opened = co_await open(executor, "/exec");
  if (!opened)
    co_return fail(std::move(opened.error()));
  fed_exec call(executor, std::move(*opened), request, std::move(on_output), std::move(next_input));
  co_return co_await call.run(protocol::encode_exec(request), request.timeout);
}

} // namespace sandfleet::engine_detail
