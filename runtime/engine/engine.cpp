#include "actors/log.hpp"
#include "runtime/engine/access.hpp"
#include "runtime/engine/agent_client.hpp"
#include "runtime/engine/core.hpp"
#include "runtime/engine/programs.hpp"
#include "runtime/engine/sandbox_impl.hpp"
#include "runtime/providers/docker_provider.hpp"
#include "runtime/providers/local_provider.hpp"
#include "runtime/providers/registry.hpp"
#include "runtime/providers/remote_provider.hpp"
#include "runtime/transport/op.hpp"

#include <sandfleet/engine.hpp>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <thread>

namespace sandfleet {

namespace asio = boost::asio;
using engine_detail::guarded;
using core_ptr = std::shared_ptr<engine_detail::core>;

namespace {

actors::control_settings control_settings_of(const settings& s) {
  actors::control_settings control;
  control.max_parallel_starts = s.max_parallel_starts != 0
                                    ? s.max_parallel_starts
                                    : 2 * std::max(1U, std::thread::hardware_concurrency());
  control.start_retry.max_attempts = s.start_attempts;
  control.start_retry.base = s.start_backoff_base;
  control.start_retry.cap = s.start_backoff_cap;
  control.health_interval = s.health_interval;
  control.health_timeout = s.health_timeout;
  control.pause_at_close = s.at_close == close_action::pause;
  return control;
}

actors::health_probe make_probe(asio::any_io_executor executor) {
  return [executor](transport::http_base where, std::chrono::milliseconds timeout) {
    return [](engine_detail::agent_client agent,
              std::chrono::milliseconds limit) -> asio::awaitable<result<void>> {
      co_return co_await agent.alive(limit);
    }(engine_detail::agent_client(executor, std::move(where), {}), timeout);
  };
}

using provider_ptr = std::shared_ptr<providers::provider>;

result<provider_ptr> make_local(const settings& s, const std::string& agent,
                                const asio::any_io_executor& executor) {
  auto launcher = engine_detail::find_program("sandfleet-launcher", s.launcher_program);
  if (!launcher)
    return fail(launcher.error());
  providers::local_settings local;
  local.agent_program = agent;
  local.launcher_program = *launcher;
  local.state_dir = s.state_dir;
  local.default_image = s.image;
  local.default_isolation = s.isolation;
  return providers::make_local_provider(executor, std::move(local));
}

result<provider_ptr> make_docker(const settings& s, const std::string& agent,
                                 const asio::any_io_executor& executor) {
  providers::docker_settings docker;
  docker.agent_program = agent;
  docker.state_dir = s.state_dir;
  docker.default_image = s.image;
  docker.image_timeout = s.image_timeout;
  docker.image_repository = s.image_repository;
  docker.on_log = [](const sandbox_id& id, std::string_view line) {
    actors::log_event(actors::log_level::debug, "container_output",
                      {{"sandbox", id.str()}, {"line", line}});
  };
  docker.on_trouble = [](const sandbox_id& id, std::string_view event, const error& failure) {
    actors::log_event(actors::log_level::warning, event,
                      {{"sandbox", id.str()}, {"error", failure.to_string()}});
  };
  docker.on_image = [](std::string_view image, std::string_view line) {
    actors::log_event(actors::log_level::debug, "image", {{"name", image}, {"says", line}});
  };
  return providers::make_docker_provider(executor, std::move(docker));
}

result<provider_ptr> make_remote(const settings& s, const asio::any_io_executor& executor) {
  providers::remote_settings remote;
  remote.service = s.remote;
  remote.state_dir = s.state_dir;
  remote.default_image = s.image;
  remote.image_timeout = s.image_timeout;
  return providers::make_remote_provider(executor, std::move(remote));
}

result<provider_ptr> make_provider(const settings& s, const asio::any_io_executor& executor) {
  const auto& name = s.provider.str();
  if (name == "remote") // whose agents are the service's
    return make_remote(s, executor);
  if (name != "local" && name != "docker")
    return fail(make_error(errc::invalid_configuration, "provider: '" + name + "' is not known")
                    .with_hint("the providers are: local, docker, remote"));
  auto agent = engine_detail::find_program("sandfleet-agent", s.agent_program);
  if (!agent)
    return fail(agent.error());
  return name == "docker" ? make_docker(s, *agent, executor) : make_local(s, *agent, executor);
}

asio::awaitable<result<recovered>> clean_up_in(core_ptr self, clean_up_mode mode) {
  if (self->closed)
    co_return fail(errc::shutting_down, "the engine has been closed");
  recovered found;
  for (const auto& provider : self->providers) {
    auto report =
        co_await provider->recover(mode == clean_up_mode::remove ? providers::recovery_mode::remove
                                                                 : providers::recovery_mode::look);
    if (!report) {
      found.failures.push_back(std::move(report.error()));
      continue;
    }
    if (report->busy)
      co_return fail(make_error(errc::already_exists, "another program is cleaning up")
                         .with_hint("try again in a moment"));
    std::ranges::move(report->removed, std::back_inserter(found.removed));
    std::ranges::move(report->failures, std::back_inserter(found.failures));
  }
  co_return found;
}

/// On an operation of its own: what becomes of cancellations here is no business of the caller's.
asio::awaitable<result<sandbox>> start_in(core_ptr self, sandbox_spec spec) {
  co_await asio::this_coro::throw_if_cancelled(false);
  if (self->closed)
    co_return fail(errc::shutting_down, "the engine has been closed");
  if (auto checked = validate(spec); !checked)
    co_return fail(checked.error());
  if (spec.provider.empty())
    spec.provider = self->config.provider;
  if (spec.image.empty())
    spec.image = self->config.image;
  if (!spec.isolation)
    spec.isolation = self->config.isolation;
  if (spec.id.empty())
    spec.id = make_sandbox_id();
  auto id = spec.id;
  auto ready = co_await self->control->start_sandbox(
      std::move(id), std::make_shared<const sandbox_spec>(std::move(spec)));
  if (!ready)
    co_return fail(ready.error());
  const auto before = co_await asio::this_coro::cancellation_state;
  // What is there by now is kept, or taken away: a cancellation is seen, and reaches neither.
  co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation(),
                                                     asio::disable_cancellation());
  result<void> kept;
  if (self->config.at_close != close_action::stop)
    kept = co_await self->control->keep_sandbox(ready->id, self->config.keep_for);
  const auto after = co_await asio::this_coro::cancellation_state;
  if (kept && (before.cancelled() | after.cancelled()) != asio::cancellation_type::none)
    kept = fail(errc::cancelled, "the start of the sandbox " + ready->id.str() + " was cancelled");
  if (!kept) {
    (void)co_await self->control->stop_sandbox(ready->id);
    co_return fail(std::move(kept.error()));
  }
  co_return sandbox{std::make_shared<sandbox::impl>(self, std::move(*ready))};
}

asio::awaitable<result<sandbox>> attach_in(core_ptr self, sandbox_id id) {
  if (self->closed)
    co_return fail(errc::shutting_down, "the engine has been closed");
  auto ready = co_await self->control->attach_sandbox(std::move(id), self->config.provider);
  if (!ready)
    co_return fail(ready.error());
  co_return sandbox{std::make_shared<sandbox::impl>(self, std::move(*ready))};
}

asio::awaitable<result<std::vector<sandbox_info>>> list_in(core_ptr self) {
  if (self->closed)
    co_return fail(errc::shutting_down, "the engine has been closed");
  co_return co_await self->control->list_sandboxes();
}

asio::awaitable<result<sandbox>> attach_session_in(core_ptr self, std::string session_id) {
  auto all = co_await list_in(self);
  if (!all)
    co_return fail(std::move(all.error()));
  for (auto& one : *all)
    if (!session_id.empty() && one.session_id == session_id && one.state != listed_state::abandoned)
      co_return co_await attach_in(self, std::move(one.id));
  co_return fail(
      make_error(errc::not_found, "there is no sandbox of the session '" + session_id + "'"));
}

asio::awaitable<result<void>> stop_in(core_ptr self) {
  if (self->closed)
    co_return result<void>{};
  co_return co_await self->shut_down();
}

} // namespace

