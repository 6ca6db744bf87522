#include "runtime/docker/client.hpp"

#include "runtime/core/text.hpp"
#include "runtime/docker/json_view.hpp"
#include "runtime/tls/client.hpp"
#include "runtime/transport/url.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <optional>

namespace sandfleet::docker {

namespace asio = boost::asio;

namespace {

constexpr std::size_t idle_connections = 8;
constexpr std::size_t max_message = 2000;
constexpr std::chrono::milliseconds ping_timeout{10'000};
constexpr std::chrono::milliseconds answer_timeout{2'000};

/// The versions that this client was written for: from the first with `Platform` in a container's
/// creation to the newest that was looked at. Both are spoken by podman too.
constexpr std::pair<int, int> oldest{1, 24};
constexpr std::pair<int, int> newest{1, 47};

std::optional<std::pair<int, int>> read_version(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos)
    return std::nullopt;
  const auto major = core::parse_integer(text.substr(0, dot));
  const auto minor = core::parse_integer(text.substr(dot + 1));
  if (!major || !minor)
    return std::nullopt;
  return std::pair(static_cast<int>(*major), static_cast<int>(*minor));
}

std::string encode_query(const api_call& call) {
  std::string text;
  for (const auto& [name, value] : call.query) {
    text += text.empty() ? '?' : '&';
    text += name;
    text += '=';
    text += transport::url_encode_path(value);
  }
  return text;
}

std::string message_of(std::string_view body) {
  const auto read = json_text::parse(body, "");
  auto message = read ? read->root().at("message").text() : std::string();
  if (message.empty())
    message = core::trim(body);
  message.resize(std::min(message.size(), max_message));
  return message;
}

errc code_of(int status) {
  switch (status) {
  case 400:
    return errc::invalid_argument;
  case 401:
  case 403:
    return errc::permission_denied;
  case 404:
    return errc::not_found;
  case 409:
    return errc::already_exists;
  default:
    return errc::start_failed;
  }
}

} // namespace

error explain_full_disk(error failure, std::string_view said) {
  if (said.find("no space left on device") == std::string_view::npos)
    return failure;
  failure.code = errc::io_error;
  failure.blame = failure_class::infrastructure;
  failure.hint = "the engine's disk is full: 'docker system df' shows what fills it";
  return failure;
}

error explain_refusal(const std::string& what, int status, std::string_view body) {
  const bool by_the_caller = status == 400 || status == 404;
  auto said = message_of(body);
  auto refusal =
      make_error(code_of(status), "docker: cannot " + what)
          .with_cause(said.empty() ? "the engine answered " + std::to_string(status) : said)
          .with("http_status", std::int64_t{status})
          .blamed_on(by_the_caller ? failure_class::task : failure_class::infrastructure);
  if (!said.empty())
    refusal.evidence.emplace_back("said_by", "engine");
  return explain_full_disk(std::move(refusal), said);
}

namespace {

/// What to do about a failure of TLS, in Docker's words; empty: nothing is known.
std::string tls_hint(std::string_view kind, const engine_host& host) {
  const auto files = host.tls.value_or(tls_files{});
  const auto named = [](const std::string& path) {
    return path.empty() ? std::string("none") : "'" + path + "'";
  };
  if (kind == "unknown_authority")
    return "put the certificate of the engine's authority into ca.pem of DOCKER_CERT_PATH or of "
           "the "
           "context; now: " +
           named(files.ca);
  if (kind == "certificate_refused")
    return "cert.pem and key.pem of DOCKER_CERT_PATH or of the context have to be signed by the "
           "authority that the engine knows ('--tlscacert'); now: " +
           named(files.certificate);
  if (kind == "no_tls")
    return "is it the right port? a plain engine is spoken to without DOCKER_TLS_VERIFY and "
           "DOCKER_CERT_PATH, as tcp://";
  return {};
}

} // namespace

error explain_silence(const engine_host& host, error failure) {
  std::int64_t number = 0;
  for (const auto& [name, value] : failure.evidence) {
    if (name != "tls")
      continue;
    if (auto hint = tls_hint(std::get<std::string>(value), host); !hint.empty())
      failure.hint = std::move(hint);
  }
  for (const auto& [name, value] : failure.evidence)
    if (name == "errno" && std::holds_alternative<std::int64_t>(value))
      number = std::get<std::int64_t>(value);
  const auto place = to_string(host.where) + " (" + host.origin + ")";
  if (number == 0) {
    // It is there and says nothing, or nothing that an engine would say, or its name is unknown.
    if (failure.hint.empty() && failure.code != errc::cancelled) {
      failure.message = "no Docker engine answers at " + place + ": " + failure.message;
      failure.hint =
          "does an engine listen there, and is it well ('docker version')? see DOCKER_HOST";
    }
    return failure;
  }
  if (failure.code != errc::connection_failed)
    return failure;
  const bool forbidden = number == EACCES || number == EPERM;
  failure.message = "no Docker engine answers at " + place;
  failure.code = forbidden ? errc::permission_denied : errc::connection_failed;
  if (forbidden)
    failure.hint = "this user may not use the socket: join its group ('usermod -aG docker USER', "
                   "then log in again), or set DOCKER_HOST to a rootless engine's";
  else if (host.is_local())
    failure.hint = "start Docker ('systemctl start docker', or 'dockerd'), or set DOCKER_HOST";
  else
    failure.hint = "is the engine up, and does it listen there? see DOCKER_HOST";
  return failure;
}

struct client::shared {
  shared(asio::any_io_executor on, engine_host at, std::shared_ptr<transport::connector> by)
      : executor(std::move(on)), host(std::move(at)), connector(std::move(by)),
        http(executor, host.where, idle_connections, connector) {}

