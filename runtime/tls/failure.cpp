#include "runtime/tls/failure.hpp"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>
#include <system_error>

namespace sandfleet::tls {

namespace {

/// Alerts arrive as reasons above this (SSL_AD_REASON_OFFSET).
constexpr int first_alert = SSL_AD_REASON_OFFSET;

error tls_error(const char* kind, std::string message) {
  return make_error(errc::connection_failed, std::move(message)).with("tls", std::string(kind));
}

/// Another attempt would end alike: somebody has to change something, on one side or the other.
error lasting(const char* kind, std::string message, std::string cause, std::string hint) {
  return tls_error(kind, std::move(message))
      .with_cause(std::move(cause))
      .with_hint(std::move(hint))
      .blamed_on(failure_class::ambiguous);
}

error explain_distrust(SSL* connection, const std::string& peer) {
  const long verdict = SSL_get_verify_result(connection);
  const std::string said = X509_verify_cert_error_string(verdict);
  const std::string whose = "the certificate of " + peer;
  switch (verdict) {
  case X509_V_ERR_CERT_HAS_EXPIRED:
    return lasting("expired", whose + " has expired", said,
                   "have it renewed; or is this machine's clock wrong?");
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return lasting("not_yet_valid", whose + " is not valid yet", said,
                   "is this machine's clock wrong?");
  case X509_V_ERR_HOSTNAME_MISMATCH:
  case X509_V_ERR_IP_ADDRESS_MISMATCH:
    return lasting("wrong_name", whose + " is for another name", said,
                   "use a name or address that the certificate has among its alternative names, "
                   "or have it made with this one");
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
  case X509_V_ERR_CERT_UNTRUSTED:
    return lasting("unknown_authority", whose + " is signed by an authority that is not known",
                   said, "name the file of that authority's certificate as the one to trust");
  default:
    return lasting("bad_certificate", whose + " is not acceptable", said,
                   "have it made for what it is used for");
  }
}

bool is_about_our_certificate(int alert) {
  switch (alert) {
  case SSL3_AD_NO_CERTIFICATE:
  case SSL_AD_BAD_CERTIFICATE:
  case SSL_AD_UNSUPPORTED_CERTIFICATE:
  case SSL_AD_CERTIFICATE_REVOKED:
  case SSL_AD_CERTIFICATE_EXPIRED:
  case SSL_AD_CERTIFICATE_UNKNOWN:
  case SSL_AD_UNKNOWN_CA:
  case SSL_AD_ACCESS_DENIED:
  case SSL_AD_CERTIFICATE_REQUIRED:
    return true;
  default:
    return false;
  }
}

error explain_alert(int alert, const std::string& peer) {
  const std::string said = SSL_alert_desc_string_long(alert);
  if (is_about_our_certificate(alert))
    return lasting("certificate_refused", peer + " refuses our certificate",
                   alert == SSL_AD_CERTIFICATE_REQUIRED ? "it wants one, and none was shown"
                                                        : "it says: " + said,
                   "show a certificate that is signed by an authority that it knows, and not "
                   "expired");
  return lasting("nothing_in_common", peer + " refuses the TLS handshake", "it says: " + said, "");
}

error explain_protocol(SSL* connection, const failed_step& step, const std::string& peer) {
  const auto code = ERR_peek_error();
  const int reason = ERR_GET_REASON(code);
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
    return explain_distrust(connection, peer);
  if (reason > first_alert && reason <= first_alert + 255)
    return explain_alert(reason - first_alert, peer);
  const auto said = take_reasons("the bytes are none of TLS");
  switch (reason) {
  case SSL_R_UNEXPECTED_EOF_WHILE_READING:
    if (step.in_handshake)
      return tls_error("broken", peer + " ended the connection in the TLS handshake")
          .with_cause("it may speak no TLS, or have no room");
    return tls_error("truncated", "the connection to " + peer + " was cut off")
        .with_cause("it ended without TLS's own end, so what came may not be whole");
  case SSL_R_WRONG_VERSION_NUMBER:
    return lasting("no_tls", peer + " speaks no TLS", said,
                   "is it the right port? does it want plain connections?");
  case SSL_R_HTTP_REQUEST:
  case SSL_R_HTTPS_PROXY_REQUEST:
    return lasting("plain_http", peer + " sent plain HTTP to a port that wants TLS", said,
                   "write https:// in its address");
  case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    return lasting("certificate_refused", peer + " showed no certificate", said,
                   "it has to show one that is signed by the authority of this server's clients");
  case SSL_R_NO_SHARED_CIPHER:
  case SSL_R_UNSUPPORTED_PROTOCOL:
  case SSL_R_VERSION_TOO_LOW:
    return lasting("nothing_in_common", peer + " knows no version or cipher of TLS that will do",
                   said, "TLS 1.2 and 1.3 will");
  default:
    return tls_error("protocol", "TLS with " + peer + " failed").with_cause(said);
  }
}

} // namespace

std::string take_reasons(std::string otherwise) {
  std::string text;
  while (const auto code = ERR_get_error()) {
    if (!text.empty())
      text += "; ";
    if (ERR_SYSTEM_ERROR(code)) {
      text += std::generic_category().message(ERR_GET_REASON(code));
      continue;
    }
    const char* reason = ERR_reason_error_string(code);
    text += reason != nullptr ? reason : "error " + std::to_string(code);
  }
  return text.empty() ? std::move(otherwise) : text;
}

error explain(SSL* connection, const failed_step& step, const std::string& peer) {
  auto made = [&] {
    if (step.ssl_error == SSL_ERROR_SSL)
      return explain_protocol(connection, step, peer);
    auto broken = tls_error("broken", step.in_handshake ? peer + " broke off in the TLS handshake"
                                                        : "the connection to " + peer + " broke");
    if (step.number != 0) {
      broken.cause = std::generic_category().message(step.number);
      broken.evidence.emplace_back("errno", std::int64_t{step.number});
    }
    return broken;
  }();
  ERR_clear_error();
  return made;
}

} // namespace sandfleet::tls
