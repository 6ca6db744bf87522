#pragma once

#include <chrono>
#include <string>

namespace sandfleet {

/// The service that makes the sandboxes of the provider `remote`, by OpenHands' Remote Runtime API.
struct remote_options {
  std::string api_url = "http://localhost:8000"; ///< http://HOST[:PORT][/PATH], or https
  std::string api_key;                           ///< never logged
  std::chrono::milliseconds api_timeout{30'000}; ///< for one request
  int resource_factor = 1;    ///< 1, 2, 4 or 8 times what a sandbox has there of CPU and memory
  std::string runtime_class;  ///< "gvisor", "sysbox"; empty: the service's own
  bool enable_retries = true; ///< requests that fail for the network's sake are made again
};

} // namespace sandfleet
