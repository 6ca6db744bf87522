#include "runtime/docker/api.hpp"
#include "runtime/docker/tar.hpp"
#include "runtime/protocol/base64.hpp"
#include "tests/integration/docker/own_engine.hpp"
#include "tests/support/local_registry.hpp"

#include <gmock/gmock.h>

namespace sandfleet::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class docker_full_disks : public own_engine {
 protected:
  static constexpr int disk_mb = 64;

  void SetUp() override {
    own_engine::SetUp();
    if (IsSkipped())
      return;
    set_up_with({}, disk_mb);
    daemon_->make_image();
  }

  void fill(int kib_left = 0) {
    const auto file = daemon_->data_dir() + "/fill";
    daemon_->within("dd if=/dev/zero of=" + file + " bs=4k 2>/dev/null; truncate -s -" +
                    std::to_string(kib_left) + "K " + file);
  }

  void make_room() { daemon_->within("rm " + daemon_->data_dir() + "/fill"); }

  static void expect_named(const error& failure) {
    EXPECT_EQ(failure.code, errc::io_error) << failure.to_string();
    EXPECT_EQ(failure.blame, failure_class::infrastructure) << failure.to_string();
    EXPECT_THAT(failure.hint, HasSubstr("disk is full")) << failure.to_string();
  }

  void expect_recovery() {
    daemon_->await_removal();
    auto fresh = start(without_network());
    EXPECT_EQ(inside(fresh, "echo hello"), "hello");
    EXPECT_TRUE(wait_for(fresh.stop()));
    EXPECT_THAT(left(), IsEmpty());
  }
};

/// Less and less is left, so that each step of a start meets the end of it.
TEST_F(docker_full_disks, fail_starts_by_name_and_leave_nothing) {
  int failed = 0;
  for (const int kib : {0, 8, 24, 64, 128, 256}) {
    fill(kib);
    const auto made = wait_for(engine_->start(without_network()));
    if (!made) {
      ++failed;
      expect_named(made.error());
    }
    make_room();
    if (made) {
      auto box = *made;
      EXPECT_TRUE(wait_for(box.stop()));
    }
    expect_recovery();
  }
  EXPECT_GT(failed, 0);
}

TEST_F(docker_full_disks, by_a_container_are_its_own_commands_failure_first) {
  auto hog = start(without_network());
  const auto filled = run(hog, "dd if=/dev/zero of=/fill bs=64k; echo status $?");
  ASSERT_TRUE(filled) << filled.error().to_string();
  EXPECT_THAT(filled->output, HasSubstr("No space left on device"));
  EXPECT_THAT(filled->output, HasSubstr("status 1"));
  const auto other = wait_for(engine_->start(without_network()));
  ASSERT_FALSE(other);
  expect_named(other.error());
  EXPECT_EQ(inside(hog, "rm /fill; echo removed"), "removed");
  auto again = start(without_network());
  EXPECT_TRUE(wait_for(again.stop()));
  EXPECT_TRUE(wait_for(hog.stop()));
  expect_recovery();
}

TEST_F(docker_full_disks, fail_pulls_by_name) {
  if (!local_registry::can_be())
    GTEST_SKIP() << "there is no docker-registry (Debian: docker-registry)";
  const local_registry registry(daemon_->network());
  const temporary_directory login;
  login.write("config.json", R"({"auths":{")" + registry.address() + R"(":{"auth":")" +
                                 protocol::base64_encode("ada:secret") + R"("}}})");
  ::setenv("DOCKER_CONFIG", login.path().c_str(), 1);
  auto spec = without_network();
  spec.image = registry.address() + "/tests/bash:1";
  on_machine("docker tag " + std::string(bash) + " " + spec.image + " && docker push -q " +
             spec.image + " && docker rmi -f " + spec.image + " " + bash);
  fill(512);
  const auto failed = wait_for(engine_->start(spec));
  make_room();
  const auto made = wait_for(engine_->start(spec));
  ::unsetenv("DOCKER_CONFIG");
  ASSERT_FALSE(failed);
  expect_named(failed.error());
  ASSERT_TRUE(made) << made.error().to_string();
  auto box = *made;
  EXPECT_TRUE(wait_for(box.stop()));
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(docker_full_disks, fail_builds_and_imports_by_name) {
  fill();
  auto spec = without_network();
  spec.docker.extra_deps = "true";
  const auto built = wait_for(engine_->start(spec));
  ASSERT_FALSE(built);
  expect_named(built.error());
  make_room();

  auto host = docker::find_engine_host(docker::current_surroundings(), "");
  docker::api calls(docker::client::open(engine_->executor(), host.value()).value());
  const std::string big(std::size_t{2 * disk_mb} << 20, 'x');
  const auto archive = docker::make_tar({{.path = "big", .bytes = big}});
  docker::api::import_request request;
  request.name = "sandfleet-test/big:1";
  request.next_piece =
      [archive, at = std::size_t{0}]() mutable -> boost::asio::awaitable<result<std::string>> {
    const auto from = at;
    at = std::min(archive->size(), at + (1 << 20));
    co_return archive->substr(from, at - from);
  };
  const auto imported = wait_for(calls.import_image(std::move(request)));
  ASSERT_FALSE(imported);
  expect_named(imported.error());
  expect_recovery();
}

} // namespace
} // namespace sandfleet::tests
