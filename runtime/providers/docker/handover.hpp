#pragma once

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <string>

namespace sandfleet::providers::docker {

/// Gives the agent in a container the socket on which it is to listen. The socket is made here and
/// handed over (SCM_RIGHTS) to the first who connects to `listen` in a directory that the container
/// sees read-only: so nothing of this machine is writable from inside, no network is needed, and
/// nobody inside can take the agent's place.
class handover : public std::enable_shared_from_this<handover> {
 public:
  /// Binds `agent_path` and `DIR/listen`; makes the directory. What stood at these paths goes.
  static result<std::shared_ptr<handover>> prepare(const boost::asio::any_io_executor& executor,
                                                   const std::string& sockets_dir,
                                                   const std::string& agent_path);

  /// Hands the socket to the first who comes, who can be nobody but the agent before anything else
  /// runs inside; then nobody can connect any more.
  void offer();

  void close();
  ~handover();
  handover(const handover&) = delete;
  handover& operator=(const handover&) = delete;

 private:
  struct impl;
  explicit handover(std::unique_ptr<impl> made);
  std::unique_ptr<impl> impl_;
};

} // namespace sandfleet::providers::docker
