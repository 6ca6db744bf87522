#include "tools/cli/input_stream.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <cstdint>
#include <exception>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace sandfleet::cli {

namespace asio = boost::asio;
using boost::system::error_code;

struct input_stream::impl {
  impl(const asio::any_io_executor& executor, input_file file)
      : from(std::move(file)), pieces(executor), stop(::eventfd(0, EFD_CLOEXEC)),
        reader([this] { read_all(); }) {}

  ~impl() {
    const std::uint64_t one = 1;
    (void)!::write(stop, &one, sizeof one);
    pieces.close();
    pieces.cancel(); // who waits to send is not ended by the above
    reader.join();
    ::close(stop);
  }

  void read_all() {
    for (bool more = true; more;) {
      auto piece = from.read_piece(stop);
      more = piece && !piece->empty();
      try {
        pieces.async_send(error_code(), std::move(piece), asio::use_future).get();
      } catch (const std::exception&) { // it is not wanted any more
        return;
      }
    }
  }

  input_file from;
  asio::experimental::concurrent_channel<void(error_code, result<std::string>)> pieces;
  int stop;
  std::thread reader;
};

input_stream::input_stream(const asio::any_io_executor& executor, input_file from)
    : impl_(std::make_unique<impl>(executor, std::move(from))) {}

input_stream::~input_stream() = default;

asio::awaitable<result<std::string>> input_stream::next() {
  auto [failed, piece] = co_await impl_->pieces.async_receive(asio::as_tuple(asio::use_awaitable));
  if (failed)
    co_return fail(errc::cancelled, "--stdin: no longer wanted");
  co_return std::move(piece);
}

} // namespace sandfleet::cli
