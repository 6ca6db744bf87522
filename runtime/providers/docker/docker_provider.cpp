#include "runtime/providers/docker_provider.hpp"

#include "runtime/providers/agent_life.hpp"
#include "runtime/providers/box_provider.hpp"
#include "runtime/providers/docker/box.hpp"
#include "runtime/providers/docker/events.hpp"
#include "runtime/providers/docker/leftover_files.hpp"
#include "runtime/providers/docker/outage.hpp"
#include "runtime/providers/docker/own_containers.hpp"
#include "runtime/providers/docker/start_failure.hpp"
#include "runtime/providers/docker/web_ports.hpp"
#include "runtime/transport/op.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <mutex>
#include <unistd.h>

namespace sandfleet::providers {

namespace asio = boost::asio;
using docker::box;
using docker::shared_parts;
using sandfleet::docker::container_summary;

namespace {

/// Says which engines of ours may remove what: those of this user with this state directory.
std::string registry_name(const std::string& state_dir) {
  return std::to_string(::geteuid()) + ":" + state_dir;
}

std::string filter_of(const std::string& name) {
  return std::string(docker::label_registry) + "=" + name;
}

/// Whether a kept sandbox can go on in it: one that has been stopped can, where that is its pause.
bool is_alive(const container_summary& container) {
  return container.status != "dead" &&
         (container.status != "exited" ||
          container.labels.contains(std::string(docker::label_pauses)));
}

listed_state state_of(const registry_entry& entry, const container_summary* container) {
  const bool lives = container != nullptr && is_alive(*container);
  if (!entry.record.kept && !entry.owned)
    return listed_state::abandoned;
  if (!lives || container->status == "created")
    return entry.record.kept ? listed_state::abandoned : listed_state::starting;
  if (container->status == "paused" || container->status == "exited")
    return listed_state::paused;
  return listed_state::running;
}

sandbox_info info_of(registry_entry entry, const container_summary* container,
                     const std::string& engine) {
  using time_point = std::chrono::system_clock::time_point;
  auto& record = entry.record;
  sandbox_info info;
  info.state = state_of(entry, container);
  info.id = record.id;
  info.session_id = std::move(record.session_id);
  info.provider = provider_name("docker");
  info.image = std::move(record.image);
  info.kept = record.kept;
  info.created = time_point(std::chrono::milliseconds(record.created_ms));
  if (record.expires_ms != 0)
    info.expires = time_point(std::chrono::milliseconds(record.expires_ms));
  info.owner_pid = record.owner_pid;
  info.labels = std::move(record.labels);
  if (container != nullptr)
    info.ports = docker::published_ports(container->labels, container->bindings, engine);
  return info;
}

class docker_provider final : public box_provider<box, shared_parts> {
 public:
  docker_provider(asio::any_io_executor executor, shared_parts parts)
      : box_provider(std::move(executor), std::move(parts)) {}

  ~docker_provider() override { abandon_all(); }

  void close() override {
    {
      const std::lock_guard lock(mutex_);
      if (watch_)
        watch_->end();
    }
    shared_->left->close();
    auto engine = shared_->engine;
    engine.keep_none();
  }

  [[nodiscard]] provider_name name() const override { return provider_name("docker"); }

  [[nodiscard]] capabilities can() const override {
    return {.pause = true, .survives_engine = true, .preparation = shared_->settings.image_timeout};
  }

  /// An engine that goes away meanwhile is waited for, as long as the start may take. One that was
  /// never there is not.
  asio::awaitable<result<instance>> start(start_request request) override {
    watch_events();
    auto engine = shared_->engine;
    const auto begun = clock::now();
    auto deadline = begun + request.spec->start_timeout;
    for (;;) {
      auto attempt = request;
      auto started = co_await try_start(std::move(attempt), deadline);
      if (started || !docker::may_be_outage(started.error()) || !engine.was_reached())
        co_return started;
      const bool answers = co_await engine.answers();
      if (answers)
        co_return started;
      if (shared_->settings.on_trouble)
        shared_->settings.on_trouble(request.id, "start_waits_for_engine", started.error());
      auto back = co_await docker::await_engine(engine, deadline);
      if (!back && back.error().code == errc::cancelled)
        co_return fail(std::move(back.error()));
      if (!back) {
        const auto waited = std::chrono::duration_cast<milliseconds>(clock::now() - begun);
        co_return fail(std::move(started.error()).with("waited_ms", std::int64_t{waited.count()}));
      }
      if (request.go_on) {
        auto goes_on = co_await request.go_on();
        if (!goes_on)
          co_return fail(std::move(goes_on.error()));
      }
      auto shorter = *request.spec;
      shorter.start_timeout =
          std::max(std::chrono::ceil<milliseconds>(deadline - clock::now()), milliseconds{1});
      request.spec = std::make_shared<const sandbox_spec>(std::move(shorter));
    }
  }

