#include "tests/integration/local/local_fixture.hpp"

#include <boost/asio/strand.hpp>

#include <csignal>
#include <sys/inotify.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

namespace sandfleet::tests {
namespace {

using providers::recovery_mode;

/// Sandboxes that outlive their provider. `local()` is the one that is there at the moment.
class local_keep : public local_fixture {
 protected:
  result<void> keep(const sandbox_id& id, std::chrono::milliseconds life = 0ms) {
    providers::keep_request request;
    request.id = id;
    request.time_to_live = life;
    return run(local().keep(std::move(request)));
  }

  result<providers::instance> attach(const sandbox_id& id) { return run(local().attach(id)); }

  std::vector<sandbox_info> list() { return run(local().list()).value(); }

  providers::recovery_report recover(recovery_mode mode = recovery_mode::remove) {
    return run(local().recover(mode)).value();
  }

  /// The end of the launcher is the last that happens to a kept sandbox.
  void expect_ended(pid_t launcher, const sandbox_id& id) {
    EXPECT_TRUE(ends(launcher));
    expect_nothing_left(id);
  }

  /// What this process started is waited for by nobody else once its provider has gone.
  static void reap(pid_t launcher) { ::waitpid(launcher, nullptr, 0); }
};

TEST_F(local_keep, a_kept_sandbox_outlives_its_provider_and_is_taken_up_and_stopped_by_another) {
  const auto box = start();
  const auto launcher = launcher_of(box.id);
  ASSERT_TRUE(keep(box.id));
  drop_provider();
  EXPECT_EQ(in(box, "echo alive"), "alive\n");
  EXPECT_TRUE(recover().removed.empty());

  const auto found = list();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id, box.id);
  EXPECT_TRUE(found[0].kept);
  EXPECT_EQ(found[0].state, listed_state::running);
  EXPECT_EQ(found[0].launcher_pid, launcher);

  const auto again = attach(box.id);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->session_key, box.session_key);
  EXPECT_EQ(again->limits, box.limits);
  EXPECT_EQ(again->workspace, "/workspace");
  EXPECT_FALSE(again->foreign);
  EXPECT_EQ(in(*again, "echo alive"), "alive\n");
  const auto report = stop(box.id);
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_FALSE(report->failure);
  EXPECT_EQ(report->signal, SIGKILL);
  EXPECT_GT(report->usage.cpu_seconds.value_or(0), 0);
  reap(launcher);
  expect_nothing_left(box.id);
  EXPECT_TRUE(list().empty());
}

TEST_F(local_keep, stopping_with_grace_works_by_the_socket_too) {
  const auto box = start();
  const auto launcher = launcher_of(box.id);
  ASSERT_TRUE(keep(box.id));
  drop_provider();
  ASSERT_TRUE(attach(box.id));
  const auto report = stop(box.id, 10s);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->exit_code, 0);
  reap(launcher);
}

TEST_F(local_keep, the_time_to_live_ends_it_and_leaves_nothing) {
  const auto box = start();
  const auto launcher = launcher_of(box.id);
  auto waiting = begin(local().wait(box.id));
  ASSERT_TRUE(keep(box.id, 3600s));
  ASSERT_TRUE(list()[0].expires);
  ASSERT_TRUE(keep(box.id, 50ms)) << "asked again, it sets a new one";
  const auto report = waiting.get();
  ASSERT_TRUE(report && report->failure);
  EXPECT_EQ(report->failure->code, errc::sandbox_lost);
  EXPECT_EQ(report->failure->blame, failure_class::task);
  EXPECT_EQ(report->failure->cause, "its time to live is over");
  expect_ended(launcher, box.id);
}

TEST_F(local_keep, who_waits_hears_that_another_has_stopped_it) {
  const auto box = start();
  ASSERT_TRUE(keep(box.id));
  auto waiting = begin(local().wait(box.id));
  auto other = providers::make_local_provider(executor(), settings_).value();
  ASSERT_TRUE(run(other->attach(box.id)));
  providers::stop_request request;
  request.id = box.id;
  ASSERT_TRUE(run(other->stop(std::move(request))));
  const auto report = waiting.get();
  ASSERT_TRUE(report && report->failure);
  EXPECT_EQ(report->failure->cause, "another program has stopped it");
  expect_nothing_left(box.id);
}

