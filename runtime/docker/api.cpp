#include "runtime/docker/api.hpp"

#include "runtime/core/line_splitter.hpp"
#include "runtime/docker/json_view.hpp"
#include "runtime/protocol/json_writer.hpp"
#include "runtime/protocol/stream_frame.hpp"
#include "runtime/transport/url.hpp"

#include <memory>

namespace sandfleet::docker {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds without_end = std::chrono::hours(24 * 365);
constexpr std::size_t longest_line = 1U << 20;

std::string container_path(const std::string& container, std::string_view call = {}) {
  return "/containers/" + transport::url_encode_path(container) + std::string(call);
}

std::string label_filter(const std::string& label, std::string_view type = {}) {
  protocol::json_writer out;
  out.begin_object();
  out.key("label").begin_array().value(label).end_array();
  if (!type.empty())
    out.key("type").begin_array().value(type).end_array();
  out.end_object();
  return std::move(out).take();
}

std::string short_id(const std::string& container) {
  return container.substr(0, container.find_first_not_of("0123456789abcdef") == std::string::npos
                                 ? 12
                                 : std::string::npos);
}

bool is(const error& failure, std::int64_t status) {
  for (const auto& [name, value] : failure.evidence)
    if (name == "http_status" && std::holds_alternative<std::int64_t>(value))
      return std::get<std::int64_t>(value) == status;
  return false;
}

result<void> dropped(const result<std::string>& reply) {
  return reply ? result<void>() : fail(reply.error());
}

} // namespace

image_name split_image_name(std::string_view name) {
  if (const auto at = name.find('@'); at != std::string_view::npos)
    return {std::string(name.substr(0, at)), std::string(name.substr(at + 1))};
  const auto slash = name.rfind('/');
  const auto colon = name.rfind(':');
  if (colon == std::string_view::npos || (slash != std::string_view::npos && colon < slash))
    return {std::string(name), "latest"};
  return {std::string(name.substr(0, colon)), std::string(name.substr(colon + 1))};
}

asio::awaitable<result<std::string>> api::send(api_call call) {
  call.timeout = patience_;
  return calls_.send(std::move(call));
}

asio::awaitable<result<void>> api::act(std::string what, std::string method, std::string path) {
  api_call call;
  call.what = std::move(what);
  call.method = std::move(method);
  call.path = std::move(path);
  co_return dropped(co_await send(std::move(call)));
}

asio::awaitable<result<engine_info>> api::info() {
  api_call call;
  call.what = "ask the engine about itself";
  call.path = "/info";
  const auto reply = co_await send(std::move(call));
  if (!reply)
    co_return fail(reply.error());
  co_return read_info(*reply);
}

asio::awaitable<std::string> api::identity() {
  const auto known = identity_;
  {
    const std::lock_guard lock(known->mutex);
    if (!known->text.empty())
      co_return known->text;
  }
  const auto podman = co_await is_podman();
  std::string told;
  if (podman && *podman) { // makes up another id for each who asks
    told = to_string(host().where);
  } else if (podman) {
    const auto seen = co_await info();
    if (seen)
      told = seen->id + ":" + seen->root_dir;
  }
  const std::lock_guard lock(known->mutex);
  known->text = told;
  co_return told;
}

asio::awaitable<result<created_container>> api::create(std::string name, std::string body,
                                                       std::string platform) {
  api_call call;
  call.what = "create the container " + name;
  call.method = "POST";
  call.path = "/containers/create";
  call.query.emplace_back("name", std::move(name));
  if (!platform.empty())
    call.query.emplace_back("platform", std::move(platform));
  call.body = std::move(body);
  const auto reply = co_await send(std::move(call));
  if (!reply)
    co_return fail(reply.error());
  const auto read = json_text::parse(*reply, "the creation of a container");
  if (!read)
    co_return fail(read.error());
  created_container made;
  made.id = read->root().at("Id").text();
  if (made.id.empty())
    co_return fail(errc::protocol_error, "the creation of a container: the reply has no Id");
  read->root().at("Warnings").each([&](const json_view& one) {
    made.warnings.push_back(one.text());
  });
  co_return made;
}