  asio::awaitable<result<instance>> attach(sandbox_id id) override {
    watch_events();
    co_return co_await box_provider::attach(std::move(id));
  }

  asio::awaitable<result<std::vector<sandbox_info>>> list() override {
    std::vector<sandbox_info> found;
    auto entries = shared_->entries->list();
    if (entries.empty())
      co_return found;
    const auto containers = co_await containers_by_id(milliseconds{20'000});
    if (!containers)
      co_return fail(containers.error());
    const auto engine = docker::agent_host(shared_->engine.host());
    auto asked = shared_->engine;
    const auto here = co_await asked.identity();
    for (auto& entry : entries) {
      if (docker::is_elsewhere(entry.record, here))
        continue;
      const auto at = containers->find(entry.record.id.str());
      found.push_back(
          info_of(std::move(entry), at == containers->end() ? nullptr : &at->second, engine));
    }
    std::ranges::sort(found, {}, &sandbox_info::created);
    co_return found;
  }

  asio::awaitable<result<recovery_report>> recover(recovery_mode mode) override {
    recovery_report report;
    // First, since nobody else can scan meanwhile: an engine may let one wait.
    auto containers = co_await containers_by_id(recovery_patience);
    auto scan = shared_->entries->find_orphans();
    if (!scan) {
      report.busy = true;
      co_return report;
    }
    // What follows may be done twice.
    scan->scan = file_lock();
    std::ranges::move(scan->failures, std::back_inserter(report.failures));
    if (mode == recovery_mode::remove)
      docker::forget_free_ports(shared_->ports_dir);
    if (!containers) {
      // Without an engine there is nothing to remove, unless something is known of.
      if (!scan->orphans.empty())
        report.failures.push_back(std::move(containers.error()));
      co_return report;
    }
    std::vector<remains> left;
    auto asked = shared_->engine.within(recovery_patience);
    const auto here = co_await asked.identity();
    for (const auto& orphan : scan->orphans) {
      if (orphan.record && docker::is_elsewhere(*orphan.record, here))
        continue;
      auto container = containers->find(orphan.id.str());
      if (container == containers->end()) {
        auto later = co_await made_since(orphan.id);
        if (!later) {
          report.failures.push_back(std::move(later.error()));
          co_return report;
        }
        if (*later)
          container = containers->emplace(orphan.id.str(), std::move(**later)).first;
      }
      const bool stays = orphan.record && orphan.record->kept && !has_expired(*orphan.record) &&
                         container != containers->end() && is_alive(container->second);
      if (!stays)
        left.push_back({{.id = orphan.id, .directory = orphan.dir},
                        container == containers->end() ? std::string() : container->second.id,
                        orphan.record ? orphan.record->image : std::string(),
                        orphan.record ? orphan.record->overlays : std::string()});
      if (container != containers->end())
        containers->erase(container);
    }
    // Those that nobody has noted, or whose note is gone: with /run at a restart of the machine.
    for (const auto& entry : shared_->entries->list())
      containers->erase(entry.record.id.str());
    for (auto& [id, container] : *containers)
      left.push_back({{.id = sandbox_id(id)},
                      container.id,
                      container.image_id,
                      container.labels[std::string(docker::label_overlays)]});
    bool is_silent = false;
    for (auto one = left.begin(); one != left.end() && !is_silent; ++one)
      is_silent = co_await remove_remains(std::move(*one), mode, report);
    if (mode == recovery_mode::remove && !is_silent)
      co_await remove_volumes(report);
    if (mode == recovery_mode::remove)
      shared_->entries->forget(*scan);
    co_return report;
  }

 private:
  using clock = std::chrono::steady_clock;
  using milliseconds = std::chrono::milliseconds;

  /// What its image took is added to the deadline.
  asio::awaitable<result<instance>> try_start(start_request request, clock::time_point& deadline) {
    auto settled = co_await shared_->left->settle(request.id);
    if (!settled)
      co_return fail(std::move(settled.error()));
    const auto made = new_box(request.id);
    if (!boxes_->add(made))
      co_return fail(errc::already_exists, "the sandbox " + request.id.str() + " exists");
    auto started = co_await transport::run_on(made->strand(), made->start(std::move(request)));
    if (!started)
      boxes_->drop(made->id());
    deadline += made->preparation_time();
    co_return started;
  }

  using container_map = std::map<std::string, container_summary>;

  static constexpr milliseconds recovery_patience{4'000}; ///< for an engine that is silent
  static constexpr milliseconds removal_patience{20'000}; ///< for one that is at work

  asio::awaitable<result<container_map>> containers_by_id(milliseconds patience) {
    auto listed = co_await docker::own_containers(shared_->engine.within(patience),
                                                  filter_of(shared_->registry_name));
    if (!listed)
      co_return fail(std::move(listed.error()));
    container_map by_id;
    for (auto& one : *listed) {
      auto id = one.labels[std::string(docker::label_sandbox)];
      by_id.emplace(std::move(id), std::move(one));
    }
    co_return by_id;
  }

  /// The container of a sandbox that came after the others were listed.
  asio::awaitable<result<std::optional<container_summary>>> made_since(sandbox_id id) {
    auto ours = co_await docker::own_containers(shared_->engine.within(recovery_patience),
                                                docker::label_of(id));
    if (!ours)
      co_return fail(std::move(ours.error()));
    if (ours->empty())
      co_return std::optional<container_summary>();
    co_return std::move(ours->front());
  }

  struct remains {
    removed_sandbox what;
    std::string container; ///< its id; empty: there is none
    std::string image;     ///< empty: not known
    std::string overlays;
  };

  /// Whether the engine said nothing, so that nothing more is to be asked of it.
  asio::awaitable<bool> remove_remains(remains left, recovery_mode mode, recovery_report& report) {
    if (mode == recovery_mode::remove) {
      const auto name = docker::container_name(left.what.id);
      auto engine = shared_->engine.within(removal_patience);
      result<void> removed;
      if (!left.container.empty())
        removed = co_await engine.remove(left.container);
      if (!removed) {
        report.failures.push_back(std::move(removed.error()));
        co_return report.failures.back().code == errc::timed_out ||
            report.failures.back().code == errc::connection_failed;
      }
      // Named after the container: a record that says otherwise is not ours.
      const std::vector<std::string> places = {
          std::filesystem::path(left.overlays).filename() == name ? left.overlays : "",
          left.what.directory};
      for (const auto& place : places) {
        if (place.empty())
          continue;
        removed = co_await docker::remove_tree(engine, place, left.image);
        if (!removed) {
          report.failures.push_back(std::move(removed.error()));
          co_return false;
        }
      }
    }
    report.removed.push_back(std::move(left.what));
    co_return false;
  }

  /// Those of containers that somebody else removed.
  asio::awaitable<void> remove_volumes(recovery_report& report) {
    auto engine = shared_->engine.within(removal_patience);
    const auto volumes = co_await engine.list_volumes(filter_of(shared_->registry_name));
    if (!volumes) {
      report.failures.push_back(volumes.error());
      co_return;
    }
    for (const auto& volume : *volumes) {
      const auto whose = volume.labels.find(std::string(docker::label_sandbox));
      if (whose == volume.labels.end() || shared_->entries->find(sandbox_id(whose->second)))
        continue;
      auto removed = co_await engine.remove_volume(volume.name);
      if (!removed)
        report.failures.push_back(std::move(removed.error()));
    }
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
        [boxes = boxes_, left = shared_->left](bool was_away) {
          left->hurry();
          for (const auto& live : boxes->all())
            asio::post(live->strand(), [live, was_away] { live->catch_up(was_away); });
        });
    watch_->begin();
  }

  [[nodiscard]] bool has_no_owner(const registry_entry& entry) const override {
    return !entry.record.kept && !entry.owned;
  }

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
  auto calls = sandfleet::docker::client::open(executor, std::move(*host));
  if (!calls)
    return fail(std::move(calls.error()));
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
                     sandfleet::docker::api(std::move(*calls)),
                     registry_name(place),
                     place + "/ports",
                     std::make_shared<docker::agent_archive>(agent),
                     nullptr,
                     std::make_shared<docker::removals>(executor)};
  parts.images = std::make_shared<docker::image_store>(executor, parts.engine, parts.settings);
  return std::make_shared<docker_provider>(executor, std::move(parts));
}

} // namespace sandfleet::providers
