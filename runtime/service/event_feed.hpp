#pragma once

#include "runtime/transport/http_server.hpp"

#include <sandfleet/engine.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace sandfleet::service {

/// Which changes of state a client wants to hear of.
struct feed_request {
  std::string owner;
  std::string runtime_id;            ///< of this sandbox alone; empty: of all of the owner
  std::optional<std::int64_t> after; ///< those behind this number; nothing: from now on
};

/// `GET /events`: the changes of state of an owner's sandboxes as server-sent events (HTML, 9.2).
/// They come from the journal, so that one who was away goes on where it left off (Last-Event-ID)
/// and one who is slow holds nothing up. Thread-safe.
class event_feed : public std::enable_shared_from_this<event_feed> {
 public:
  explicit event_feed(engine& runtime) : engine_(runtime) {}

  void begin();
  /// Ends the replies that are under way.
  void close();

  /// Until the client goes.
  boost::asio::awaitable<void> send(transport::http_exchange& exchange, feed_request wanted);

 private:
  struct listener;
  void ring();
  boost::asio::awaitable<result<std::int64_t>> latest();

  engine& engine_;
  subscription listening_;
  std::mutex mutex_;
  std::list<std::weak_ptr<listener>> listeners_;
  bool closed_ = false;
};

} // namespace sandfleet::service
