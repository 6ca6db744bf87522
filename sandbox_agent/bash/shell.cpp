#include "sandbox_agent/bash/shell.hpp"

#include "runtime/core/system_text.hpp"
#include "sandbox_agent/bash/find_program.hpp"
#include "sandbox_agent/bash/nonce.hpp"
#include "sandbox_agent/user/identity.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::agent {

namespace asio = boost::asio;

namespace {

constexpr char kill_line = '\x15';
/// The kernel lets a longer text's echo come after the output that it should stand before, when
/// nobody reads for a while.
constexpr std::size_t longest_echoed = 1024;
constexpr std::string_view default_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::vector<std::string> shell_environment(const shell_spec& spec) {
  auto env = spec.env;
  for (const auto* name :
       {"PROMPT_COMMAND", "SANDFLEET_PROMPT", "PS0", "PS1", "PS2", "COLUMNS", "LINES", "OLDPWD"})
    env.erase(name);
  env.try_emplace("PATH", default_path);
  env["TERM"] = "xterm-256color";
  env["PWD"] = spec.working_dir;
  // The pager would wait for keys. As a variable it reaches scripts too, which an alias does not.
  env.try_emplace("GIT_PAGER", "cat");
  env[std::string(tree_marker_name)] = spec.tree_marker;
  std::vector<std::string> out;
  out.reserve(env.size());
  for (const auto& [name, value] : env)
    out.push_back(name + '=' + value);
  return out;
}

/// At most 15 bytes. Read without a wait for whatever the process is doing.
std::string program_name(pid_t pid) {
  std::string name;
  std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/comm"), name);
  return name;
}

} // namespace

result<std::shared_ptr<shell>> shell::start(const asio::any_io_executor& executor,
                                            const shell_spec& spec) {
  const auto path_entry = spec.env.find("PATH");
  const std::string path =
      path_entry == spec.env.end() ? std::string(default_path) : path_entry->second;
  // The shell itself is found even when its PATH, which is the task's to say, leads nowhere.
  const auto find = [&](std::string_view name) {
    auto found = find_program(name, path, spec.working_dir);
    return found ? found : find_program(name, default_path, spec.working_dir);
  };
  pty_spec wanted;
  dialect kind = dialect::bash;
  if (auto bash = find("bash")) {
    wanted.program = std::move(*bash);
    wanted.argv = {"bash", "--noediting"};
    if (!spec.user_startup)
      wanted.argv.emplace_back("--norc");
    wanted.argv.emplace_back("-i");
  } else if (auto sh = find("sh")) {
    kind = dialect::posix;
    wanted.program = std::move(*sh);
    wanted.argv = {"sh", "-i"};
  } else {
    return fail(
        make_error(errc::not_found, "there is neither bash nor sh in the PATH").with("PATH", path));
  }
  wanted.environment = shell_environment(spec);
  wanted.working_dir = spec.working_dir;
  wanted.columns = terminal::columns;
  wanted.rows = terminal::rows;
  wanted.echo = kind == dialect::bash;
  auto nonce = make_nonce();
  if (!nonce)
    return tl::unexpected(std::move(nonce.error()));
  auto process = spawn_on_pty(wanted);
  if (!process)
    return tl::unexpected(std::move(process.error()));
  auto started =
      std::make_shared<shell>(executor, std::move(*process), kind, *nonce, spec.tree_marker);
  started->run();
  return started;
}

shell::shell(const asio::any_io_executor& executor, pty_process process, dialect kind,
             std::string_view nonce, std::string tree_marker)
    : master_(executor, process.master.release()), pidfd_(executor, process.pidfd.release()),
      pid_(process.pid), tree_(std::in_place, process.pid), tree_marker_(std::move(tree_marker)),
      conversation_(kind, nonce, terminal_), change_(executor) {}

shell::~shell() {
  kill_now();
}

