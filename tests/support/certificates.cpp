#include "tests/support/certificates.hpp"

#include <cstdio>
#include <memory>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdexcept>

namespace sandfleet::tests {

namespace {

using key_ptr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using certificate_ptr = std::unique_ptr<X509, decltype(&X509_free)>;
using file_ptr = std::unique_ptr<std::FILE, decltype(&std::fclose)>;

file_ptr open_file(const std::string& path, const char* mode) {
  file_ptr file(std::fopen(path.c_str(), mode), &std::fclose);
  if (!file)
    throw std::runtime_error("cannot open " + path);
  return file;
}

key_ptr make_key() {
  key_ptr made(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  if (!made)
    throw std::runtime_error("no key");
  return made;
}

key_ptr read_key(const std::string& path) {
  return {PEM_read_PrivateKey(open_file(path, "r").get(), nullptr, nullptr, nullptr),
          &EVP_PKEY_free};
}

void extend(X509* certificate, X509* issuer, int what, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str());
  if (made == nullptr || X509_add_ext(certificate, made, -1) != 1)
    throw std::runtime_error("no extension " + value);
  X509_EXTENSION_free(made);
}

certificate_ptr begin(const std::string& name, EVP_PKEY* key, const certificate_wish& wish) {
  certificate_ptr made(X509_new(), &X509_free);
  X509_set_version(made.get(), X509_VERSION_3);
  std::uint64_t number = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&number), sizeof number);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), number >> 1);
  using seconds = std::chrono::seconds;
  X509_gmtime_adj(X509_getm_notBefore(made.get()), seconds(wish.begins).count());
  X509_gmtime_adj(X509_getm_notAfter(made.get()), seconds(wish.ends).count());
  X509_set_pubkey(made.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return made;
}

void write(const certificate_files& files, X509* certificate, EVP_PKEY* key) {
  PEM_write_X509(open_file(files.certificate, "w").get(), certificate);
  PEM_write_PrivateKey(open_file(files.key, "w").get(), key, nullptr, nullptr, 0, nullptr, nullptr);
}

} // namespace

authority::authority(std::string directory, std::string name) : directory_(std::move(directory)) {
  files_ = {directory_ + "/" + name + ".pem", directory_ + "/" + name + ".key"};
  const auto key = make_key();
  const auto made = begin(name, key.get(), {});
  X509_set_issuer_name(made.get(), X509_get_subject_name(made.get()));
  extend(made.get(), made.get(), NID_basic_constraints, "critical,CA:TRUE");
  extend(made.get(), made.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(made.get(), made.get(), NID_subject_key_identifier, "hash");
  X509_sign(made.get(), key.get(), EVP_sha256());
  write(files_, made.get(), key.get());
}

certificate_files authority::sign(const std::string& name, const certificate_wish& wish) const {
  const certificate_ptr own(
      PEM_read_X509(open_file(files_.certificate, "r").get(), nullptr, nullptr, nullptr),
      &X509_free);
  const auto own_key = read_key(files_.key);
  const auto key = make_key();
  const auto made = begin(name, key.get(), wish);
  X509_set_issuer_name(made.get(), X509_get_subject_name(own.get()));
  extend(made.get(), own.get(), NID_ext_key_usage, "serverAuth,clientAuth");
  extend(made.get(), own.get(), NID_authority_key_identifier, "keyid");
  if (!wish.names.empty())
    extend(made.get(), own.get(), NID_subject_alt_name, wish.names);
  X509_sign(made.get(), own_key.get(), EVP_sha256());
  certificate_files files{directory_ + "/" + name + ".pem", directory_ + "/" + name + ".key"};
  write(files, made.get(), key.get());
  return files;
}

void encrypt_key(const std::string& key, const std::string& encrypted) {
  const auto read = read_key(key);
  const std::string passphrase = "sesame";
  PEM_write_PKCS8PrivateKey(open_file(encrypted, "w").get(), read.get(), EVP_aes_256_cbc(),
                            passphrase.c_str(), static_cast<int>(passphrase.size()), nullptr,
                            nullptr);
}

} // namespace sandfleet::tests
