#include "runtime/core/line_splitter.hpp"
#include "runtime/protocol/utf8.hpp"
#include "runtime/providers/local/launcher_event.hpp"
#include "runtime/providers/local/notes.hpp"
#include "sandbox_agent/launcher/command.hpp"
#include "sandbox_agent/launcher/events.hpp"
#include "sandbox_agent/launcher/failure_pipe.hpp"
#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"

#include <sys/wait.h>

namespace {

using namespace sandfleet;
using namespace sandfleet::providers::local;
using protocol::to_utf8;

std::vector<std::string> lines_of(const std::vector<std::string_view>& pieces) {
  constexpr std::size_t longest = 100;
  std::vector<std::string> lines;
  core::line_splitter splitter(longest);
  for (const auto piece : pieces)
    splitter.feed(piece, [&](std::string_view line) {
      holds(line.size() <= longest && line.find('\n') == std::string_view::npos);
      lines.emplace_back(line);
    });
  return lines;
}

/// What comes from either side of the pipe between engine and launcher.
void check_any(fuzz_input& in) {
  const auto seed = in.byte();
  const auto bytes = in.rest();
  const auto lines = lines_of({bytes});
  holds(lines_of(pieces_of(bytes, seed)) == lines);
  for (const auto& line : lines) {
    const auto event = parse_launcher_event(line);
    if (const auto* text = std::get_if<text_told>(&event))
      holds(text->text == line);
    if (const auto* started = std::get_if<started_told>(&event))
      holds(started->process > 0);
    if (const auto wanted = launcher::parse_command(line))
      holds(wanted->span.count() >= 0 && wanted->span <= launcher::longest_life);
  }
  if (const auto init = noted_init(bytes))
    holds(init->pid > 0 && init->start_time > 0);
  for (const auto& dir : noted_cgroups(bytes, sandbox_id("sb-1")))
    holds(dir.starts_with('/') &&
          (dir.ends_with("/sandfleet-sb-1") || dir.ends_with("/sandfleet-sb-1/commands")) &&
          dir.find('\n') == std::string::npos && dir.find("/../") == std::string::npos);
  if (const auto failure = launcher::decode_failure(bytes))
    holds(launcher::decode_failure(launcher::encode_failure(*failure)) == failure);
}

/// One line of the launcher's, as the engine reads it.
template <class Event>
Event told(const std::string& line) {
  holds(line.ends_with('\n') && line.find('\n') == line.size() - 1);
  const auto event = parse_launcher_event(std::string_view(line).substr(0, line.size() - 1));
  const auto* as = std::get_if<Event>(&event);
  holds(as != nullptr);
  return *as;
}

void check_failed(fuzz_input& in) {
  auto failure =
      make_error(static_cast<errc>(in.byte() % (static_cast<int>(errc::internal) + 1)), in.text(40))
          .with_cause(in.text(40))
          .with_hint(in.text(40));
  failure.blame = static_cast<failure_class>(in.byte() % 4);
  const auto log = in.text();
  const auto seen = told<failed_told>(launcher::failed_event(failure, log)).failure;
  holds(seen.code == failure.code && seen.blame == failure.blame);
  holds(seen.message == to_utf8(failure.message) && seen.cause == to_utf8(failure.cause) &&
        seen.hint == to_utf8(failure.hint));
  holds(log.empty() == seen.evidence.empty());
}

void check_exited(fuzz_input& in) {
  resource_usage usage;
  if (in.flag())
    usage.oom_kills = in.byte();
  if (in.flag())
    usage.cpu_seconds = static_cast<double>(in.below(60'000)) / 1000;
  const int status = in.flag() ? W_EXITCODE(in.byte(), 0) : 1 + in.byte() % 64;
  const auto log = in.text();
  const auto seen = told<exited_told>(launcher::exited_event(status, usage, log, log));
  holds(seen.exit_code.has_value() == WIFEXITED(status) &&
        seen.exit_code.value_or(WEXITSTATUS(status)) == WEXITSTATUS(status));
  holds(seen.signal.value_or(WTERMSIG(status)) == WTERMSIG(status));
  holds(seen.usage.oom_kills == usage.oom_kills && seen.usage.cpu_seconds == usage.cpu_seconds);
  holds(seen.log == to_utf8(log) && seen.oom_victims == seen.log);
}

void check_small(fuzz_input& in) {
  const auto text = in.text();
  holds(told<warning_told>(launcher::warning_event(text)).message == to_utf8(text));
  holds(told<stopping_told>(launcher::stopping_event(text)).cause == to_utf8(text));
  const bool paused = in.flag();
  holds(told<paused_told>(launcher::paused_event(paused)).paused == paused);
  const auto process = static_cast<pid_t>(1 + in.below(60'000));
  holds(told<started_told>(launcher::started_event(process)).process == process);
  limits_report limits;
  limits["memory_mb"] = to_utf8(in.text(40));
  const auto seen = told<limits_told>(launcher::limits_event(limits, in.flag()));
  holds(seen.limits == limits);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input in(data, size);
  switch (in.byte() % 4) {
  case 0:
    check_any(in);
    break;
  case 1:
    check_failed(in);
    break;
  case 2:
    check_exited(in);
    break;
  default:
    check_small(in);
  }
  return 0;
}
