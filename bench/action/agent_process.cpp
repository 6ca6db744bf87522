#include "bench/action/agent_process.hpp"

#include "runtime/engine/programs.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace sandfleet::bench {

namespace asio = boost::asio;
using agent::unique_fd;
using stream_endpoint = asio::generic::stream_protocol::endpoint;

namespace {

struct pipe_ends {
  unique_fd read;
  unique_fd write;
};

pipe_ends open_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "pipe");
  return {unique_fd(ends[0]), unique_fd(ends[1])};
}

/// A socket that listens, and where.
template <class Protocol>
std::pair<unique_fd, stream_endpoint> listen(asio::io_context& context,
                                             const typename Protocol::endpoint& where) {
  typename Protocol::acceptor acceptor(context, where);
  const stream_endpoint bound(acceptor.local_endpoint());
  return {unique_fd(acceptor.release()), bound};
}

} // namespace

agent_process::agent_process(transport_kind kind) {
  const auto program = engine_detail::find_program("sandfleet-agent", "");
  if (!program)
    throw std::runtime_error(program.error().to_string());
  const auto [listening, where] =
      kind == transport_kind::unix_socket
          ? listen<asio::local::stream_protocol>(context_, directory_.path() + "/s")
          : listen<asio::ip::tcp>(context_, {asio::ip::address_v4::loopback(), 0});
  auto ready = open_pipe();
  auto lifeline = open_pipe();

  transport::child_command command;
  command.program = "/usr/bin/env";
  command.arguments = {"-i",
                       "PATH=/usr/local/bin:/usr/bin:/bin",
                       "HOME=" + directory_.path(),
                       *program,
                       "--working-dir",
                       directory_.path(),
                       "--listen-fd",
                       "3",
                       "--ready-fd",
                       "4",
                       "--lifeline-fd",
                       "5"};
  command.descriptors = {listening.get(), ready.write.get(), lifeline.read.get()};
  auto started = transport::child_process::start(context_.get_executor(), command);
  if (!started)
    throw std::runtime_error(started.error().to_string());
  child_.emplace(std::move(*started));
  lifeline_ = std::move(lifeline.write);
  ready.write = unique_fd();

  std::array<char, 16> said{};
  const auto got = ::read(ready.read.get(), said.data(), said.size());
  if (std::string_view(said.data(), got > 0 ? static_cast<std::size_t>(got) : 0) != "ready\n")
    throw std::runtime_error("the agent did not become ready");
  where_ = where;
  caller_.emplace(where_);
}

agent_process::~agent_process() {
  lifeline_ = unique_fd();
  if (child_)
    ::waitpid(child_->id(), nullptr, 0);
}

} // namespace sandfleet::bench