TEST_F(local_keep, pausing_and_resuming_go_by_the_socket) {
  const auto box = start();
  const auto launcher = launcher_of(box.id);
  ASSERT_TRUE(keep(box.id));
  drop_provider();
  ASSERT_TRUE(attach(box.id));
  const auto paused = run(local().pause(box.id));
  if (!paused && paused.error().code == errc::unsupported)
    GTEST_SKIP() << "no control group to pause with: " << stop(box.id).has_value();
  ASSERT_TRUE(paused);
  EXPECT_EQ(list()[0].state, listed_state::paused);
  auto other = providers::make_local_provider(executor(), settings_).value();
  ASSERT_TRUE(run(other->attach(box.id)));
  EXPECT_EQ(run(other->inspect(box.id)).value(), providers::instance_state::paused);
  ASSERT_TRUE(run(other->resume(box.id)));
  EXPECT_EQ(list()[0].state, listed_state::running);
  EXPECT_TRUE(stop(box.id));
  reap(launcher);
}

TEST_F(local_keep, a_kept_sandbox_whose_launcher_was_killed_is_removed_by_the_next) {
  const auto box = start();
  const auto launcher = launcher_of(box.id);
  const auto init = init_of(box.id);
  ASSERT_TRUE(keep(box.id));
  drop_provider();
  ::kill(launcher, SIGKILL);
  reap(launcher);
  EXPECT_EQ(list()[0].state, listed_state::abandoned);
  EXPECT_EQ(attach(box.id).error().code, errc::not_found);
  const auto seen = recover(recovery_mode::look);
  ASSERT_EQ(seen.removed.size(), 1U);
  EXPECT_TRUE(fs::exists(dir_of(box.id)));
  const auto report = recover();
  ASSERT_EQ(report.removed.size(), 1U);
  EXPECT_EQ(report.removed[0].id, box.id);
  EXPECT_EQ(report.removed[0].control_groups, seen.removed[0].control_groups);
  EXPECT_TRUE(ends(init));
  expect_nothing_left(box.id);
}

TEST_F(local_keep, a_watcher_of_one_whose_launcher_is_killed_hears_it_and_cleans_up) {
  const auto box = start();
  const auto launcher = launcher_of(box.id);
  ASSERT_TRUE(keep(box.id));
  drop_provider();
  ASSERT_TRUE(attach(box.id));
  auto waiting = begin(local().wait(box.id));
  ::kill(launcher, SIGKILL);
  const auto report = waiting.get();
  ASSERT_TRUE(report && report->failure);
  EXPECT_EQ(report->failure->code, errc::sandbox_lost);
  reap(launcher);
  expect_nothing_left(box.id);
}

TEST_F(local_keep, another_programs_sandbox_can_be_used_and_watched_but_neither_stopped_nor_kept) {
  const auto box = start();
  auto other = providers::make_local_provider(executor(), settings_).value();
  const auto seen = run(other->attach(box.id));
  ASSERT_TRUE(seen) << seen.error().to_string();
  EXPECT_TRUE(seen->foreign);
  EXPECT_EQ(in(*seen, "echo alive"), "alive\n");
  providers::stop_request request;
  request.id = box.id;
  EXPECT_EQ(run(other->stop(request)).error().code, errc::permission_denied);
  EXPECT_EQ(run(other->keep({box.id, 0ms})).error().code, errc::permission_denied);
  auto waiting = begin(other->wait(box.id));
  ASSERT_TRUE(stop(box.id));
  const auto report = waiting.get();
  ASSERT_TRUE(report && report->failure);
  EXPECT_EQ(report->failure->code, errc::sandbox_lost);
  expect_nothing_left(box.id);
}

TEST_F(local_keep, what_is_released_lives_on_and_can_be_taken_up_again) {
  const auto box = start();
  EXPECT_EQ(run(local().release(box.id)).error().code, errc::invalid_argument);
  ASSERT_TRUE(keep(box.id));
  // On one strand, so that the wait comes first.
  const auto strand = asio::make_strand(executor());
  auto waiting = asio::co_spawn(strand, local().wait(box.id), asio::use_future);
  auto released = asio::co_spawn(strand, local().release(box.id), asio::use_future);
  ASSERT_TRUE(released.get());
  EXPECT_EQ(waiting.get().error().code, errc::cancelled);
  EXPECT_EQ(in(box, "echo alive"), "alive\n");
  const auto launcher = launcher_of(box.id);
  ASSERT_TRUE(attach(box.id));
  EXPECT_TRUE(stop(box.id));
  reap(launcher);
}

TEST_F(local_keep, ids_that_nobody_knows_are_not_found) {
  EXPECT_EQ(attach(sandbox_id("sb-0000000000000000")).error().code, errc::not_found);
  EXPECT_EQ(attach(sandbox_id("../owners")).error().code, errc::not_found);
  EXPECT_EQ(keep(sandbox_id("sb-0000000000000000")).error().code, errc::not_found);
}

TEST_F(local_keep, a_launcher_that_refuses_leaves_the_sandbox_with_its_owner) {
  const auto box = start();
  // Where its socket would be there is something that cannot be replaced.
  fs::create_directories(dir_of(box.id) + "/control.sock/x");
  const auto kept = keep(box.id);
  ASSERT_FALSE(kept);
  EXPECT_NE(kept.error().to_string().find("control.sock"), std::string::npos);
  EXPECT_FALSE(list()[0].kept);
  const auto launcher = launcher_of(box.id);
  drop_provider();
  EXPECT_TRUE(ends(launcher));
}

