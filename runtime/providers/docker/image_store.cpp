#include "runtime/providers/docker/image_store.hpp"

#include "runtime/docker/registry_login.hpp"
#include "runtime/docker/tar.hpp"
#include "runtime/providers/docker/pull_progress.hpp"
#include "runtime/providers/docker/start_failure.hpp"

#include <algorithm>
#include <sys/utsname.h>

namespace sandfleet::providers::docker {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds login_patience{30'000};

/// This machine's processor, which is the agent's, as Go has it.
std::string own_architecture() {
  utsname machine{};
  ::uname(&machine);
  const std::string name = machine.machine;
  return name == "x86_64" ? "amd64" : name == "aarch64" ? "arm64" : name;
}

} // namespace

image_store::image_store(asio::any_io_executor executor, sandfleet::docker::api engine,
                         docker_settings settings)
    : executor_(std::move(executor)), engine_(std::move(engine)), settings_(std::move(settings)),
      flights_(std::make_shared<flights>(executor_)) {}

asio::awaitable<result<void>> image_store::pull(std::string image, std::string platform) {
  const auto self = shared_from_this();
  auto begin = [self, image, platform] { return self->pull_now(image, platform); };
  auto pulled = co_await flights_->join("pull " + platform + " " + image, std::move(begin));
  co_return pulled ? result<void>() : fail(std::move(pulled.error()));
}

asio::awaitable<result<std::string>> image_store::pull_now(std::string image,
                                                           std::string platform) {
  const auto self = shared_from_this();
  auto auth = co_await sandfleet::docker::registry_auth(
      executor_, sandfleet::docker::current_surroundings(), image,
      std::min(login_patience, settings_.image_timeout));
  if (!auth)
    co_return fail(std::move(auth.error()));
  const auto progress = std::make_shared<pull_progress>();
  auto take = [self, progress, image](const sandfleet::docker::progress_line& line) {
    const auto text = progress->take(line, std::chrono::steady_clock::now());
    if (text && self->settings_.on_image)
      self->settings_.on_image(image, *text);
  };
  auto pulled = co_await engine_.pull(image, platform, std::move(*auth), settings_.image_timeout,
                                      std::move(take));
  if (!pulled)
    co_return fail(explain_pull(image, std::move(pulled.error())));
  const auto info = co_await engine_.image(image);
  if (!info)
    co_return fail(info.error());
  if (*info && platform.empty() && !(*info)->architecture.empty() &&
      (*info)->architecture != own_architecture())
    co_return fail(wrong_architecture(image, (*info)->architecture, own_architecture()));
  co_return *info ? (*info)->id : std::string();
}

asio::awaitable<result<sandfleet::docker::image_info>>
image_store::find(std::string image, std::string platform, preparation_sink on_preparing) {
  auto found = co_await engine_.image(image);
  if (!found)
    co_return fail(std::move(found.error()));
  if (*found)
    co_return std::move(**found);
  if (on_preparing)
    on_preparing(preparation::image_pull);
  auto pulled = co_await pull(image, platform);
  if (!pulled)
    co_return fail(std::move(pulled.error()));
  found = co_await engine_.image(image);
  if (!found)
    co_return fail(std::move(found.error()));
  if (!*found)
    co_return fail(make_error(errc::not_found, "the image '" + image + "' was pulled and is gone")
                       .blamed_on(failure_class::infrastructure));
  co_return std::move(**found);
}

asio::awaitable<result<std::string>> image_store::derive(derived_image wish,
                                                         preparation_sink on_preparing) {
  const auto self = shared_from_this();
  auto options = build_options(wish.arguments);
  if (!options)
    co_return fail(std::move(options.error()));
  if (!options->platform.empty())
    wish.platform = options->platform;
  const auto base = co_await find(wish.base, wish.platform, on_preparing);
  if (!base)
    co_return fail(base.error());
  const auto text = dockerfile_of(wish, base->user, options->names);
  if (!text)
    co_return fail(text.error());
  const auto names = names_of(wish, base->id, *text, settings_.image_repository);
  if (!wish.force) {
    const auto there = co_await engine_.image(names.source);
    if (!there)
      co_return fail(there.error());
    if (*there)
      co_return names.source;
  }
  auto context = sandfleet::docker::make_tar({{.path = "Dockerfile", .bytes = *text}});
  if (!context)
    co_return fail(std::move(context.error()));
  sandfleet::docker::api::build_request request;
  request.context = std::move(*context);
  request.tags = {names.source, names.lock, names.versioned};
  request.platform = wish.platform;
  request.options = std::move(options->query);
  if (wish.force)
    request.options.emplace_back("nocache", "1");
  request.timeout = settings_.image_timeout;
  if (on_preparing)
    on_preparing(preparation::image_build);
  auto begin = [self, name = names.source, request] { return self->build_now(name, request); };
  co_return co_await flights_->join("build " + names.source, std::move(begin));
}

asio::awaitable<result<std::string>>
image_store::build_now(std::string name, sandfleet::docker::api::build_request request) {
  const auto self = shared_from_this();
  const auto log = std::make_shared<build_log>();
  auto take = [self, log, name](const sandfleet::docker::progress_line& line) {
    log->take(line, [&](std::string_view text) {
      if (self->settings_.on_image)
        self->settings_.on_image(name, text);
    });
  };
  auto built = co_await engine_.build(std::move(request), std::move(take));
  if (!built)
    co_return fail(log->explain(name, std::move(built.error())));
  co_return name;
}

} // namespace sandfleet::providers::docker
