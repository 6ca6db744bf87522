#pragma once

#include "runtime/docker/host.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <variant>

namespace sandfleet::docker {

/// How a registry knows somebody.
struct registry_login {
  std::string user;
  std::string password;
  std::string identity_token; ///< in the place of both
  std::string server;         ///< as `config.json` calls the registry

  friend bool operator==(const registry_login&, const registry_login&) = default;
};

/// A program that knows the login: `docker-credential-NAME get`, with the server on its input.
struct login_program {
  std::string name;
  std::string server;

  friend bool operator==(const login_program&, const login_program&) = default;
};

/// Nothing: nobody has logged in.
using login_source = std::variant<std::monostate, registry_login, login_program>;

/// The registry of an image, as in its name; "docker.io" where the name says none.
[[nodiscard]] std::string registry_of(std::string_view image);

/// What a `config.json` says of a registry: `credHelpers`, then `credsStore`, then `auths`, as
/// Docker's command line does it. Errors: `invalid_configuration`.
[[nodiscard]] result<login_source> find_login(std::string_view config, std::string_view registry);

/// What a login program printed.
[[nodiscard]] result<registry_login> read_login(std::string_view json, std::string_view server);

/// The value of X-Registry-Auth.
[[nodiscard]] std::string auth_header(const registry_login& login);

/// The value of X-Registry-Auth for the image's registry; empty where nobody has logged in. A login
/// program is killed when it takes longer. Errors: those of `find_login`; `start_failed` with what
/// the program said; `timed_out`.
boost::asio::awaitable<result<std::string>> registry_auth(boost::asio::any_io_executor executor,
                                                          host_surroundings around,
                                                          std::string image,
                                                          std::chrono::milliseconds patience);

} // namespace sandfleet::docker
