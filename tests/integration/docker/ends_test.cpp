#include "runtime/providers/docker_provider.hpp"
#include "tests/integration/docker/docker_fixture.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <unistd.h>

namespace sandfleet::tests {
namespace {

namespace asio = boost::asio;
using ::testing::HasSubstr;

class docker_ends : public docker_fixture {
 protected:
  /// A command that runs when something happens to its container.
  std::future<result<command_result>> busy(sandbox& box) {
    command_request request;
    request.command = "sleep 1000";
    return asio::co_spawn(engine_->executor(), box.run(std::move(request)), asio::use_future);
  }

  /// The id of a sandbox whose engine, on the same state directory, was killed.
  std::string left_by_a_killed_engine(const sandbox_spec& spec) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    const pid_t other = ::fork();
    if (other == 0) {
      auto theirs = engine::create(test_settings(state_.path()));
      auto made = asio::co_spawn(theirs->executor(), theirs->start(spec), asio::use_future).get();
      const auto id = made ? made->id().str() : "failed";
      (void)!::write(ends[1], id.c_str(), id.size());
      for (;;)
        ::pause();
    }
    std::array<char, 64> told{};
    const auto length = ::read(ends[0], told.data(), told.size());
    ::kill(other, SIGKILL);
    ::waitpid(other, nullptr, 0);
    ::close(ends[0]);
    ::close(ends[1]);
    return {told.data(), static_cast<std::size_t>(length)};
  }
};

TEST_F(docker_ends, from_outside_are_told_with_their_cause) {
  auto box = start();
  auto running = busy(box);
  on_machine("docker kill " + container_of(box));
  const auto lost = running.get();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, errc::sandbox_lost);
  EXPECT_EQ(lost.error().blame, failure_class::infrastructure);
  EXPECT_THAT(lost.error().cause, HasSubstr("from outside")) << lost.error().to_string();
  EXPECT_EQ(on_machine("docker ps -aq --filter name=" + container_of(box)), "");
}

TEST_F(docker_ends, by_the_engines_own_stop_say_so) {
  for (const auto* how : {"docker stop -t 5 ", "docker kill -s TERM ", "docker kill "}) {
    auto box = start();
    auto running = busy(box);
    on_machine(how + container_of(box));
    const auto lost = running.get();
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().blame, failure_class::infrastructure);
    EXPECT_THAT(lost.error().cause, HasSubstr("'docker stop'")) << lost.error().to_string();
    const std::int64_t sent = std::string(how).ends_with("kill ") ? SIGKILL : SIGTERM;
    EXPECT_THAT(lost.error().evidence,
                ::testing::Contains(::testing::Pair("sent_signal", evidence_value(sent))))
        << lost.error().to_string();
  }
}

/// Somebody gives a container of ours another name.
class docker_renamed : public docker_ends {
 protected:
  static void rename(const std::string& id) {
    on_machine("docker rename sandfleet-" + id + " renamed-" + id);
  }
  static std::string containers_of(const std::string& id) {
    return on_machine("docker ps -aq --filter label=sandfleet.sandbox=" + id);
  }
};

TEST_F(docker_renamed, ones_are_paused_used_and_stopped_all_the_same) {
  auto box = start();
  const auto id = box.id().str();
  rename(id);
  EXPECT_TRUE(wait_for(box.pause()));
  EXPECT_EQ(inside(box, "echo hi"), "hi");
  EXPECT_TRUE(wait_for(box.stop()));
  EXPECT_EQ(containers_of(id), "");
}

TEST_F(docker_renamed, ones_are_attached_to) {
  auto box = start();
  const auto id = box.id();
  ASSERT_TRUE(wait_for(box.keep(std::chrono::hours{1})));
  engine_.reset();
  rename(id.str());
  SetUp();
  auto again = wait_for(engine_->attach(id));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(inside(*again, "echo hi"), "hi");
  EXPECT_TRUE(wait_for(again->stop()));
  EXPECT_EQ(containers_of(id.str()), "");
}

