#include "runtime/service/service.hpp"

#include "runtime/core/text.hpp"
#include "runtime/protocol/agent_api.hpp"
#include "runtime/protocol/json_writer.hpp"
#include "runtime/protocol/remote_api.hpp"
#include "runtime/service/event_feed.hpp"
#include "runtime/service/image_calls.hpp"
#include "runtime/service/openapi.hpp"
#include "runtime/service/proxy.hpp"
#include "runtime/service/replies.hpp"

#include <atomic>

namespace sandfleet::service {

namespace asio = boost::asio;
using transport::http_exchange;
using handling = asio::awaitable<void>;

namespace {

constexpr std::size_t max_body_bytes = std::size_t{4} << 20;
constexpr std::size_t max_connections = 16'384;

} // namespace

struct service::impl : std::enable_shared_from_this<service::impl> {
  impl(engine& runtime, std::shared_ptr<api_keys> given, service_settings s)
      : settings(std::move(s)), keys(std::move(given)),
        all(std::make_shared<fleet>(runtime, keys, settings.fleet, counted)),
        feed(std::make_shared<event_feed>(runtime)),
        images(std::make_shared<image_builds>(runtime.executor(), settings.images,
                                              settings.registry_prefix, settings.build_timeout)) {}

  /// The request's owner by its key.
  [[nodiscard]] result<std::string> authenticate(const http_exchange& exchange) const {
    if (auto owner = keys->owner_of(exchange.header(protocol::service_key_header)))
      return *owner;
    return fail(make_error(errc::permission_denied, "the API key is missing or wrong")
                    .with_hint("send it as the header X-API-Key"));
  }

  [[nodiscard]] protocol::runtime_object describe(const member& one,
                                                  const http_exchange& exchange) const {
    auto told = one.describe();
    const auto host = exchange.header("host");
    const auto base = settings.public_url.empty()
                          ? (settings.tls ? "https://" : "http://") +
                                (host.empty() ? std::string("localhost") : std::string(host))
                          : settings.public_url;
    told.url = url_of(base, told.runtime_id);
    told.work_hosts = work_hosts_of(base, told.runtime_id, one.port_of(server_kind::work_1),
                                    one.port_of(server_kind::work_2));
    return told;
  }

  handling reply_runtime(http_exchange& exchange, const member_ptr& one) const {
    return reply_json(exchange, 200, protocol::encode_runtime(describe(*one, exchange)));
  }

  handling reply_found(http_exchange& exchange, result<member_ptr> one) const {
    if (one)
      return reply_runtime(exchange, *one);
    return reply_failure(exchange, status_of(one.error()), one.error());
  }

  handling list(http_exchange& exchange, std::string owner) {
    std::vector<protocol::runtime_object> told;
    for (const auto& one : all->of(owner))
      told.push_back(describe(*one, exchange));
    return reply_json(exchange, 200, protocol::encode_runtimes(told, false));
  }

  handling batch(http_exchange& exchange, std::string owner) {
    std::vector<protocol::runtime_object> told;
    for (const auto& session : exchange.queries("ids"))
      if (const auto one = all->find_session(owner, session))
        told.push_back(describe(**one, exchange));
    return reply_json(exchange, 200, protocol::encode_runtimes(told, true));
  }

  handling send_events(http_exchange& exchange, std::string owner) {
    feed_request wanted;
    wanted.owner = std::move(owner);
    wanted.runtime_id = exchange.query("runtime_id").value_or("");
    const auto last = exchange.header("last-event-id");
    const auto after = last.empty() ? exchange.query("after") : std::optional(std::string(last));
    if (after) {
      wanted.after = core::parse_integer(*after);
      if (!wanted.after) {
        co_await reply_failure(
            exchange, 422,
            make_error(errc::invalid_argument, "after: '" + *after + "' is no number"));
        co_return;
      }
    }
    co_await feed->send(exchange, std::move(wanted));
  }

  handling start(http_exchange& exchange, std::string owner, std::string body) {
    auto asked = protocol::decode_runtime_start(body);
    if (!asked) {
      co_await reply_failure(exchange, 422, asked.error());
      co_return;
    }
    auto one = co_await all->start(std::move(owner), std::move(*asked));
    co_await reply_found(exchange, std::move(one));
  }

