#include "bench/support/bare_shell.hpp"

#include "sandbox_agent/bash/process_tree.hpp"

#include <fcntl.h>
#include <stdexcept>
#include <string_view>
#include <unistd.h>

namespace sandfleet::bench {

namespace {
constexpr std::string_view prompt = "\x1b]7;p\a";
}

bare_shell::bare_shell(const std::string& working_dir) {
  agent::pty_spec spec;
  spec.program = "/bin/bash";
  spec.argv = {"bash", "--noediting", "--norc", "-i"};
  spec.environment = {"PATH=/usr/bin:/bin", "HOME=/nonexistent", "HISTFILE="};
  spec.working_dir = working_dir;
  spec.echo = false;
  auto started = agent::spawn_on_pty(spec);
  if (!started)
    throw std::runtime_error(started.error().to_string());
  process_ = std::move(*started);
  ::fcntl(process_.master.get(), F_SETFL, 0);
  command("PS1='\\e]7;p\\a'");
}

bare_shell::~bare_shell() {
  agent::kill_tree(process_.pid);
  static_cast<void>(agent::reap(process_.pid));
}

std::string bare_shell::command(const std::string& line) {
  const auto text = line + '\n';
  if (::write(process_.master.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw std::runtime_error("cannot write to the bare shell");
  return read_to_prompt();
}

std::string bare_shell::read_to_prompt() {
  std::string seen;
  char buffer[4096];
  while (!seen.ends_with(prompt)) {
    const auto got = ::read(process_.master.get(), buffer, sizeof buffer);
    if (got <= 0)
      throw std::runtime_error("the bare shell has ended");
    seen.append(buffer, static_cast<std::size_t>(got));
  }
  seen.resize(seen.size() - prompt.size());
  return seen;
}

} // namespace sandfleet::bench
