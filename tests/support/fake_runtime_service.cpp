#include "tests/support/fake_runtime_service.hpp"

#include "runtime/protocol/agent_api.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <stdexcept>

namespace sandfleet::tests {

namespace asio = boost::asio;
namespace json = boost::json;
using transport::header_list;
using transport::http_exchange;

namespace {

constexpr std::size_t max_body = 64U << 20;
const header_list json_type{{"Content-Type", "application/json"}};

std::string detail(const std::string& text) {
  return json::serialize(json::object{{"detail", text}});
}

transport::http_server_options one_by_one() {
  transport::http_server_options options;
  options.concurrent = false;
  return options;
}

struct named_call {
  std::string name;
  std::string subject; ///< session, runtime or path
  bool is_agents = false;
};

named_call read_call(const http_exchange& exchange) {
  const auto& path = exchange.path();
  const auto slash = path.find('/', 1);
  const auto first = path.substr(1, slash == std::string::npos ? slash : slash - 1);
  const auto rest = slash == std::string::npos ? std::string() : path.substr(slash + 1);
  if (first == "sessions")
    return {"session", rest};
  if (first == "runtime")
    return {"runtime", rest};
  if (!first.starts_with("rt"))
    return {first, exchange.query(first == "image_exists" ? "image" : "build_id").value_or("")};
  if (rest == "alive" || rest == "life")
    return {rest, first, true};
  return {"agent", first, true};
}

} // namespace

fake_runtime_service::fake_runtime_service(const asio::any_io_executor& executor)
    : executor_(executor),
      server_(
          executor, [this](http_exchange& exchange) { return handle(exchange); }, one_by_one()) {
  if (auto listening = server_.listen(transport::tcp_endpoint{"127.0.0.1", 0}); !listening)
    throw std::runtime_error(listening.error().to_string());
}

std::string fake_runtime_service::url() const {
  return "http://127.0.0.1:" + std::to_string(server_.port());
}

void fake_runtime_service::set(const std::string& call, mischief what, int times) {
  mischiefs_[call] = {what, times};
}

int fake_runtime_service::calls(const std::string& name) const {
  const auto found = calls_.find(name);
  return found == calls_.end() ? 0 : found->second;
}

asio::awaitable<void> fake_runtime_service::handle(http_exchange& exchange) {
  const auto call = read_call(exchange);
  ++calls_[call.name];
  const auto wanted = call.is_agents ? session_key : key;
  const auto shown =
      exchange.header(call.is_agents ? protocol::api_key_header : protocol::service_key_header);
  if (shown != wanted && !(call.name == "alive" && shown.empty()))
    wrong_keys.push_back(call.name);
  if (on_call)
    on_call(call.name);
  auto what = mischief::none;
  if (const auto found = mischiefs_.find(call.name);
      found != mischiefs_.end() && found->second.second > 0) {
    what = found->second.first;
    --found->second.second;
  }
  auto body = co_await exchange.read_body(max_body);
  if (!body)
    co_return;
  if (what == mischief::pauses)
    for (auto& [id, row] : rows)
      row.told.status = "paused";
  const bool does =
      what == mischief::none || what == mischief::pauses || what == mischief::does_and_resets;
  if (!does) {
    co_await misbehave(exchange, what);
    co_return;
  }
  auto reply = reply_to(call.name, call.subject, *body);
  if (what == mischief::does_and_resets)
    exchange.abandon();
  else
    (void)co_await exchange.reply(reply.status, json_type, std::move(reply.body));
}

asio::awaitable<void> fake_runtime_service::misbehave(http_exchange& exchange, mischief what) {
  const header_list at_once{{"Retry-After", "0"}, {"Content-Type", "text/html"}};
  const auto hang = [this]() -> asio::awaitable<void> {
    asio::steady_timer never(executor_, asio::steady_timer::time_point::max());
    (void)co_await never.async_wait(asio::as_tuple(asio::use_awaitable));
  };
  switch (what) {
  case mischief::busy:
    (void)co_await exchange.reply(429, at_once, detail("too many"));
    break;
  case mischief::away:
    (void)co_await exchange.reply(503, at_once, "<h1>503</h1>");
    break;
  case mischief::missing:
    (void)co_await exchange.reply(404, {}, "404 page not found");
    break;
  case mischief::bad_gateway:
    (void)co_await exchange.reply(502, {}, "<h1>502 Bad Gateway</h1>");
    break;
  case mischief::gateway_timeout:
    (void)co_await exchange.reply(504, {}, "");
    break;
  case mischief::refuses:
    (void)co_await exchange.reply(500, json_type, detail("something is wrong here"));
    break;
  case mischief::forbids:
    (void)co_await exchange.reply(401, json_type, detail("unknown key"));
    break;
  case mischief::resets:
    exchange.abandon();
    break;
  case mischief::breaks_off:
    (void)co_await exchange.begin_reply(200, json_type, 1000);
    (void)co_await exchange.write(R"({"runtime_id": "rt)");
    exchange.abandon();
    break;
  case mischief::answers_nonsense:
    (void)co_await exchange.reply(200, json_type, "{\"runtime_id\": ");
    break;
  case mischief::answers_another:
    (void)co_await exchange.reply(200, json_type, R"({"hello": 1})");
    break;
  case mischief::hangs:
    exchange.cancel_when_client_goes();
    co_await hang();
    break;
  case mischief::drips:
    exchange.cancel_when_client_goes();
    (void)co_await exchange.begin_reply(200, json_type, 1000);
    (void)co_await exchange.write("{");
    co_await hang();
    break;
  case mischief::none:
  case mischief::pauses:
  case mischief::does_and_resets:
    break;
  }
}

fake_runtime_service::answer fake_runtime_service::tell(sandbox_row& row) const {
  auto told = row.told;
  if (row.looks_until_ready > 0 && told.status == "running") {
    --row.looks_until_ready;
    told.status = "starting";
    told.pod_status = "pending";
  } else if (told.status == "paused") {
    told.pod_status = "not found";
  }
  return {200, protocol::encode_runtime(told)};
}

fake_runtime_service::answer fake_runtime_service::start(const std::string& body) {
  const auto asked = protocol::decode_runtime_start(body);
  if (!asked)
    return {422, detail(asked.error().to_string())};
  for (auto& [id, row] : rows)
    if (row.told.session_id == asked->session_id)
      return tell(row);
  const auto id = "rt" + std::to_string(next_++);
  auto& row = rows[id];
  row.asked = *asked;
  row.looks_until_ready = looks_until_ready;
  row.told.runtime_id = id;
  row.told.session_id = asked->session_id;
  row.told.url = url() + "/" + id;
  row.told.status = "running";
  row.told.pod_status = "ready";
  row.told.session_api_key = session_key;
  row.told.image = asked->image;
  return tell(row);
}

fake_runtime_service::answer fake_runtime_service::act_on(const std::string& name,
                                                          const std::string& body) {
  const auto id = protocol::decode_runtime_id(body);
  const auto found = id ? rows.find(*id) : rows.end();
  if (found == rows.end())
    return {404, detail("no such runtime")};
  if (name == "stop") {
    rows.erase(found);
    return {200, "{}"};
  }
  found->second.told.status = name == "pause" ? "paused" : "running";
  return {200, "{}"};
}

fake_runtime_service::answer fake_runtime_service::reply_to(const std::string& name,
                                                            const std::string& subject,
                                                            const std::string& body) {
  if (name == "start")
    return start(body);
  if (name == "stop" || name == "pause" || name == "resume")
    return act_on(name, body);
  if (name == "session") {
    for (auto& [id, row] : rows)
      if (row.told.session_id == subject)
        return tell(row);
    return {404, detail("no such session")};
  }
  if (name == "list") {
    std::vector<protocol::runtime_object> all;
    for (const auto& [id, row] : rows)
      all.push_back(row.told);
    return {200, protocol::encode_runtimes(all, false)};
  }
  if (name == "registry_prefix")
    return {200, R"({"registry_prefix":"registry.example/us"})"};
  if (name == "image_exists") {
    const bool exists = std::ranges::find(images, subject) != images.end();
    return {200, json::serialize(json::object{{"exists", exists}})};
  }
  if (name == "build") {
    build_body = body;
    return {200, R"({"build_id":"b1"})"};
  }
  if (name == "build_status") {
    const auto state = build_states.front();
    if (build_states.size() > 1)
      build_states.erase(build_states.begin());
    return {200, json::serialize(json::object{
                     {"status", state}, {"image", "built"}, {"error", "the build said no"}})};
  }
  const auto found = rows.find(subject);
  if (found == rows.end())
    return {404, name == "runtime" ? detail("no such runtime") : "404 page not found"};
  if (name == "runtime")
    return tell(found->second);
  if (found->second.told.status == "paused")
    return {503, "paused"};
  return {200, name == "agent" ? agent_reply : "{}"};
}

} // namespace sandfleet::tests
