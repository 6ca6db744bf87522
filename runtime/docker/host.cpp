#include "runtime/docker/host.hpp"

#include "runtime/docker/json_view.hpp"
#include "runtime/transport/base_url.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unistd.h>

namespace sandfleet::docker {

namespace fs = std::filesystem;

namespace {

constexpr std::uint16_t plain_port = 2375;
constexpr std::uint16_t tls_port = 2376;
constexpr std::size_t max_file_bytes = 4U << 20;
constexpr std::string_view usual_socket = "/var/run/docker.sock";

tl::unexpected<error> misfit(std::string_view origin, std::string_view host, std::string why) {
  return fail(make_error(errc::invalid_configuration,
                         std::string(origin) + ": '" + std::string(host) + "' " + std::move(why))
                  .with_hint("write unix:///PATH or tcp://HOST:PORT"));
}

std::string variable(const host_surroundings& around, const std::string& name) {
  const auto found = around.environment.find(name);
  return found == around.environment.end() ? std::string() : found->second;
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text;
  std::array<char, 4096> piece{};
  while (text.size() < max_file_bytes && (in.read(piece.data(), piece.size()) || in.gcount() > 0))
    text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
  return text;
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

result<engine_host> read_host(std::string_view host, std::optional<tls_files> tls,
                              std::string origin) {
  const auto end = host.find("://");
  const auto scheme = host.substr(0, end);
  const auto rest = end == std::string_view::npos ? std::string_view() : host.substr(end + 3);
  engine_host found;
  found.origin = std::move(origin);
  if (scheme == "unix" && end != std::string_view::npos) {
    found.where = transport::unix_endpoint{std::string(rest.empty() ? usual_socket : rest)};
    if (!rest.empty() && !rest.starts_with('/'))
      return misfit(found.origin, host, "is not an absolute path");
    return found;
  }
  if (scheme == "ssh" || scheme == "npipe" || scheme == "fd")
    return fail(make_error(errc::unsupported,
                           found.origin + ": '" + std::string(host) + "' cannot be reached")
                    .with_cause("engines are reached by a unix socket, TCP or TLS")
                    .with_hint("forward the engine's socket ('ssh -L PATH:/var/run/docker.sock') "
                               "and name it as unix:///PATH"));
  if (scheme != "tcp" && scheme != "http" && scheme != "https")
    return misfit(found.origin, host, "is no address of an engine");
  if (scheme == "https" && !tls)
    tls.emplace();
  const auto address =
      transport::parse_authority(rest.substr(0, rest.find('/')), tls ? tls_port : plain_port);
  if (!address)
    return misfit(found.origin, host, "has no host, or no port from 1 to 65535");
  found.where = *address;
  found.tls = std::move(tls);
  return found;
}

/// The files that a directory has of those that are usual there.
tls_files files_in(const fs::path& directory) {
  const auto one = [&](const char* name) {
    return is_there(directory / name) ? (directory / name).string() : std::string();
  };
  return {.ca = one("ca.pem"), .certificate = one("cert.pem"), .key = one("key.pem")};
}

fs::path docker_directory(const host_surroundings& around) {
  const auto given = variable(around, "DOCKER_CONFIG");
  return given.empty() ? fs::path(around.home) / ".docker" : fs::path(given);
}

/// DOCKER_CERT_PATH alone is TLS without a check of the engine, as in Docker's libraries.
std::optional<tls_files> tls_of_environment(const host_surroundings& around) {
  const auto verify = variable(around, "DOCKER_TLS_VERIFY");
  const auto place = variable(around, "DOCKER_CERT_PATH");
  if (verify.empty() && place.empty() && variable(around, "DOCKER_TLS").empty())
    return std::nullopt;
  const auto directory = place.empty() ? docker_directory(around) : fs::path(place);
  auto files = files_in(directory);
  if (!place.empty() && files == tls_files{}) // what is missing is named when it is read
    files = {.ca = directory / "ca.pem",
             .certificate = directory / "cert.pem",
             .key = directory / "key.pem"};
  files.verify = !verify.empty();
  return files;
}

/// A context's directory is named by a hash of its name; the name itself stands inside.
result<engine_host> read_context(const fs::path& directory, const std::string& name) {
  const auto origin = "the context '" + name + "'";
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(directory / "contexts/meta", failed)) {
    const auto read = json_text::parse(read_file(entry.path() / "meta.json"), origin);
    if (!read || read->root().at("Name").text() != name)
      continue;
    const auto endpoint = read->root().at("Endpoints", "docker");
    const auto files = directory / "contexts/tls" / entry.path().filename() / "docker";
    std::optional<tls_files> tls;
    if (is_there(files)) {
      tls = files_in(files);
      tls->verify = !endpoint.at("SkipTLSVerify").truth();
    } else if (endpoint.at("SkipTLSVerify").truth()) {
      tls.emplace().verify = false;
    }
    return read_host(endpoint.at("Host").text(), std::move(tls), origin);
  }
  return fail(make_error(errc::invalid_configuration, origin + " does not exist")
                  .with_cause("none in " + (directory / "contexts").string() + " has that name")
                  .with_hint("'docker context ls' lists them; DOCKER_HOST goes before contexts"));
}

/// The usual place, else the first of the others where there is something.
engine_host usual_host(const host_surroundings& around) {
  const auto runtime = variable(around, "XDG_RUNTIME_DIR");
  for (const auto& path :
       {std::string(usual_socket), runtime.empty() ? runtime : runtime + "/docker.sock",
        std::string("/run/podman/podman.sock"),
        runtime.empty() ? runtime : runtime + "/podman/podman.sock"}) {
    if (!path.empty() && is_there(path))
      return {transport::unix_endpoint{path}, std::nullopt, "the usual place"};
  }
  return {transport::unix_endpoint{std::string(usual_socket)}, std::nullopt, "the usual place"};
}

} // namespace

host_surroundings current_surroundings() {
  host_surroundings around;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (const auto equals = text.find('='); equals != std::string_view::npos)
      around.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  around.home = variable(around, "HOME");
  return around;
}

std::string docker_config_text(const host_surroundings& around) {
  return read_file(docker_directory(around) / "config.json");
}

result<engine_host> find_engine_host(const host_surroundings& around, std::string_view given) {
  if (!given.empty())
    return read_host(given, tls_of_environment(around), "docker host");
  if (const auto host = variable(around, "DOCKER_HOST"); !host.empty())
    return read_host(host, tls_of_environment(around), "DOCKER_HOST");
  const auto directory = docker_directory(around);
  auto context = variable(around, "DOCKER_CONTEXT");
  if (context.empty()) {
    const auto text = docker_config_text(around);
    if (const auto read = json_text::parse(text.empty() ? "{}" : text, "config.json"); read)
      context = read->root().at("currentContext").text();
  }
  if (!context.empty() && context != "default")
    return read_context(directory, context);
  return usual_host(around);
}

} // namespace sandfleet::docker
