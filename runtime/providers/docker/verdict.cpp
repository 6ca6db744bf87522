#include "runtime/providers/docker/verdict.hpp"

#include "runtime/protocol/agent_api.hpp"

#include <csignal>

namespace sandfleet::providers::docker {

namespace {

/// By the convention of shells, which Docker follows: 128 and the signal's number.
std::optional<int> signal_of(std::int64_t exit_code) {
  constexpr int base = 128;
  if (exit_code > base && exit_code < base + NSIG)
    return static_cast<int>(exit_code - base);
  return std::nullopt;
}

/// Whether it ended by what `docker stop` or `docker kill` sent it. The agent ends by itself upon
/// SIGTERM.
bool was_told_to_end(const end_facts& facts) {
  const auto code = facts.container->exit_code;
  return facts.sent_signal &&
         (signal_of(code) == facts.sent_signal || (code == 0 && facts.sent_signal == SIGTERM));
}

void explain(const end_facts& facts, error& failure) {
  const auto& ended = *facts.container;
  const auto signal = signal_of(ended.exit_code);
  if (signal == SIGKILL && (ended.out_of_memory || facts.oom_kills > 0)) {
    failure.code = errc::out_of_memory;
    failure.blame = facts.was_ready ? failure_class::agent : failure_class::task;
    failure.cause = "the kernel killed its first process for memory";
    failure.hint = "raise memory_mb";
  } else if (!facts.was_ready && ended.exit_code == protocol::no_shell_status) {
    failure.code = errc::not_found;
    failure.blame = failure_class::task;
    failure.cause = "its image has neither bash nor sh";
    failure.hint = "use an image with a shell in one of the usual directories";
  } else if (!facts.was_ready && ended.exit_code == protocol::no_workspace_status) {
    failure.code = errc::invalid_argument;
    failure.blame = failure_class::task;
    failure.cause = "its workspace is no directory: a file is in its place";
    failure.hint = "look at workdir and volumes: the image has a file there, or one is mounted";
  } else if (!ended.failure.empty()) {
    failure.cause = ended.failure;
  } else if (facts.lived_its_time) {
    failure.blame = failure_class::task;
    failure.cause = "its time to live is over";
    failure.hint = "keep it for longer: the setting keep_for";
  } else if (facts.ended_by_engine) {
    failure.cause = "the Docker engine was stopped or started anew, and its containers with it";
    failure.hint = "'live-restore' in the engine's daemon.json lets containers go on without it";
  } else if (was_told_to_end(facts)) {
    failure.cause =
        "somebody stopped it from outside, by way of the engine ('docker stop', 'docker kill')";
    failure.evidence.emplace_back("sent_signal", std::int64_t{*facts.sent_signal});
  } else if (may_be_told_to_end(facts)) {
    failure.cause = "somebody stopped it from outside, and not by way of the engine";
  }
}

} // namespace

bool may_be_told_to_end(const end_facts& facts) {
  if (!facts.container || facts.container->out_of_memory || facts.oom_kills > 0)
    return false;
  const auto code = facts.container->exit_code;
  const auto signal = signal_of(code);
  return code == 0 || signal == SIGKILL || signal == SIGTERM;
}

exit_report judge_end(const end_facts& facts) {
  exit_report report;
  report.usage = facts.usage;
  if (facts.container) {
    const auto code = facts.container->exit_code;
    report.signal = signal_of(code);
    if (!report.signal)
      report.exit_code = static_cast<int>(code);
    const auto kills =
        std::max<std::int64_t>(facts.oom_kills, facts.container->out_of_memory ? 1 : 0);
    if (kills > 0)
      report.usage.oom_kills = kills;
  }
  if (facts.was_asked)
    return report;
  const std::string what = "the container of the sandbox " + facts.id.str();
  auto failure = make_error(facts.was_ready ? errc::sandbox_lost : errc::start_failed,
                            what + (facts.was_ready ? " has ended" : " ended before it was ready"))
                     .blamed_on(failure_class::infrastructure);
  if (facts.container)
    explain(facts, failure);
  else
    failure.cause = "somebody has removed it";
  if (report.exit_code)
    failure.evidence.emplace_back("exit_code", std::int64_t{*report.exit_code});
  if (report.signal)
    failure.evidence.emplace_back("signal", std::int64_t{*report.signal});
  if (facts.container)
    failure.evidence.emplace_back("oom_killed", std::int64_t{facts.container->out_of_memory});
  if (report.usage.oom_kills)
    failure.evidence.emplace_back("oom_kills", *report.usage.oom_kills);
  if (failure.code == errc::out_of_memory && facts.memory_mb)
    failure.evidence.emplace_back("memory_mb", *facts.memory_mb);
  if (!facts.log.empty())
    failure.evidence.emplace_back("log", facts.log);
  report.failure = std::move(failure);
  return report;
}

} // namespace sandfleet::providers::docker
