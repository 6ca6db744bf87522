#pragma once

#include "sandbox_agent/bash/session.hpp"

#include <sandfleet/error.hpp>
#include <sandfleet/ids.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <map>
#include <memory>
#include <vector>

namespace sandfleet::agent {

/// The sandbox's bash sessions by name, each started when it is first asked for.
class sessions {
 public:
  static constexpr std::size_t max_sessions = 256;

  sessions(boost::asio::any_io_executor executor, session_settings settings);

  /// The session, at its first prompt. `limit_exceeded` beyond `max_sessions`, else as
  /// `bash_session::start`; after a failure the next call tries again.
  boost::asio::awaitable<result<std::shared_ptr<bash_session>>> get(session_name name);

  /// Nothing when it was never asked for.
  [[nodiscard]] std::shared_ptr<bash_session> find(const session_name& name) const;

  /// For shells that are started from now on.
  void set_environment(const std::map<std::string, std::string>& variables);
  [[nodiscard]] std::vector<std::shared_ptr<bash_session>> all() const;

  /// The directory of a session's shell.
  [[nodiscard]] std::string working_dir(const session_name& name = session_name("default")) const;
  [[nodiscard]] bool is_shell(int pid) const;
  void close() { by_name_.clear(); }

 private:
  boost::asio::any_io_executor executor_;
  session_settings settings_;
  std::map<session_name, std::shared_ptr<bash_session>> by_name_;
};

} // namespace sandfleet::agent
