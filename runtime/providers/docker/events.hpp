#pragma once

#include "runtime/docker/api.hpp"
#include "runtime/transport/op.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <string>

namespace sandfleet::providers::docker {

/// Follows an engine's events for containers with one label, for ever: where the stream breaks, it
/// is asked for again, later and later, up to every 10 s.
class event_watch : public std::enable_shared_from_this<event_watch> {
 public:
  /// `on_event` for each; `on_gap` when some may have been missed, the stream standing again: told
  /// whether nobody answered meanwhile. Both are called on a strand of its own.
  event_watch(const boost::asio::any_io_executor& executor, sandfleet::docker::api engine,
              std::string label, sandfleet::docker::event_sink on_event,
              std::function<void(bool was_away)> on_gap);

  void begin();
  void end();

 private:
  boost::asio::awaitable<result<void>> follow();

  boost::asio::any_io_executor executor_;
  sandfleet::docker::api engine_;
  std::string label_;
  sandfleet::docker::event_sink on_event_;
  std::function<void(bool)> on_gap_;
  transport::op work_;
};

} // namespace sandfleet::providers::docker
