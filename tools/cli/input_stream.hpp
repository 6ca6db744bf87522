#pragma once

#include "tools/cli/streams.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>

namespace sandfleet::cli {

/// A file or our standard input for who awaits it, read by a thread of its own: not every file can
/// be waited for by an executor, and standard input is others' too, who would notice if it became
/// one that does not block.
class input_stream {
 public:
  input_stream(const boost::asio::any_io_executor& executor, input_file from);
  ~input_stream(); ///< with nothing under way
  input_stream(const input_stream&) = delete;
  input_stream& operator=(const input_stream&) = delete;

  /// The next piece; empty at the end.
  boost::asio::awaitable<result<std::string>> next();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace sandfleet::cli
