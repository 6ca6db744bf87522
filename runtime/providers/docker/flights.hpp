#pragma once

#include "runtime/transport/op.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sandfleet::providers::docker {

/// Work that several may want at the same time and that is done once for all who wait for it: its
/// outcome is everybody's. It is cancelled when nobody waits any more. Thread-safe.
class flights : public std::enable_shared_from_this<flights> {
 public:
  using work = std::function<boost::asio::awaitable<result<std::string>>()>;

  explicit flights(const boost::asio::any_io_executor& executor);

  /// `begin` makes the work where none of that name is under way.
  boost::asio::awaitable<result<std::string>> join(std::string name, work begin);

 private:
  struct flight {
    transport::op job;
    std::optional<result<std::string>> outcome;
    std::vector<boost::asio::steady_timer*> waiting;
  };

  boost::asio::awaitable<result<std::string>> wait(std::string name, work begin);
  std::shared_ptr<flight> take_off(const std::string& name, const work& begin);

  boost::asio::any_io_executor strand_;
  std::map<std::string, std::shared_ptr<flight>> under_way_;
};

} // namespace sandfleet::providers::docker