TEST_F(docker_renamed, ones_of_a_killed_engine_are_removed_and_those_made_of_them_are_not) {
  const auto id = left_by_a_killed_engine({});
  on_machine("docker commit sandfleet-" + id + " sandfleet-test/of-" + id);
  on_machine("docker create --name copy-" + id + " sandfleet-test/of-" + id);
  rename(id);
  const auto done = wait_for(engine_->clean_up());
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->removed.size(), 1U);
  EXPECT_EQ(on_machine("docker ps -a --format '{{.Names}}' --filter label=sandfleet.sandbox=" + id),
            "copy-" + id);
  on_machine("docker rm copy-" + id + " && docker rmi sandfleet-test/of-" + id);
}

TEST_F(docker_ends, by_removal_are_told_too) {
  auto box = start();
  auto running = busy(box);
  on_machine("docker rm -f " + container_of(box));
  const auto lost = running.get();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, errc::sandbox_lost);
}

TEST_F(docker_ends, by_a_pause_of_another_program_are_none) {
  sandbox_spec spec;
  spec.docker.pause_stops = true;
  auto box = start(spec);
  ASSERT_TRUE(wait_for(box.keep(std::chrono::hours{1})));
  auto other = engine::create(test_settings(state_.path())).value();
  auto same =
      asio::co_spawn(other.executor(), other.attach(box.id()), asio::use_future).get().value();
  std::promise<void> begun;
  exec_request request;
  request.argv = {"sh", "-c", "echo begun; sleep 1000"};
  auto running = asio::co_spawn(
      other.executor(), same.exec(request, [&](int, std::string_view) { begun.set_value(); }),
      asio::use_future);
  begun.get_future().wait();
  ASSERT_TRUE(wait_for(box.pause()));
  const auto cut = running.get();
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, errc::sandbox_paused) << cut.error().to_string();
  EXPECT_EQ(wait_for(engine_->list())->at(0).state, listed_state::paused);
  request.argv = {"echo", "awake"};
  const auto again = asio::co_spawn(other.executor(), same.exec(request), asio::use_future).get();
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->out, "awake\n");
  EXPECT_EQ(inside(box, "echo here too"), "here too");
  ASSERT_TRUE(wait_for(box.stop()));
}

TEST_F(docker_ends, of_an_idle_one_are_seen_at_once) {
  std::promise<error> seen;
  const auto watch = engine_->on_status([&](const status_event& event) {
    if (event.failure)
      seen.set_value(*event.failure);
  });
  auto box = start();
  on_machine("docker kill " + container_of(box));
  auto told = seen.get_future();
  ASSERT_EQ(told.wait_for(std::chrono::seconds{10}), std::future_status::ready);
  EXPECT_EQ(told.get().code, errc::sandbox_lost);
}

TEST_F(docker_ends, what_a_killed_engine_left_is_removed_by_the_next) {
  const auto id = left_by_a_killed_engine({});
  ASSERT_NE(on_machine("docker ps -q --filter name=sandfleet-" + id), "");

  // Another state directory is another's affair.
  const temporary_directory elsewhere;
  const auto stranger = engine::create(test_settings(elsewhere.path())).value();
  EXPECT_TRUE(stranger.found_at_start().removed.empty());
  ASSERT_NE(on_machine("docker ps -q --filter name=sandfleet-" + id), "");

  const auto done = wait_for(engine_->clean_up());
  ASSERT_TRUE(done) << done.error().to_string();
  ASSERT_EQ(done->removed.size(), 1U);
  EXPECT_EQ(done->removed[0].id.str(), id);
  EXPECT_EQ(on_machine("docker ps -aq --filter name=sandfleet-" + id), "");
}

TEST_F(docker_ends, overlays_elsewhere_and_volumes_of_a_killed_engine_are_removed_too) {
  const temporary_directory lower;
  const temporary_directory elsewhere;
  sandbox_spec spec;
  spec.volumes = {{lower.path(), "/layered", false, volume_kind::overlay}};
  spec.docker.overlays_dir = elsewhere.path();
  const auto id = left_by_a_killed_engine(spec);
  ASSERT_TRUE(std::filesystem::exists(elsewhere.path() + "/sandfleet-" + id));
  // Somebody else removes the container, and leaves its volume.
  on_machine("docker rm -f sandfleet-" + id);
  const auto volumes = "docker volume ls -q --filter label=sandfleet.sandbox=" + id;
  ASSERT_NE(on_machine(volumes), "");

  const auto done = wait_for(engine_->clean_up());
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->removed.size(), 1U);
  EXPECT_TRUE(done->failures.empty()) << done->failures.front().to_string();
  EXPECT_TRUE(std::filesystem::is_empty(elsewhere.path()));
  EXPECT_EQ(on_machine(volumes), "");
}

