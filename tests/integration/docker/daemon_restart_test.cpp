#include "tests/integration/docker/own_engine.hpp"

#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>

namespace sandfleet::tests {
namespace {

using ::testing::IsEmpty;
using namespace std::chrono_literals;

/// Ends of sandboxes as they are told to whoever watches.
class told_ends {
 public:
  explicit told_ends(engine& of)
      : watch_(of.on_status([this](const status_event& event) {
          if (!event.failure)
            return;
          const std::lock_guard lock(mutex_);
          ends_.insert_or_assign(event.id.str(), *event.failure);
          news_.notify_all();
        })) {}

  error of(const sandbox& box, const std::string& in_cause) {
    std::unique_lock lock(mutex_);
    const auto known = [&] {
      const auto found = ends_.find(box.id().str());
      return found != ends_.end() && found->second.cause.find(in_cause) != std::string::npos;
    };
    if (!news_.wait_for(lock, 30s, known)) {
      const auto found = ends_.find(box.id().str());
      throw std::runtime_error("no such end, but: " +
                               (found == ends_.end() ? "none" : found->second.to_string()));
    }
    return ends_.at(box.id().str());
  }

 private:
  std::mutex mutex_;
  std::condition_variable news_;
  std::map<std::string, error> ends_;
  subscription watch_;
};

class docker_restarts : public own_engine {
 protected:
  /// A kept sandbox in whose shell a command waits until it is told to go on.
  struct worker {
    sandbox box;
    std::future<result<command_result>> waiting;
  };

