#include "runtime/providers/docker_provider.hpp"

#include "runtime/providers/docker/box.hpp"
#include "runtime/providers/docker/events.hpp"
#include "runtime/providers/docker/start_failure.hpp"
#include "runtime/providers/live_table.hpp"
#include "runtime/transport/op.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <unistd.h>

namespace sandfleet::providers {

namespace asio = boost::asio;
using docker::box;
using docker::shared_parts;
using sandfleet::docker::container_summary;

namespace {

error unknown(const sandbox_id& id) {
  return make_error(errc::not_found, "there is no sandbox " + id.str());
}

/// Says which engines of ours may remove what: those of this user with this state directory.
std::string registry_name(const std::string& state_dir) {
  return std::to_string(::geteuid()) + ":" + state_dir;
}

std::string filter_of(const std::string& name) {
  return std::string(docker::label_registry) + "=" + name;
}

listed_state state_of(const registry_entry& entry, const container_summary* container) {
  const bool lives = container != nullptr && container->status != "dead";
  if (!entry.record.kept && !entry.owned)
    return listed_state::abandoned;
  if (!lives || container->status == "created")
    return entry.record.kept ? listed_state::abandoned : listed_state::starting;
  if (container->status == "paused" || container->status == "exited")
    return listed_state::paused;
  return listed_state::running;
}

sandbox_info info_of(registry_entry entry, const container_summary* container) {
  using time_point = std::chrono::system_clock::time_point;
  auto& record = entry.record;
  sandbox_info info;
  info.state = state_of(entry, container);
  info.id = record.id;
  info.provider = provider_name("docker");
  info.image = std::move(record.image);
  info.kept = record.kept;
  info.created = time_point(std::chrono::milliseconds(record.created_ms));
  if (record.expires_ms != 0)
    info.expires = time_point(std::chrono::milliseconds(record.expires_ms));
  info.owner_pid = record.owner_pid;
  info.labels = std::move(record.labels);
  return info;
}

class docker_provider final : public provider,
                              public std::enable_shared_from_this<docker_provider> {
 public:
  docker_provider(asio::any_io_executor executor, shared_parts parts)
      : executor_(std::move(executor)),
        shared_(std::make_shared<const shared_parts>(std::move(parts))) {}

  ~docker_provider() override {
    for (const auto& live : boxes_->all())
      asio::post(live->strand(), [live] { live->abandon(); });
  }

  void close() override {
    const std::lock_guard lock(mutex_);
    if (watch_)
      watch_->end();
  }

  [[nodiscard]] provider_name name() const override { return provider_name("docker"); }

  [[nodiscard]] capabilities can() const override {
    return {.pause = true, .survives_engine = true, .preparation = shared_->settings.image_timeout};
  }

  asio::awaitable<result<instance>> start(start_request request) override {
    watch_events();
    auto made = std::make_shared<box>(asio::make_strand(executor_), shared_, request.id);
    if (!boxes_->add(made))
      co_return fail(errc::already_exists, "the sandbox " + request.id.str() + " exists");
    auto started = co_await transport::run_on(made->strand(), made->start(std::move(request)));
    if (!started)
      boxes_->drop(made->id());
    co_return started;
  }

  asio::awaitable<result<exit_report>> wait(sandbox_id id) override {
    const auto live = boxes_->find(id);
    if (!live)
      co_return last_report(id);
    auto report = co_await transport::run_on(live->strand(), live->wait());
    if (report)
      boxes_->end(id, *report);
    co_return report;
  }

  asio::awaitable<result<exit_report>> stop(stop_request request) override {
    const auto live = boxes_->find(request.id);
    if (!live)
      co_return last_report(request.id);
    auto report = co_await transport::run_on(live->strand(), live->stop(request.grace));
    if (report)
      boxes_->end(request.id, *report);
    co_return report;
  }

  asio::awaitable<result<instance_state>> inspect(sandbox_id id) override {
    const auto live = boxes_->find(id);
    if (!live) {
      if (boxes_->report_of(id))
        co_return instance_state::gone;
      co_return fail(unknown(id));
    }
    co_return co_await transport::run_on(live->strand(), live->inspect());
  }

  asio::awaitable<result<void>> pause(sandbox_id id) override {
    const auto live = boxes_->find(id);
    if (!live)
      co_return fail(unknown(id));
    co_return co_await transport::run_on(live->strand(), live->pause());
  }

  asio::awaitable<result<instance>> resume(sandbox_id id) override {
    const auto live = boxes_->find(id);
    if (!live)
      co_return fail(unknown(id));
    co_return co_await transport::run_on(live->strand(), live->resume());
  }

  asio::awaitable<result<instance>> attach(sandbox_id id) override {
    watch_events();
    auto entry = shared_->entries->find(id);
    if (!entry)
      co_return fail(unknown(id));
    if (!entry->record.kept && !entry->owned)
      co_return fail(make_error(errc::not_found, "the sandbox " + id.str() + " has ended")
                         .with_cause("the program that it belonged to has died")
                         .with_hint("'sandfleet gc' removes what is left of it"));
    auto made = std::make_shared<box>(asio::make_strand(executor_), shared_, id);
    if (!boxes_->add(made))
      co_return fail(errc::already_exists, "the sandbox " + id.str() + " is this program's");
    auto attached = co_await transport::run_on(made->strand(), made->attach(std::move(*entry)));
    if (!attached)
      boxes_->drop(id);
    co_return attached;
  }

  asio::awaitable<result<void>> keep(keep_request request) override {
    const auto live = boxes_->find(request.id);
    if (!live)
      co_return fail(unknown(request.id));
    co_return co_await transport::run_on(live->strand(), live->keep(request.time_to_live));
  }

  asio::awaitable<result<void>> release(sandbox_id id) override {
    const auto live = boxes_->find(id);
    if (!live)
      co_return fail(unknown(id));
    auto done = co_await transport::run_on(live->strand(), live->release());
    if (done)
      boxes_->drop(id);
    co_return done;
  }

  asio::awaitable<result<std::vector<sandbox_info>>> list() override {
    std::vector<sandbox_info> found;
    auto entries = shared_->entries->list();
    if (entries.empty())
      co_return found;
    const auto containers = co_await containers_by_id();
    if (!containers)
      co_return fail(containers.error());
    for (auto& entry : entries) {
      const auto at = containers->find(entry.record.id.str());
      found.push_back(info_of(std::move(entry), at == containers->end() ? nullptr : &at->second));
    }
    std::ranges::sort(found, {}, &sandbox_info::created);
    co_return found;
  }

  asio::awaitable<result<recovery_report>> recover(recovery_mode mode) override {
    recovery_report report;
    auto scan = shared_->entries->find_orphans();
    if (!scan) {
      report.busy = true;
      co_return report;
    }
    auto containers = co_await containers_by_id();
    if (!containers) {
      // Without an engine there is nothing to remove, unless something is known of.
      if (!scan->orphans.empty())
        report.failures.push_back(std::move(containers.error()));
      co_return report;
    }
    std::vector<removed_sandbox> left;
    for (const auto& orphan : scan->orphans) {
      const auto container = containers->find(orphan.id.str());
      const bool stays = orphan.record && orphan.record->kept &&
                         !docker::has_expired(*orphan.record) && container != containers->end() &&
                         container->second.status != "dead";
      if (!stays)
        left.push_back({.id = orphan.id, .directory = orphan.dir});
      if (container != containers->end())
        containers->erase(container);
    }
    // Those that nobody has noted, or whose note is gone: with /run at a restart of the machine.
    for (const auto& entry : shared_->entries->list())
      containers->erase(entry.record.id.str());
    for (const auto& [id, container] : *containers)
      left.push_back({.id = sandbox_id(id)});
    for (auto& one : left)
      co_await remove_remains(std::move(one), mode, report);
    registry::forget(*scan);
    co_return report;
  }

 private:
  using container_map = std::map<std::string, container_summary>;

  asio::awaitable<result<container_map>> containers_by_id() {
    auto engine = shared_->engine;
    auto listed = co_await engine.list(filter_of(shared_->registry_name));
    if (!listed)
      co_return fail(std::move(listed.error()));
    container_map by_id;
    for (auto& one : *listed) {
      auto id = one.labels[std::string(docker::label_sandbox)];
      by_id.emplace(std::move(id), std::move(one));
    }
    co_return by_id;
  }

  asio::awaitable<void> remove_remains(removed_sandbox what, recovery_mode mode,
                                       recovery_report& report) {
    if (mode == recovery_mode::remove) {
      auto engine = shared_->engine;
      auto removed = co_await engine.remove(docker::container_name(what.id));
      if (!removed) {
        report.failures.push_back(std::move(removed.error()));
        co_return;
      }
      std::error_code ignored;
      if (!what.directory.empty())
        std::filesystem::remove_all(what.directory, ignored);
    }
    report.removed.push_back(std::move(what));
  }

  void watch_events() {
    const std::lock_guard lock(mutex_);
    if (watch_)
      return;
    watch_ = std::make_shared<docker::event_watch>(
        executor_, shared_->engine, filter_of(shared_->registry_name),
        [boxes = boxes_](const sandfleet::docker::engine_event& event) {
          const auto id = event.attributes.find(std::string(docker::label_sandbox));
          if (id == event.attributes.end())
            return;
          if (const auto live = boxes->find(sandbox_id(id->second)))
            asio::post(live->strand(), [live, event] { live->on_event(event); });
        },
        [boxes = boxes_] {
          for (const auto& live : boxes->all())
            asio::post(live->strand(), [live] { live->catch_up(); });
        });
    watch_->begin();
  }

  [[nodiscard]] result<exit_report> last_report(const sandbox_id& id) const {
    if (auto report = boxes_->report_of(id))
      return *report;
    return fail(unknown(id));
  }

  asio::any_io_executor executor_;
  std::shared_ptr<const shared_parts> shared_;
  std::shared_ptr<live_table<box>> boxes_ = std::make_shared<live_table<box>>();
  std::mutex mutex_;
  std::shared_ptr<docker::event_watch> watch_;
};

} // namespace

result<std::shared_ptr<provider>> make_docker_provider(const asio::any_io_executor& executor,
                                                       docker_settings settings) {
  auto host =
      sandfleet::docker::find_engine_host(sandfleet::docker::current_surroundings(), settings.host);
  if (!host)
    return fail(host.error());
  if (host->tls)
    return fail(make_error(errc::unsupported, "the Docker engine at " + to_string(host->where) +
                                                  " (" + host->origin + ") wants TLS")
                    .with_cause("engines are spoken to without TLS only")
                    .with_hint("forward its socket with ssh, and name it in DOCKER_HOST"));
  if (settings.state_dir.empty())
    settings.state_dir = default_state_dir();
  // Apart from those of the local provider, whose entries say something about processes.
  const auto place = settings.state_dir + "/docker";
  const auto agent = settings.agent_program;
  auto entries = registry::open(place);
  if (!entries)
    return fail(entries.error());
  shared_parts parts{std::move(settings),
                     std::move(*entries),
                     sandfleet::docker::api(sandfleet::docker::client(executor, std::move(*host))),
                     registry_name(place),
                     place + "/ports",
                     std::make_shared<docker::agent_archive>(agent),
                     nullptr};
  parts.images = std::make_shared<docker::image_store>(executor, parts.engine, parts.settings);
  return std::make_shared<docker_provider>(executor, std::move(parts));
}

} // namespace sandfleet::providers
