#include "runtime/providers/remote/api.hpp"

#include "runtime/core/backoff.hpp"
#include "runtime/protocol/agent_api.hpp"
#include "runtime/protocol/remote_replies.hpp"
#include "runtime/tls/client.hpp"
#include "runtime/transport/base_url.hpp"
#include "runtime/transport/retry_after.hpp"
#include "runtime/transport/url.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <mutex>
#include <random>

namespace sandfleet::providers::remote {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t idle_connections = 8;
constexpr std::size_t max_reply = std::size_t{32} << 20;
constexpr unsigned network_retries = 3;
/// A call that is refused for the moment is made again for as long as there is patience.
constexpr unsigned no_end = 1'000'000;
constexpr int patience_in_requests = 3;
constexpr milliseconds least_pause{50}; ///< though the service says: at once

milliseconds left_until(clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - clock::now());
  return std::max(left, milliseconds{1});
}

core::backoff pauses(unsigned retries, milliseconds patience) {
  core::backoff_policy policy;
  policy.base = milliseconds(200);
  policy.cap = milliseconds(10'000);
  policy.max_attempts = retries + 1;
  policy.max_elapsed = patience;
  return core::backoff(policy, std::random_device{}());
}

asio::awaitable<bool> passes(milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  boost::system::error_code ended;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ended));
  co_return !ended;
}

} // namespace

struct service_api::shared {
  shared(asio::any_io_executor on, remote_options given, transport::base_url at)
      : executor(std::move(on)), options(std::move(given)), base(std::move(at)) {}

  asio::any_io_executor executor;
  remote_options options;
  transport::base_url base;
  std::optional<transport::http_client> http;
  std::mutex mutex;
  std::shared_ptr<transport::connector> secure; ///< made when it is needed: it reads files

  result<std::shared_ptr<transport::connector>> connector_for(bool is_secure) {
    if (!is_secure)
      return nullptr;
    const std::lock_guard lock(mutex);
    if (!secure) {
      auto made = tls::make_connector({});
      if (!made)
        return fail(std::move(made.error()));
      secure = std::move(*made);
    }
    return secure;
  }
};

service_api::service_api(std::shared_ptr<shared> made, milliseconds patience)
    : shared_(std::move(made)), patience_(patience) {}

result<service_api> service_api::open(asio::any_io_executor executor, remote_options options) {
  auto base = transport::parse_base_url(options.api_url);
  if (!base) {
    auto failure = std::move(base.error());
    failure.code = errc::invalid_configuration;
    failure.message = "remote_runtime_api_url: " + failure.message;
    return fail(std::move(failure));
  }
  if (options.api_key.empty())
    return fail(make_error(errc::invalid_configuration,
                           "api_key: the provider remote needs the key of its service")
                    .with_hint("set SANDBOX_API_KEY"));
  if (!std::ranges::all_of(options.api_key, [](char c) { return c > ' ' && c < '\x7f'; }))
    return fail(make_error(errc::invalid_configuration, "api_key: it cannot be sent in a header")
                    .with_cause("it has blanks, or bytes that are no ASCII"));
  const auto patience = patience_in_requests * options.api_timeout;
  auto made = std::make_shared<shared>(std::move(executor), std::move(options), std::move(*base));
  auto by = made->connector_for(made->base.is_secure);
  if (!by)
    return fail(std::move(by.error()));
  made->http.emplace(made->executor, transport::endpoint(made->base.where), idle_connections,
                     std::move(*by));
  return service_api(std::move(made), patience);
}

service_api service_api::within(milliseconds patience) const {
  return {shared_, std::min(patience, patience_)};
}

service_api service_api::lasting(milliseconds patience) const {
  return {shared_, patience};
}

const std::string& service_api::url() const {
  return shared_->options.api_url;
}

void service_api::keep_none() {
  shared_->http->keep_none();
}

asio::awaitable<result<std::optional<std::string>>> service_api::send(service_call call) const {
  const auto held = shared_;
  const auto& options = held->options;
  const auto begun = clock::now();
  const auto deadline = begun + patience_;
  auto after_breaks = pauses(options.enable_retries ? network_retries : 0, patience_);
  auto after_refusals = pauses(no_end, patience_);
  for (;;) {
    transport::http_request request;
    request.method = call.method;
    request.target = held->base.path + call.target;
    request.headers = {{std::string(protocol::service_key_header), options.api_key},
                       {"Accept", "application/json"}};
    if (!call.body.empty())
      request.headers.emplace_back("Content-Type", call.content_type);
    request.body = call.body;
    request.timeout = std::min(options.api_timeout, left_until(deadline));
    request.max_reply_bytes = max_reply;
    auto reply = co_await held->http->send(std::move(request));
    const auto elapsed = std::chrono::duration_cast<milliseconds>(clock::now() - begun);

    if (reply && reply->status >= 200 && reply->status < 300)
      co_return std::optional(std::move(reply->body));
    if (reply && reply->status == 404 && call.may_be_missing)
      co_return std::nullopt;
    std::optional<milliseconds> pause;
    error failure;
    if (reply) {
      failure = explain_refusal(call.what, reply->status, reply->body);
      // Of 502 and 504 it is not known what became of it.
      const bool unheard = reply->status == 429 || reply->status == 503;
      if (is_passing(reply->status) && (unheard || call.again == repetition::harmless)) {
        pause = after_refusals.next_delay(elapsed);
        if (reply->status == 429 && call.busy_wait)
          pause = call.busy_wait;
        const auto now = std::chrono::system_clock::now();
        if (const auto told = transport::parse_retry_after(reply->header("retry-after"), now))
          pause = std::max(*told, least_pause);
      }
    } else {
      const bool broke =
          reply.error().code == errc::connection_failed || reply.error().code == errc::timed_out;
      if (broke && (call.again == repetition::harmless || was_never_sent(reply.error())))
        pause = after_breaks.next_delay(elapsed);
      failure = explain_silence(call.what, options.api_url, std::move(reply.error()));
    }
    if (!pause || clock::now() + *pause >= deadline)
      co_return fail(std::move(failure));
    const bool passed = co_await passes(*pause);
    if (!passed)
      co_return fail(errc::cancelled, "remote: to " + call.what + " was cancelled");
  }
}

