#include "runtime/providers/remote_provider.hpp"

#include "runtime/providers/agent_life.hpp"
#include "runtime/providers/box_provider.hpp"
#include "runtime/providers/remote/box.hpp"
#include "runtime/providers/remote/known_sandboxes.hpp"
#include "runtime/transport/op.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <set>
#include <unistd.h>

namespace sandfleet::providers {

namespace asio = boost::asio;
using remote::box;
using remote::shared_parts;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds list_patience{25'000};
constexpr milliseconds recovery_patience{10'000}; ///< a call; a program waits for all of them

class remote_provider final : public box_provider<box, shared_parts> {
 public:
  remote_provider(asio::any_io_executor executor, shared_parts parts)
      : box_provider(std::move(executor), std::move(parts)) {}

  ~remote_provider() override { abandon_all(); }

  void close() override {
    shared_->left->close();
    auto service = shared_->service;
    service.keep_none();
  }

  [[nodiscard]] provider_name name() const override { return provider_name("remote"); }

  [[nodiscard]] capabilities can() const override {
    return {.pause = true, .survives_engine = true};
  }

  asio::awaitable<result<instance>> start(start_request request) override {
    auto settled = co_await shared_->left->settle(request.id);
    if (!settled)
      co_return fail(std::move(settled.error()));
    const auto made = new_box(request.id);
    if (!boxes_->add(made))
      co_return fail(errc::already_exists, "the sandbox " + request.id.str() + " exists");
    auto started = co_await transport::run_on(made->strand(), made->start(std::move(request)));
    if (!started)
      boxes_->drop(made->id());
    co_return started;
  }

  /// One that somebody started elsewhere gets an entry here.
  asio::awaitable<result<instance>> attach(sandbox_id id) override {
    if (!shared_->entries->find(id)) {
      auto noted = co_await note_stranger(id);
      if (!noted)
        co_return fail(std::move(noted.error()));
    }
    co_return co_await box_provider::attach(std::move(id));
  }

  asio::awaitable<result<std::vector<sandbox_info>>> list() override {
    const auto calls = shared_->service.within(list_patience);
    auto told = co_await calls.list();
    if (!told)
      co_return fail(std::move(told.error()));
    auto found = remote::merge(shared_->entries->list(), std::move(*told), calls.url());
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
    scan->scan = file_lock(); // what follows may be done twice
    std::ranges::move(scan->failures, std::back_inserter(report.failures));
    std::erase_if(scan->orphans, [&](const orphan& one) {
      return one.record && remote::is_elsewhere(*one.record, shared_->service.url());
    });
    auto lives = co_await find_kept(scan->orphans);
    if (!lives) {
      report.failures.push_back(std::move(lives.error()));
      co_return report;
    }
    for (const auto& orphan : scan->orphans) {
      if (lives->contains(orphan.id))
        continue;
      auto removed = co_await take_away(orphan, mode);
      if (!removed)
        report.failures.push_back(std::move(removed.error()));
      else if (*removed)
        report.removed.push_back({.id = orphan.id, .directory = orphan.dir});
    }
    if (mode == recovery_mode::remove)
      shared_->entries->forget(*scan);
    co_return report;
  }

 private:
  using runtime_object = protocol::runtime_object;

  asio::awaitable<result<void>> note_stranger(const sandbox_id& id) {
    const auto calls = shared_->service.within(list_patience);
    const auto told = co_await calls.list();
    if (!told)
      co_return fail(told.error());
    const auto found = std::ranges::find(*told, id, remote::id_of_stranger);
    if (found == told->end())
      co_return fail(errc::not_found, "there is no sandbox " + id.str());
    sandbox_record record;
    record.id = id;
    sandbox_spec named;
    named.session_id = found->session_id;
    if (found->session_id != id.str() && validate(named)) // it becomes a part of a path
      record.session_id = found->session_id;
    record.owner = shared_->entries->owner();
    record.owner_pid = ::getpid();
    record.kept = true;
    record.image = found->image;
    record.workspace = sandbox_spec().workspace;
    record.boot_id = current_boot_id();
    record.engine = calls.url();
    record.was_asked_for = true;
    record.runtime_id = found->runtime_id;
    auto noted = shared_->entries->add(record, "");
    if (!noted)
      co_return fail(std::move(noted.error()));
    co_return result<void>{};
  }

  /// Those that go on without the program that kept them.
  asio::awaitable<result<std::set<sandbox_id>>> find_kept(const std::vector<orphan>& left) {
    std::set<sandbox_id> living;
    const auto is_kept = [](const orphan& one) {
      return one.record && one.record->kept && !has_expired(*one.record);
    };
    if (std::ranges::none_of(left, is_kept))
      co_return living;
    const auto calls = shared_->service.within(recovery_patience);
    const auto told = co_await calls.list();
    if (!told)
      co_return fail(told.error());
    for (const auto& one : left) {
      if (!is_kept(one))
        continue;
      const auto found =
          std::ranges::find(*told, one.record->runtime_id, &runtime_object::runtime_id);
      if (found != told->end() &&
          remote::judge(one.id, *found, true).now != remote::condition::ended)
        living.insert(one.id);
    }
    co_return living;
  }

  /// What a program that died has left at the service; whether it was taken away.
  asio::awaitable<result<bool>> take_away(const orphan& left, recovery_mode mode) {
    const auto calls = shared_->service.within(recovery_patience);
    auto runtime_id = left.record ? left.record->runtime_id : std::string();
    const bool may_be_there = !left.record || left.record->was_asked_for || !runtime_id.empty();
    if (runtime_id.empty() && may_be_there) {
      const bool is_named = left.record && !left.record->session_id.empty();
      const auto found =
          co_await calls.find_session(is_named ? left.record->session_id : left.id.str());
      if (!found)
        co_return fail(found.error());
      if (*found)
        runtime_id = (*found)->runtime_id;
    }
    if (!runtime_id.empty() && left.record && left.record->kept && !has_expired(*left.record)) {
      // Not every service lists all that it has.
      const auto found = co_await calls.find(runtime_id);
      if (!found)
        co_return fail(found.error());
      if (*found && remote::judge(left.id, **found, true).now != remote::condition::ended)
        co_return false;
    }
    if (mode == recovery_mode::look)
      co_return true;
    if (!runtime_id.empty()) {
      const auto stopped = co_await calls.stop(runtime_id);
      if (!stopped)
        co_return fail(stopped.error());
    }
    std::error_code failed;
    std::filesystem::remove_all(left.dir, failed);
    if (failed)
      co_return fail(
          errno_error(errc::io_error, "cannot remove '" + left.dir + "'", failed.value()));
    co_return true;
  }

  [[nodiscard]] bool has_no_owner(const registry_entry& entry) const override {
    return !entry.record.kept && !entry.owned;
  }
};

} // namespace

result<std::shared_ptr<provider>> make_remote_provider(const asio::any_io_executor& executor,
                                                       remote_settings settings) {
  auto service = remote::service_api::open(executor, settings.service);
  if (!service)
    return fail(std::move(service.error()));
  if (settings.state_dir.empty())
    settings.state_dir = default_state_dir();
  // Apart from those of the local provider, whose entries say something about processes.
  auto entries = registry::open(settings.state_dir + "/remote");
  if (!entries)
    return fail(std::move(entries.error()));
  auto images = std::make_shared<remote::image_builds>(
      executor, *service,
      remote::image_builds::patience{settings.image_timeout, settings.first_look,
                                     settings.rarest_look});
  shared_parts parts{std::move(settings), std::move(*entries), std::move(*service),
                     std::make_shared<docker::removals>(executor), std::move(images)};
  return std::make_shared<remote_provider>(executor, std::move(parts));
}

} // namespace sandfleet::providers
