#include "runtime/tls/context.hpp"

#include "runtime/tls/failure.hpp"

#include <cerrno>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509err.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sandfleet::tls {

namespace {

/// Without it OpenSSL asks at the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

tl::unexpected<error> misfit(const std::string& what, const std::string& path, std::string cause,
                             std::string hint = {}) {
  return fail(make_error(errc::invalid_configuration, "TLS: " + what + " '" + path + "'")
                  .with_cause(std::move(cause))
                  .with_hint(std::move(hint)));
}

result<void> check_file(const std::string& what, const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const int number = errno;
  if (fd < 0)
    return fail(errno_error(errc::invalid_configuration,
                            "TLS: " + what + " '" + path + "' cannot be read", number)
                    .with_hint(number == EACCES ? "this user has to be allowed to read it" : ""));
  struct stat found {};
  const bool is_file = ::fstat(fd, &found) == 0 && !S_ISDIR(found.st_mode);
  ::close(fd);
  if (!is_file)
    return misfit(what, path, "it is a directory");
  return {};
}

/// What is wrong with a file that was read.
tl::unexpected<error> bad_pem(const std::string& what, const std::string& path) {
  const auto code = ERR_peek_error();
  const bool none =
      (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE) ||
      (ERR_GET_LIB(code) == ERR_LIB_X509 &&
       ERR_GET_REASON(code) == X509_R_NO_CERTIFICATE_OR_CRL_FOUND);
  const auto said = take_reasons("it holds nothing of use");
  if (said.find("bad password read") != std::string::npos ||
      said.find("interrupted or cancelled") != std::string::npos)
    return misfit(what, path, "it is encrypted",
                  "keep it without a passphrase ('openssl pkey -in IN -out OUT'), readable for its "
                  "user alone");
  if (none || said.find("unsupported") != std::string::npos)
    return misfit(what, path, "it holds no PEM of that kind (" + said + ")",
                  "PEM begins with '-----BEGIN'");
  return misfit(what, path, said);
}

result<void> use_certificate(SSL_CTX* context, const context_files& files) {
  if (files.certificate.empty() != files.key.empty())
    return misfit(files.key.empty() ? "no key for the certificate" : "no certificate for the key",
                  files.key.empty() ? files.certificate : files.key, "both are needed, or none");
  if (files.certificate.empty())
    return {};
  if (auto there = check_file("the certificate", files.certificate); !there)
    return there;
  if (auto there = check_file("the key", files.key); !there)
    return there;
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1)
    return bad_pem("the certificate", files.certificate);
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    const int reason = ERR_GET_REASON(ERR_peek_error());
    if (ERR_GET_LIB(ERR_peek_error()) != ERR_LIB_X509 ||
        (reason != X509_R_KEY_VALUES_MISMATCH && reason != X509_R_KEY_TYPE_MISMATCH))
      return bad_pem("the key", files.key);
    ERR_clear_error();
    return misfit("the key", files.key,
                  "it is not that of the certificate '" + files.certificate + "'",
                  "give the two that were made together");
  }
  return {};
}

} // namespace

result<context_ptr> make_context(bool is_server, const context_files& files) {
  ERR_clear_error();
  context_ptr context(SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method()));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1)
    return fail(
        make_error(errc::internal, "TLS: no context").with_cause(take_reasons("out of memory")));
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_default_passwd_cb(context.get(), no_passphrase);
  if (!files.trusted.empty()) {
    if (auto there = check_file("the authorities' certificates", files.trusted); !there)
      return fail(std::move(there.error()));
    if (SSL_CTX_load_verify_file(context.get(), files.trusted.c_str()) != 1)
      return bad_pem("the authorities' certificates", files.trusted);
  }
  if (auto used = use_certificate(context.get(), files); !used)
    return fail(std::move(used.error()));
  return context;
}

} // namespace sandfleet::tls
