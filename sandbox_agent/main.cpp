#include "sandbox_agent/agent.hpp"
#include "sandbox_agent/log.hpp"

#include <csignal>
#include <cstdio>
#include <cstring>
#include <malloc.h>
#include <map>
#include <string>
#include <sys/prctl.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

using namespace sandfleet;

/// Memory is the sandbox's: one arena, and what a big request took goes back at once.
void keep_memory_small() {
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_MMAP_THRESHOLD, 64 << 10);
  ::mallopt(M_TRIM_THRESHOLD, 128 << 10);
}

/// The environment, with the key wiped where /proc/PID/environ shows it to the sandbox.
std::map<std::string, std::string> take_environment() {
  constexpr const char* secret = "SESSION_API_KEY=";
  std::map<std::string, std::string> environment;
  for (char** entry = environ; *entry; ++entry) {
    if (const char* equals = std::strchr(*entry, '='))
      environment.emplace(std::string(*entry, static_cast<std::size_t>(equals - *entry)),
                          equals + 1);
    if (std::strncmp(*entry, secret, std::strlen(secret)) == 0)
      ::explicit_bzero(*entry + std::strlen(secret), std::strlen(*entry + std::strlen(secret)));
  }
  ::unsetenv("SESSION_API_KEY");
  return environment;
}

void choose_log(const std::map<std::string, std::string>& environment) {
  const auto wanted = environment.find("LOG_JSON");
  if (wanted == environment.end() || !agent::is_switched_on(wanted->second))
    return;
  const auto key = environment.find("LOG_JSON_LEVEL_KEY");
  agent::log_as_json(key == environment.end() ? "level" : key->second);
}

/// What runs in the sandbox has the agent's ids: without this it could trace the agent, read its
/// memory and take its descriptors. Not where the agent is a plain process, whose own /proc files
/// would be closed to itself.
void be_untouchable() {
  if (::getpid() == 1)
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void reset_signals() {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // A handler and not SIG_IGN, which the processes of the sandbox would inherit.
  struct sigaction nothing {};
  nothing.sa_handler = [](int) {};
  ::sigaction(SIGPIPE, &nothing, nullptr);
}

} // namespace

int main(int argc, char** argv) {
  be_untouchable();
  keep_memory_small();
  reset_signals();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  auto environment = take_environment();
  choose_log(environment);
  auto given = agent::parse_options(arguments, std::move(environment));
  if (!given) {
    agent::log(agent::log_level::error, given.error().to_string());
    return 2;
  }
  if (given->help) {
    std::fputs(agent::usage().c_str(), stdout);
    return 0;
  }
  for (const auto& warning : given->warnings)
    agent::log(agent::log_level::warning, warning);
  return agent::serve(std::move(*given));
}
