#pragma once

#include "runtime/providers/docker_provider.hpp"
#include "tests/support/fake_docker.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>

#include <filesystem>
#include <future>

namespace sandfleet::tests {
namespace asio = boost::asio;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

inline constexpr int always = 1'000'000;

/// The docker provider, over an engine that plays whatever it is told to.
class docker_bad_days : public ::testing::Test {
 protected:
  docker_bad_days() : engine_(context_.get_executor(), files_.path() + "/engine.sock") {
    provider_ = make_provider();
  }

  ~docker_bad_days() override {
    provider_->close();
    provider_.reset();
    context_.poll();
  }

  std::shared_ptr<providers::provider> make_provider(std::string host = {},
                                                     std::string state_dir = {}) {
    providers::docker_settings settings;
    settings.agent_program = "/bin/true"; // nobody runs it here
    settings.state_dir = state_dir.empty() ? files_.path() : std::move(state_dir);
    settings.host = host.empty() ? "unix://" + files_.path() + "/engine.sock" : std::move(host);
    settings.default_image = "x:1";
    settings.image_timeout = 500ms;
    settings.on_trouble = [this](const sandbox_id&, std::string_view event, const error&) {
      outages_ += event == "start_waits_for_engine";
    };
    return providers::make_docker_provider(context_.get_executor(), std::move(settings)).value();
  }

  template <class T>
  T run(asio::awaitable<T> work) {
    auto done = asio::co_spawn(context_, std::move(work), asio::use_future);
    return wait_for(std::move(done));
  }

  template <class T>
  T wait_for(std::future<T> done) {
    while (done.wait_for(0s) != std::future_status::ready)
      context_.run_one();
    return done.get();
  }

  providers::start_request request_for(sandbox_spec spec) {
    providers::start_request request;
    request.id = id_ = make_sandbox_id();
    request.spec = std::make_shared<const sandbox_spec>(std::move(spec));
    return request;
  }

  result<providers::instance> start(sandbox_spec spec) {
    return run(provider_->start(request_for(std::move(spec))));
  }

  result<providers::instance> start(std::chrono::milliseconds patience = 20s) {
    sandbox_spec spec;
    spec.start_timeout = patience;
    return start(std::move(spec));
  }

  [[nodiscard]] std::vector<std::string> entries() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(files_.path() + "/docker/sandboxes"))
      names.push_back(entry.path().filename());
    return names;
  }

  [[nodiscard]] std::string container() const { return "sandfleet-" + id_.str(); }

  temporary_directory files_;
  asio::io_context context_;
  fake_docker engine_;
  std::shared_ptr<providers::provider> provider_;
  sandbox_id id_;
  int outages_ = 0; ///< that a start was told to wait for
};

} // namespace sandfleet::tests
