#pragma once

#include "bench/action/http_caller.hpp"
#include "bench/action/scratch_directory.hpp"
#include "runtime/transport/child_process.hpp"
#include "sandbox_agent/bash/pty.hpp"

#include <boost/asio/io_context.hpp>

#include <optional>

namespace sandfleet::bench {

enum class transport_kind { unix_socket, tcp_loopback };

/// The built agent as a plain process, and a connection to it.
class agent_process {
 public:
  /// Returns when the agent is ready.
  explicit agent_process(transport_kind kind);
  ~agent_process();
  agent_process(const agent_process&) = delete;
  agent_process& operator=(const agent_process&) = delete;

  [[nodiscard]] http_caller& caller() { return *caller_; }
  /// For further connections.
  [[nodiscard]] const boost::asio::generic::stream_protocol::endpoint& where() const {
    return where_;
  }
  [[nodiscard]] const std::string& directory() const { return directory_.path(); }

 private:
  scratch_directory directory_;
  boost::asio::io_context context_;
  std::optional<transport::child_process> child_;
  agent::unique_fd lifeline_;
  boost::asio::generic::stream_protocol::endpoint where_;
  std::optional<http_caller> caller_;
};

} // namespace sandfleet::bench