void shell::run() {
  const auto executor = master_.get_executor();
  // These hold the shell until its end, which `kill` brings about.
  asio::co_spawn(executor, read_loop(shared_from_this()), asio::detached);
  asio::co_spawn(executor, watch_end(shared_from_this()), asio::detached);
  send(conversation_.opening().bytes);
}

asio::awaitable<void> shell::read_loop(std::shared_ptr<shell> self) {
  while (!self->end_seen_) {
    const auto [failure, count] = co_await self->master_.async_read_some(
        asio::buffer(self->buffer_), asio::as_tuple(asio::use_awaitable));
    if (failure || self->ended_)
      break; // nobody has the terminal open any more, or the end was seen
    self->received({self->buffer_.data(), count});
    if (self->at_prompt())
      self->notify();
  }
  self->reading_ended_ = true;
  if (self->end_seen_)
    self->finish();
}

/// Beside the terminal's own end: a background job may hold it open after the shell's death.
asio::awaitable<void> shell::watch_end(std::shared_ptr<shell> self) {
  const auto [failure] = co_await self->pidfd_.async_wait(asio::posix::stream_descriptor::wait_read,
                                                          asio::as_tuple(asio::use_awaitable));
  if (failure)
    co_return;
  // A read may be complete and its handler not yet run: the reader finishes, in order.
  self->end_seen_ = true;
  if (self->reading_ended_)
    self->finish();
  else
    self->master_.cancel();
}

void shell::received(std::string_view bytes) {
  last_output_ = clock::now();
  conversation_.receive(bytes);
  if (conversation_.take_new_dialect()) {
    set_echo(master_.native_handle(), false);
    send(conversation_.opening().bytes);
  }
  if (conversation_.take_doubt()) {
    set_echo(master_.native_handle(), false);
    quiet_ = true;
    send("\n");
  }
  if (echo_later_ && conversation_.runs()) {
    set_echo(master_.native_handle(), true);
    quiet_ = echo_later_ = false;
  }
  if (held_input_ && !conversation_.reads()) {
    const auto held = *std::exchange(held_input_, std::nullopt);
    if (!at_prompt()) // else it came too late for what it was meant for
      type(held, true);
  }
  const auto reply = terminal_.take_reply();
  // At a prompt nobody asked for it any more, and the shell would read it as a command.
  if (!reply.empty() && !at_prompt()) {
    stray_input_ = true;
    send(reply);
  }
}