/// A provider in a process of its own, with one thread, that is traced while it keeps a sandbox.
class traced_owner {
 public:
  explicit traced_owner(const providers::local_settings& settings) : id(make_sandbox_id()) {
    process_ = ::fork();
    if (process_ == 0)
      live(settings);
    wait_for_stop(); // the sandbox stands
  }
  traced_owner(const traced_owner&) = delete;
  traced_owner& operator=(const traced_owner&) = delete;
  ~traced_owner() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }

  [[nodiscard]] bool traceable() const { return traceable_; }

  /// Lets it go on to the next boundary of a system call; false when the sandbox is kept.
  bool step() {
    ::ptrace(PTRACE_SYSCALL, process_, nullptr, nullptr);
    return !wait_for_stop();
  }

  const sandbox_id id;

 private:
  /// True when it stopped itself, which it does at the beginning and at the end.
  bool wait_for_stop() {
    int status = 0;
    if (::waitpid(process_, &status, 0) != process_ || !WIFSTOPPED(status)) {
      traceable_ = false;
      return true;
    }
    return WSTOPSIG(status) == SIGSTOP;
  }

  [[noreturn]] void live(const providers::local_settings& settings) const {
    asio::io_context context;
    const auto wait_for = [&](auto work) {
      auto done = asio::co_spawn(context, std::move(work), asio::use_future);
      while (done.wait_for(0s) != std::future_status::ready)
        context.run_one();
      if (!done.get())
        ::_exit(1);
    };
    const auto made = providers::make_local_provider(context.get_executor(), settings).value();
    providers::start_request request;
    request.id = id;
    request.spec = std::make_shared<const sandbox_spec>();
    wait_for(made->start(std::move(request)));
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0)
      ::_exit(1);
    ::raise(SIGSTOP);
    providers::keep_request keeping;
    keeping.id = id;
    wait_for(made->keep(std::move(keeping)));
    ::raise(SIGSTOP);
    ::_exit(0);
  }

  pid_t process_ = -1;
  bool traceable_ = true;
};

/// Waits until the launcher has ended (true) or listens for programs to take its sandbox up.
bool ends_rather_than_listens(pid_t launcher, const std::string& dir) {
  const int changes = ::inotify_init1(IN_CLOEXEC);
  ::inotify_add_watch(changes, dir.c_str(), IN_MOVED_TO);
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, launcher, 0));
  bool ended = pidfd < 0;
  while (!ended && !fs::exists(dir + "/control.sock")) {
    pollfd both[2] = {{pidfd, POLLIN, 0}, {changes, POLLIN, 0}};
    if (::poll(both, 2, 10'000) <= 0)
      throw std::runtime_error("the launcher neither ends nor listens");
    ended = both[0].revents != 0;
    char events[4096];
    if (both[1].revents != 0)
      (void)!::read(changes, events, sizeof events);
  }
  ::close(changes);
  ::close(pidfd);
  return ended;
}

TEST_F(local_keep, an_owner_killed_anywhere_in_the_hand_over_leaves_a_kept_sandbox_or_none) {
  constexpr int most_steps = 1'000;
  int kept = 0;
  int gone = 0;
  bool done = false;
  for (int steps = 0; !done && steps < most_steps; ++steps) {
    pid_t launcher = 0;
    sandbox_id id;
    {
      traced_owner owner(settings_);
      for (int i = 0; i < steps && !done; ++i)
        done = !owner.step();
      if (!owner.traceable())
        GTEST_SKIP() << "processes cannot be traced here";
      id = owner.id;
      launcher = launcher_of(id);
    }
    const bool ended = ends_rather_than_listens(launcher, dir_of(id));
    const auto found = list();
    ASSERT_EQ(found.size(), 1U) << "after " << steps << " steps";
    if (ended) {
      EXPECT_EQ(found[0].state, listed_state::abandoned);
      EXPECT_EQ(recover().removed.size(), 1U);
      ++gone;
    } else {
      EXPECT_EQ(found[0].state, listed_state::running);
      EXPECT_TRUE(found[0].kept);
      EXPECT_TRUE(recover().removed.empty());
      const auto taken = attach(id);
      ASSERT_TRUE(taken) << taken.error().to_string();
      EXPECT_TRUE(stop(id));
      ++kept;
    }
    EXPECT_TRUE(ends(launcher));
    expect_nothing_left(id);
  }
  EXPECT_TRUE(done);
  EXPECT_GT(gone, 5);
  EXPECT_GT(kept, 1);
}

} // namespace
} // namespace sandfleet::tests
