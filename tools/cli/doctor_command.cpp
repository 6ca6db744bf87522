#include "runtime/engine/programs.hpp"
#include "tools/cli/commands.hpp"
#include "tools/cli/docker_checks.hpp"
#include "tools/cli/foreground.hpp"
#include "tools/cli/machine_checks.hpp"
#include "tools/cli/run_report.hpp"
#include "tools/cli/setting_flags.hpp"
#include "tools/cli/table.hpp"

#include <sandfleet/engine.hpp>

#include <CLI/App.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <iostream>
#include <iterator>

namespace sandfleet::cli {

namespace {

using config::key;

finding missing(std::string name, const error& failure) {
  auto detail = failure.message;
  if (!failure.cause.empty())
    detail += ": " + failure.cause;
  for (const auto& [fact, value] : failure.evidence)
    if (const auto* text = std::get_if<std::string>(&value))
      detail += "; " + fact + ": " + *text;
  return {std::move(name), health::missing, std::move(detail), failure.hint};
}

finding check_program(const std::string& program, const std::string& configured) {
  auto found = engine_detail::find_program(program, configured);
  return found ? finding{program, health::good, *found, {}} : missing(program, found.error());
}

std::string milliseconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms", seconds * 1000);
  return text;
}

/// Starts one sandbox with every limit set, runs `echo ok` in it, and takes it away.
class start_trial {
 public:
  start_trial(std::vector<finding>& findings, std::string limit_hint)
      : findings_(findings), limit_hint_(std::move(limit_hint)) {}

  void run(settings s, sandbox_spec spec) {
    auto runtime = engine::create(std::move(s));
    if (!runtime) {
      findings_.push_back(missing("engine", runtime.error()));
      return;
    }
    foreground work(runtime->executor());
    for (auto [limit, value] : {std::pair(&spec.limits.memory_mb, 256),
                                {&spec.limits.pids, 128},
                                {&spec.limits.disk_mb, 64}})
      if (!*limit)
        *limit = value;
    if (!spec.limits.cpus)
      spec.limits.cpus = 1;
    stopwatch timing;
    auto started = work.wait(runtime->start(std::move(spec)));
    const auto start_seconds = timing.lap();
    if (!started) {
      findings_.push_back(missing("sandbox", started.error()));
      return;
    }
    check_limits(started->limits());
    timing.lap();
    exec_request echo;
    echo.argv = {"echo", "ok"};
    const auto answer = work.wait(started->exec(std::move(echo)));
    const auto echo_seconds = timing.lap();
    const auto stopped = work.finish(started->stop());
    const auto stop_seconds = timing.lap();
    if (!answer)
      findings_.push_back(missing("sandbox", answer.error()));
    else if (answer->exit_code != 0 || answer->out != "ok\n")
      findings_.push_back({"sandbox", health::missing, "'echo ok' did not answer ok", {}});
    else if (!stopped)
      findings_.push_back(missing("sandbox", stopped.error()));
    else
      findings_.push_back({"sandbox",
                           health::good,
                           "started in " + milliseconds_text(start_seconds) + ", 'echo ok' in " +
                               milliseconds_text(echo_seconds) + ", gone in " +
                               milliseconds_text(stop_seconds),
                           {}});
  }

 private:
  void check_limits(const limits_report& limits) {
    for (const auto& [limit, state] : limits) {
      const bool holds = state == "enforced";
      findings_.push_back({"limit " + limit, holds ? health::good : health::limited, state,
                           holds || limit == "disk_mb" ? "" : limit_hint_});
    }
  }