struct engine::impl {
  core_ptr core;
  recovered found;
};

result<engine> engine::create(settings s) {
  if (auto checked = validate(s); !checked)
    return fail(checked.error());
  auto pool = std::make_unique<transport::io_pool>(s.io_threads);
  auto provider = make_provider(s, pool->executor());
  if (!provider)
    return fail(provider.error());

  std::unique_ptr<journal::store> journal;
  if (s.journal) {
    const auto place = s.state_dir.empty() ? providers::default_state_dir() : s.state_dir;
    auto opened = journal::store::open(place + "/journal");
    if (!opened)
      return fail(std::move(opened.error()));
    journal = std::make_unique<journal::store>(std::move(*opened));
  }

  auto made = std::make_unique<impl>();
  made->core = std::make_shared<engine_detail::core>(std::move(s), std::move(pool));
  auto& core = *made->core;
  core.providers.push_back(std::move(*provider));
  core.control = std::make_unique<actors::control_plane>(
      control_settings_of(core.config), core.providers, core.pool->executor(),
      make_probe(core.pool->executor()),
      [&core](const status_event& event) { core.on_status(event); }, std::move(journal));

  if (core.config.clean_up_at_start) {
    auto cleaning = guarded(clean_up_in(made->core, clean_up_mode::remove));
    auto found = asio::co_spawn(core.pool->executor(), std::move(cleaning), asio::use_future).get();
    // What another program is removing at this moment is well looked after.
    if (!found && found.error().code != errc::already_exists)
      return fail(found.error());
    if (found)
      made->found = std::move(*found);
  }
  return engine{std::move(made)};
}

