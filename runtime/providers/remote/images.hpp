#pragma once

#include "runtime/providers/docker/derived_image.hpp"
#include "runtime/providers/docker/flights.hpp"
#include "runtime/providers/remote/api.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace sandfleet::providers::remote {

/// Has images with `extra_deps` built by a runtime service: one build for all who want the same.
/// Thread-safe. Errors: `start_failed` of class task with what the service says of a build that
/// failed; `timed_out`; those of the service.
class image_builds : public std::enable_shared_from_this<image_builds> {
 public:
  struct patience {
    std::chrono::milliseconds build;       ///< for a whole one
    std::chrono::milliseconds first_look;  ///< between looks at it, at first
    std::chrono::milliseconds rarest_look; ///< and at most
  };

  image_builds(const boost::asio::any_io_executor& executor, service_api service, patience limits);

  /// The name of the image. `on_building` is told when it has to be built.
  boost::asio::awaitable<result<std::string>> derive(docker::derived_image wish,
                                                     std::function<void()> on_building);

 private:
  struct order {
    std::string name;
    std::vector<std::string> tags;
    std::string context; ///< base64 of a tar.gz
  };

  boost::asio::awaitable<result<std::string>> registry() const;
  boost::asio::awaitable<result<bool>> exists(std::string image) const;
  boost::asio::awaitable<result<std::string>> build(order wanted) const;
  boost::asio::awaitable<result<std::string>> begin(const order& wanted) const;

  service_api service_;
  patience limits_;
  std::shared_ptr<docker::flights> under_way_;
};

} // namespace sandfleet::providers::remote
