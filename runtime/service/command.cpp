#include "runtime/service/command.hpp"

#include "actors/control_plane.hpp"
#include "actors/log.hpp"
#include "runtime/core/text.hpp"
#include "runtime/engine/access.hpp"
#include "runtime/protocol/agent_api.hpp"
#include "runtime/service/fleet.hpp"
#include "runtime/transport/http_client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <random>

/// The command of a client in the place of OpenHands' action execution server, such as that of its
/// V1 agent server. It is one action of the agent, named by an idempotency key: whoever asks again
/// gets the end of the one that runs.
namespace sandfleet::service {

namespace asio = boost::asio;
namespace json = boost::json;
using engine_detail::access;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::hours longest{24 * 3650};
constexpr std::chrono::minutes long_life{10}; ///< after which a command's ends are counted anew
constexpr std::chrono::milliseconds shortest_look{10};
constexpr std::chrono::milliseconds longest_look{500};
constexpr std::size_t tail_bytes = 2'000;

asio::awaitable<void> rest(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

transport::http_request request_for(const member& one) {
  transport::http_request request;
  request.method = "POST";
  request.target = "/execute_action";
  request.timeout = longest;
  request.headers.emplace_back("Content-Type", "application/json");
  request.headers.emplace_back(protocol::api_key_header, one.row().session_key);
  request.headers.emplace_back(protocol::idempotency_key_header,
                               "sandfleet-command-" + std::to_string(one.row().restarts));
  request.body = json::serialize(json::object{
      {"action",
       json::object{
           {"action", "run"},
           {"args", json::object{{"command", command_text(one.asked(), one.row().session_key)},
                                 {"session_id", "sandfleet-command"},
                                 {"blocking", true}}}}}});
  return request;
}

} // namespace

std::string command_text(const protocol::runtime_start& asked, const std::string& key) {
  std::string text;
  if (!asked.working_dir.empty())
    text = "cd " + core::quote_posix(asked.working_dir) + " && ";
  // The name that OpenHands' agent server has for the key that its clients show.
  text += "env SESSION_API_KEY=" + key + " OH_SESSION_API_KEYS_0=" + key;
  for (const auto& word : asked.command)
    text += " " + core::quote_posix(word);
  return text + " </dev/null";
}

command_end read_command_end(int status, std::string_view body) {
  command_end end;
  boost::system::error_code ec;
  const auto reply = json::parse(json::string_view(body.data(), body.size()), ec);
  const auto* members = ec ? nullptr : reply.if_object();
  if (status != 200 || members == nullptr) {
    end.output = std::string(body.substr(0, tail_bytes));
    return end;
  }
  if (const auto* content = members->if_contains("content"); content && content->is_string())
    end.output = std::string(content->get_string());
  if (end.output.size() > tail_bytes)
    end.output.erase(0, end.output.size() - tail_bytes);
  const auto at = [](const json::object* in, const char* name) -> const json::object* {
    const auto* found = in == nullptr ? nullptr : in->if_contains(name);
    return found == nullptr ? nullptr : found->if_object();
  };
  const auto* metadata = at(at(members, "extras"), "metadata");
  const auto* code = metadata == nullptr ? nullptr : metadata->if_contains("exit_code");
  if (code != nullptr && code->is_int64())
    end.exit_code = code->get_int64();
  return end;
}

std::string to_string(const command_end& end) {
  if (end.output.find("[The kernel killed") != std::string::npos)
    return "OOMKilled";
  return end.exit_code ? "exit code " + std::to_string(*end.exit_code) : "its end is not known";
}

namespace {

/// Completes when it runs, wakes nobody. False when it has ended.
asio::awaitable<bool> runs(engine& runtime, const member_ptr& one) {
  const auto here = co_await asio::this_coro::executor;
  const auto bell =
      std::make_shared<asio::steady_timer>(here, asio::steady_timer::time_point::max());
  const auto listening = runtime.on_status([bell, here, id = one->id()](const status_event& event) {
    if (event.id == id)
      asio::post(here, [bell] { bell->cancel(); });
  });
  for (;;) {
    const auto box = one->box();
    if (!box || one->has_ended())
      co_return false;
    if (box->state() == sandbox_state::ready && access::route_of(*box))
      co_return true;
    boost::system::error_code ignored;
    co_await bell->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

} // namespace

/// Until it answers on its port, or the command is begun again. Nobody tells who listens where.
asio::awaitable<void> fleet::await_answer(std::weak_ptr<fleet> of, member_ptr one,
                                          std::int64_t round) {
  auto pause = shortest_look;
  for (;;) {
    const auto self = of.lock();
    if (!self || self->closed_ || one->has_ended() || one->row().restarts != round ||
        one->command_is_ready())
      co_return;
    if (auto way = one->route(self->engine_.executor(), server_kind::main); way.server) {
      transport::header_list headers;
      headers.emplace_back("Host", "localhost");
      const transport::upstream_request request{"GET", "/", headers, 0};
      auto call = co_await way.server->begin(request, {}, 1s);
      if (call) {
        one->command_answers();
        co_return;
      }
    }
    co_await rest(pause);
    pause = std::min(2 * pause, longest_look);
  }
}

asio::awaitable<result<void>> fleet::run_command(std::weak_ptr<fleet> of, member_ptr one) {
  const auto here = co_await asio::this_coro::executor;
  std::optional<core::backoff> restarts;
  for (;;) {
    const auto self = of.lock();
    if (!self)
      co_return result<void>{};
    const bool there = co_await runs(self->engine_, one);
    if (!there)
      co_return result<void>{};
    const auto begun = member::clock::now();
    const auto round = one->row().restarts;
    asio::co_spawn(here, await_answer(of, one, round), asio::detached);
    const auto route = access::route_of(*one->box());
    if (!route)
      continue;
    transport::http_client agent(here, route->agent.where);
    auto reply = co_await agent.send(request_for(*one));
    if (one->has_ended())
      co_return result<void>{};
    if (!reply) {
      // A sandbox that stands still, or was stopped and started, is asked again when it runs.
      if (one->box()->state() == sandbox_state::ready)
        (void)co_await self->way_to(one, server_kind::agent, route->generation,
                                    std::move(reply.error()));
      co_await rest(shortest_look);
      continue;
    }
    const auto end = read_command_end(reply->status, reply->body);
    actors::log_event(
        actors::log_level::warning, "command_ended",
        {{"sandbox", one->id().str()}, {"how", to_string(end)}, {"output", end.output}});
    if (!restarts || member::clock::now() - begun > long_life)
      restarts.emplace(self->settings_.command_restarts, std::random_device{}());
    const auto wait = restarts->next_delay({});
    if (!wait) {
      self->end_failed_command(one, end);
      co_return result<void>{};
    }
    one->command_ended(to_string(end));
    self->note(one);
    co_await rest(*wait);
  }
}

void fleet::end_failed_command(const member_ptr& one, const command_end& end) {
  auto why =
      make_error(errc::start_failed, "the command of " + one->id().str() + " ends again and again")
          .blamed_on(failure_class::task)
          .with_cause(to_string(end))
          .with_hint("look at what it printed last")
          .with("output", end.output);
  const auto state =
      to_string(end) == "OOMKilled" ? sandbox_state::error_memory : sandbox_state::error;
  auto box = one->box();
  conclude_aloud(one, std::move(why), state);
  if (box)
    take_away(std::move(*box));
}

} // namespace sandfleet::service