namespace engine_detail {

actors::control_plane& access::control_of(engine& of) {
  return *of.impl_->core->control;
}

std::shared_ptr<const actors::route> access::route_of(const sandbox& of) {
  return of.impl_->ready.link->current_route();
}

} // namespace engine_detail

engine::engine(std::unique_ptr<impl> made) : impl_(std::move(made)) {}
engine::engine(engine&&) noexcept = default;

engine& engine::operator=(engine&& other) noexcept {
  if (impl_)
    impl_->core->close();
  impl_ = std::move(other.impl_);
  return *this;
}

engine::~engine() {
  if (impl_)
    impl_->core->close();
}

const recovered& engine::found_at_start() const {
  return impl_->found;
}

asio::awaitable<result<sandbox>> engine::start(sandbox_spec spec) {
  const auto core = impl_->core;
  return guarded(transport::run_on(core->pool->executor(), start_in(core, std::move(spec))));
}

asio::awaitable<result<sandbox>> engine::attach(sandbox_id id) {
  return guarded(attach_in(impl_->core, std::move(id)));
}

asio::awaitable<result<sandbox>> engine::attach_session(std::string session_id) {
  return guarded(attach_session_in(impl_->core, std::move(session_id)));
}

asio::awaitable<result<std::vector<sandbox_info>>> engine::list() {
  return guarded(list_in(impl_->core));
}

asio::awaitable<result<recovered>> engine::clean_up(clean_up_mode mode) {
  return guarded(clean_up_in(impl_->core, mode));
}

subscription engine::on_status(std::function<void(const status_event&)> observer) {
  return subscription{impl_->core->hub->add(std::move(observer))};
}

asio::awaitable<result<void>> engine::stop() {
  return guarded(stop_in(impl_->core));
}

asio::any_io_executor engine::executor() const {
  return impl_->core->pool->executor();
}

} // namespace sandfleet