  enum class deed { stop, pause, resume };

  handling act(http_exchange& exchange, deed what, std::string owner, std::string body) {
    const auto id = protocol::decode_runtime_id(body);
    if (!id) {
      co_await reply_failure(exchange, 422, id.error());
      co_return;
    }
    const auto one = all->find(owner, *id);
    if (!one) {
      co_await reply_failure(exchange, 404, one.error());
      co_return;
    }
    result<void> done;
    switch (what) {
    case deed::stop:
      done = co_await all->stop(*one);
      break;
    case deed::pause:
      done = co_await all->pause(*one);
      break;
    case deed::resume:
      done = all->resume(*one);
      break;
    }
    if (done)
      co_await reply_runtime(exchange, *one);
    else
      co_await reply_failure(exchange, status_of(done.error()), done.error());
  }

  /// Nothing when the path is none of the API's.
  std::optional<handling> get(http_exchange& exchange, const std::string& owner) {
    const auto& path = exchange.path();
    const auto below = [&](std::string_view prefix) {
      return path.starts_with(prefix) ? std::optional(path.substr(prefix.size())) : std::nullopt;
    };
    if (path == "/list")
      return list(exchange, owner);
    if (path == "/sessions/batch")
      return batch(exchange, owner);
    if (const auto session = below("/sessions/"))
      return reply_found(exchange, all->find_session(owner, *session));
    if (const auto id = below("/runtime/"))
      return reply_found(exchange, all->find(owner, *id));
    if (path == "/image_exists")
      return reply_image_exists(*images, exchange);
    if (path == "/build_status")
      return reply_build_status(*images, owner, exchange);
    if (path == "/events")
      return send_events(exchange, owner);
    if (path == "/openapi.json")
      return reply_json(exchange, 200, std::string(openapi_document()));
    if (path == "/registry_prefix") {
      protocol::json_writer out;
      out.begin_object().member("registry_prefix", settings.registry_prefix).end_object();
      return reply_json(exchange, 200, std::move(out).take());
    }
    return std::nullopt;
  }

  handling post(http_exchange& exchange, std::string owner) {
    const auto path = exchange.path();
    if (path == "/build") {
      co_await reply_build(*images, std::move(owner), exchange);
      co_return;
    }
    const auto deed_of = [&]() -> std::optional<deed> {
      if (path == "/stop")
        return deed::stop;
      if (path == "/pause")
        return deed::pause;
      if (path == "/resume")
        return deed::resume;
      return std::nullopt;
    }();
    if (path != "/start" && !deed_of) {
      co_await reply_unknown(exchange);
      co_return;
    }
    auto body = co_await exchange.read_body(max_body_bytes);
    if (!body) {
      const int status = body.error().code == errc::limit_exceeded ? 413 : 400;
      co_await reply_failure(exchange, status, body.error());
      co_return;
    }
    if (deed_of)
      co_await act(exchange, *deed_of, std::move(owner), std::move(*body));
    else
      co_await start(exchange, std::move(owner), std::move(*body));
  }

  static handling reply_unknown(http_exchange& exchange) {
    return reply_failure(
        exchange, 404,
        make_error(errc::not_found,
                   "there is no " + std::string(exchange.method()) + " " + exchange.path()));
  }

  handling use_sandbox(http_exchange& exchange, address to) {
    if (draining)
      return refuse(exchange);
    auto which = all->find(to.id);
    if (!which)
      return reply_failure(exchange, 404, which.error());
    return pass_on(*all, std::move(*which), std::move(to), exchange);
  }

  handling show_metrics(http_exchange& exchange) const {
    transport::header_list headers;
    headers.emplace_back("Content-Type", "text/plain; version=0.0.4");
    auto text = counted->render(all->count(), all->warm());
    (void)co_await exchange.reply(200, std::move(headers), std::move(text));
  }

