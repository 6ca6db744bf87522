#include "sandbox_agent/bash/account.hpp"
#include "sandbox_agent/bash/command_splitter.hpp"
#include "sandbox_agent/bash/find_program.hpp"
#include "sandbox_agent/bash/framing.hpp"
#include "sandbox_agent/bash/run_reply.hpp"
#include "sandbox_agent/bash/session_impl.hpp"
#include "sandbox_agent/memory/memory_group.hpp"

#include <algorithm>
#include <utility>

/// OpenHands' `run`, after openhands/runtime/utils/bash.py; where its screen polling races, the
/// marks decide.
namespace sandfleet::agent {

namespace asio = boost::asio;

namespace {

protocol::error_observation error_reply(const error& failure) {
  protocol::error_observation out;
  out.content = "ERROR: " + failure.to_string();
  return out;
}

char control_character(char key) {
  return key == '?' ? '\x7f' : static_cast<char>(static_cast<unsigned char>(key) & 0x1fU);
}

/// Where nothing runs, the terminal itself makes something of few keys. Any other would only stay
/// in its line and become part of the next command.
bool acts_at_prompt(std::optional<char> key) {
  return !key || std::string_view("cdjmCDJM").find(*key) != std::string_view::npos;
}

/// A text whose lines all end in CR LF was written elsewhere; bash would take each CR for a part of
/// the word before it.
std::string with_unix_lines(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
      return text;
    if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n')
      out += text[i];
  }
  return out;
}

} // namespace

void bash_session::impl::type(const std::string& command, bool is_input) {
  if (const auto key = special_key(command)) {
    current->type_key(control_character(*key));
    return;
  }
  if (is_input && !current->at_prompt()) {
    current->type(frame_input(command), true);
    return;
  }
  const auto text = with_unix_lines(command);
  // Text that is not a sequence of whole commands would be run in part, line by line, if it were
  // typed; as one `eval` it is one command with one result. On a single line it is typed, and more
  // can be given to it as input.
  const auto kind = current->kind();
  const bool several_lines = text.find('\n') != std::string::npos;
  const bool typed = can_be_typed(kind, text) &&
                     (!several_lines || (kind == dialect::bash && split_commands(text)));
  current->type(typed ? frame_as_is(text)
                      : frame_eval(kind, text, std::nullopt, current->prompt().options),
                true);
}

std::string bash_session::impl::take_screen(const std::string& echoed, std::string& prefix,
                                            bool continued) {
  bool dropped = false;
  const auto screen = strip_lines(current->screen().text(dropped));
  if (dropped)
    prefix = truncated_prefix(screen);
  else if (continued)
    prefix = continued_prefix;
  auto content = new_output(screen, shown_, echoed);
  shown_ = screen;
  return content;
}

protocol::run_observation bash_session::impl::not_executed(const protocol::run_action& action,
                                                           const std::string& command) {
  protocol::run_observation out;
  out.command = command;
  out.hidden = action.hidden;
  out.metadata.suffix = not_executed_suffix(command);
  out.content = take_screen({}, out.metadata.prefix, true);
  return out;
}

/// A death by the kernel's hand for want of memory looks like any other kill.
std::string bash_session::impl::memory_remark(int exit_code) {
  const auto* memory = settings.memory;
  const auto kills = oom_.kills(exit_code == killed_status);
  if (kills == 0)
    return {}; // the limit need not be looked up
  oom_ = oom_counter(memory);
  return oom_remark(kills, memory->limit(), memory->counts_the_machine());
}

protocol::run_observation bash_session::impl::answer(const protocol::run_action& action,
                                                     const std::string& command, bool continues,
                                                     wake why) {
  protocol::run_observation out;
  out.command = command;
  auto& facts = out.metadata;
  const bool finished = why == wake::prompt || why == wake::ended;
  out.content =
      take_screen(action.is_input ? command : std::string(), facts.prefix, continues && !finished);
  unanswered_ = !finished;
  if (why == wake::no_change) {
    facts.suffix = no_change_suffix(settings.no_change_timeout);
  } else if (why == wake::time_out) {
    facts.suffix = time_out_suffix(action.timeout.value_or(0));
  } else {
    out.hidden = action.hidden;
    const auto& prompt = current->prompt();
    facts.exit_code = why == wake::ended ? current->ended().value_or(-1) : prompt.exit_code;
    facts.pid = prompt.job_pid;
    // Bash has these words for a number without an entry.
    const bool is_named = prompt.username && *prompt.username != "I have no name!";
    facts.username = is_named ? *prompt.username : own_user_name();
    facts.hostname = prompt.hostname ? *prompt.hostname : own_host_name();
    facts.working_dir = working_dir;
    const auto own_path = settings.env.find("PATH");
    const auto path = prompt.path                      ? *prompt.path
                      : own_path != settings.env.end() ? own_path->second
                                                       : std::string();
    facts.py_interpreter_path = find_program("python", path, working_dir).value_or("");
    facts.suffix = completed_suffix(facts.exit_code, special_key(command));
    facts.suffix += memory_remark(facts.exit_code);
    if (why == wake::ended)
      facts.suffix += "\n[The shell has ended with it; the next command gets a new one.]";
    shown_.clear();
    current->screen().clear();
  }
  return out;
}

asio::awaitable<bash_session::impl::reply> bash_session::impl::run(protocol::run_action action,
                                                                   output_watcher watcher) {
  const auto began = clock::now();
  const std::string command(stripped(action.command));
  if (!unanswered_ && command.empty())
    co_return nothing_to_show();
  if (!unanswered_ && action.is_input)
    co_return nothing_to_talk_to();
  if (auto found = split_commands(command); found && found->size() > 1)
    co_return several_commands(*found);

  // A shell that ended unseen after its command was last reported takes no other command.
  const bool lost = unanswered_ && current->ended() && !command.empty() && !action.is_input;
  const int lost_with = lost ? current->ended().value_or(-1) : 0;
  if (!unanswered_ || lost) {
    if (auto usable = co_await ready(); !usable)
      co_return error_reply(usable.error());
    current->screen().limit({settings.history_limit, settings.history_limit * terminal::columns});
  }
  const bool runs = !current->at_prompt() && !current->ended();
  if (runs && !action.is_input && !command.empty())
    co_return not_executed(action, command);
  const bool has_effect = !current->at_prompt() || acts_at_prompt(special_key(command));
  struct watching {
    std::shared_ptr<shell> watched;
    ~watching() { watched->watch_output({}); }
  } const guard{current};
  current->watch_output(std::move(watcher));
  if (!runs)
    oom_ = oom_counter(settings.memory);
  if (!command.empty() && !current->ended() && has_effect)
    type(command, action.is_input);

  limits until;
  if (action.timeout && *action.timeout != 0) { // 0: none, as the reference reads it
    constexpr double longest = 1e9;             // seconds; more would not fit into the clock's type
    until.hard = began + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(
                             std::clamp(*action.timeout, 0.0, longest)));
  }
  if (!action.blocking)
    until.no_change = settings.no_change_timeout;
  const bool continues = std::exchange(unanswered_, true) && !lost; // should waiting be cancelled
  const auto why = co_await wait_for_prompt(until);
  if (closed_)
    co_return error_reply(make_error(errc::shutting_down, "the session was closed"));
  auto out = answer(action, command, continues, why);
  if (lost)
    out.metadata.prefix = "[The shell had ended with exit code " + std::to_string(lost_with) +
                          "; this is a new one.]\n" + out.metadata.prefix;
  co_return out;
}

} // namespace sandfleet::agent
