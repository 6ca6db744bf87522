#include "sandbox_agent/options.hpp"
#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"

/// Arguments and environment of any kind: options in their bounds, or an error with words. The key
/// is never handed on.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandfleet;
  fuzz_input in(data, size);
  std::map<std::string, std::string> environment;
  for (auto count = in.byte() % 4; count > 0; --count) {
    constexpr std::string_view names[] = {"SESSION_API_KEY",
                                          "NO_CHANGE_TIMEOUT_SECONDS",
                                          "INIT_PLUGIN_TIMEOUT",
                                          "RUNTIME_MAX_MEMORY_GB",
                                          "RUNTIME_MEMORY_MONITOR",
                                          "SU_TO_USER",
                                          "RUNTIME_USERNAME",
                                          "SANDBOX_GROUP_ID",
                                          "VSCODE_PORT",
                                          "APP_PORT_1"};
    const auto kind = in.byte() % (std::size(names) + 2);
    const auto name = kind < std::size(names) ? std::string(names[kind]) : in.text(20);
    environment[name] = in.text(20);
  }
  constexpr std::string_view flags[] = {"--working-dir",
                                        "--username",
                                        "--user-id",
                                        "--plugins",
                                        "--host",
                                        "--unix",
                                        "--listen-fd",
                                        "--listen-from",
                                        "--ready-fd",
                                        "--lifeline-fd",
                                        "--help",
                                        "--enable-browser",
                                        "--no-enable-browser",
                                        "--browsergym-eval-env",
                                        "--memory-events-fd",
                                        "--memory-limit-mb"};
  std::vector<std::string> arguments;
  while (!in.empty() && arguments.size() < 20) {
    const auto choice = in.byte();
    if (choice % 3 == 0)
      arguments.push_back(in.text(30));
    else if (choice % 3 == 1)
      arguments.emplace_back(flags[choice / 3 % std::size(flags)]);
    else
      arguments.push_back(std::string(flags[choice / 3 % std::size(flags)]) + "=" + in.text(30));
  }
  const auto read = agent::parse_options(arguments, environment);
  if (!read) {
    holds(!read.error().message.empty());
    return 0;
  }
  if (read->help)
    return 0;
  holds(read->working_dir.starts_with('/'));
  holds(!read->env.contains("SESSION_API_KEY"));
  holds(read->no_change_timeout.count() > 0);
  holds(read->ready_fd.value_or(0) >= 0 && read->lifeline_fd.value_or(0) >= 0);
  holds(!read->workspace_group.empty());
  holds(read->max_memory_gb.value_or(1) > 0);
  if (read->username) {
    holds(!read->username->empty() && *read->username != "..");
    holds(read->username->find_first_of(":/\n ") == std::string::npos);
  }
  holds(read->enable_browser || read->browsergym_eval_env.empty());
  for (const auto& plugin : read->plugins)
    holds(!plugin.empty());
  return 0;
}
