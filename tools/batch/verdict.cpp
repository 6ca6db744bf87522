#include "tools/batch/verdict.hpp"

#include "tools/batch/output_regex.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace sandfleet::batch {
namespace {

constexpr int cannot_execute = 126;
constexpr int command_not_found = 127;
constexpr int killed = 128 + 9;

bool succeeded(const command_record& record) {
  return record.exit_code == 0;
}

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g s", seconds);
  return text;
}

std::string ordinal(std::string_view kind, std::size_t index, std::size_t count) {
  return std::string(kind) + " " + std::to_string(index + 1) + " of " + std::to_string(count);
}

std::string ending(const command_record& record) {
  if (record.timed_out)
    return "timed out after " + seconds_text(record.seconds);
  if (!record.exit_code)
    return "ended without an exit code";
  return "exited with " + std::to_string(*record.exit_code);
}

void add_touched_limits(verdict& why, const run_facts& facts) {
  for (const auto& [limit, count] : facts.touched)
    if (count > 0)
      why.evidence.emplace_back("touched_" + limit, count);
}

// The verdict on a command that did not succeed.
verdict blame_command(stage step, std::string_view kind, std::size_t index, std::size_t count,
                      const command_record& record, const run_facts& facts) {
  verdict why;
  why.blame = failure_class::agent;
  why.cause = ordinal(kind, index, count) + " " + ending(record);
  why.evidence = {{"stage", std::string(to_string(step))},
                  {"command", static_cast<std::int64_t>(index + 1)}};
  if (record.timed_out)
    why.evidence.emplace_back("timed_out_after", seconds_text(record.seconds));
  if (record.exit_code)
    why.evidence.emplace_back("exit_code", std::int64_t{*record.exit_code});
  if (!record.shell.empty())
    why.evidence.emplace_back("shell", record.shell);
  if (record.exit_code == killed) {
    // Who sent SIGKILL is known only where the sandbox's own counter can be read: without it the
    // whole machine may have been short of memory.
    if (!facts.oom_kills)
      why.blame = failure_class::ambiguous;
  }
  if (facts.oom_kills.value_or(0) > 0) {
    why.cause += "; the sandbox was out of memory";
    why.evidence.emplace_back("oom_kills", *facts.oom_kills);
  }
  add_touched_limits(why, facts);
  return why;
}

// Index of the first record that did not succeed, or the count of records.
std::size_t first_failure(const std::vector<command_record>& records, std::size_t until) {
  until = std::min(until, records.size());
  const auto end = records.begin() + static_cast<std::ptrdiff_t>(until);
  const auto found = std::find_if_not(records.begin(), end, succeeded);
  return found == end ? records.size() : static_cast<std::size_t>(found - records.begin());
}

// What the expectation says of the last command: nothing when it holds.
std::optional<verdict> unmet(const expectation& expect, const command_record& last) {
  verdict why;
  why.blame = failure_class::agent;
  why.evidence = {{"stage", std::string("commands")}};
  if (last.exit_code)
    why.evidence.emplace_back("exit_code", std::int64_t{*last.exit_code});
  if (expect.exit_code && last.exit_code != expect.exit_code) {
    why.cause = "the last command " + ending(last) + " where exit code " +
                std::to_string(*expect.exit_code) + " was expected";
    return why;
  }
  if (expect.output_contains && last.output.find(*expect.output_contains) == std::string::npos) {
    why.cause = "the last command's output does not contain the expected text";
    why.evidence.emplace_back("output_contains", *expect.output_contains);
    return why;
  }
  if (expect.output_regex) {
    const auto found = regex_found(*expect.output_regex, last.output);
    if (!found) {
      why.blame = found.error().blame;
      why.cause = found.error().message;
    } else if (!*found) {
      why.cause = "the last command's output does not match the expected pattern";
    }
    if (!found || !*found) {
      why.evidence.emplace_back("output_regex", *expect.output_regex);
      return why;
    }
  }
  return std::nullopt;
}

