#include "tests/support/fake_docker.hpp"

#include "runtime/protocol/stream_frame.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <stdexcept>

namespace sandfleet::tests {

namespace asio = boost::asio;
namespace json = boost::json;
using transport::http_exchange;

namespace {

constexpr std::size_t max_body = 64U << 20;
const transport::header_list json_type{{"Content-Type", "application/json"}};

std::shared_ptr<asio::steady_timer> bell(const asio::any_io_executor& executor) {
  return std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
}

asio::awaitable<void> rings(std::shared_ptr<asio::steady_timer> one) {
  (void)co_await one->async_wait(asio::as_tuple(asio::use_awaitable));
}

std::string message(const std::string& text) {
  return json::serialize(json::object{{"message", text}});
}

/// The call's name and the container that it is about, of a path without its version.
std::pair<std::string, std::string> read_call(std::string_view method, std::string path) {
  if (path.starts_with("/v"))
    path = path.substr(path.find('/', 1));
  if (path == "/_ping")
    return {"ping", ""};
  if (path == "/info")
    return {"info", ""};
  if (path == "/events")
    return {"events", ""};
  if (path == "/images/create")
    return {"pull", ""};
  if (path == "/volumes")
    return {"volumes", ""};
  if (path.starts_with("/images/"))
    return {"image", ""};
  if (path == "/containers/create")
    return {"create", ""};
  if (path == "/containers/json")
    return {"list", ""};
  if (path.starts_with("/networks/"))
    return {"connect", ""};
  const auto rest = path.substr(std::string("/containers/").size());
  const auto slash = rest.find('/');
  const auto name = rest.substr(0, slash);
  if (slash == std::string::npos)
    return {method == "DELETE" ? "remove" : "unknown", name};
  const auto what = rest.substr(slash + 1);
  return {what == "json" ? "inspect" : what, name};
}

} // namespace

namespace {

transport::http_server_options one_by_one() {
  transport::http_server_options options;
  options.concurrent = false;
  return options;
}

} // namespace

fake_docker::fake_docker(const asio::any_io_executor& executor, const std::string& socket)
    : executor_(executor), news_(bell(executor)), socket_(socket),
      tcp_server_(
          executor, [this](http_exchange& exchange) { return handle(exchange); }, one_by_one()) {
  come_back();
}

void fake_docker::go_away() {
  server_.reset();
}

void fake_docker::come_back() {
  server_ = std::make_unique<transport::http_server>(
      executor_, [this](http_exchange& exchange) { return handle(exchange); }, one_by_one());
  if (auto listening = server_->listen(transport::unix_endpoint{socket_}); !listening)
    throw std::runtime_error(listening.error().to_string());
}

std::uint16_t fake_docker::listen_on_tcp() {
  if (auto listening = tcp_server_.listen(transport::tcp_endpoint{"127.0.0.1", 0}); !listening)
    throw std::runtime_error(listening.error().to_string());
  return tcp_server_.port();
}

void fake_docker::set_fault(const std::string& call, fault what, int times) {
  faults_[call] = {what, times};
}

std::vector<std::string> fake_docker::containers() const {
  std::vector<std::string> names;
  for (const auto& [name, one] : table_)
    names.push_back(name);
  return names;
}

int fake_docker::calls(const std::string& name) const {
  const auto found = calls_.find(name);
  return found == calls_.end() ? 0 : found->second;
}

void fake_docker::tell(const std::string& name, const std::string& action) {
  json::object attributes;
  for (const auto& [label, value] : table_[name].labels)
    attributes[label] = value;
  told_.push_back(json::serialize(
      json::object{{"Type", "container"},
                   {"Action", action},
                   {"Actor", json::object{{"ID", name}, {"Attributes", std::move(attributes)}}}}));
  news_->cancel();
}

void fake_docker::end_container(const std::string& name, int exit_code, bool oom) {
  auto& ended = table_.at(name);
  ended.status = "exited";
  ended.exit_code = exit_code;
  ended.oom = oom;
  if (oom)
    tell(name, "oom");
  tell(name, "die");
  ended.output->cancel();
}

void fake_docker::cut_events() {
  ++events_generation_;
  news_->cancel();
}

void fake_docker::cut_output(const std::string& name) {
  ++table_.at(name).output_generation;
  table_.at(name).output->cancel();
}

asio::awaitable<void> fake_docker::handle(http_exchange& exchange) {
  const auto [name, container_name] = read_call(exchange.method(), exchange.path());
  ++calls_[name];
  if (on_call)
    on_call(name, container_name);
  auto what = fault::none;
  if (const auto found = faults_.find(name); found != faults_.end() && found->second.second > 0) {
    what = found->second.first;
    --found->second.second;
  }
  switch (what) {
  case fault::none:
    co_await answer(exchange, name, container_name);
    break;
  case fault::does_and_resets:
    if (name == "create")
      table_[exchange.query("name").value_or("")].output = bell(executor_);
    else if (name == "remove")
      table_.erase(container_name);
    exchange.abandon();
    break;
  case fault::refuses:
    co_await exchange.reply(500, json_type, message("something is wrong here"));
    break;
  case fault::says_conflict:
    co_await exchange.reply(409, json_type, message("the name is in use"));
    break;
  case fault::says_missing:
    co_await exchange.reply(404, json_type, message("No such container: " + container_name));
    break;
  case fault::forbids:
    co_await exchange.reply(403, json_type, message("authorization denied by plugin"));
    break;
  case fault::disk_is_full:
    co_await exchange.reply(500, json_type,
                            message("mkdir /var/lib/docker/overlay2/x: no space left on device"));
    break;
  case fault::port_is_taken:
    co_await exchange.reply(
        500, json_type, message("driver failed: Bind for 0.0.0.0:1: port is already allocated"));
    break;
  case fault::resets:
    exchange.abandon();
    break;
  case fault::breaks_off: {
    (void)co_await exchange.begin_reply(200, json_type, 1000);
    (void)co_await exchange.write(R"({"Id": "c0)");
    exchange.abandon();
    break;
  }
  case fault::answers_nonsense:
    co_await exchange.reply(200, json_type, "{\"Id\": ");
    break;
  case fault::hangs:
    exchange.cancel_when_client_goes();
    co_await rings(bell(executor_));
    break;
  }
}

asio::awaitable<void> fake_docker::answer(http_exchange& exchange, std::string name,
                                          std::string container_name) {
  const auto body = co_await exchange.read_body(max_body);
  if (!body)
    co_return;
  auto status = 200;
  std::string reply;
  const auto at = table_.find(container_name);
  const bool known = at != table_.end();
  if (name == "ping") {
    const transport::header_list version{{"Api-Version", "1.41"}};
    co_await exchange.reply(200, version, "OK");
    co_return;
  }
  if (name == "info") {
    const json::object info{{"LiveRestoreEnabled", live_restore}};
    co_await exchange.reply(200, json_type, json::serialize(info));
    co_return;
  }
  if (name == "events")
    co_return co_await events(exchange);
  if (name == "attach" && known)
    co_return co_await attach(exchange, container_name);
  if (name == "pull") {
    has_image = true;
    reply = "{\"status\":\"Pulling\"}\n";
  } else if (name == "image") {
    status = has_image ? 200 : 404;
    reply = has_image ? R"({"Id":"sha256:1","Config":{"User":""}})" : message("No such image");
  } else if (name == "create" && !has_image) {
    status = 404;
    reply = message("No such image: x:1");
  } else if (name == "create") {
    const auto made = exchange.query("name").value_or("");
    auto& one = table_[made];
    one.output = bell(executor_);
    const auto asked = json::parse(*body);
    for (const auto& [label, value] : asked.at("Labels").as_object())
      one.labels[label] = std::string(value.as_string());
    status = 201;
    reply = json::serialize(json::object{{"Id", made}, {"Warnings", json::array{}}});
  } else if (name == "list") {
    json::array list;
    for (const auto& [each, one] : table_) {
      json::object labels;
      for (const auto& [label, value] : one.labels)
        labels[label] = value;
      list.push_back(json::object{{"Id", each},
                                  {"Names", json::array{"/" + each}},
                                  {"State", one.status},
                                  {"Labels", std::move(labels)}});
    }
    reply = json::serialize(list);
  } else if (name == "volumes") {
    reply = R"({"Volumes":null,"Warnings":null})";
  } else if (name == "connect") {
  } else if (!known) {
    status = 404;
    reply = message("No such container: " + container_name);
  } else if (name == "start") {
    at->second.status = "running";
    at->second.output->cancel();
    status = 204;
    if (ends_at_once)
      end_container(container_name, 1);
  } else if (name == "inspect") {
    const auto& one = at->second;
    json::object labels;
    for (const auto& [label, value] : one.labels)
      labels[label] = value;
    reply = json::serialize(json::object{{"Id", container_name},
                                         {"Config", json::object{{"Labels", std::move(labels)}}},
                                         {"State", json::object{{"Status", one.status},
                                                                {"ExitCode", one.exit_code},
                                                                {"OOMKilled", one.oom}}}});
  } else if (name == "stats") {
    reply = "{}";
  } else if (name == "remove") {
    at->second.output->cancel();
    table_.erase(at);
    status = 204;
  } else {
    status = 204;
  }
  co_await exchange.reply(status, json_type, std::move(reply));
}

asio::awaitable<void> fake_docker::attach(http_exchange& exchange, std::string name) {
  exchange.cancel_when_client_goes();
  const auto begun = co_await exchange.begin_reply(200, {});
  bool told = false;
  const auto generation = table_.at(name).output_generation;
  while (begun) {
    const auto found = table_.find(name);
    if (found == table_.end() || found->second.status == "exited" ||
        found->second.output_generation != generation)
      co_return;
    if (found->second.status == "running" && says_ready && !std::exchange(told, true)) {
      std::string frame;
      protocol::append_frame(frame, protocol::frame_type::standard_output, "ready\n");
      const auto written = co_await exchange.write(frame);
      if (!written)
        co_return;
    }
    co_await rings(found->second.output);
  }
}

asio::awaitable<void> fake_docker::events(http_exchange& exchange) {
  exchange.cancel_when_client_goes();
  const auto generation = events_generation_;
  std::size_t next = told_.size();
  const auto begun = co_await exchange.begin_reply(200, json_type);
  while (begun && generation == events_generation_) {
    for (; next < told_.size(); ++next) {
      const auto written = co_await exchange.write(told_[next] + "\n");
      if (!written)
        co_return;
    }
    co_await rings(news_);
  }
}

} // namespace sandfleet::tests
