#pragma once

#include "runtime/providers/local_provider.hpp"
#include "tests/support/leftovers.hpp"
#include "tests/support/temporary_directory.hpp"

#include <sandfleet/ids.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace sandfleet::tests {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

/// Runs a shell text in a sandbox whose agent is the double, and returns both its outputs.
inline std::string ask(const std::string& socket_path, const std::string& command) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
  std::string answer;
  const auto line = command + "\n";
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::send(fd, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size())) {
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(fd, buffer, sizeof buffer)) > 0;)
      answer.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(fd);
  return answer;
}

/// A provider over real launchers, with the double in the agent's place.
class local_fixture : public ::testing::Test {
 protected:
  local_fixture() : work_(asio::make_work_guard(context_)) {
    for (auto& thread : threads_)
      thread = std::thread([this] { context_.run(); });
    settings_.agent_program = DOUBLE_AGENT;
    settings_.launcher_program = LAUNCHER;
    settings_.state_dir = state_.path();
  }

  ~local_fixture() override {
    provider_.reset();
    work_.reset();
    for (auto& thread : threads_)
      thread.join();
  }

  /// Makes the provider when it is first used.
  providers::provider& local() {
    if (!provider_) {
      auto made = providers::make_local_provider(context_.get_executor(), settings_);
      if (!made)
        throw std::runtime_error(made.error().to_string());
      provider_ = *made;
    }
    return *provider_;
  }

  /// As the end of its program would, but for what that leaves to the system.
  void drop_provider() { provider_.reset(); }

  asio::any_io_executor executor() { return context_.get_executor(); }

  template <class T>
  std::future<T> begin(asio::awaitable<T> work) {
    return asio::co_spawn(context_, std::move(work), asio::use_future);
  }

  template <class T>
  T run(asio::awaitable<T> work) {
    return begin(std::move(work)).get();
  }

  result<providers::instance> try_start(sandbox_spec spec = {}) {
    providers::start_request request;
    request.id = make_sandbox_id();
    request.spec = std::make_shared<const sandbox_spec>(std::move(spec));
    last_id_ = request.id;
    return run(local().start(std::move(request)));
  }

  providers::instance start(sandbox_spec spec = {}) {
    auto made = try_start(std::move(spec));
    if (!made)
      throw std::runtime_error(made.error().to_string());
    return *made;
  }

  result<providers::exit_report> stop(const sandbox_id& id, std::chrono::milliseconds grace = 0ms) {
    providers::stop_request request;
    request.id = id;
    request.grace = grace;
    return run(local().stop(std::move(request)));
  }

  [[nodiscard]] std::string dir_of(const sandbox_id& id) const {
    return state_.path() + "/sandboxes/" + id.str();
  }

  std::string in(const providers::instance& box, const std::string& command) {
    return ask(dir_of(box.id) + "/agent.sock", command);
  }

  /// The launcher's note of the sandbox's first process.
  [[nodiscard]] pid_t init_of(const sandbox_id& id) const {
    return static_cast<pid_t>(std::atoi(read_file(dir_of(id) + "/init").c_str()));
  }

  /// A number in the sandbox's record.
  [[nodiscard]] pid_t launcher_of(const sandbox_id& id) const {
    const auto text = read_file(dir_of(id) + "/record.json");
    const std::string key = "\"launcher\":";
    const auto at = text.find(key);
    return at == std::string::npos ? 0 : std::atoi(text.c_str() + at + key.size());
  }

  void expect_nothing_left(const sandbox_id& id) {
    EXPECT_FALSE(fs::exists(dir_of(id)));
    EXPECT_THAT(traces_of(id.str()), ::testing::IsEmpty());
  }

  temporary_directory state_;
  providers::local_settings settings_;
  sandbox_id last_id_;

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread threads_[2];
  std::shared_ptr<providers::provider> provider_;
};

} // namespace sandfleet::tests
