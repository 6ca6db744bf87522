#include "runtime/tls/client.hpp"

#include "runtime/tls/context.hpp"
#include "runtime/tls/failure.hpp"
#include "runtime/tls/tunnel.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/strand.hpp>

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <utility>
#include <variant>

namespace sandfleet::tls {

namespace asio = boost::asio;

namespace {

class tls_connector final : public transport::connector {
 public:
  tls_connector(context_ptr context, client_options options)
      : context_(std::move(context)), options_(std::move(options)) {}

  result<transport::carried_socket> connect(const asio::any_io_executor& executor,
                                            const transport::endpoint& where) override {
    connection_ptr session(SSL_new(context_.get()));
    if (!session || !expect(session.get(), name_of(where)))
      return fail(
          make_error(errc::internal, "TLS: no session").with_cause(take_reasons("out of memory")));
    SSL_set_connect_state(session.get());
    auto ends = connected_pair(asio::make_strand(executor), executor);
    if (!ends)
      return fail(std::move(ends.error()));
    auto made = std::make_shared<tunnel>(std::move(session), std::move(ends->first),
                                         transport::to_string(where));
    made->begin(where);
    return transport::carried_socket{std::move(ends->second), std::move(made)};
  }

 private:
  [[nodiscard]] std::string name_of(const transport::endpoint& where) const {
    const auto* tcp = std::get_if<transport::tcp_endpoint>(&where);
    return !options_.server_name.empty() ? options_.server_name
           : tcp != nullptr              ? tcp->host
                                         : std::string();
  }

  /// Addresses are not told to the server (RFC 6066, 3), and stand apart in certificates.
  [[nodiscard]] bool expect(SSL* session, const std::string& name) const {
    if (name.empty())
      return true;
    boost::system::error_code no_address;
    asio::ip::make_address(name, no_address);
    if (no_address && SSL_set_tlsext_host_name(session, name.c_str()) != 1)
      return false;
    if (!options_.verify)
      return true;
    if (!no_address)
      return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name.c_str()) == 1;
    SSL_set_hostflags(session,
                      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return SSL_set1_host(session, name.c_str()) == 1;
  }

  context_ptr context_;
  client_options options_;
};

} // namespace

result<std::shared_ptr<transport::connector>> make_connector(client_options options) {
  auto context = make_context(false, {.trusted = options.verify ? options.ca_file : std::string(),
                                      .certificate = options.certificate_file,
                                      .key = options.key_file});
  if (!context)
    return fail(std::move(context.error()));
  if (options.verify && options.ca_file.empty() &&
      SSL_CTX_set_default_verify_paths(context->get()) != 1)
    return fail(make_error(errc::invalid_configuration, "TLS: no authorities of the system's")
                    .with_cause(take_reasons()));
  SSL_CTX_set_verify(context->get(), options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  return std::make_shared<tls_connector>(std::move(*context), std::move(options));
}

} // namespace sandfleet::tls
