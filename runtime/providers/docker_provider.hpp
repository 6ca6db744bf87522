#pragma once

#include "runtime/docker/host.hpp"
#include "runtime/providers/provider.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sandfleet::providers {

struct docker_settings {
  std::string agent_program; ///< absolute
  std::string state_dir;     ///< empty: `default_state_dir()`
  std::string host;          ///< of the engine; empty: as `docker::find_engine_host` says
  std::string default_image;
  /// Told what an agent prints, a line at a time; may be empty.
  std::function<void(const sandbox_id& id, std::string_view line)> on_log;

  /// Told of what fails no call and is to be known: "start_waits_for_engine", for one that was
  /// there and does not answer; "left_behind", of files that cannot be removed. May be empty.
  std::function<void(const sandbox_id& id, std::string_view event, const error& failure)>
      on_trouble;

  /// How long an image may take to come or to be made, beside the time of a sandbox's start.
  std::chrono::milliseconds image_timeout{1'800'000};
  std::string image_repository = "sandfleet/runtime"; ///< of images with `extra_deps`
  /// Told how an image comes along, at most once a second, and what a build of one prints, a line
  /// at a time; may be empty.
  std::function<void(std::string_view image, std::string_view line)> on_image;
};

/// Sandboxes in containers of a Docker engine, or of podman's service. The engine is not asked for
/// anything before it is needed. Containers that are not kept are removed when the provider goes;
/// of a provider whose process was killed, by the next one's `recover`.
[[nodiscard]] result<std::shared_ptr<provider>>
make_docker_provider(const boost::asio::any_io_executor& executor, docker_settings settings);

} // namespace sandfleet::providers