  asio::any_io_executor executor;
  engine_host host;
  std::shared_ptr<transport::connector> connector;
  transport::http_client http;
  std::mutex mutex;
  std::string version; ///< empty: not asked yet
  std::atomic<bool> is_podman = false;
};

client::client(std::shared_ptr<shared> made) : shared_(std::move(made)) {}

result<client> client::open(asio::any_io_executor executor, engine_host host) {
  std::shared_ptr<transport::connector> by;
  if (host.tls) {
    auto made = tls::make_connector({.ca_file = host.tls->ca,
                                     .certificate_file = host.tls->certificate,
                                     .key_file = host.tls->key,
                                     .verify = host.tls->verify});
    if (!made) {
      made.error().message = "the Docker engine at " + to_string(host.where) + " (" + host.origin +
                             "): " + made.error().message;
      return fail(std::move(made.error()));
    }
    by = std::move(*made);
  }
  return client(std::make_shared<shared>(std::move(executor), std::move(host), std::move(by)));
}

void client::keep_none() {
  shared_->http.keep_none();
}

const engine_host& client::host() const {
  return shared_->host;
}

bool client::was_reached() const {
  const std::lock_guard lock(shared_->mutex);
  return !shared_->version.empty();
}

asio::awaitable<bool> client::answers() {
  const auto self = shared_;
  transport::http_client anew(self->executor, self->host.where, 0, self->connector);
  transport::http_request ping;
  ping.target = "/_ping";
  ping.timeout = answer_timeout;
  const auto reply = co_await anew.send(std::move(ping));
  co_return reply.has_value();
}

asio::awaitable<result<std::string>> client::version(std::chrono::milliseconds patience) {
  const auto self = shared_;
  {
    const std::lock_guard lock(self->mutex);
    if (!self->version.empty())
      co_return self->version;
  }
  transport::http_request ping;
  ping.target = "/_ping";
  ping.timeout = std::min(ping_timeout, patience);
  const auto reply = co_await self->http.send(std::move(ping));
  if (!reply)
    co_return fail(explain_silence(self->host, reply.error()));
  if (reply->status >= 400) {
    auto refusal = explain_refusal("ask the engine for its version", reply->status, reply->body);
    if (!self->host.tls && reply->body.find("HTTPS") != std::string::npos) {
      refusal.blame = failure_class::ambiguous;
      refusal.hint = "the engine wants TLS: set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the "
                     "directory of ca.pem, cert.pem and key.pem";
    }
    co_return fail(std::move(refusal));
  }
  const auto theirs = read_version(reply->header("api-version"));
  if (!theirs)
    co_return fail(
        make_error(errc::protocol_error, to_string(self->host.where) + " is no Docker engine's")
            .with_cause("its reply to /_ping names no API version")
            .with("reply", reply->body.substr(0, 200)));
  if (*theirs < oldest)
    co_return fail(make_error(errc::unsupported, "the Docker engine is too old")
                       .with_cause("it speaks API version " +
                                   std::string(reply->header("api-version")) + ", not 1.24")
                       .with_hint("Docker 1.12 and later will do"));
  const auto spoken = std::min(*theirs, newest);
  self->is_podman = !reply->header("libpod-api-version").empty();
  const std::lock_guard lock(self->mutex);
  self->version = std::to_string(spoken.first) + "." + std::to_string(spoken.second);
  co_return self->version;
}

asio::awaitable<result<bool>> client::is_podman() {
  const auto self = shared_;
  const auto asked = co_await version();
  if (!asked)
    co_return fail(asked.error());
  co_return self->is_podman.load();
}

asio::awaitable<result<std::string>> client::send(api_call call) {
  const auto self = shared_;
  const auto spoken = co_await version(call.timeout);
  if (!spoken)
    co_return fail(error(spoken.error()).with("sent", std::int64_t{0}));
  transport::http_request request;
  request.method = call.method;
  request.target = "/v" + *spoken + call.path + encode_query(call);
  request.headers = std::move(call.headers);
  if (!call.body.empty() || call.next_piece)
    request.headers.emplace_back("Content-Type", call.content_type);
  request.body = std::move(call.body);
  request.next_piece = std::move(call.next_piece);
  request.timeout = call.timeout;
  // A refusal of a call whose body is streamed is collected here.
  const auto refusal = std::make_shared<std::string>();
  if (call.on_body)
    request.on_body = [refusal, take = std::move(call.on_body)](int status,
                                                                std::string_view piece) {
      if (status < 400)
        take(piece);
      else if (refusal->size() < max_message)
        refusal->append(piece);
    };
  auto reply = co_await self->http.send(std::move(request));
  if (!reply)
    co_return fail(explain_silence(self->host, std::move(reply.error())));
  if (reply->status >= 400)
    co_return fail(
        explain_refusal(call.what, reply->status, reply->body.empty() ? *refusal : reply->body));
  co_return std::move(reply->body);
}

} // namespace sandfleet::docker
