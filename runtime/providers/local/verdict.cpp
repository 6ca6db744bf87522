#include "runtime/providers/local/verdict.hpp"

#include "runtime/protocol/agent_api.hpp"

#include <cmath>
#include <sys/wait.h>

namespace sandfleet::providers::local {

namespace {

void add_text(error& failure, const char* name, const std::string& text) {
  if (!text.empty())
    failure.evidence.emplace_back(name, text);
}

/// The launcher itself went, so nobody saw how the sandbox ended.
error launcher_lost(const end_facts& facts) {
  auto failure = make_error(facts.was_ready ? errc::sandbox_lost : errc::start_failed,
                            "the launcher of the sandbox " + facts.id.str() + " has died")
                     .with_cause("it was killed or crashed; the sandbox ended with it")
                     .blamed_on(failure_class::infrastructure);
  const int status = facts.launcher_status.value_or(0);
  if (WIFSIGNALED(status))
    failure.evidence.emplace_back("launcher_signal", std::int64_t{WTERMSIG(status)});
  else if (WIFEXITED(status))
    failure.evidence.emplace_back("launcher_exit_code", std::int64_t{WEXITSTATUS(status)});
  return failure;
}

error agent_ended(const end_facts& facts) {
  const auto& exited = *facts.exited;
  const bool out_of_memory = exited.usage.oom_kills.value_or(0) > 0;
  const std::string when = facts.was_ready ? " has ended" : " ended before it was ready";
  auto failure =
      make_error(facts.was_ready ? errc::sandbox_lost : errc::start_failed,
                 "the agent of the sandbox " + facts.id.str() + when)
          // Without isolation the task may have killed it; with it, it cannot.
          .blamed_on(facts.isolated ? failure_class::infrastructure : failure_class::ambiguous);
  if (out_of_memory && exited.signal) {
    failure.code = errc::out_of_memory;
    failure.blame = facts.was_ready ? failure_class::agent : failure_class::task;
    failure.cause = "the kernel killed it for memory";
    failure.hint = "raise memory_mb";
  }
  if (!facts.was_ready && exited.exit_code == protocol::no_shell_status) {
    failure.code = errc::not_found;
    failure.blame = failure_class::task;
    failure.cause = "its image has neither bash nor sh";
    failure.hint = "use an image with a shell in one of the usual directories";
  }
  if (!facts.was_ready && exited.exit_code == protocol::no_workspace_status) {
    failure.code = errc::invalid_argument;
    failure.blame = failure_class::task;
    failure.cause = "its workspace is no directory: a file is in its place";
    failure.hint = "look at workdir and volumes: the image has a file there, or one is mounted";
  }
  if (exited.exit_code)
    failure.evidence.emplace_back("exit_code", std::int64_t{*exited.exit_code});
  if (exited.signal)
    failure.evidence.emplace_back("signal", std::int64_t{*exited.signal});
  if (exited.usage.oom_kills)
    failure.evidence.emplace_back("oom_kills", *exited.usage.oom_kills);
  if (out_of_memory && exited.usage.peak_memory_mb)
    failure.evidence.emplace_back("peak_memory_mb",
                                  std::int64_t{std::llround(*exited.usage.peak_memory_mb)});
  add_text(failure, "oom_victims", exited.oom_victims);
  add_text(failure, "log", exited.log);
  return failure;
}

/// Ended by its launcher, though not for this program.
error taken_away(const end_facts& facts) {
  auto failure =
      make_error(errc::sandbox_lost, "the sandbox " + facts.id.str() + " was taken away");
  if (facts.stopping_cause == "expired")
    return std::move(failure)
        .with_cause("its time to live is over")
        .with_hint("keep it for longer: the setting keep_for")
        .blamed_on(failure_class::task);
  return std::move(failure).with_cause(facts.foreign ? "the program that it belongs to has ended it"
                                                     : "another program has stopped it");
}

} // namespace

exit_report judge_end(const end_facts& facts) {
  exit_report report;
  if (facts.exited) {
    report.exit_code = facts.exited->exit_code;
    report.signal = facts.exited->signal;
    report.usage = facts.exited->usage;
  } else {
    report.usage = facts.counted;
  }
  if (facts.was_asked)
    return report;
  if (facts.foreign || !facts.stopping_cause.empty())
    report.failure = taken_away(facts);
  else if (facts.failed)
    report.failure = facts.failed;
  else
    report.failure = facts.exited ? agent_ended(facts) : launcher_lost(facts);
  add_text(*report.failure, "launcher", facts.text);
  return report;
}

} // namespace sandfleet::providers::local