judgement judge_commands(const task& judged, const run_facts& facts) {
  const auto count = judged.commands.size();
  const bool all_ran = facts.commands.size() == count;
  // An expectation replaces "exit code 0" for the last command, unless a verification decides.
  const bool expects = judged.expect && !judged.verify;
  const auto plain = expects ? count - 1 : count;
  const auto failed = first_failure(facts.commands, plain);

  judgement out;
  out.passed = all_ran && failed == facts.commands.size();
  if (failed != facts.commands.size())
    out.why =
        blame_command(stage::commands, "command", failed, count, facts.commands[failed], facts);
  if (!expects)
    return out;
  if (!all_ran) {
    out.passed = false;
    out.why.cause += ", so that the last one did not run";
    return out;
  }
  auto missed = unmet(*judged.expect, facts.commands.back());
  out.passed = !missed;
  if (missed && facts.commands.back().timed_out)
    out.why =
        blame_command(stage::commands, "command", count - 1, count, facts.commands.back(), facts);
  else if (missed)
    out.why = std::move(*missed);
  return out;
}

// Changes what the commands alone would mean into what the verification says.
void judge_verify(const task& judged, const run_facts& facts, judgement& out) {
  const auto count = judged.verify->commands.size();
  const auto failed = first_failure(facts.verify, count);
  out.passed = facts.verify.size() == count && failed == facts.verify.size();
  if (failed == facts.verify.size())
    return;
  const auto& record = facts.verify[failed];
  auto why = blame_command(stage::verify, "verify command", failed, count, record, facts);
  // The grader itself could not run: the task may name it wrongly, or its commands may have taken
  // away what it needs.
  if (record.exit_code == cannot_execute || record.exit_code == command_not_found)
    why.blame = failure_class::ambiguous;
  if (out.why.blame)
    why.evidence.emplace_back("before", out.why.cause);
  out.why = std::move(why);
}

verdict blame_failure(const run_facts& facts) {
  const auto& failure = *facts.failure;
  verdict why;
  why.blame = failure.blame;
  // While its files are written no command has run: what they meet is what the task asked for.
  if (facts.failed_at == stage::files && failure.blame != failure_class::infrastructure)
    why.blame = failure_class::task;
  why.cause = failure.message;
  if (!failure.cause.empty())
    why.cause += ": " + failure.cause;
  why.evidence = {{"stage", std::string(to_string(facts.failed_at))},
                  {"error", std::string(to_string(failure.code))}};
  if (!failure.hint.empty())
    why.evidence.emplace_back("hint", failure.hint);
  if (facts.oom_kills.value_or(0) > 0)
    why.evidence.emplace_back("oom_kills", *facts.oom_kills);
  why.evidence.insert(why.evidence.end(), failure.evidence.begin(), failure.evidence.end());
  add_touched_limits(why, facts);
  return why;
}

} // namespace

std::string_view to_string(stage step) noexcept {
  switch (step) {
  case stage::start:
    return "start";
  case stage::files:
    return "files";
  case stage::setup:
    return "setup";
  case stage::commands:
    return "commands";
  case stage::verify:
    return "verify";
  case stage::collect:
    return "collect";
  }
  return "unknown";
}

std::string_view class_name(const verdict& why) noexcept {
  return why.blame ? sandfleet::to_string(*why.blame) : "ok";
}

judgement judge(const task& judged, const run_facts& facts) {
  const auto failed_setup = first_failure(facts.setup, facts.setup.size());
  if (failed_setup != facts.setup.size()) {
    judgement out;
    out.why = blame_command(stage::setup, "setup command", failed_setup, judged.setup.size(),
                            facts.setup[failed_setup], facts);
    out.why.blame = failure_class::task;
    return out;
  }
  if (facts.failure && facts.failed_at < stage::collect)
    return {false, blame_failure(facts)};
  auto out = judge_commands(judged, facts);
  if (judged.verify)
    judge_verify(judged, facts, out);
  // The grade was known when collecting failed.
  if (facts.failure)
    out.why = blame_failure(facts);
  return out;
}

} // namespace sandfleet::batch