asio::awaitable<result<void>> api::start(std::string container) {
  return act("start the container " + short_id(container), "POST",
             container_path(container, "/start"));
}

asio::awaitable<result<void>> api::stop(std::string container, milliseconds grace) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(grace);
  api_call call;
  call.what = "stop the container " + short_id(container);
  call.method = "POST";
  call.path = container_path(container, "/stop");
  call.query.emplace_back("t", std::to_string(seconds.count()));
  call.timeout = patience_ + seconds;
  co_return dropped(co_await calls_.send(std::move(call)));
}

asio::awaitable<result<void>> api::kill(std::string container) {
  auto done = co_await act("kill the container " + short_id(container), "POST",
                           container_path(container, "/kill"));
  if (!done && is(done.error(), 409)) // it does not run
    co_return result<void>{};
  co_return done;
}

asio::awaitable<result<void>> api::pause(std::string container) {
  return act("pause the container " + short_id(container), "POST",
             container_path(container, "/pause"));
}

asio::awaitable<result<void>> api::unpause(std::string container) {
  auto done = co_await act("resume the container " + short_id(container), "POST",
                           container_path(container, "/unpause"));
  if (!done && done.error().cause.ends_with("is not paused"))
    co_return result<void>{};
  co_return done;
}

asio::awaitable<result<void>> api::remove(std::string container) {
  api_call call;
  call.what = "remove the container " + short_id(container);
  call.method = "DELETE";
  call.path = container_path(container);
  call.query = {{"force", "1"}, {"v", "1"}};
  auto done = dropped(co_await send(std::move(call)));
  if (!done && is(done.error(), 409)) // somebody else is at it
    done = co_await await_removal(container);
  if (!done && is(done.error(), 404))
    co_return result<void>{};
  co_return done;
}

asio::awaitable<result<void>> api::await_removal(std::string container) {
  auto done = co_await act("wait for the end of the container " + short_id(container), "POST",
                           container_path(container, "/wait?condition=removed"));
  if (!done && is(done.error(), 404))
    co_return result<void>{};
  co_return done;
}

asio::awaitable<result<std::optional<container_info>>> api::inspect(std::string container) {
  api_call call;
  call.what = "look at the container " + short_id(container);
  call.path = container_path(container, "/json");
  const auto reply = co_await send(std::move(call));
  if (!reply && is(reply.error(), 404))
    co_return std::optional<container_info>();
  if (!reply)
    co_return fail(reply.error());
  auto read = read_container(*reply);
  if (!read)
    co_return fail(std::move(read.error()));
  co_return std::optional(std::move(*read));
}

asio::awaitable<result<resource_usage>> api::usage(std::string container) {
  api_call call;
  call.what = "count what the container " + short_id(container) + " uses";
  call.path = container_path(container, "/stats");
  call.query = {{"stream", "0"}, {"one-shot", "1"}};
  const auto reply = co_await send(std::move(call));
  if (!reply)
    co_return fail(reply.error());
  co_return read_usage(*reply);
}

asio::awaitable<result<std::vector<container_summary>>> api::list(std::string label) {
  api_call call;
  call.what = "list containers";
  call.path = "/containers/json";
  call.query = {{"all", "1"}, {"filters", label_filter(label)}};
  const auto reply = co_await send(std::move(call));
  if (!reply)
    co_return fail(reply.error());
  co_return read_containers(*reply);
}

asio::awaitable<result<void>> api::put_archive(std::string container, std::string directory,
                                               std::string tar) {
  api_call call;
  call.what = "copy files into the container " + short_id(container);
  call.method = "PUT";
  call.path = container_path(container, "/archive");
  call.query.emplace_back("path", std::move(directory));
  call.content_type = "application/x-tar";
  call.body = std::move(tar);
  co_return dropped(co_await send(std::move(call)));
}

asio::awaitable<result<bool>> api::has_path(std::string container, std::string path) {
  api_call call;
  call.what = "look for '" + path + "' in the container " + short_id(container);
  call.method = "HEAD";
  call.path = container_path(container, "/archive");
  call.query.emplace_back("path", std::move(path));
  const auto reply = co_await send(std::move(call));
  if (!reply && !is(reply.error(), 404))
    co_return fail(reply.error());
  co_return reply.has_value();
}

