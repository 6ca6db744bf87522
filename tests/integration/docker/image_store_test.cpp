#include "runtime/protocol/base64.hpp"
#include "runtime/providers/docker/image_store.hpp"
#include "runtime/transport/io_pool.hpp"
#include "tests/integration/docker/docker_fixture.hpp"
#include "tests/support/local_registry.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <mutex>
#include <optional>

namespace sandfleet::tests {
namespace {

using providers::preparation;
using providers::docker::derived_image;
using providers::docker::image_store;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr const char* busybox = "sandfleet-test/busybox:1";

class image_stores : public ::testing::Test {
 protected:
  void SetUp() override {
    settings_.image_repository = "sandfleet-images-" + make_secret().substr(0, 8);
    settings_.on_image = [this](std::string_view image, std::string_view line) {
      const std::lock_guard lock(mutex_);
      told_.emplace_back(std::string(image) + ": " + std::string(line));
    };
    const auto host =
        sandfleet::docker::find_engine_host(sandfleet::docker::current_surroundings());
    ASSERT_TRUE(host);
    engine_.emplace(sandfleet::docker::client::open(pool_.executor(), *host).value());
    store_ = std::make_shared<image_store>(pool_.executor(), *engine_, settings_);
  }

  void TearDown() override {
    [[maybe_unused]] const int gone = std::system(
        ("docker rmi -f $(docker images -q " + settings_.image_repository + ") >/dev/null 2>&1")
            .c_str());
  }

  template <class T>
  std::future<T> begin(boost::asio::awaitable<T> work) {
    return boost::asio::co_spawn(pool_.executor(), std::move(work), boost::asio::use_future);
  }

  result<std::string> derive(const std::string& commands, bool force = false,
                             std::vector<std::string> arguments = {}) {
    derived_image wish;
    wish.base = busybox;
    wish.commands = commands;
    wish.force = force;
    wish.arguments = std::move(arguments);
    auto told = [this](preparation what) { prepared_.push_back(what); };
    return begin(store_->derive(std::move(wish), told)).get();
  }

  std::size_t told(const std::string& part) {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count_if(
        told_, [&](const std::string& line) { return line.find(part) != std::string::npos; }));
  }

  transport::io_pool pool_{1};
  providers::docker_settings settings_;
  std::optional<sandfleet::docker::api> engine_;
  std::shared_ptr<image_store> store_;
  std::mutex mutex_;
  std::vector<std::string> told_;
  std::vector<preparation> prepared_;
};

class derived_images : public image_stores {};

TEST_F(derived_images, are_built_once) {
  // The engine's cache may know what was built before.
  const auto command = "echo built > /note # " + make_secret().substr(0, 8);
  const auto made = derive(command);
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_THAT(*made, testing::StartsWith(settings_.image_repository + ":v1_"));
  EXPECT_THAT(prepared_, ElementsAre(preparation::image_build));
  EXPECT_EQ(on_machine("docker run --rm --network none " + *made + " /bin/cat /note"), "built");
  EXPECT_EQ(on_machine("docker images -q " + settings_.image_repository + " | wc -l"), "3");
  EXPECT_GE(told("+ echo built"), 1U);

  EXPECT_EQ(derive(command), made);
  EXPECT_THAT(prepared_, ElementsAre(preparation::image_build)) << "it was there";
  const auto id = on_machine("docker inspect -f '{{.Id}}' " + *made);
  EXPECT_EQ(derive(command, true), made);
  EXPECT_NE(on_machine("docker inspect -f '{{.Id}}' " + *made), id);
}

TEST_F(derived_images, take_arguments) {
  const auto made =
      derive("echo $WHAT > /note", false, {"--build-arg", "WHAT=given", "--label", "kind=test"});
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(on_machine("docker run --rm --network none " + *made + " /bin/cat /note"), "given");
  EXPECT_EQ(on_machine("docker inspect -f '{{.Config.Labels.kind}}' " + *made), "test");
}

TEST_F(derived_images, of_which_a_command_fails_say_which) {
  const auto made = derive("echo fine\ncat /nothing/at/all\necho never");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().blame, failure_class::task);
  EXPECT_EQ(made.error().cause, "cat /nothing/at/all: exit code 1");
  EXPECT_THAT(made.error().evidence, Contains(Pair("step", evidence_value("3/3"))));
  EXPECT_THAT(made.error().to_string(), HasSubstr("No such file"));
  EXPECT_EQ(told("never"), 0U + told("RUN"));
  EXPECT_THAT(prepared_, ElementsAre(preparation::image_build));
}

TEST_F(derived_images, that_many_want_are_built_once) {
  derived_image wish;
  wish.base = busybox;
  wish.commands = "echo once";
  std::vector<std::future<result<std::string>>> all;
  for (int i = 0; i < 10; ++i)
    all.push_back(begin(store_->derive(wish, {})));
  for (auto& one : all)
    EXPECT_TRUE(one.get());
  EXPECT_EQ(told("Successfully built"), 1U);
}

