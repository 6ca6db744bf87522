#pragma once

#include "runtime/providers/provider.hpp"

#include <sandfleet/error.hpp>
#include <sandfleet/remote.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace sandfleet::providers {

struct remote_settings {
  remote_options service;
  std::string state_dir; ///< empty: `default_state_dir()`
  std::string default_image;
  /// How long an image with `extra_deps` may take to be built, beside the time of a start.
  std::chrono::milliseconds image_timeout{1'800'000};

  /// Between two looks at a build, or at a sandbox whose end somebody waits for: at first, and at
  /// most.
  std::chrono::milliseconds first_look{500};
  std::chrono::milliseconds rarest_look{10'000};
};

/// Sandboxes of a runtime service: OpenHands' hosted one, `sandfleet serve`, or another that speaks
/// the Remote Runtime API. The service is not asked for anything before it is needed. Sandboxes
/// that are not kept are stopped when the provider goes; of a provider whose process was killed, by
/// the next one's `recover`. Errors: `invalid_configuration` for an address or a key that is none.
[[nodiscard]] result<std::shared_ptr<provider>>
make_remote_provider(const boost::asio::any_io_executor& executor, remote_settings settings);

} // namespace sandfleet::providers