void shell::read_what_is_left() {
  // What the dead have written is at most what the kernel buffers; the living may go on writing.
  std::size_t left = 1024 * 1024;
  while (left != 0) {
    const auto got = ::read(master_.native_handle(), buffer_.data(), buffer_.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return;
    received({buffer_.data(), static_cast<std::size_t>(got)});
    left -= std::min(left, static_cast<std::size_t>(got));
  }
}

void shell::finish() {
  if (ended_)
    return;
  read_what_is_left();
  close();
}

void shell::notice_end() {
  pollfd gone{pidfd_.native_handle(), POLLIN, 0};
  if (ended_ || ::poll(&gone, 1, 0) <= 0)
    return;
  end_seen_ = true;
  finish();
}

void shell::close() {
  const auto end = reap(pid_);
  ended_ = end.exit_code;
  end_signal_ = end.signal;
  tree_.reset();
  boost::system::error_code ignored;
  master_.close(ignored);
  pidfd_.close(ignored);
  notify();
}

asio::awaitable<void> shell::kill() {
  const auto self = shared_from_this();
  if (ended_)
    co_return;
  kill_tree(pid_, tree_marker_, reply_patience_ms);
  // All are dead, so the end is but one turn of the event loop away; unless the kernel holds on to
  // one of them, and then it is not waited for.
  constexpr std::chrono::milliseconds grace{40};
  const auto deadline = clock::now() + grace;
  while (!ended_ && clock::now() < deadline)
    co_await changed(deadline);
  if (!ended_)
    close();
}

void shell::kill_now() {
  if (ended_)
    return;
  kill_tree(pid_, tree_marker_);
  close();
}

void shell::offer() {
  name_ = program_name(pid_);
  used_ = false;
  if (tree_)
    tree_->set_expendable(true);
}

void shell::note_use() {
  used_ = true;
  if (tree_)
    tree_->set_expendable(false);
}

void shell::notify() {
  change_.cancel();
}

asio::awaitable<void> shell::changed(clock::time_point deadline) {
  const auto self = shared_from_this();
  change_.expires_at(deadline);
  co_await change_.async_wait(asio::as_tuple(asio::use_awaitable));
}

void shell::type(const typed_text& text, bool input_follows) {
  note_use();
  if (conversation_.reads()) {
    auto& held = held_input_ ? *held_input_ : held_input_.emplace();
    held.bytes += text.bytes;
    held.lines += text.lines;
    return;
  }
  const bool stray = at_prompt() && std::exchange(stray_input_, false);
  if (at_prompt() && kind() == dialect::bash) {
    const bool echoes = input_follows && text.bytes.size() <= longest_echoed;
    if (!echoes || quiet_)
      set_echo(master_.native_handle(), echoes);
    quiet_ = !echoes;
    echo_later_ = quiet_ && input_follows;
  }
  conversation_.typed(text, !quiet_);
  send(stray ? kill_line + text.bytes : text.bytes);
}

void shell::type_key(char key) {
  note_use();
  stray_input_ = true;
  held_input_.reset();
  conversation_.key_typed();
  send({&key, 1});
}

/// The first attempt is made here and now, so that a short text costs one system call.
void shell::send(std::string_view bytes) {
  if (ended_)
    return;
  if (!sending_) {
    const auto sent = ::write(master_.native_handle(), bytes.data(), bytes.size());
    if (sent > 0)
      bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  unsent_ += bytes;
  if (unsent_.empty() || sending_)
    return;
  sending_ = true;
  asio::co_spawn(master_.get_executor(), send_rest(shared_from_this()), asio::detached);
}

asio::awaitable<void> shell::send_rest(std::shared_ptr<shell> self) {
  while (!self->unsent_.empty() && !self->ended_) {
    const auto bytes = std::exchange(self->unsent_, {});
    const auto [failure, count] = co_await asio::async_write(self->master_, asio::buffer(bytes),
                                                             asio::as_tuple(asio::use_awaitable));
    if (failure)
      break;
  }
  self->unsent_.clear();
  self->sending_ = false;
}

std::string shell::standing() const {
  if (ended_)
    return end_signal_ == 0 ? "has ended" : "ended by signal " + std::to_string(end_signal_);
  const auto proc = "/proc/" + std::to_string(pid_);
  std::string text;
  std::getline(std::ifstream(proc + "/stat"), text);
  const auto stat = core::parse_process_stat(text);
  if (stat && (stat->state == 'T' || stat->state == 't'))
    return "stopped";
  if (const auto name = program_name(pid_); !name_.empty() && name != name_)
    return "replaced by '" + name + "'";
  // The descriptor is only looked at.
  const int master = const_cast<asio::posix::stream_descriptor&>(master_).native_handle();
  if (const auto foreground = ::tcgetpgrp(master); foreground > 0 && foreground != pid_)
    return "running a command";
  return stat && stat->state == 'S' ? "waiting, and not at its prompt" : "busy";
}

std::string shell::directory() const {
  char target[4096];
  const auto link = "/proc/" + std::to_string(pid_) + "/cwd";
  auto length = ::readlink(link.c_str(), target, sizeof target);
  if (length < 0) {
    const acting_as_user whose_it_is;
    length = ::readlink(link.c_str(), target, sizeof target);
  }
  return length > 0 ? std::string(target, static_cast<std::size_t>(length)) : std::string();
}

} // namespace sandfleet::agent
