#include "runtime/docker/registry_login.hpp"

#include "runtime/core/text.hpp"
#include "runtime/docker/json_view.hpp"
#include "runtime/protocol/base64.hpp"
#include "runtime/protocol/json_writer.hpp"
#include "runtime/transport/child_process.hpp"
#include "runtime/transport/deadline.hpp"
#include "runtime/transport/op.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <sys/wait.h>

namespace sandfleet::docker {

namespace asio = boost::asio;

namespace {

constexpr std::string_view hub = "docker.io";
constexpr std::string_view hub_server = "https://index.docker.io/v1/";
constexpr std::size_t longest_answer = 64U << 10;

/// Of "https://HOST/v1/" the host.
std::string_view host_of(std::string_view server) {
  for (const std::string_view scheme : {"https://", "http://"})
    if (server.starts_with(scheme))
      server.remove_prefix(scheme.size());
  return server.substr(0, server.find('/'));
}

std::string server_of(std::string_view registry) {
  return std::string(registry == hub ? hub_server : registry);
}

tl::unexpected<error> misfit(std::string_view registry, std::string why) {
  return fail(make_error(errc::invalid_configuration, "config.json of Docker: the login of '" +
                                                          std::string(registry) + "' " +
                                                          std::move(why))
                  .with_hint("'docker login' writes it anew"));
}

/// `auth` is base64 of "USER:PASSWORD".
result<registry_login> read_entry(const json_view& entry, std::string_view registry) {
  registry_login read;
  read.server = server_of(registry);
  read.identity_token = entry.at("identitytoken").text();
  read.user = entry.at("username").text();
  read.password = entry.at("password").text();
  const auto packed = entry.at("auth").text();
  if (packed.empty())
    return read;
  const auto pair = protocol::base64_decode(packed);
  const auto colon = pair ? pair->find(':') : std::string::npos;
  if (colon == std::string::npos)
    return misfit(registry, "is not base64 of USER:PASSWORD");
  read.user = pair->substr(0, colon);
  read.password = pair->substr(colon + 1);
  while (read.password.ends_with('\0'))
    read.password.pop_back();
  return read;
}

bool is_empty(const registry_login& login) {
  return login.user.empty() && login.password.empty() && login.identity_token.empty();
}

error program_failed(const login_program& program, errc code, std::string why) {
  return make_error(code, "docker-credential-" + program.name + " has no login for '" +
                              program.server + "'")
      .blamed_on(failure_class::infrastructure)
      .with_cause(std::move(why))
      .with_hint("'credsStore' and 'credHelpers' of Docker's config.json name this program");
}

/// The program gets its input from a document of the shell's: it reads to the end.
transport::child_command command_of(const login_program& program) {
  return {.program = "/bin/sh",
          .arguments = {"-c", "exec \"docker-credential-$0\" get 2>/dev/null <<END\n$1\nEND\n",
                        program.name, program.server}};
}

asio::awaitable<result<std::string>> ask(login_program program,
                                         std::chrono::milliseconds patience) {
  const auto executor = co_await asio::this_coro::executor;
  auto child = transport::child_process::start(executor, command_of(program));
  if (!child)
    co_return fail(std::move(child.error()));
  bool late = false;
  const transport::deadline limit(executor, patience, [&] {
    late = true;
    child->kill(SIGKILL);
  });
  std::string said;
  std::array<char, 4096> piece{};
  for (;;) {
    const auto got = co_await child->read(piece);
    if (!got || *got == 0 || said.size() > longest_answer)
      break;
    said.append(piece.data(), *got);
  }
  if (said.size() > longest_answer)
    child->kill(SIGKILL);
  const auto status = co_await child->wait();
  if (late)
    co_return fail(program_failed(program, errc::timed_out, "it did not answer in time"));
  if (!status || !WIFEXITED(*status))
    co_return fail(program_failed(program, errc::start_failed, "it was killed"));
  const auto text = std::string(core::trim(said));
  if (WEXITSTATUS(*status) == 0)
    co_return text;
  if (text.find("credentials not found") != std::string::npos)
    co_return std::string();
  co_return fail(program_failed(program, errc::start_failed,
                                WEXITSTATUS(*status) == 127 ? "it is not installed"
                                : text.empty()
                                    ? "it ended with " + std::to_string(WEXITSTATUS(*status))
                                    : text));
}

} // namespace

std::string registry_of(std::string_view image) {
  const auto slash = image.find('/');
  const auto first = image.substr(0, slash);
  const bool is_host = slash != std::string_view::npos &&
                       (first == "localhost" || first.find_first_of(".:") != first.npos);
  if (!is_host || first == "index.docker.io")
    return std::string(hub);
  return std::string(first);
}

result<login_source> find_login(std::string_view config, std::string_view registry) {
  if (core::trim(config).empty())
    return login_source();
  const auto text = json_text::parse(config, "config.json of Docker");
  if (!text)
    return fail(make_error(errc::invalid_configuration, "config.json of Docker is not JSON")
                    .with_cause(text.error().cause));
  const auto& root = text->root();
  const auto server = server_of(registry);
  std::string helper;
  root.at("credHelpers").each_member([&](std::string_view name, const json_view& value) {
    if (host_of(name) == host_of(server))
      helper = value.text();
  });
  if (helper.empty())
    helper = root.at("credsStore").text();
  if (!helper.empty())
    return login_source(login_program{helper, server});
  result<registry_login> found;
  root.at("auths").each_member([&](std::string_view name, const json_view& entry) {
    if (host_of(name) == host_of(server) && found && is_empty(*found))
      found = read_entry(entry, registry);
  });
  if (!found)
    return fail(std::move(found.error()));
  return is_empty(*found) ? login_source() : login_source(std::move(*found));
}

result<registry_login> read_login(std::string_view json, std::string_view server) {
  const auto text = json_text::parse(json, "the answer of a login program");
  if (!text)
    return fail(text.error());
  registry_login read;
  read.server = server;
  read.user = text->root().at("Username").text();
  read.password = text->root().at("Secret").text();
  if (read.user == "<token>") {
    read.user.clear();
    read.identity_token = std::exchange(read.password, {});
  }
  return read;
}

std::string auth_header(const registry_login& login) {
  protocol::json_writer out;
  out.begin_object();
  if (login.identity_token.empty())
    out.member("username", login.user).member("password", login.password);
  else
    out.member("identitytoken", login.identity_token);
  out.member("serveraddress", login.server).end_object();
  auto text = protocol::base64_encode(std::move(out).take());
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

asio::awaitable<result<std::string>> registry_auth(asio::any_io_executor executor,
                                                   host_surroundings around, std::string image,
                                                   std::chrono::milliseconds patience) {
  const auto found = find_login(docker_config_text(around), registry_of(image));
  if (!found)
    co_return fail(found.error());
  if (const auto* login = std::get_if<registry_login>(&*found))
    co_return auth_header(*login);
  const auto* program = std::get_if<login_program>(&*found);
  if (program == nullptr)
    co_return std::string();
  auto asked = co_await transport::run_on(std::move(executor), ask(*program, patience));
  if (!asked || asked->empty())
    co_return asked;
  const auto login = read_login(*asked, program->server);
  if (!login)
    co_return fail(login.error());
  co_return auth_header(*login);
}

} // namespace sandfleet::docker
