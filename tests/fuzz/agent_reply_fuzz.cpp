#include "runtime/engine/agent_client.hpp"
#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <cstring>
#include <optional>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

using namespace sandfleet;
using engine_detail::agent_client;
namespace asio = boost::asio;

/// Listens at an address without a file, and speaks as it is told to.
class puppet {
 public:
  puppet()
      : name_(std::string(1, '\0') + "sandfleet-agent-reply-fuzz-" + std::to_string(::getpid())),
        listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name_.data(), name_.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
    holds(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
          ::listen(listener_, 16) == 0);
  }
  ~puppet() {
    hang_up();
    ::close(listener_);
  }
  puppet(const puppet&) = delete;
  puppet& operator=(const puppet&) = delete;

  [[nodiscard]] transport::endpoint where() const { return transport::unix_endpoint{name_}; }

  /// Takes the newest caller, if there is one, and throws away what it asks.
  void listen() {
    const int caller = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (caller >= 0) {
      hang_up();
      caller_ = caller;
    }
    char asked[4096];
    while (caller_ >= 0 && ::recv(caller_, asked, sizeof asked, 0) > 0) {
    }
  }

  void say(std::string_view bytes) const {
    (void)!::send(caller_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  void fall_silent() const { ::shutdown(caller_, SHUT_WR); }
  void hang_up() {
    if (caller_ >= 0)
      ::close(caller_);
    caller_ = -1;
  }

 private:
  std::string name_;
  int listener_;
  int caller_ = -1;
};

template <class T>
void check_outcome(const result<T>& outcome) {
  if (outcome)
    return;
  holds(!outcome.error().message.empty());
  // What an agent says is never the fault of the command, and never lacks a cause that can be read.
  holds(outcome.error().code != errc::timed_out && outcome.error().code != errc::cancelled);
}

asio::awaitable<void> call(const agent_client& client, unsigned which) {
  constexpr std::chrono::milliseconds patience{60'000};
  constexpr std::size_t small = 64;
  switch (which % 8) {
  case 0: {
    command_request request;
    request.command = "x";
    request.max_output_bytes = small;
    check_outcome(co_await client.run(std::move(request)));
    break;
  }
  case 1: {
    exec_request request;
    request.argv = {"x"};
    request.max_output_bytes = small;
    const auto done = co_await client.exec(std::move(request));
    check_outcome(done);
    holds(!done || done->exit_code || done->signal || done->timed_out);
    break;
  }
  case 2: {
    exec_request request;
    request.argv = {"x"};
    std::size_t pieces = 0;
    const auto done =
        co_await client.exec_streamed(std::move(request), [&](int stream, std::string_view bytes) {
          holds((stream == 1 || stream == 2) && bytes.size() <= (std::size_t{1} << 20U));
          ++pieces;
        });
    check_outcome(done);
    break;
  }
  case 3: {
    const auto file = co_await client.get_file("/f", small);
    check_outcome(file);
    holds(!file || file->bytes.size() <= small);
    holds(!file || file->mode <= 07777);
    break;
  }
  case 4:
    check_outcome(co_await client.glob("*"));
    break;
  case 5:
    check_outcome(co_await client.kill_processes());
    break;
  case 6:
    check_outcome(co_await client.execute_action("{}", patience));
    break;
  default:
    check_outcome(co_await client.put_file("/f", "x", 0644));
  }
}

/// The reply that is given to the second call, and must be its outcome whatever came before.
constexpr std::string_view honest = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhonest";

void check(fuzz_input& in) {
  static puppet agent;
  const auto seed = in.byte();
  const unsigned which = in.byte();
  const bool goes_on = in.flag();

  asio::io_context context(1);
  const auto guard = asio::make_work_guard(context);
  {
    const agent_client client(context.get_executor(), agent.where(), "key");
    bool done = false;
    asio::co_spawn(context, call(client, which), [&](const std::exception_ptr& thrown) {
      holds(!thrown);
      done = true;
    });
    context.poll();
    agent.listen();
    for (const auto piece : pieces_of(in.rest(), seed)) {
      agent.say(piece);
      context.poll();
    }
    if (!goes_on || !done) {
      agent.fall_silent();
      context.poll();
    }
    holds(done);

    std::optional<result<std::string>> second;
    asio::co_spawn(
        context,
        [&]() -> asio::awaitable<void> {
          second = co_await client.execute_action("{}", std::chrono::milliseconds(60'000));
        },
        [](const std::exception_ptr& thrown) { holds(!thrown); });
    context.poll();
    agent.listen();
    agent.say(honest);
    context.poll();
    agent.fall_silent();
    context.poll();
    holds(second);
    holds(!*second || **second == "honest");
  }
  agent.hang_up();
  context.poll();
}

} // namespace

/// Whatever an agent answers, the engine gets a value within its limits or an error with words, and
/// no part of it is taken for the reply to another call.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input in(data, size);
  check(in);
  return 0;
}
