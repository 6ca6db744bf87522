#pragma once

#include "runtime/docker/api.hpp"
#include "runtime/service/api_keys.hpp"
#include "runtime/service/fleet.hpp"
#include "runtime/tls/server.hpp"
#include "runtime/transport/endpoint.hpp"
#include "runtime/transport/http_server.hpp"

#include <sandfleet/engine.hpp>
#include <sandfleet/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace sandfleet::service {

struct service_settings {
  transport::endpoint listen = transport::tcp_endpoint{"127.0.0.1", 3000};
  /// "https://host/path" before a sandbox's id in its url, or "https://{runtime_id}.host"; empty:
  /// `http://`, or `https://` with `tls`, and the host that the client named.
  std::string public_url;
  std::optional<tls::server> tls;            ///< nothing: plain HTTP
  std::string registry_prefix = "sandfleet"; ///< of `GET /registry_prefix`
  std::optional<docker::api> images;         ///< where images are looked for and built
  std::chrono::milliseconds build_timeout{1'800'000};
  fleet_settings fleet;
};

/// The Remote Runtime API over HTTP and, below `/{runtime_id}/`, each sandbox's own agent.
class service {
 public:
  /// The engine must outlive it, keep a journal and keep its sandboxes.
  service(engine& runtime, std::shared_ptr<api_keys> keys, service_settings settings);
  ~service();
  service(const service&) = delete;
  service& operator=(const service&) = delete;

  /// After the keys have changed.
  void keys_changed();

  /// Takes up what runs, then listens.
  boost::asio::awaitable<result<void>> begin();
  [[nodiscard]] std::uint16_t port() const;

  /// Answers new requests 503, and completes when those under way are answered, at most after
  /// `grace`. Sandboxes stay.
  boost::asio::awaitable<void> drain(std::chrono::milliseconds grace);

  struct impl;

 private:
  std::shared_ptr<impl> impl_;
};

} // namespace sandfleet::service
