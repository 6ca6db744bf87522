#pragma once

#include "runtime/core/backoff.hpp"
#include "runtime/transport/op.hpp"

#include <sandfleet/error.hpp>
#include <sandfleet/ids.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace sandfleet::providers::docker {

/// Pauses between attempts that never end: up to 10 s.
[[nodiscard]] core::backoff endless_backoff();

/// What could not be removed, since the engine was away or refused it: tried again, later and
/// later, until it is done. Thread-safe.
class removals : public std::enable_shared_from_this<removals> {
 public:
  using removal = std::function<boost::asio::awaitable<result<void>>()>;

  explicit removals(const boost::asio::any_io_executor& executor);

  void add(sandbox_id id, removal remove);
  /// Completes when nothing of that id is left, or with the failure of an attempt that ended
  /// meanwhile.
  boost::asio::awaitable<result<void>> settle(sandbox_id id);
  /// The engine is back.
  void hurry();
  /// Nothing is tried any more, and what was to be removed is forgotten at once: it holds what
  /// holds this.
  void close();

 private:
  struct item {
    removal remove;
    unsigned attempts = 0;
    error failure;
  };

  using item_map = std::map<sandbox_id, std::shared_ptr<item>>;

  item_map all() const;
  [[nodiscard]] std::shared_ptr<item> find(const sandbox_id& id) const;
  boost::asio::awaitable<result<void>> work();
  boost::asio::awaitable<result<void>> wait(sandbox_id id);
  void ring();

  boost::asio::any_io_executor strand_;
  mutable std::mutex mutex_; ///< of the next two
  item_map items_;
  bool closed_ = false;
  std::vector<boost::asio::steady_timer*> waiting_;
  boost::asio::steady_timer pause_;
  bool hurries_ = false;
  bool works_ = false;
  transport::op job_;
};

} // namespace sandfleet::providers::docker
