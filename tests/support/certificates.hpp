#pragma once

#include <chrono>
#include <string>

namespace sandfleet::tests {

/// The PEM files of a certificate.
struct certificate_files {
  std::string certificate;
  std::string key;
};

struct certificate_wish {
  std::string names = "DNS:localhost,IP:127.0.0.1"; ///< as of `subjectAltName`; may be empty
  std::chrono::hours begins{-1};                    ///< from now
  std::chrono::hours ends{24};
};

/// An authority with its files below a directory.
class authority {
 public:
  /// The directory is somebody else's.
  authority(std::string directory, std::string name);

  [[nodiscard]] const std::string& certificate() const { return files_.certificate; }
  [[nodiscard]] const certificate_files& files() const { return files_; }

  /// Files NAME.pem and NAME.key, replaced where they are there already.
  certificate_files sign(const std::string& name, const certificate_wish& wish = {}) const;

 private:
  std::string directory_;
  certificate_files files_;
};

/// The same key, encrypted.
void encrypt_key(const std::string& key, const std::string& encrypted);

} // namespace sandfleet::tests
