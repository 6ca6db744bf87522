#include "runtime/providers/remote/images.hpp"

#include "runtime/docker/tar.hpp"
#include "runtime/protocol/base64.hpp"
#include "runtime/protocol/remote_replies.hpp"
#include "runtime/providers/remote/steps.hpp"
#include "runtime/transport/url.hpp"

#include <sandfleet/ids.hpp>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sandfleet::providers::remote {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

namespace {

/// Without a word of the service's about when to come again.
constexpr milliseconds busy_wait{30'000};

/// RFC 7578. `file`: its part is a file of that name.
void add_part(std::string& body, const std::string& boundary, const std::string& name,
              const std::string& value, const std::string& file = {}) {
  body += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"";
  if (!file.empty())
    body += "; filename=\"" + file + "\"\r\nContent-Type: application/octet-stream";
  body += "\r\n\r\n" + value + "\r\n";
}

error build_failed(const std::string& name, const protocol::build_state& state) {
  const bool by_the_commands = state.status == "FAILURE";
  return make_error(errc::start_failed,
                    "the image '" + name + "' with runtime_extra_deps cannot be built")
      .blamed_on(by_the_commands ? failure_class::task : failure_class::infrastructure)
      .with_cause(state.failure.empty() ? "the service says " + state.status : state.failure)
      .with("build_status", state.status);
}

} // namespace

image_builds::image_builds(const asio::any_io_executor& executor, service_api service,
                           patience limits)
    : service_(std::move(service)), limits_(limits),
      under_way_(std::make_shared<docker::flights>(executor)) {}

asio::awaitable<result<std::string>> image_builds::registry() const {
  service_call call;
  call.what = "ask for the registry of images";
  call.target = "/registry_prefix";
  const auto told =
      co_await service_.ask<std::string>(std::move(call), protocol::decode_registry_prefix);
  if (!told)
    co_return fail(told.error());
  auto prefix = **told;
  while (prefix.ends_with('/'))
    prefix.pop_back();
  co_return prefix + "/runtime";
}

asio::awaitable<result<bool>> image_builds::exists(std::string image) const {
  service_call call;
  call.what = "look for the image '" + image + "'";
  call.target = "/image_exists?image=" + transport::url_encode_path(image);
  const auto there = co_await service_.ask<bool>(std::move(call), protocol::decode_image_exists);
  if (!there)
    co_return fail(there.error());
  co_return **there;
}

asio::awaitable<result<std::string>> image_builds::derive(docker::derived_image wish,
                                                          std::function<void()> on_building) {
  const auto self = shared_from_this();
  if (!wish.arguments.empty() || !wish.platform.empty())
    co_return fail(make_error(errc::unsupported,
                              std::string(wish.platform.empty() ? "extra_build_args" : "platform") +
                                  ": a runtime service cannot be asked for it")
                       .blamed_on(failure_class::task));
  const auto text = docker::dockerfile_of(wish, "", {});
  if (!text)
    co_return fail(text.error());
  const auto repository = co_await registry();
  if (!repository)
    co_return fail(repository.error());
  // The service alone knows what the base's name stands for.
  const auto names = docker::names_of(wish, wish.base, *text, *repository);
  if (!wish.force) {
    const auto there = co_await exists(names.source);
    if (!there)
      co_return fail(there.error());
    if (*there)
      co_return names.source;
  }
  if (on_building)
    on_building();
  auto context = sandfleet::docker::make_tar({{.path = "Dockerfile", .bytes = *text}},
                                             sandfleet::docker::tar_compression::gzip);
  if (!context)
    co_return fail(std::move(context.error()));
  order wanted{names.source, {names.lock, names.versioned}, protocol::base64_encode(*context)};
  auto begin_build = [self, wanted] { return self->build(wanted); };
  co_return co_await under_way_->join(names.source, std::move(begin_build));
}

asio::awaitable<result<std::string>> image_builds::begin(const order& wanted) const {
  const auto boundary = "sandfleet-" + make_secret().substr(0, 32);
  service_call call;
  call.what = "have the image '" + wanted.name + "' built";
  call.method = "POST";
  call.target = "/build";
  call.content_type = "multipart/form-data; boundary=" + boundary;
  call.busy_wait = busy_wait;
  add_part(call.body, boundary, "context", wanted.context, "context.tar.gz");
  add_part(call.body, boundary, "target_image", wanted.name);
  for (const auto& tag : wanted.tags)
    add_part(call.body, boundary, "tags", tag);
  call.body += "--" + boundary + "--\r\n";
  const auto calls = service_.lasting(limits_.build);
  const auto id = co_await calls.ask<std::string>(std::move(call), protocol::decode_build_id);
  if (!id)
    co_return fail(id.error());
  co_return **id;
}

asio::awaitable<result<std::string>> image_builds::build(order wanted) const {
  const auto self = shared_from_this();
  const auto deadline = clock::now() + limits_.build;
  const auto id = co_await begin(wanted);
  if (!id)
    co_return fail(id.error());
  steps pace(limits_.first_look, limits_.rarest_look);
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    service_call call;
    call.what = "look at the build of '" + wanted.name + "'";
    call.target = "/build_status?build_id=" + transport::url_encode_path(*id);
    const auto told =
        co_await service_.ask<protocol::build_state>(std::move(call), protocol::decode_build_state);
    if (!told)
      co_return fail(told.error());
    const auto& state = **told;
    if (state.status == "SUCCESS")
      co_return state.image.empty() ? wanted.name : state.image;
    if (state.status != "QUEUED" && state.status != "WORKING")
      co_return fail(build_failed(wanted.name, state));
    const auto pause = pace.next();
    if (clock::now() + pause >= deadline)
      co_return fail(
          make_error(errc::timed_out, "the image '" + wanted.name + "' was not built in time")
              .blamed_on(failure_class::infrastructure)
              .with_cause("the service says " + state.status)
              .with_hint("raise image_timeout"));
    timer.expires_after(pause);
    boost::system::error_code ended;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ended));
    if (ended)
      co_return fail(errc::cancelled,
                     "waiting for the build of '" + wanted.name + "' was cancelled");
  }
}

} // namespace sandfleet::providers::remote
