#include "runtime/journal/sealer.hpp"

#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>

namespace sandfleet::journal {

namespace {

constexpr std::size_t nonce_size = 12; ///< NIST SP 800-38D, 5.2.1.1
constexpr std::size_t tag_size = 16;

struct context_closer {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using cipher = std::unique_ptr<EVP_CIPHER_CTX, context_closer>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

class owned_file {
 public:
  explicit owned_file(int fd) : fd_(fd) {}
  ~owned_file() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  owned_file(const owned_file&) = delete;
  owned_file& operator=(const owned_file&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

error broken(const std::string& path, int number) {
  return errno_error(errc::io_error, "the journal's key '" + path + "'", number)
      .with_hint("it must be a file of 32 bytes that this user may read and nobody else");
}

/// Whole or not at all, also when two begin at one moment: the first name wins.
int make_key(const std::string& path) {
  std::array<unsigned char, 32> fresh{};
  if (RAND_bytes(fresh.data(), static_cast<int>(fresh.size())) != 1)
    return EIO;
  const auto temporary = path + ".new." + std::to_string(::getpid());
  int failed = 0;
  {
    const owned_file file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (file.get() < 0 ||
        ::write(file.get(), fresh.data(), fresh.size()) != static_cast<ssize_t>(fresh.size()) ||
        ::fsync(file.get()) != 0)
      failed = errno;
  }
  if (failed == 0 && ::link(temporary.c_str(), path.c_str()) != 0 && errno != EEXIST)
    failed = errno;
  ::unlink(temporary.c_str());
  return failed;
}

} // namespace

result<sealer> sealer::open(const std::string& key_path) {
  if (::access(key_path.c_str(), F_OK) != 0)
    if (const int failed = make_key(key_path))
      return fail(broken(key_path, failed));
  const owned_file file(::open(key_path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat info {};
  if (file.get() < 0 || ::fstat(file.get(), &info) != 0)
    return fail(broken(key_path, errno));
  if ((info.st_mode & 0077) != 0 || info.st_uid != ::geteuid())
    return fail(make_error(errc::permission_denied,
                           "the journal's key '" + key_path + "' can be read by others")
                    .with_hint("chmod 600 it, and change the keys that it protected"));
  sealer made;
  if (info.st_size != static_cast<off_t>(key_size) ||
      ::read(file.get(), made.key_.data(), key_size) != static_cast<ssize_t>(key_size))
    return fail(broken(key_path, EINVAL));
  return made;
}

std::string sealer::seal(std::string_view text, std::string_view context) const {
  if (text.empty())
    return {};
  // nonce, ciphertext, tag
  std::string sealed(nonce_size + text.size() + tag_size, '\0');
  auto* nonce = bytes_of(sealed);
  const cipher with(EVP_CIPHER_CTX_new());
  int written = 0;
  const bool done =
      with && RAND_bytes(nonce, nonce_size) == 1 &&
      EVP_EncryptInit_ex(with.get(), EVP_aes_256_gcm(), nullptr, key_.data(), nonce) == 1 &&
      EVP_EncryptUpdate(with.get(), nullptr, &written, bytes_of(context),
                        static_cast<int>(context.size())) == 1 &&
      EVP_EncryptUpdate(with.get(), nonce + nonce_size, &written, bytes_of(text),
                        static_cast<int>(text.size())) == 1 &&
      EVP_EncryptFinal_ex(with.get(), nonce + nonce_size + text.size(), &written) == 1 &&
      EVP_CIPHER_CTX_ctrl(with.get(), EVP_CTRL_GCM_GET_TAG, tag_size,
                          nonce + nonce_size + text.size()) == 1;
  if (!done) // no memory or no randomness: nothing that a caller could do better
    throw std::runtime_error("a secret could not be sealed");
  return sealed;
}

result<std::string> sealer::unseal(std::string_view sealed, std::string_view context) const {
  if (sealed.empty())
    return std::string();
  const auto refuse = [] {
    return fail(make_error(errc::io_error, "a secret of the journal cannot be read")
                    .with_cause("it was changed, or sealed with another key")
                    .with_hint("put the journal's own key file back"));
  };
  if (sealed.size() < nonce_size + tag_size)
    return refuse();
  const auto size = sealed.size() - nonce_size - tag_size;
  std::string text(size, '\0');
  auto tag = std::string(sealed.substr(nonce_size + size));
  const cipher with(EVP_CIPHER_CTX_new());
  int written = 0;
  const bool done =
      with &&
      EVP_DecryptInit_ex(with.get(), EVP_aes_256_gcm(), nullptr, key_.data(), bytes_of(sealed)) ==
          1 &&
      EVP_DecryptUpdate(with.get(), nullptr, &written, bytes_of(context),
                        static_cast<int>(context.size())) == 1 &&
      EVP_DecryptUpdate(with.get(), bytes_of(text), &written, bytes_of(sealed) + nonce_size,
                        static_cast<int>(size)) == 1 &&
      EVP_CIPHER_CTX_ctrl(with.get(), EVP_CTRL_GCM_SET_TAG, tag_size, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(with.get(), bytes_of(text) + size, &written) == 1;
  if (!done)
    return refuse();
  return text;
}

} // namespace sandfleet::journal
