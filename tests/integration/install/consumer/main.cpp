// Every public header, each of which must stand alone with what is installed.
#include <sandfleet/action.hpp>
#include <sandfleet/engine.hpp>
#include <sandfleet/error.hpp>
#include <sandfleet/ids.hpp>
#include <sandfleet/listing.hpp>
#include <sandfleet/sandbox.hpp>
#include <sandfleet/settings.hpp>
#include <sandfleet/spec.hpp>
#include <sandfleet/status.hpp>
#include <sandfleet/terminal.hpp>
#include <sandfleet/usage.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <utility>

namespace asio = boost::asio;

asio::awaitable<void> use(sandfleet::engine& engine, int& status) {
  sandfleet::sandbox_spec spec;
  auto box = co_await engine.start(std::move(spec));
  if (!box) {
    std::fprintf(stderr, "%s\n", box.error().to_string().c_str());
    co_return;
  }
  const auto answer = co_await box->run("echo installed: $((6 * 7))");
  if (answer) {
    std::printf("%s", answer->output.c_str());
    status = answer->exit_code.value_or(1);
  }
  (void)co_await box->stop();
}

int main(int argc, char** argv) {
  sandfleet::settings settings;
  settings.agent_program = PROGRAMS "/sandfleet-agent";
  settings.launcher_program = PROGRAMS "/sandfleet-launcher";
  settings.state_dir = argc > 1 ? argv[1] : "";
  auto engine = sandfleet::engine::create(settings);
  if (!engine) {
    std::fprintf(stderr, "%s\n", engine.error().to_string().c_str());
    return 1;
  }
  int status = 1;
  asio::io_context context;
  asio::co_spawn(context, use(*engine, status), asio::detached);
  context.run();
  return status;
}
