#include "bench/support/bare_shell.hpp"
#include "bench/support/samples.hpp"
#include "sandbox_agent/bash/session.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>

namespace {

using namespace sandfleet;
namespace asio = boost::asio;

struct options {
  int rounds = 2000;
  int check = 0;
};

constexpr const char* usage =
    "usage: sandfleet-pty-bench [--rounds N] [--check N]\n"
    "  --rounds N  measure N commands of each kind, in turn (default 2000)\n"
    "  --check N   run N commands that each print their own number; any wrong answer is an error\n";

options parse(int argc, char** argv) {
  options out;
  for (int i = 1; i < argc; ++i) {
    int* target = std::strcmp(argv[i], "--rounds") == 0  ? &out.rounds
                  : std::strcmp(argv[i], "--check") == 0 ? &out.check
                                                         : nullptr;
    if (!target || i + 1 == argc) {
      std::fputs(usage, stderr);
      std::exit(2);
    }
    *target = std::atoi(argv[++i]);
  }
  return out;
}

/// Runs one awaitable to its end on the calling thread.
template <class T>
T await(asio::io_context& context, asio::awaitable<T> work) {
  std::optional<T> out;
  asio::co_spawn(context, std::move(work), [&](std::exception_ptr thrown, T value) {
    if (thrown)
      std::rethrow_exception(thrown);
    out = std::move(value);
    context.stop();
  });
  context.restart();
  context.run();
  return std::move(*out);
}

class subject {
 public:
  explicit subject(const std::string& directory)
      : session_(context_.get_executor(), set(directory)) {
    const auto started = await(context_, session_.start());
    if (!started)
      throw std::runtime_error(started.error().to_string());
  }

  std::string run(std::string command) {
    protocol::run_action action;
    action.command = std::move(command);
    auto answer = await(context_, session_.run(std::move(action)));
    if (const auto* failed = std::get_if<protocol::error_observation>(&answer))
      throw std::runtime_error(failed->content);
    return std::get<protocol::run_observation>(answer).content;
  }

  std::string eval(std::string command) {
    command_request request;
    request.command = std::move(command);
    auto answer = await(context_, session_.eval(std::move(request)));
    if (!answer)
      throw std::runtime_error(answer.error().to_string());
    return answer->output;
  }

 private:
  static agent::session_settings set(const std::string& directory) {
    agent::session_settings out;
    out.working_dir = directory;
    out.env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"HOME", "/nonexistent"}};
    return out;
  }

  asio::io_context context_{1};
  agent::bash_session session_;
};

void expect(const std::string& seen, const std::string& wanted) {
  if (seen != wanted)
    throw std::runtime_error("wrong answer: \"" + seen + "\" instead of \"" + wanted + '"');
}

void measure(int rounds) {
  const auto directory = std::filesystem::temp_directory_path().string();
  bench::bare_shell bare(directory);
  subject session(directory);
  bench::samples floor("bare pty round trip");
  bench::samples run("bash_session::run");
  bench::samples eval("bash_session::eval");
  for (int i = 0; i < rounds; ++i) {
    floor.time([&] { expect(bare.command("echo hi"), "hi\r\n"); });
    run.time([&] { expect(session.run("echo hi"), "hi"); });
    eval.time([&] { expect(session.eval("echo hi"), "hi\n"); });
  }
  for (auto* one : {&floor, &run, &eval})
    one->print(floor);
}

void check(int count) {
  subject session(std::filesystem::temp_directory_path().string());
  for (int i = 0; i < count; ++i) {
    const auto number = std::to_string(i);
    if (i % 2 == 0)
      expect(session.run("echo " + number), number);
    else
      expect(session.eval("echo " + number), number + '\n');
  }
  std::printf("%d commands, each answered with its own output\n", count);
}

} // namespace

int main(int argc, char** argv) {
  const auto wanted = parse(argc, argv);
  try {
    if (wanted.check > 0)
      check(wanted.check);
    else
      measure(wanted.rounds);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "sandfleet-pty-bench: %s\n", failure.what());
    return 1;
  }
  return 0;
}
