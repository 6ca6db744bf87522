#include "runtime/providers/local_provider.hpp"

#include "runtime/providers/live_table.hpp"
#include "runtime/providers/local/box.hpp"
#include "runtime/providers/local/remains.hpp"
#include "runtime/providers/registry.hpp"
#include "runtime/transport/op.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <sys/resource.h>
#include <unistd.h>

namespace sandfleet::providers {

namespace asio = boost::asio;
using local::box;
using local::shared_parts;

namespace {

constexpr std::chrono::milliseconds recovery_patience{5'000};

/// Each sandbox costs two descriptors here, its agent's connections more.
void raise_file_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == files.rlim_max)
    return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

error unknown(const sandbox_id& id) {
  return make_error(errc::not_found, "there is no sandbox " + id.str());
}

local::remains remains_of(const orphan& found) {
  local::remains left;
  left.id = found.id;
  left.dir = found.dir;
  left.may_have_strays = !found.record || found.record->isolation == isolation_mode::none;
  if (found.record) {
    left.is_of_this_boot = found.record->boot_id == current_boot_id();
    left.launcher = found.record->launcher;
    left.launcher_start = found.record->launcher_start;
  }
  return left;
}

listed_state state_of(const registry_entry& entry) {
  if (entry.abandoned())
    return listed_state::abandoned;
  std::error_code ignored;
  // The launcher notes the sandbox's first process there.
  if (!std::filesystem::exists(entry.dir + "/init", ignored))
    return listed_state::starting;
  local::remains place;
  place.id = entry.record.id;
  place.dir = entry.dir;
  return local::is_frozen(place) ? listed_state::paused : listed_state::running;
}

sandbox_info info_of(registry_entry entry) {
  using time_point = std::chrono::system_clock::time_point;
  auto& record = entry.record;
  sandbox_info info;
  info.state = state_of(entry);
  info.id = record.id;
  info.provider = provider_name("local");
  info.image = std::move(record.image);
  info.isolation = record.isolation;
  info.kept = record.kept;
  info.created = time_point(std::chrono::milliseconds(record.created_ms));
  if (record.expires_ms != 0)
    info.expires = time_point(std::chrono::milliseconds(record.expires_ms));
  info.owner_pid = record.owner_pid;
  if (entry.owned)
    info.owner_name = local::name_of(record.owner_pid);
  info.launcher_pid = record.launcher;
  info.labels = std::move(record.labels);
  return info;
}

class local_provider final : public provider, public std::enable_shared_from_this<local_provider> {
 public:
  local_provider(asio::any_io_executor executor, shared_parts parts)
      : executor_(std::move(executor)),
        shared_(std::make_shared<const shared_parts>(std::move(parts))),
        can_pause_(::geteuid() == 0) {}

  ~local_provider() override {
    for (const auto& live : boxes_->all())
      asio::post(live->strand(), [live] { live->abandon(); });
    shared_->cleaners->close();
  }

  [[nodiscard]] provider_name name() const override { return provider_name("local"); }

  /// Root may pause; whether a user may is known when the first launcher has told.
  [[nodiscard]] capabilities can() const override {
    capabilities can;
    can.pause = can_pause_;
    can.survives_engine = true;
    return can;
  }

  asio::awaitable<result<instance>> start(start_request request) override {
    auto made = std::make_shared<box>(asio::make_strand(executor_), shared_, request.id);
    if (!boxes_->add(made))
      co_return fail(errc::already_exists, "the sandbox " + request.id.str() + " exists");
    auto started = co_await transport::run_on(made->strand(), made->start(request.spec));
    if (started)
      can_pause_ = made->can_pause();
    else
      boxes_->drop(request.id);
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
    co_return co_await transport::run_on(live->strand(), live->set_paused(true));
  }

  asio::awaitable<result<instance>> resume(sandbox_id id) override {
    const auto live = boxes_->find(id);
    if (!live)
      co_return fail(unknown(id));
    co_return co_await transport::run_on(live->strand(), live->resume());
  }

  asio::awaitable<result<instance>> attach(sandbox_id id) override {
    auto entry = shared_->entries->find(id);
    if (!entry)
      co_return fail(unknown(id));
    if (entry->abandoned())
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
    for (auto& entry : shared_->entries->list())
      found.push_back(info_of(std::move(entry)));
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
    std::vector<local::remains> left;
    for (const auto& found : scan->orphans)
      left.push_back(remains_of(found));
    std::ranges::move(scan->failures, std::back_inserter(report.failures));
    if (mode == recovery_mode::look) {
      for (const auto& one : left)
        report.removed.push_back(local::look_at(one));
      co_return report;
    }
    for (auto& outcome :
         local::remove_remains(left, shared_->settings.launcher_program, recovery_patience)) {
      if (outcome.failure)
        report.failures.push_back(std::move(*outcome.failure));
      else
        report.removed.push_back(std::move(outcome.what));
    }
    registry::forget(*scan);
    co_return report;
  }

 private:
  [[nodiscard]] result<exit_report> last_report(const sandbox_id& id) const {
    if (auto report = boxes_->report_of(id))
      return *report;
    return fail(unknown(id));
  }

  asio::any_io_executor executor_;
  std::shared_ptr<const shared_parts> shared_;
  std::shared_ptr<live_table<box>> boxes_ = std::make_shared<live_table<box>>();
  std::atomic<bool> can_pause_;
};

} // namespace

result<std::shared_ptr<provider>> make_local_provider(const asio::any_io_executor& executor,
                                                      local_settings settings) {
  raise_file_limit();
  if (settings.state_dir.empty())
    settings.state_dir = default_state_dir();
  auto entries = registry::open(settings.state_dir);
  if (!entries)
    return fail(entries.error());
  shared_parts parts;
  parts.settings = std::move(settings);
  parts.entries = std::move(*entries);
  return std::make_shared<local_provider>(executor, std::move(parts));
}

} // namespace sandfleet::providers
