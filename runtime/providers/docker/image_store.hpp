#pragma once

#include "runtime/docker/api.hpp"
#include "runtime/providers/docker/derived_image.hpp"
#include "runtime/providers/docker/flights.hpp"
#include "runtime/providers/docker_provider.hpp"
#include "runtime/providers/provider.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <string>

namespace sandfleet::providers::docker {

/// The images of the sandboxes of one provider. Whoever wants an image that somebody else is
/// waiting for waits with them. Thread-safe.
class image_store : public std::enable_shared_from_this<image_store> {
 public:
  using preparation_sink = std::function<void(preparation)>; ///< may be empty

  image_store(boost::asio::any_io_executor executor, sandfleet::docker::api engine,
              docker_settings settings);

  /// From its registry, with what Docker's config.json has of logins. Errors say whose fault it is
  /// and what to do; `unsupported` for an image of another processor, unless `platform` wants it.
  boost::asio::awaitable<result<void>> pull(std::string image, std::string platform);

  /// The name of an image that is another one with commands run in it: the one that is there, or it
  /// is built. `on_preparing` is told of what that waits for. Errors: those of `pull`; class `task`
  /// with the step, the command and its exit code where one failed.
  boost::asio::awaitable<result<std::string>> derive(derived_image wish,
                                                     preparation_sink on_preparing);

 private:
  boost::asio::awaitable<result<sandfleet::docker::image_info>>
  find(std::string image, std::string platform, preparation_sink on_preparing);
  boost::asio::awaitable<result<std::string>>
  build_now(std::string name, sandfleet::docker::api::build_request request);
  boost::asio::awaitable<result<std::string>> pull_now(std::string image, std::string platform);

  boost::asio::any_io_executor executor_;
  sandfleet::docker::api engine_;
  docker_settings settings_;
  std::shared_ptr<flights> flights_;
};

} // namespace sandfleet::providers::docker
