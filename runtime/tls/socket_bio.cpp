#include "runtime/tls/openssl.hpp"

#include <cerrno>
#include <cstdint>
#include <sys/socket.h>

namespace sandfleet::tls {

namespace {

int socket_of(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

bool is_worth_a_retry(int number) {
  return number == EAGAIN || number == EWOULDBLOCK || number == EINTR;
}

int write_bytes(BIO* bio, const char* bytes, std::size_t size, std::size_t* written) {
  BIO_clear_retry_flags(bio);
  const auto sent = ::send(socket_of(bio), bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) {
    if (is_worth_a_retry(errno))
      BIO_set_retry_write(bio);
    return -1;
  }
  *written = static_cast<std::size_t>(sent);
  return 1;
}

int read_bytes(BIO* bio, char* bytes, std::size_t size, std::size_t* got) {
  BIO_clear_retry_flags(bio);
  errno = 0; // what an end leaves is no failure
  const auto received = ::recv(socket_of(bio), bytes, size, MSG_DONTWAIT);
  if (received <= 0) {
    if (received < 0 && is_worth_a_retry(errno))
      BIO_set_retry_read(bio);
    else if (received == 0)
      BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return received == 0 ? 0 : -1;
  }
  *got = static_cast<std::size_t>(received);
  return 1;
}

long control(BIO* bio, int what, long, void*) {
  switch (what) {
  case BIO_CTRL_FLUSH:
    return 1;
  case BIO_CTRL_EOF:
    return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  default:
    return 0;
  }
}

BIO_METHOD* make_method() {
  auto* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sandfleet socket");
  if (method == nullptr)
    return nullptr;
  BIO_meth_set_write_ex(method, write_bytes);
  BIO_meth_set_read_ex(method, read_bytes);
  BIO_meth_set_ctrl(method, control);
  return method;
}

} // namespace

BIO* make_socket_bio(int socket) {
  static BIO_METHOD* const method = make_method();
  BIO* bio = method == nullptr ? nullptr : BIO_new(method);
  if (bio == nullptr)
    return nullptr;
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  BIO_set_init(bio, 1);
  return bio;
}

} // namespace sandfleet::tls