asio::awaitable<result<std::optional<protocol::runtime_object>>>
service_api::find_session(std::string session) const {
  service_call call;
  call.what = "look for the session '" + session + "'";
  call.target = "/sessions/" + transport::url_encode_path(session);
  call.may_be_missing = true;
  return ask<runtime_object>(std::move(call), protocol::decode_runtime);
}

asio::awaitable<result<std::optional<protocol::runtime_object>>>
service_api::find(std::string runtime_id) const {
  service_call call;
  call.what = "look for the runtime '" + runtime_id + "'";
  call.target = "/runtime/" + transport::url_encode_path(runtime_id);
  call.may_be_missing = true;
  return ask<runtime_object>(std::move(call), protocol::decode_runtime);
}

asio::awaitable<result<std::vector<protocol::runtime_object>>> service_api::list() const {
  service_call call;
  call.what = "list the sandboxes";
  call.target = "/list";
  auto all = co_await ask<std::vector<runtime_object>>(std::move(call), protocol::decode_runtimes);
  if (!all)
    co_return fail(std::move(all.error()));
  co_return std::move(**all);
}

asio::awaitable<result<protocol::runtime_object>>
service_api::start(protocol::runtime_start asked) const {
  service_call call;
  call.what = "start a sandbox for the session '" + asked.session_id + "'";
  call.method = "POST";
  call.target = "/start";
  call.body = protocol::encode_runtime_start(asked);
  call.again = repetition::second_deed;
  auto made = co_await ask<runtime_object>(std::move(call), protocol::decode_runtime);
  if (!made)
    co_return fail(std::move(made.error()));
  co_return std::move(**made);
}

asio::awaitable<result<bool>> service_api::act(std::string what, std::string target,
                                               std::string runtime_id) const {
  const auto self = *this;
  service_call call;
  call.what = std::move(what) + " the runtime '" + runtime_id + "'";
  call.method = "POST";
  call.target = std::move(target);
  call.body = protocol::encode_runtime_id(runtime_id);
  call.may_be_missing = true;
  const auto done = co_await self.send(std::move(call));
  if (!done)
    co_return fail(done.error());
  co_return done->has_value();
}

asio::awaitable<result<bool>> service_api::stop(std::string runtime_id) const {
  return act("stop", "/stop", std::move(runtime_id));
}

asio::awaitable<result<bool>> service_api::pause(std::string runtime_id) const {
  return act("pause", "/pause", std::move(runtime_id));
}

asio::awaitable<result<bool>> service_api::resume(std::string runtime_id) const {
  return act("resume", "/resume", std::move(runtime_id));
}

result<transport::http_base> service_api::way_to(const std::string& url) const {
  auto base = transport::parse_base_url(url);
  if (!base) {
    base.error().code = errc::protocol_error;
    base.error().blame = failure_class::infrastructure;
    base.error().message =
        "remote: the service gave the sandbox an address of no use: " + base.error().message;
    return fail(std::move(base.error()));
  }
  auto by = shared_->connector_for(base->is_secure);
  if (!by)
    return fail(std::move(by.error()));
  transport::http_base way(std::move(base->where));
  way.by = std::move(*by);
  way.path = std::move(base->path);
  way.is_behind_gateway = true;
  return way;
}

asio::awaitable<bool> service_api::is_alive(transport::http_base agent, std::string session_key,
                                            milliseconds patience) const {
  const auto held = shared_;
  transport::http_request request;
  request.target = agent.path + "/alive";
  if (!session_key.empty())
    request.headers.emplace_back(protocol::api_key_header, std::move(session_key));
  request.timeout = std::min(patience, held->options.api_timeout);
  transport::http_client http(held->executor, agent.where, 0, agent.by);
  const auto reply = co_await http.send(std::move(request));
  co_return reply && reply->status == 200;
}

} // namespace sandfleet::providers::remote
