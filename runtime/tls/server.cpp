#include "runtime/tls/server.hpp"

#include "runtime/tls/context.hpp"
#include "runtime/tls/failure.hpp"
#include "runtime/tls/tunnel.hpp"

#include <mutex>
#include <openssl/err.h>
#include <utility>

namespace sandfleet::tls {

using socket_type = boost::asio::generic::stream_protocol::socket;

namespace {

result<context_ptr> read_files(const server_options& options) {
  if (options.certificate_file.empty() || options.key_file.empty())
    return fail(
        make_error(errc::invalid_configuration, "TLS: a server needs a certificate and its key"));
  auto context = make_context(true, {.trusted = options.client_ca_file,
                                     .certificate = options.certificate_file,
                                     .key = options.key_file});
  if (!context || options.client_ca_file.empty())
    return context;
  SSL_CTX_set_verify(context->get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  // A session that is taken up again has to be one of this server's.
  constexpr unsigned char name[] = "sandfleet";
  SSL_CTX_set_session_id_context(context->get(), name, sizeof name - 1);
  SSL_CTX_set_client_CA_list(context->get(),
                             SSL_load_client_CA_file(options.client_ca_file.c_str()));
  return context;
}

} // namespace

struct server::shared {
  explicit shared(server_options given, context_ptr made)
      : options(std::move(given)), context(std::move(made)) {}

  const server_options options;
  std::mutex mutex;
  context_ptr context; ///< connections hold their own share of it
};

server::server(std::shared_ptr<shared> made) : shared_(std::move(made)) {}

result<server> server::make(server_options options) {
  auto context = read_files(options);
  if (!context)
    return fail(std::move(context.error()));
  return server(std::make_shared<shared>(std::move(options), std::move(*context)));
}

result<void> server::reload() const {
  auto context = read_files(shared_->options);
  if (!context)
    return fail(std::move(context.error()));
  const std::lock_guard lock(shared_->mutex);
  shared_->context = std::move(*context);
  return {};
}

result<socket_type> server::operator()(socket_type accepted) const {
  connection_ptr session;
  {
    const std::lock_guard lock(shared_->mutex);
    session.reset(SSL_new(shared_->context.get()));
  }
  if (!session)
    return fail(
        make_error(errc::internal, "TLS: no session").with_cause(take_reasons("out of memory")));
  SSL_set_accept_state(session.get());
  const auto executor = accepted.get_executor();
  auto ends = connected_pair(executor, executor);
  if (!ends)
    return fail(std::move(ends.error()));
  auto made = std::make_shared<tunnel>(std::move(session), std::move(ends->first), "the client");
  made->begin(std::move(accepted), shared_->options.handshake_timeout,
              shared_->options.on_failed_handshake);
  return std::move(ends->second);
}

} // namespace sandfleet::tls