asio::awaitable<result<void>> api::follow_output(std::string container, bool earlier,
                                                 line_sink take,
                                                 std::function<void()> on_attached) {
  api_call call;
  call.what = "follow the output of the container " + short_id(container);
  call.method = "POST";
  call.path = container_path(container, "/attach");
  call.query = {{"stream", "1"}, {"stdout", "1"}, {"stderr", "1"}, {"logs", earlier ? "1" : "0"}};
  call.timeout = without_end;
  const auto frames = std::make_shared<protocol::frame_decoder>();
  const auto broken = std::make_shared<result<void>>();
  const auto unframed = std::make_shared<std::size_t>(0);
  const auto what = call.what;
  call.on_body = [frames, broken, unframed, take = std::move(take),
                  attached = std::move(on_attached)](std::string_view piece) mutable {
    if (const auto tell = std::exchange(attached, nullptr))
      tell();
    *unframed += piece.size();
    if (*broken)
      *broken = frames->feed(piece, [&](protocol::frame_type, std::string_view bytes) {
        *unframed -= protocol::frame_header_bytes + bytes.size();
        take(bytes);
      });
  };
  auto done = dropped(co_await calls_.send(std::move(call)));
  if (done && *broken && *unframed > 0)
    co_return fail(make_error(errc::protocol_error, "docker: cannot " + what)
                       .with_cause("it ended in the middle of a frame"));
  co_return done ? *broken : done;
}

asio::awaitable<result<void>> api::follow_events(std::string label, event_sink take,
                                                 std::function<void()> on_begin) {
  api_call call;
  call.what = "follow the engine's events";
  call.path = "/events";
  call.query.emplace_back("filters", label_filter(label, "container"));
  call.timeout = without_end;
  const auto lines = std::make_shared<core::line_splitter>(longest_line);
  call.on_body = [lines, take = std::move(take),
                  begun = std::move(on_begin)](std::string_view piece) mutable {
    if (const auto tell = std::exchange(begun, nullptr))
      tell();
    lines->feed(piece, [&](std::string_view line) {
      if (const auto event = read_event(line))
        take(*event);
    });
  };
  co_return dropped(co_await calls_.send(std::move(call)));
}

asio::awaitable<result<void>> api::connect_network(std::string network, std::string container) {
  api_call call;
  call.what = "connect to the network '" + network + "'";
  call.method = "POST";
  call.path = "/networks/" + transport::url_encode_path(network) + "/connect";
  protocol::json_writer body;
  body.begin_object().member("Container", container).end_object();
  call.body = std::move(body).take();
  co_return dropped(co_await send(std::move(call)));
}

asio::awaitable<result<std::string>> api::inspect_network(std::string name) {
  api_call call;
  call.what = "inspect the network '" + name + "'";
  call.path = "/networks/" + transport::url_encode_path(name);
  co_return co_await send(std::move(call));
}

asio::awaitable<result<std::string>> api::gateway(std::string network) {
  const auto reply = co_await inspect_network(std::move(network));
  if (!reply)
    co_return fail(reply.error());
  co_return read_gateway(*reply);
}

asio::awaitable<result<bool>> api::is_internal(std::string network) {
  const auto reply = co_await inspect_network(std::move(network));
  if (!reply)
    co_return fail(reply.error());
  co_return read_internal(*reply);
}

asio::awaitable<result<std::vector<volume_summary>>> api::list_volumes(std::string label) {
  api_call call;
  call.what = "list volumes";
  call.path = "/volumes";
  call.query.emplace_back("filters", label_filter(label));
  const auto reply = co_await send(std::move(call));
  if (!reply)
    co_return fail(reply.error());
  co_return read_volumes(*reply);
}

asio::awaitable<result<void>> api::remove_volume(std::string name) {
  auto removed = co_await act("remove the volume " + name, "DELETE",
                              "/volumes/" + transport::url_encode_path(name));
  if (!removed && is(removed.error(), 404))
    co_return result<void>{};
  co_return removed;
}

} // namespace sandfleet::docker
