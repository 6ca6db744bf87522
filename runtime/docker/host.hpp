#pragma once

#include "runtime/transport/endpoint.hpp"

#include <sandfleet/error.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sandfleet::docker {

/// PEM files of a connection over TLS.
struct tls_files {
  std::string ca; ///< empty: the system's authorities
  std::string certificate;
  std::string key;
  bool verify = true; ///< of the engine's certificate

  friend bool operator==(const tls_files&, const tls_files&) = default;
};

/// Where a Docker engine, or podman's service, answers.
struct engine_host {
  transport::endpoint where;
  std::optional<tls_files> tls;
  std::string origin; ///< who said so: "DOCKER_HOST", "the context 'NAME'", ...

  /// It has this machine's files: what is mounted from here is seen there.
  [[nodiscard]] bool is_local() const {
    return std::holds_alternative<transport::unix_endpoint>(where);
  }
};

/// What finding it depends on.
struct host_surroundings {
  std::map<std::string, std::string> environment;
  std::string home; ///< may be empty
};

[[nodiscard]] host_surroundings current_surroundings();

/// The text of `config.json` in DOCKER_CONFIG or ~/.docker; empty where there is none.
[[nodiscard]] std::string docker_config_text(const host_surroundings& around);

/// In the order of Docker's own command line: `given`, DOCKER_HOST (with DOCKER_TLS_VERIFY and
/// DOCKER_CERT_PATH), DOCKER_CONTEXT, the current context of `config.json` in DOCKER_CONFIG or
/// ~/.docker, the usual socket; then those of a rootless Docker and of podman, where they exist.
/// `given` and DOCKER_HOST are `unix:///PATH` or `tcp://HOST:PORT`. Errors:
/// `invalid_configuration`, naming what is wrong, and `unsupported` for ssh and named pipes.
[[nodiscard]] result<engine_host> find_engine_host(const host_surroundings& around,
                                                   std::string_view given = {});

} // namespace sandfleet::docker
