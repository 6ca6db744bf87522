// Starts two sandboxes side by side, runs a command in each, and prints what came back.

#include <sandfleet/engine.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <string>
#include <utility>

namespace asio = boost::asio;

asio::awaitable<void> greet(sandfleet::engine& engine, std::string name, int& failures) {
  sandfleet::sandbox_spec spec;
  spec.env["NAME"] = name;
  auto sandbox = co_await engine.start(std::move(spec));
  if (!sandbox) {
    std::fprintf(stderr, "%s\n", sandbox.error().to_string().c_str());
    ++failures;
    co_return;
  }
  auto answer = co_await sandbox->run("cd /tmp; echo \"hello $NAME from $PWD\"");
  if (answer)
    std::printf("%s", answer->output.c_str());
  else
    std::fprintf(stderr, "%s\n", answer.error().to_string().c_str());
  if (!answer || answer->exit_code != 0)
    ++failures;
  co_await sandbox->stop();
}

int main() {
  auto engine = sandfleet::engine::create({});
  if (!engine) {
    std::fprintf(stderr, "%s\n", engine.error().to_string().c_str());
    return 1;
  }
  const auto watch = engine->on_status([](const sandfleet::status_event& event) {
    std::fprintf(stderr, "%s %s\n", event.id.str().c_str(),
                 std::string(to_string(event.to)).c_str());
  });

  int failures = 0;
  asio::io_context context;
  for (const auto* name : {"Ada", "Grace"})
    asio::co_spawn(context, greet(*engine, name, failures), asio::detached);
  context.run();
  return failures == 0 ? 0 : 1;
}
