#include "tests/integration/docker/docker_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <gmock/gmock.h>

#include <future>
#include <mutex>
#include <poll.h>
#include <vector>

namespace sandfleet::tests {
namespace {

using ::testing::HasSubstr;

/// Whatever an image is like, the agent runs in it.
class docker_images : public docker_fixture {
 protected:
  sandbox start_with(const std::string& image, docker_options options = {}) {
    sandbox_spec spec;
    spec.image = image;
    spec.docker = std::move(options);
    return start(std::move(spec));
  }
};

TEST_F(docker_images, without_bash_have_sessions_of_their_shell) {
  auto box = start_with(busybox);
  EXPECT_EQ(run(box, "x=5; echo $x")->output, "5\n");
  EXPECT_EQ(run(box, "echo $x; pwd")->output, "5\n/workspace\n");
  EXPECT_EQ(inside(box, "echo out"), "out");
}

TEST_F(docker_images, with_an_entrypoint_and_a_command_of_their_own) {
  const changed_image image(busybox, {"ENTRYPOINT [\"/bin/false\"]", "CMD [\"nonsense\"]",
                                      "WORKDIR /nowhere", "HEALTHCHECK CMD false"});
  auto box = start_with(image.name());
  EXPECT_EQ(inside(box, "echo hi"), "hi");
}

TEST_F(docker_images, with_a_user_of_their_own) {
  const changed_image image(busybox, {"USER 1234:1234"});
  auto box = start_with(image.name());
  EXPECT_EQ(inside(box, "id -u"), "1234");
  EXPECT_TRUE(wait_for(box.write_file("note", "text")));
  EXPECT_EQ(inside(box, "cat note"), "text");
}

TEST_F(docker_images, without_a_directory_for_temporary_files) {
  const changed_image image(busybox, {}, "rm -rf /tmp");
  auto box = start_with(image.name());
  EXPECT_EQ(run(box, "echo hi")->output, "hi\n");
  EXPECT_TRUE(wait_for(box.write_file("/tmp/x", "text")));
}

TEST_F(docker_images, with_a_root_that_is_read_only) {
  docker_options options;
  options.read_only_root = true;
  auto box = start_with(busybox, options);
  EXPECT_EQ(inside(box, "touch /bin/x 2>/dev/null && echo yes || echo no"), "no");
  EXPECT_EQ(inside(box, "touch /tmp/x /workspace/x /root/x && echo yes"), "yes");
  EXPECT_EQ(run(box, "echo hi")->output, "hi\n");
}

TEST_F(docker_images, without_any_shell_are_the_tasks_fault) {
  const changed_image image(busybox, {"ENV PATH=/nothing"}, "rm -rf /bin");
  auto made = wait_for(engine_->start([&] {
    sandbox_spec spec;
    spec.image = image.name();
    return spec;
  }()));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().blame, failure_class::task) << made.error().to_string();
  EXPECT_THAT(made.error().cause, HasSubstr("neither bash nor sh"));
}

TEST_F(docker_images, with_more_in_them_are_built_first) {
  sandbox_spec spec;
  spec.image = busybox;
  spec.docker.extra_deps = "echo " + make_secret() + " > /made";
  std::vector<sandbox_state> states;
  std::mutex mutex;
  const auto watching = engine_->on_status([&](const status_event& event) {
    const std::lock_guard lock(mutex);
    states.push_back(event.to);
  });
  const auto labels = "docker images -q sandfleet/runtime";
  {
    auto box = start(spec);
    EXPECT_EQ(inside(box, "wc -l < /made"), "1");
    EXPECT_TRUE(wait_for(box.stop()));
  }
  const std::lock_guard lock(mutex);
  EXPECT_THAT(states, testing::IsSupersetOf({sandbox_state::building_runtime}));
  ASSERT_GE(states.size(), 5U);
  EXPECT_EQ(states[0], sandbox_state::starting_runtime);
  EXPECT_EQ(states[1], sandbox_state::building_runtime);
  EXPECT_EQ(states[2], sandbox_state::starting_runtime);
  EXPECT_FALSE(on_machine(labels).empty());
  on_machine("docker rmi -f $(docker images -q sandfleet/runtime | sort -u) >/dev/null");
}

/// A registry that takes connections and says nothing.
class silent_registry {
 public:
  silent_registry() : listener_(io_, {boost::asio::ip::address_v4::loopback(), 0}) {}
  [[nodiscard]] std::string address() const {
    return "127.0.0.1:" + std::to_string(listener_.local_endpoint().port());
  }
  /// Whether one came.
  bool await_client() {
    pollfd coming{listener_.native_handle(), POLLIN, 0};
    constexpr int patience_ms = 30'000;
    if (::poll(&coming, 1, patience_ms) != 1)
      return false;
    clients_.push_back(listener_.accept());
    return true;
  }

 private:
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor listener_;
  std::vector<boost::asio::ip::tcp::socket> clients_;
};

TEST_F(docker_images, that_do_not_come_keep_no_other_sandbox_from_starting) {
  silent_registry registry;
  auto chosen = test_settings(state_.path());
  chosen.provider = provider_name("docker");
  chosen.max_parallel_starts = 1;
  auto made = engine::create(std::move(chosen));
  ASSERT_TRUE(made) << made.error().to_string();
  engine_.emplace(std::move(*made));
  sandbox_spec spec;
  spec.image = registry.address() + "/slow:1";
  boost::asio::cancellation_signal give_up;
  std::promise<result<sandbox>> outcome;
  boost::asio::co_spawn(
      engine_->executor(), engine_->start(spec),
      boost::asio::bind_cancellation_slot(
          give_up.slot(), [&](const std::exception_ptr& thrown, result<sandbox> got) {
            outcome.set_value(thrown ? fail(errc::cancelled, "thrown") : std::move(got));
          }));
  EXPECT_TRUE(registry.await_client());
  {
    auto box = start_with(busybox);
    EXPECT_EQ(inside(box, "echo hi"), "hi");
    EXPECT_TRUE(wait_for(box.stop()));
  }
  boost::asio::post(engine_->executor(),
                    [&] { give_up.emit(boost::asio::cancellation_type::terminal); });
  const auto got = outcome.get_future().get();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::cancelled) << got.error().to_string();
}

TEST_F(docker_images, environment_of_the_image_holds_unless_the_task_says_otherwise) {
  const changed_image image(busybox, {"ENV FROM_IMAGE=yes", "ENV BOTH=image"});
  sandbox_spec spec;
  spec.image = image.name();
  spec.env = {{"BOTH", "task"}};
  auto box = start(spec);
  EXPECT_EQ(run(box, "echo $FROM_IMAGE $BOTH $SESSION_API_KEY")->output, "yes task\n");
}

} // namespace
} // namespace sandfleet::tests