  worker start_worker() {
    worker made{start(without_network()), {}};
    inside(made.box, "mkfifo /tmp/go");
    made.waiting = begin_run(made.box, "read word </tmp/go; echo got $word");
    return made;
  }
};

TEST_F(docker_restarts, do_not_disturb_containers_that_outlive_the_engine) {
  set_up_with({"--live-restore"});
  daemon_->make_image();
  std::vector<worker> workers;
  for (int i = 0; i < 3; ++i)
    workers.push_back(start_worker());

  daemon_->kill();
  for (auto& one : workers)
    EXPECT_EQ(inside(one.box, "echo without an engine"), "without an engine");
  daemon_->start();
  for (auto& one : workers) {
    inside(one.box, "echo on >/tmp/go");
    const auto answer = one.waiting.get();
    ASSERT_TRUE(answer) << answer.error().to_string();
    EXPECT_EQ(answer->output, "got on\n");
  }

  // Events come again: an end is seen by itself, and a start works.
  told_ends told(*engine_);
  on_machine("docker kill " + container_of(workers[0].box));
  told.of(workers[0].box, "from outside");
  auto fresh = start(without_network());
  EXPECT_EQ(inside(fresh, "echo hello"), "hello");
  for (auto* one : {&workers[1].box, &workers[2].box, &fresh}) {
    const auto stopped = wait_for(one->stop());
    EXPECT_TRUE(stopped) << stopped.error().to_string();
  }
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(docker_restarts, leave_the_end_of_a_container_in_between_its_cause) {
  set_up_with({"--live-restore"});
  daemon_->make_image();
  auto one_box = start_worker();
  auto other = start_worker();
  told_ends told(*engine_);
  const auto processes =
      on_machine("docker inspect -f '{{.State.Pid}}' " + container_of(one_box.box) + " " +
                 container_of(other.box) + " | tr '\\n' ' '");
  daemon_->kill();
  daemon_->within("kill -KILL " + processes); // by their numbers there
  daemon_->start();
  for (auto* one : {&one_box, &other}) {
    const auto end = told.of(one->box, "from outside");
    EXPECT_EQ(end.code, errc::sandbox_lost) << end.to_string();
    EXPECT_EQ(end.blame, failure_class::infrastructure) << end.to_string();
    const auto answer = one->waiting.get();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().blame, failure_class::infrastructure) << answer.error().to_string();
    EXPECT_TRUE(wait_for(one->box.stop()));
  }
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(docker_restarts, that_a_start_meets_are_waited_for) {
  set_up_with({"--live-restore"});
  daemon_->make_image();
  ASSERT_TRUE(wait_for(start(without_network()).stop()));
  std::vector<std::future<result<sandbox>>> starts;
  for (int i = 0; i < 6; ++i)
    starts.push_back(begin(engine_->start(without_network())));
  daemon_->await_events(3, "create");
  daemon_->kill();
  daemon_->start();
  std::vector<std::string> alive;
  std::vector<sandbox> made;
  for (auto& one : starts) {
    auto started = one.get();
    ASSERT_TRUE(started) << started.error().to_string();
    made.push_back(std::move(*started));
    alive.push_back(container_of(made.back()));
  }
  daemon_->await_removal(alive);
  for (auto& box : made) {
    EXPECT_EQ(inside(box, "echo hi"), "hi");
    EXPECT_TRUE(wait_for(box.stop()));
  }
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(docker_restarts, that_take_too_long_fail_a_start_by_infrastructure_and_leave_nothing) {
  set_up_with({"--live-restore"});
  daemon_->make_image();
  ASSERT_TRUE(wait_for(start(without_network()).stop()));
  auto spec = without_network();
  spec.start_timeout = 2s;
  auto starting = begin(engine_->start(spec));
  daemon_->await_events(2, "create");
  daemon_->kill();
  auto started = starting.get();
  daemon_->start();
  if (started) { // it was ready before
    EXPECT_TRUE(wait_for(started->stop()));
  } else {
    EXPECT_EQ(started.error().blame, failure_class::infrastructure) << started.error().to_string();
  }
  daemon_->await_removal();
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(docker_restarts, that_end_containers_are_named_as_the_cause) {
  set_up_with({});
  daemon_->make_image();
  std::vector<worker> workers;
  for (int i = 0; i < 3; ++i)
    workers.push_back(start_worker());
  told_ends told(*engine_);
  daemon_->terminate();
  for (auto& one : workers) {
    const auto answer = one.waiting.get();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().blame, failure_class::infrastructure) << answer.error().to_string();
  }
  daemon_->start();
  for (auto& one : workers) {
    const auto end = told.of(one.box, "the Docker engine was stopped");
    EXPECT_EQ(end.code, errc::sandbox_lost) << end.to_string();
    EXPECT_EQ(end.blame, failure_class::infrastructure) << end.to_string();
  }
  daemon_->await_removal();
  for (auto& one : workers)
    EXPECT_TRUE(wait_for(one.box.stop()));
  EXPECT_THAT(left(), IsEmpty());
  auto fresh = start(without_network());
  EXPECT_TRUE(wait_for(fresh.stop()));
}

TEST_F(docker_restarts, after_a_crash_that_took_the_containers_are_named_too) {
  set_up_with({});
  daemon_->make_image();
  auto one = start_worker();
  told_ends told(*engine_);
  daemon_->kill();
  EXPECT_EQ(inside(one.box, "echo still here"), "still here");
  daemon_->start();
  const auto end = told.of(one.box, "the Docker engine was stopped");
  EXPECT_EQ(end.blame, failure_class::infrastructure) << end.to_string();
  EXPECT_TRUE(wait_for(one.box.stop()));
}

TEST_F(docker_restarts, leave_nothing_to_the_engine_that_comes_next) {
  set_up_with({"--live-restore"});
  daemon_->make_image();
  const auto container = container_of(start(without_network()));
  daemon_->kill();
  engine_.reset(); // nothing can be removed
  daemon_->start();
  EXPECT_THAT(daemon_->containers(), ::testing::ElementsAre(container));
  on_machine(bin_dir() + "/sandfleet gc --set provider=docker --set state_dir=" + state_.path());
  EXPECT_THAT(left(), IsEmpty());
}

} // namespace
} // namespace sandfleet::tests