  std::vector<finding>& findings_;
  std::string limit_hint_;
};

void check_settings(const config::resolved& config, std::vector<finding>& findings,
                    const std::function<void(settings, sandbox_spec)>& go_on) {
  auto settings = config.engine_settings();
  auto spec = config.base_spec();
  if (!settings)
    findings.push_back(missing("settings", settings.error()));
  else if (!spec)
    findings.push_back(missing("settings", spec.error()));
  else
    go_on(std::move(*settings), std::move(*spec));
}

/// Whether a runtime service answers, takes the key, and makes sandboxes.
std::vector<finding> examine_service(const config::resolved& config) {
  std::vector<finding> findings;
  check_settings(config, findings, [&](settings s, sandbox_spec spec) {
    const std::string name = "runtime service";
    {
      auto runtime = engine::create(s);
      if (!runtime) {
        findings.push_back(missing(name, runtime.error()));
        return;
      }
      foreground work(runtime->executor());
      const auto listed = work.wait(runtime->list());
      if (!listed) {
        findings.push_back(missing(name, listed.error()));
        return;
      }
      findings.push_back({name,
                          health::good,
                          s.remote.api_url + " takes the key, and has " +
                              std::to_string(listed->size()) + " sandboxes of it",
                          {}});
    }
    start_trial(findings, "").run(std::move(s), std::move(spec));
  });
  return findings;
}

std::vector<finding> examine(const config::resolved& config) {
  if (config.text(key::provider) == "remote")
    return examine_service(config);
  const bool in_docker = config.text(key::provider) == "docker";
  auto findings = check_machine(!in_docker && config.text(key::isolation) != "none");
  const auto agent = check_program("sandfleet-agent", config.text(key::agent_program));
  findings.push_back(agent);
  if (!in_docker)
    findings.push_back(check_program("sandfleet-launcher", config.text(key::launcher_program)));
  std::ranges::move(check_docker(in_docker, agent.state == health::good ? agent.detail : ""),
                    std::back_inserter(findings));
  check_settings(config, findings, [&](settings s, sandbox_spec spec) {
    start_trial(findings, "see cgroups above").run(std::move(s), std::move(spec));
  });
  return findings;
}

std::string_view word_of(health state) {
  switch (state) {
  case health::good:
    return "ok";
  case health::limited:
    return "limited";
  case health::missing:
    return "missing";
  case health::note:
    return "note";
  }
  return {};
}

void print_json(const std::vector<finding>& findings, bool usable) {
  boost::json::array checks;
  for (const auto& f : findings)
    checks.emplace_back(boost::json::object{
        {"name", f.name}, {"state", word_of(f.state)}, {"detail", f.detail}, {"hint", f.hint}});
  std::cout << boost::json::serialize(
                   boost::json::object{{"usable", usable}, {"checks", std::move(checks)}})
            << '\n';
}

void print_text(const std::vector<finding>& findings, bool usable, const stream_look& look) {
  std::vector<std::vector<cell>> rows;
  for (const auto& f : findings) {
    const auto colour = f.state == health::good      ? tone::good
                        : f.state == health::limited ? tone::warning
                        : f.state == health::note    ? tone::dim
                                                     : tone::bad;
    rows.push_back({{f.name}, {std::string(word_of(f.state)), colour}, {f.detail}});
    if (!f.hint.empty())
      rows.push_back({{""}, {""}, {"-> " + f.hint, tone::dim}});
  }
  print_table(std::cout, {"CHECK", "STATE", "DETAIL"}, rows, look);
  std::cout << '\n'
            << (usable ? painted("sandboxes work on this machine", tone::good, look)
                       : painted("sandboxes do not work on this machine", tone::bad, look))
            << '\n';
}

class doctor_command : public subcommand {
 public:
  CLI::App* attach(CLI::App& root, config::flag_layer& flags) override {
    auto* app = root.add_subcommand("doctor", "say what works on this machine, and what does not");
    add_setting_flags(*app, std::array{key::provider, key::image, key::isolation, key::network},
                      flags);
    app->footer(R"(Examples:
  sandfleet doctor
  sandfleet doctor --provider docker --image python:3.12
  sandfleet doctor --output json | jq '.checks[] | select(.state != "ok")'

It starts one real sandbox and takes it away. A Docker engine is looked at too; that there is none is
a note, unless the provider is docker. The exit status is 0 when sandboxes work, else 1.)");
    return app;
  }

  int run(const cli_context& context) override {
    const auto findings = examine(context.config);
    const bool usable =
        std::ranges::none_of(findings, [](const finding& f) { return f.state == health::missing; });
    if (context.output == output_mode::json)
      print_json(findings, usable);
    else
      print_text(findings, usable, context.out);
    return usable ? exit_status::success : exit_status::failure;
  }
};

} // namespace

std::unique_ptr<subcommand> make_doctor_command() {
  return std::make_unique<doctor_command>();
}

} // namespace sandfleet::cli
