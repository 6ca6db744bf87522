#include "sandbox_agent/exec/shared_terminal.hpp"

#include "runtime/transport/deadline.hpp"
#include "sandbox_agent/exec/children.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <array>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::agent {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t block_bytes = 16U << 10;
/// What is typed ahead of a program that does not read; viewers wait beyond that.
constexpr std::size_t most_typed_ahead = 64U << 10;
/// For those who join later. A screen of text fits several times.
constexpr std::size_t most_shown = 16U << 10;
/// A daemon may keep the terminal and write on when the program has ended.
constexpr std::size_t most_rest = 256U << 10;
/// For what a hang-up tells to save its work.
constexpr std::chrono::milliseconds hang_up_grace{500};

} // namespace

shared_terminal::shared_terminal(const asio::any_io_executor& executor, pty_process process,
                                 std::string marker)
    : pid_(process.pid), tree_(std::in_place, pid_), marker_(std::move(marker)),
      master_(executor, process.master.release()), pidfd_(executor, process.pidfd.release()),
      changed_(executor), typed_(executor), room_(executor), drained_(executor) {
  claim_child(pid_);
}

void shared_terminal::begin() {
  const auto executor = master_.get_executor();
  const auto self = shared_from_this();
  for (auto* part : {&shared_terminal::live, &shared_terminal::show_output,
                     &shared_terminal::type_input, &shared_terminal::watch_program})
    asio::co_spawn(executor, part(self), asio::detached);
}

void shared_terminal::join(terminal_viewer& viewer) {
  viewers_.push_back(&viewer);
  if (!shown_.empty())
    viewer.show(shown_);
  fit();
}

void shared_terminal::leave(terminal_viewer& viewer, bool at_once) {
  if (std::erase(viewers_, &viewer) == 0 || over_)
    return;
  drained_.ring(); // nobody waits for it any more
  if (!viewers_.empty()) {
    fit();
    return;
  }
  deserted_ = true;
  if (at_once)
    kill();
  changed_.ring();
}

void shared_terminal::fit() {
  if (viewers_.empty() || over_)
    return;
  window_size least = viewers_.front()->size();
  for (const auto* viewer : viewers_) {
    least.rows = std::min(least.rows, viewer->size().rows);
    least.columns = std::min(least.columns, viewer->size().columns);
  }
  winsize size{};
  size.ws_row = least.rows;
  size.ws_col = least.columns;
  ::ioctl(master_.native_handle(), TIOCSWINSZ, &size); // tells the program when it is another
}

void shared_terminal::type(std::string_view bytes) {
  pending_ += bytes;
  typed_.ring();
}

asio::awaitable<void> shared_terminal::room() {
  while (!over_ && pending_.size() > most_typed_ahead)
    co_await room_.wait();
}

asio::awaitable<void> shared_terminal::live(self_ptr self) {
  while (!self->deserted_ && !(self->program_ended_ && self->output_ended_))
    co_await self->changed_.wait();
  if (self->deserted_) {
    self->hang_up();
    co_await self->ended_in_time();
    if (!self->reaped_)
      self->kill();
  } else {
    co_await self->tell_the_end();
  }
  self->end();
}

/// Ends when nobody has the terminal open any more, too.
asio::awaitable<void> shared_terminal::show_output(self_ptr self) {
  std::array<char, block_bytes> block{};
  while (!self->program_ended_ && !self->deserted_) {
    if (self->held_up()) {
      co_await self->drained_.wait();
      continue;
    }
    const auto [ec, count] = co_await self->master_.async_read_some(asio::buffer(block), as_values);
    if (ec)
      break;
    self->show({block.data(), count});
  }
  self->output_ended_ = true;
  self->changed_.ring();
}

void shared_terminal::show(std::string_view bytes) {
  for (auto* viewer : viewers_)
    viewer->show(bytes);
  shown_ += bytes;
  if (shown_.size() > most_shown)
    shown_.erase(0, shown_.size() - most_shown);
}

bool shared_terminal::held_up() const {
  return std::ranges::any_of(viewers_, [](const auto* one) { return one->backed_up(); });
}

asio::awaitable<void> shared_terminal::type_input(self_ptr self) {
  while (!self->over_) {
    if (self->pending_.empty()) {
      co_await self->typed_.wait();
      continue;
    }
    const auto piece = std::exchange(self->pending_, {});
    self->room_.ring();
    std::size_t done = 0;
    while (done < piece.size()) {
      const auto [ec, count] = co_await self->master_.async_write_some(
          asio::buffer(piece.data() + done, piece.size() - done), as_values);
      if (ec)
        co_return; // a program that has ended reads no more
      done += count;
    }
  }
}

asio::awaitable<void> shared_terminal::watch_program(self_ptr self) {
  (void)co_await self->pidfd_.async_wait(asio::posix::descriptor_base::wait_read, as_values);
  self->program_ended_ = true;
  error_code ignored;
  if (self->master_.is_open())
    self->master_.cancel(ignored);
  self->drained_.ring();
  self->changed_.ring();
}

/// All that is left to read is at most what the pty holds, unless a daemon writes on.
asio::awaitable<void> shared_terminal::tell_the_end() {
  std::array<char, block_bytes> block{};
  for (std::size_t rest = 0; rest < most_rest && !deserted_;) {
    if (held_up()) {
      co_await drained_.wait();
      continue;
    }
    const auto count = ::read(master_.native_handle(), block.data(), block.size());
    if (count <= 0)
      break;
    rest += static_cast<std::size_t>(count);
    show({block.data(), static_cast<std::size_t>(count)});
  }
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG) != 0 ||
      info.si_pid != pid_)
    co_return;
  reaped_ = true;
  terminal_exit how;
  (info.si_code == CLD_EXITED ? how.exit_code : how.signal) = info.si_status;
  for (auto* viewer : viewers_)
    viewer->ended(how);
}

/// Closing the terminal tells those who use it that its user has gone.
void shared_terminal::hang_up() {
  error_code ignored;
  master_.close(ignored);
}

asio::awaitable<void> shared_terminal::ended_in_time() {
  bool patience_over = false;
  const transport::deadline grace(master_.get_executor(), hang_up_grace, [&] {
    patience_over = true;
    changed_.ring();
  });
  while (!program_ended_ && !patience_over)
    co_await changed_.wait();
}

void shared_terminal::kill() {
  kill_tree(pid_, marker_, reply_patience_ms);
  siginfo_t info{};
  // Not waited for when the kernel cannot kill it: the reaper takes it when it dies.
  reaped_ = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG) == 0 &&
            info.si_pid == pid_;
}

/// Leaves nothing behind. What is still waited for holds this object alive.
void shared_terminal::end() {
  release_child(pid_);
  tree_.reset();
  over_ = true;
  hang_up();
  error_code ignored;
  pidfd_.close(ignored);
  for (auto* one : {&typed_, &room_, &drained_})
    one->ring();
}

std::shared_ptr<shared_terminal> terminal_table::find(const std::string& name) {
  std::erase_if(all_, [](const auto& one) {
    const auto held = one.second.lock();
    return !held || !held->lives();
  });
  const auto found = all_.find(name);
  return found == all_.end() ? nullptr : found->second.lock();
}

void terminal_table::add(const std::string& name, const std::shared_ptr<shared_terminal>& made) {
  all_[name] = made;
}

} // namespace sandfleet::agent