TEST_F(docker_ends, what_stays_is_not_told_as_removed) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "only root may mount";
  const temporary_directory lower;
  const temporary_directory elsewhere;
  sandbox_spec spec;
  spec.volumes = {{lower.path(), "/layered", false, volume_kind::overlay}};
  spec.docker.overlays_dir = elsewhere.path();
  const auto id = left_by_a_killed_engine(spec);
  const auto held = elsewhere.path() + "/sandfleet-" + id + "/held";
  on_machine("mkdir " + held + " && mount -t tmpfs none " + held);
  const auto in_vain = wait_for(engine_->clean_up());
  on_machine("umount " + held);
  ASSERT_TRUE(in_vain);
  EXPECT_TRUE(in_vain->removed.empty());
  ASSERT_EQ(in_vain->failures.size(), 1U);
  EXPECT_THAT(in_vain->failures[0].message, HasSubstr(elsewhere.path()));

  const auto done = wait_for(engine_->clean_up());
  ASSERT_TRUE(done);
  EXPECT_EQ(done->removed.size(), 1U);
  EXPECT_TRUE(std::filesystem::is_empty(elsewhere.path()));
}

/// In the group of the engine's socket, with what root has written in the container.
TEST_F(docker_ends, overlays_of_a_plain_user_are_removed) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "only root can become another user";
  const temporary_directory theirs;
  on_machine("mkdir " + theirs.path() + "/lower " + theirs.path() + "/overlays && chown -R 65534 " +
             theirs.path());
  const auto plain = "setpriv --reuid=65534 --regid=65534 --groups=$(stat -Lc %g "
                     "/var/run/docker.sock) env -C / HOME=" +
                     theirs.path() + " ";
  if (std::system((plain + "sh -c 'test -w /var/run/docker.sock -a -x " + bin_dir() + "/sandfleet'")
                      .c_str()) != 0)
    GTEST_SKIP() << "a plain user reaches neither the engine nor the program";
  const auto run = plain + bin_dir() + "/sandfleet run --provider docker --image " + bash +
                   " --set state_dir=" + theirs.path() + "/state --volume " + theirs.path() +
                   "/lower:/layered:overlay ";
  const std::string script = "-- sh -c 'mkdir -m 700 /layered/a; echo x >/layered/a/b; echo done'";
  EXPECT_EQ(on_machine(run + script), "done");
  EXPECT_EQ(on_machine("ls " + theirs.path() + "/state/docker/sandboxes"), "");
  EXPECT_EQ(on_machine(run + "--set overlays_dir=" + theirs.path() + "/overlays " + script),
            "done");
  EXPECT_EQ(on_machine("ls " + theirs.path() + "/overlays"), "");
}

TEST_F(docker_ends, what_cannot_be_judged_is_told) {
  const auto strange = state_.path() + "/docker/sandboxes/strange";
  std::filesystem::create_directories(strange);
  const auto done = wait_for(engine_->clean_up());
  ASSERT_TRUE(done) << done.error().to_string();
  ASSERT_EQ(done->failures.size(), 1U);
  EXPECT_THAT(done->failures[0].message, HasSubstr(strange));
}

TEST_F(docker_ends, what_nobody_has_noted_is_removed) {
  auto box = start();
  ASSERT_TRUE(wait_for(box.keep(std::chrono::hours{1})));
  std::filesystem::remove_all(state_.path() + "/docker/sandboxes/" + box.id().str());
  engine_.reset();
  SetUp();
  ASSERT_EQ(engine_->found_at_start().removed.size(), 1U);
  EXPECT_EQ(engine_->found_at_start().removed[0].id, box.id());
}

