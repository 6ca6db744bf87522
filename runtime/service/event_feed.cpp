#include "runtime/service/event_feed.hpp"

#include "runtime/protocol/json_writer.hpp"
#include "runtime/service/journal_query.hpp"
#include "runtime/service/replies.hpp"

#include <boost/asio/post.hpp>

namespace sandfleet::service {

namespace asio = boost::asio;
using transport::http_exchange;

namespace {

constexpr std::int64_t most_at_once = 256;
/// So that what lies between takes the connection for alive.
constexpr std::chrono::seconds longest_silence{15};

std::string text_of(const journal::owned_status& news) {
  protocol::json_writer out;
  out.begin_object()
      .member("runtime_id", news.change.id.str())
      .member("session_id", news.session_id)
      .member("from", news.change.from)
      .member("to", news.change.to)
      .member("at_ms", std::chrono::duration_cast<std::chrono::milliseconds>(
                           news.change.at.time_since_epoch())
                           .count());
  std::string data = std::move(out).take();
  data += ",\"verdict\":" + (news.change.verdict.empty() ? "null" : news.change.verdict) + "}";
  return "id: " + std::to_string(news.change.number) + "\nevent: status\ndata: " + data + "\n\n";
}

} // namespace

/// Woken on its own strand.
struct event_feed::listener {
  explicit listener(asio::any_io_executor on)
      : executor(std::move(on)), timer(executor, asio::steady_timer::time_point::max()) {}

  asio::any_io_executor executor;
  asio::steady_timer timer;
  bool rung = false;
  bool closed = false;
};

void event_feed::begin() {
  listening_ = engine_.on_status([weak = weak_from_this()](const status_event&) {
    if (const auto self = weak.lock())
      self->ring();
  });
}

void event_feed::ring() {
  const std::lock_guard lock(mutex_);
  std::erase_if(listeners_, [](const auto& one) { return one.expired(); });
  for (const auto& one : listeners_)
    if (const auto held = one.lock())
      asio::post(held->executor, [held, closed = closed_] {
        held->rung = true;
        held->closed |= closed;
        held->timer.cancel();
      });
}

void event_feed::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  ring();
}

asio::awaitable<result<std::int64_t>> event_feed::latest() {
  std::function<result<std::int64_t>(journal::store&)> job = [](journal::store& store) {
    return store.latest_status();
  };
  return in_journal(engine_, std::move(job));
}

asio::awaitable<void> event_feed::send(http_exchange& exchange, feed_request wanted) {
  const auto self = shared_from_this();
  const auto me = std::make_shared<listener>(co_await asio::this_coro::executor);
  {
    const std::lock_guard lock(mutex_);
    me->closed = closed_;
    listeners_.push_back(me);
  }
  if (!wanted.after) {
    auto now = co_await latest();
    if (!now) {
      co_await reply_failure(exchange, status_of(now.error()), now.error());
      co_return;
    }
    wanted.after = *now;
  }
  exchange.cancel_when_client_goes();
  transport::header_list headers;
  headers.emplace_back("Content-Type", "text/event-stream");
  headers.emplace_back("Cache-Control", "no-cache");
  auto sent = co_await exchange.begin_reply(200, std::move(headers));
  if (sent)
    sent = co_await exchange.write(": here they come\n\n");
  while (sent && !me->closed) {
    me->rung = false;
    std::function<result<std::vector<journal::owned_status>>(journal::store&)> job =
        [wanted](journal::store& store) {
          return store.history_of(wanted.owner, wanted.runtime_id, *wanted.after, most_at_once);
        };
    const auto found = co_await in_journal(engine_, std::move(job));
    if (!found)
      co_return;
    std::string text;
    for (const auto& news : *found) {
      text += text_of(news);
      wanted.after = news.change.number;
    }
    if (found->empty() && !me->rung && !me->closed) {
      me->timer.expires_after(longest_silence);
      boost::system::error_code ec;
      co_await me->timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
      if (!me->rung && ec) // the client has gone
        co_return;
      if (!me->rung)
        text = ": still here\n\n";
    }
    if (!text.empty())
      sent = co_await exchange.write(text);
  }
}

} // namespace sandfleet::service
