#pragma once

#include "runtime/transport/http_server.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <string>

namespace sandfleet::agent {

/// The reference's file viewer: a second server, for programs of this machine alone and without a
/// key, whose pages show a file in a browser. `GET /` says that it runs, `GET /view?path=P` shows.
/// Files are read as the user that sessions run as: nobody gets to see more by it than he may.
class file_viewer {
 public:
  explicit file_viewer(boost::asio::any_io_executor executor);

  /// Listens on the first of the ports from `first` to `last` of 127.0.0.1 that is free.
  result<std::uint16_t> listen(unsigned first, unsigned last);

 private:
  transport::http_server http_;
};

/// Writes an address to a file at once: a link in its place is replaced, not followed.
[[nodiscard]] result<void> announce(const std::string& url, const std::string& path);

} // namespace sandfleet::agent
