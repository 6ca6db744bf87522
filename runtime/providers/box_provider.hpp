#pragma once

#include "runtime/providers/live_table.hpp"
#include "runtime/providers/provider.hpp"
#include "runtime/providers/registry.hpp"
#include "runtime/transport/op.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <memory>
#include <utility>

namespace sandfleet::providers {

/// What providers have in common whose sandboxes are objects with a strand each: finding the one
/// that is meant, and the report of one that was.
template <class Box, class Shared>
class box_provider : public provider {
 public:
  boost::asio::awaitable<result<exit_report>> wait(sandbox_id id) override {
    const auto live = boxes_->find(id);
    if (!live)
      co_return last_report(id);
    auto report = co_await transport::run_on(live->strand(), live->wait());
    if (report)
      boxes_->end(id, *report);
    co_return report;
  }

  boost::asio::awaitable<result<exit_report>> stop(stop_request request) override {
    const auto live = boxes_->find(request.id);
    if (!live)
      co_return last_report(request.id);
    auto report = co_await transport::run_on(live->strand(), live->stop(request.grace));
    if (report)
      boxes_->end(request.id, *report);
    co_return report;
  }

  boost::asio::awaitable<result<instance_state>> inspect(sandbox_id id) override {
    const auto live = boxes_->find(id);
    if (!live) {
      if (boxes_->report_of(id))
        co_return instance_state::gone;
      co_return fail(unknown(id));
    }
    co_return co_await transport::run_on(live->strand(), live->inspect());
  }

  boost::asio::awaitable<result<void>> pause(sandbox_id id) override {
    const auto live = boxes_->find(id);
    if (!live)
      co_return fail(unknown(id));
    co_return co_await transport::run_on(live->strand(), live->pause());
  }

  boost::asio::awaitable<result<instance>> resume(sandbox_id id) override {
    const auto live = boxes_->find(id);
    if (!live)
      co_return fail(unknown(id));
    co_return co_await transport::run_on(live->strand(), live->resume());
  }

  boost::asio::awaitable<result<instance>> attach(sandbox_id id) override {
    auto entry = shared_->entries->find(id);
    if (!entry)
      co_return fail(unknown(id));
    if (has_no_owner(*entry))
      co_return fail(make_error(errc::not_found, "the sandbox " + id.str() + " has ended")
                         .with_cause("the program that it belonged to has died")
                         .with_hint("'sandfleet gc' removes what is left of it"));
    const auto made = new_box(id);
    if (!boxes_->add(made))
      co_return fail(errc::already_exists, "the sandbox " + id.str() + " is this program's");
    auto attached = co_await transport::run_on(made->strand(), made->attach(std::move(*entry)));
    if (!attached)
      boxes_->drop(id);
    co_return attached;
  }

  boost::asio::awaitable<result<void>> keep(keep_request request) override {
    const auto live = boxes_->find(request.id);
    if (!live)
      co_return fail(unknown(request.id));
    co_return co_await transport::run_on(live->strand(), live->keep(request.time_to_live));
  }

  boost::asio::awaitable<result<void>> release(sandbox_id id) override {
    const auto live = boxes_->find(id);
    if (!live)
      co_return fail(unknown(id));
    auto done = co_await transport::run_on(live->strand(), live->release());
    if (done)
      boxes_->drop(id);
    co_return done;
  }

 protected:
  box_provider(boost::asio::any_io_executor executor, Shared shared)
      : executor_(std::move(executor)), shared_(std::make_shared<const Shared>(std::move(shared))) {
  }

  [[nodiscard]] virtual bool has_no_owner(const registry_entry& entry) const = 0;

  [[nodiscard]] std::shared_ptr<Box> new_box(const sandbox_id& id) const {
    return std::make_shared<Box>(boost::asio::make_strand(executor_), shared_, id);
  }

  void abandon_all() {
    for (const auto& live : boxes_->all())
      boost::asio::post(live->strand(), [live] { live->abandon(); });
  }

  boost::asio::any_io_executor executor_;
  std::shared_ptr<const Shared> shared_;
  std::shared_ptr<live_table<Box>> boxes_ = std::make_shared<live_table<Box>>();

 private:
  static error unknown(const sandbox_id& id) {
    return make_error(errc::not_found, "there is no sandbox " + id.str());
  }

  [[nodiscard]] result<exit_report> last_report(const sandbox_id& id) const {
    if (auto report = boxes_->report_of(id))
      return *report;
    return fail(unknown(id));
  }
};

} // namespace sandfleet::providers
