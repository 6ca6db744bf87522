#pragma once

// Internal: what OpenSSL's failures mean.

#include "runtime/tls/openssl.hpp"

#include <sandfleet/error.hpp>

#include <string>

namespace sandfleet::tls {

/// What OpenSSL has said on this thread last, which is forgotten then; `otherwise` when nothing.
[[nodiscard]] std::string take_reasons(std::string otherwise = {});

/// One step of a connection that failed.
struct failed_step {
  int ssl_error = 0; ///< of `SSL_get_error`
  int number = 0;    ///< errno right after the step
  bool in_handshake = false;
};

/// What it means, with {"tls", KIND} as evidence: "expired", "not_yet_valid", "unknown_authority",
/// "wrong_name", "bad_certificate", "certificate_refused", "no_tls", "plain_http",
/// "nothing_in_common", "truncated", "broken", "protocol". `peer` names the other side in messages.
/// Reads OpenSSL's queue of errors, and empties it.
[[nodiscard]] error explain(SSL* connection, const failed_step& step, const std::string& peer);

} // namespace sandfleet::tls
