#pragma once

// Internal: contexts of OpenSSL, made of files.

#include "runtime/tls/openssl.hpp"

#include <sandfleet/error.hpp>

#include <string>

namespace sandfleet::tls {

struct context_files {
  std::string trusted; ///< PEM certificates of authorities; empty: none of ours
  std::string certificate;
  std::string key;
};

/// For both sides: TLS 1.2 at least. Errors: `invalid_configuration`, naming the file and what is
/// wrong with it: missing, unreadable, no PEM, encrypted, a key of another certificate.
[[nodiscard]] result<context_ptr> make_context(bool is_server, const context_files& files);

} // namespace sandfleet::tls
