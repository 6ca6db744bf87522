#pragma once

#include "runtime/engine/sandbox_impl.hpp"
#include "runtime/transport/websocket.hpp"

#include <sandfleet/terminal.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace sandfleet {

/// Its members are touched on `strand`, which is the socket's executor too; `exit` is read by
/// whoever was told the end there.
struct terminal::impl {
  impl(boost::asio::any_io_executor on, transport::websocket connected)
      : strand(std::move(on)), socket(std::move(connected)) {}

  boost::asio::any_io_executor strand;
  transport::websocket socket;
  std::optional<terminal_exit> exit;

  /// Whom to ask for a verdict when the connection breaks.
  std::shared_ptr<sandbox::impl> box;
  std::uint64_t generation = 0;
};

} // namespace sandfleet
