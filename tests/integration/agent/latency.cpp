// Round trips of the built agent over its unix socket: p50 and p99 in microseconds.

#include "tests/integration/agent/agent_process.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

using namespace agent_test;

namespace {

void measure(const char* what, connection& on, const agent_process& agent,
             const std::string& method, const std::string& target, const std::string& body,
             int rounds) {
  std::vector<double> micros;
  for (int i = 0; i < rounds; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    const auto got = on.request(method, target, body, agent.key_header());
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begun;
    if (got.status != 200) {
      std::printf("%s: status %d: %s\n", what, got.status, got.body.c_str());
      return;
    }
    micros.push_back(took.count());
  }
  std::ranges::sort(micros);
  const auto at = [&](double q) {
    return micros[static_cast<std::size_t>(q * static_cast<double>(micros.size() - 1))];
  };
  std::printf("%-24s p50 %7.1f us   p99 %7.1f us\n", what, at(0.5), at(0.99));
}

} // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 2000;
  const agent_process agent;
  auto on = agent.connect();
  measure("GET /alive", on, agent, "GET", "/alive", "", rounds);
  measure("POST /glob", on, agent, "POST", "/glob", R"({"pattern":"x"})", rounds);
  measure("session run echo", on, agent, "POST", "/session/run", R"({"command":"echo hi"})",
          rounds);
  measure("action run echo", on, agent, "POST", "/execute_action",
          R"({"action":{"action":"run","args":{"command":"echo hi"}}})", rounds);
  measure("exec /bin/true", on, agent, "POST", "/exec", R"({"argv":["/bin/true"]})", rounds);
}