  handling handle(http_exchange& exchange) {
    const auto& path = exchange.path();
    if (path == "/healthz" || path == "/readyz") {
      co_await answer_probe(exchange, path == "/readyz");
      co_return;
    }
    if (path == "/metrics") {
      co_await show_metrics(exchange);
      co_return;
    }
    if (draining) {
      co_await refuse(exchange);
      co_return;
    }
    auto owner = authenticate(exchange);
    if (!owner) {
      co_await reply_failure(exchange, 401, owner.error());
      co_return;
    }
    if (exchange.method() == "POST") {
      co_await post(exchange, std::move(*owner));
      co_return;
    }
    if (exchange.method() == "GET")
      if (auto answer = get(exchange, *owner)) {
        co_await std::move(*answer);
        co_return;
      }
    co_await reply_unknown(exchange);
  }

  static handling refuse(http_exchange& exchange) {
    return reply_failure(exchange, 503,
                         make_error(errc::shutting_down, "the service is going down")
                             .with_hint("try again in a moment: sandboxes stay"));
  }

  handling answer_probe(http_exchange& exchange, bool of_readiness) const {
    const bool good = !of_readiness || (ready && !draining);
    return reply_json(exchange, good ? 200 : 503,
                      good ? R"({"status":"ok"})" : R"({"status":"no"})");
  }

  service_settings settings;
  std::shared_ptr<api_keys> keys;
  std::shared_ptr<metrics> counted = std::make_shared<metrics>();
  std::shared_ptr<fleet> all;
  std::shared_ptr<event_feed> feed;
  std::shared_ptr<image_builds> images;
  std::atomic<bool> ready{false};
  std::atomic<bool> draining{false};
  std::optional<transport::http_server> server;
};

namespace {

/// Holds what it uses for as long as a request is under way.
handling serve(std::shared_ptr<service::impl> self, http_exchange& exchange) {
  if (!self)
    co_return;
  auto to = read_address(exchange.header("host"), exchange.target());
  const char* const kind = to ? "sandbox" : "api";
  if (to)
    co_await self->use_sandbox(exchange, std::move(*to));
  else
    co_await self->handle(exchange);
  self->counted->count_request(kind, exchange.status());
}

transport::http_server_options server_options(const service_settings& settings) {
  transport::http_server_options options;
  if (settings.tls)
    options.carry = *settings.tls;
  options.max_connections = max_connections;
  return options;
}

} // namespace

service::service(engine& runtime, std::shared_ptr<api_keys> keys, service_settings settings)
    : impl_(std::make_shared<impl>(runtime, std::move(keys), std::move(settings))) {
  impl_->server.emplace(
      runtime.executor(),
      [weak = impl_->weak_from_this()](http_exchange& exchange) {
        return serve(weak.lock(), exchange);
      },
      server_options(impl_->settings));
}

service::~service() {
  impl_->all->close();
}

namespace {

/// A quota of what no sandbox has a limit of would never be used up.
result<void> check(const service_settings& settings, const api_keys& keys) {
  const auto refuse = [](const char* quota, const char* setting) {
    return fail(make_error(errc::invalid_configuration, std::string("an API key has ") + quota +
                                                            ", and sandboxes have no " + setting)
                    .with_hint(std::string("set ") + setting));
  };
  if (keys.limits_cpus() && !settings.fleet.base.limits.cpus)
    return refuse("max_cpus", "cpus");
  if (keys.limits_memory() && !settings.fleet.base.limits.memory_mb)
    return refuse("max_memory_mb", "memory_mb");
  return {};
}

} // namespace

asio::awaitable<result<void>> service::begin() {
  const auto self = impl_;
  const auto given = check(self->settings, *self->keys);
  if (!given)
    co_return given;
  auto recovered = co_await self->all->recover();
  if (!recovered)
    co_return recovered;
  self->feed->begin();
  auto listening = self->server->listen(self->settings.listen);
  self->ready = listening.has_value();
  co_return listening;
}

void service::keys_changed() {
  impl_->all->policies_changed();
}

std::uint16_t service::port() const {
  return impl_->server->port();
}

asio::awaitable<void> service::drain(std::chrono::milliseconds grace) {
  const auto self = impl_;
  self->draining = true;
  self->feed->close();
  co_await self->server->stop(grace);
}

} // namespace sandfleet::service
