#include "runtime/providers/local_provider.hpp"

#include "runtime/core/file_limit.hpp"
#include "runtime/providers/box_provider.hpp"
#include "runtime/providers/local/box.hpp"
#include "runtime/providers/local/remains.hpp"
#include "runtime/providers/registry.hpp"
#include "runtime/transport/op.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <unistd.h>

namespace sandfleet::providers {

namespace asio = boost::asio;
using local::box;
using local::shared_parts;

namespace {

constexpr std::chrono::milliseconds recovery_patience{5'000};

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
  info.session_id = std::move(record.session_id);
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

class local_provider final : public box_provider<box, shared_parts> {
 public:
  local_provider(asio::any_io_executor executor, shared_parts parts)
      : box_provider(std::move(executor), std::move(parts)), can_pause_(::geteuid() == 0) {}

  ~local_provider() override {
    abandon_all();
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
    const auto made = new_box(request.id);
    if (!boxes_->add(made))
      co_return fail(errc::already_exists, "the sandbox " + request.id.str() + " exists");
    auto started = co_await transport::run_on(made->strand(), made->start(request.spec));
    if (started)
      can_pause_ = made->can_pause();
    else
      boxes_->drop(request.id);
    co_return started;
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
    shared_->entries->forget(*scan);
    co_return report;
  }

 private:
  [[nodiscard]] bool has_no_owner(const registry_entry& entry) const override {
    return entry.abandoned();
  }

  std::atomic<bool> can_pause_;
};

} // namespace

result<std::shared_ptr<provider>> make_local_provider(const asio::any_io_executor& executor,
                                                      local_settings settings) {
  core::raise_file_limit(); // each sandbox costs two descriptors here, its agent's connections more
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