TEST_F(docker_ends, a_kept_one_ends_when_its_time_is_over) {
  auto box = start();
  ASSERT_TRUE(wait_for(box.keep(std::chrono::milliseconds{200})));
  engine_.reset();
  on_machine("docker wait " + container_of(box));
  SetUp();
  ASSERT_EQ(engine_->found_at_start().removed.size(), 1U);
  EXPECT_EQ(on_machine("docker ps -aq --filter name=" + container_of(box)), "");
}

TEST_F(docker_ends, a_kept_one_that_was_killed_while_nobody_looked_is_removed) {
  auto box = start();
  ASSERT_TRUE(wait_for(box.keep(std::chrono::hours{1})));
  engine_.reset();
  on_machine("docker kill " + container_of(box));
  on_machine("docker wait " + container_of(box));
  SetUp();
  ASSERT_EQ(engine_->found_at_start().removed.size(), 1U);
  EXPECT_EQ(on_machine("docker ps -aq --filter name=" + container_of(box)), "");
}

TEST_F(docker_ends, the_life_of_a_kept_one_can_be_lengthened) {
  auto box = start();
  ASSERT_TRUE(wait_for(box.keep(std::chrono::milliseconds{500})));
  ASSERT_TRUE(wait_for(box.keep(std::chrono::hours{1})));
  EXPECT_EQ(inside(box, "sleep 1; echo alive"), "alive");
  ASSERT_TRUE(wait_for(box.stop()));
}

/// The provider itself: pausing has no call in the engine yet.
class docker_pauses : public docker_fixture {
 protected:
  void SetUp() override {
    docker_fixture::SetUp();
    providers::docker_settings settings;
    settings.agent_program = test_settings("").agent_program;
    settings.state_dir = own_state_.path();
    settings.default_image = bash;
    provider_ = providers::make_docker_provider(engine_->executor(), settings).value();
  }

  void TearDown() override { provider_->close(); }

  providers::instance start_one(bool stops) {
    sandbox_spec spec;
    spec.docker.pause_stops = stops;
    providers::start_request request;
    request.id = make_sandbox_id();
    request.spec = std::make_shared<const sandbox_spec>(spec);
    auto made = wait_for(provider_->start(request));
    EXPECT_TRUE(made) << made.error().to_string();
    return made.value_or(providers::instance{});
  }

  temporary_directory own_state_;
  std::shared_ptr<providers::provider> provider_;
};

TEST_F(docker_pauses, freeze_and_go_on) {
  const auto made = start_one(false);
  const auto name = "sandfleet-" + made.id.str();
  ASSERT_TRUE(wait_for(provider_->pause(made.id)));
  EXPECT_EQ(on_machine("docker inspect -f '{{.State.Status}}' " + name), "paused");
  EXPECT_EQ(wait_for(provider_->inspect(made.id)).value(), providers::instance_state::paused);
  ASSERT_TRUE(wait_for(provider_->resume(made.id)));
  EXPECT_EQ(wait_for(provider_->inspect(made.id)).value(), providers::instance_state::running);
  ASSERT_TRUE(wait_for(provider_->stop({made.id})));
}

TEST_F(docker_pauses, stop_and_start_again_where_that_is_asked_for) {
  const auto made = start_one(true);
  const auto name = "sandfleet-" + made.id.str();
  on_machine("docker exec " + name + " /bin/sh -c 'echo kept > /root/file'");
  ASSERT_TRUE(wait_for(provider_->pause(made.id)));
  EXPECT_EQ(on_machine("docker inspect -f '{{.State.Status}}' " + name), "exited");
  EXPECT_EQ(wait_for(provider_->inspect(made.id)).value(), providers::instance_state::paused);
  const auto again = wait_for(provider_->resume(made.id));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->session_key, made.session_key);
  EXPECT_EQ(on_machine("docker exec " + name + " cat /root/file"), "kept");
  ASSERT_TRUE(wait_for(provider_->stop({made.id})));
  EXPECT_EQ(on_machine("docker ps -aq --filter name=" + name), "");
}

} // namespace
} // namespace sandfleet::tests