/// Images in a registry of our own, for which one must log in.
class pulled_images : public image_stores {
 protected:
  void SetUp() override {
    if (!local_registry::can_be())
      GTEST_SKIP() << "there is no docker-registry (Debian: docker-registry)";
    registry_.emplace();
    log_in("ada:secret");
    image_stores::SetUp();
  }

  void TearDown() override {
    if (!registry_)
      return;
    for (const auto& name : pushed_)
      forget(name);
    ::unsetenv("DOCKER_CONFIG");
    image_stores::TearDown();
  }

  void log_in(const std::string& login) {
    place_.write("config.json", R"({"auths":{")" + registry_->address() + R"(":{"auth":")" +
                                    protocol::base64_encode(login) + R"("}}})");
    ::setenv("DOCKER_CONFIG", place_.path().c_str(), 1);
  }

  static void forget(const std::string& name) {
    [[maybe_unused]] const int gone =
        std::system(("docker rmi -f " + name + " >/dev/null 2>&1").c_str());
  }

  /// An image that the registry has and the engine has not.
  std::string push(const std::string& image) {
    const auto name = registry_->address() + "/tests/" + std::to_string(pushed_.size()) + ":1";
    on_machine("docker tag " + image + " " + name);
    pushed_.push_back(name);
    on_machine("docker push -q " + name);
    forget(name);
    return name;
  }

  std::string push_new() {
    const auto made = derive("echo " + make_secret() + " > /note");
    EXPECT_TRUE(made);
    auto name = push(*made);
    [[maybe_unused]] const int gone = std::system(
        ("docker rmi -f $(docker images -q " + settings_.image_repository + ") >/dev/null 2>&1")
            .c_str());
    return name;
  }

  result<void> pull(const std::string& name, const std::string& platform = {}) {
    return begin(store_->pull(name, platform)).get();
  }

  std::optional<local_registry> registry_;
  temporary_directory place_;
  std::vector<std::string> pushed_;
};

TEST_F(pulled_images, come_once_for_all_who_wait) {
  const auto name = push_new();
  std::vector<std::future<result<void>>> all;
  for (int i = 0; i < 20; ++i)
    all.push_back(begin(store_->pull(name, {})));
  for (auto& one : all) {
    const auto done = one.get();
    EXPECT_TRUE(done) << done.error().to_string();
  }
  EXPECT_EQ(on_machine("docker image inspect -f ok " + name), "ok");
  EXPECT_EQ(told("Status: Downloaded newer image"), 1U);
  EXPECT_GE(told("layers, "), 1U);
}

TEST_F(pulled_images, need_a_login) {
  const auto name = push(busybox);
  place_.write("config.json", "{}");
  auto done = pull(name);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, errc::permission_denied) << done.error().to_string();
  EXPECT_EQ(done.error().blame, failure_class::task);
  EXPECT_THAT(done.error().hint, HasSubstr("docker login"));

  log_in("ada:wrong");
  done = pull(name);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, errc::permission_denied) << done.error().to_string();
}

TEST_F(pulled_images, that_the_registry_lacks) {
  const auto name = push(busybox);
  auto other = name;
  other.back() = '2';
  const auto done = pull(other);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, errc::not_found) << done.error().to_string();
  EXPECT_EQ(done.error().blame, failure_class::task);
  EXPECT_THAT(done.error().message, HasSubstr(other));
}

TEST_F(pulled_images, of_another_processor_are_refused_unless_they_are_wanted) {
  const auto foreign = settings_.image_repository + ":foreign";
  place_.write("context/Dockerfile", "FROM scratch\nCOPY . /\n");
  on_machine("DOCKER_BUILDKIT=0 docker build -q --platform linux/s390x -t " + foreign + " " +
             place_.path() + "/context 2>/dev/null");
  if (on_machine("docker inspect -f '{{.Architecture}}' " + foreign) != "s390x")
    GTEST_SKIP() << "this engine makes no images of another platform";
  const auto name = push(foreign);
  on_machine("docker rmi -f " + foreign);
  const auto done = pull(name);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, errc::unsupported) << done.error().to_string();
  EXPECT_EQ(done.error().blame, failure_class::task);
  EXPECT_THAT(done.error().cause, HasSubstr("s390x"));
  forget(name);
  const auto wanted = pull(name, "linux/s390x");
  EXPECT_TRUE(wanted) << wanted.error().to_string();
}

TEST_F(pulled_images, of_a_registry_that_is_not_there) {
  const auto address = registry_->address();
  registry_.reset();
  const auto done = pull(address + "/tests/0:1");
  registry_.emplace(); // for the end of the test
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().blame, failure_class::infrastructure) << done.error().to_string();
}

} // namespace
} // namespace sandfleet::tests
