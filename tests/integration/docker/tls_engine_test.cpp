#include "tests/integration/docker/docker_fixture.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <optional>

namespace sandfleet::tests {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// An engine of TLS, started by tests/support/tls_engine.py, which sets the environment too. To us
/// it is one elsewhere: nothing of this machine can be mounted there.
class docker_by_tls : public docker_fixture {
 protected:
  void SetUp() override {
    if (std::getenv("TLS_ENGINE_HOST") == nullptr)
      GTEST_SKIP() << "tests/support/tls_engine.py starts this with an engine of TLS";
    docker_fixture::SetUp();
  }

  /// The agent is reached by a port, for which it needs a network.
  static sandbox_spec on_bridge() {
    sandbox_spec spec;
    spec.network = "bridge";
    return spec;
  }

  static std::string host() { return std::getenv("TLS_ENGINE_HOST"); }
  static std::string certificates(const std::string& whose) {
    return std::string(std::getenv("TLS_ENGINE_CERTS")) + "/" + whose;
  }

  /// Of a start with another environment, which is set until it has failed.
  error failure_with(const std::map<std::string, const char*>& changes) {
    const changed_environment changed(changes);
    auto other = engine::create(test_settings(elsewhere_.path()));
    if (!other)
      return other.error();
    auto made =
        boost::asio::co_spawn(other->executor(), other->start(on_bridge()), boost::asio::use_future)
            .get();
    EXPECT_FALSE(made);
    return made ? error{} : made.error();
  }

  class changed_environment {
   public:
    explicit changed_environment(const std::map<std::string, const char*>& changes) {
      for (const auto& [name, value] : changes) {
        const char* before = std::getenv(name.c_str());
        before_[name] = before != nullptr ? std::optional<std::string>(before) : std::nullopt;
        set(name, value);
      }
    }
    ~changed_environment() {
      for (const auto& [name, value] : before_)
        set(name, value ? value->c_str() : nullptr);
    }
    changed_environment(const changed_environment&) = delete;
    changed_environment& operator=(const changed_environment&) = delete;

   private:
    static void set(const std::string& name, const char* value) {
      if (value != nullptr)
        ::setenv(name.c_str(), value, 1);
      else
        ::unsetenv(name.c_str());
    }
    std::map<std::string, std::optional<std::string>> before_;
  };

  temporary_directory elsewhere_;
};

TEST_F(docker_by_tls, containers_start_with_the_agent_sent_over_and_run_commands) {
  auto box = start(on_bridge());
  const auto done = run(box, "cd /tmp && echo $((6 * 7)); pwd");
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->output, "42\n/tmp\n");
  EXPECT_EQ(inside(box, "head -c 3000000 /dev/zero | wc -c"), "3000000");
  const auto name = container_of(box);
  EXPECT_EQ(on_machine("docker inspect -f '{{len .Mounts}}' " + name), "0")
      << "Docker's own client";
  ASSERT_TRUE(wait_for(box.stop()));
  EXPECT_EQ(on_machine("docker ps -aq --filter name=" + name), "");
}

TEST_F(docker_by_tls, busybox_alone_will_do) {
  auto spec = on_bridge();
  spec.image = busybox;
  auto box = start(spec);
  EXPECT_EQ(inside(box, "echo it runs"), "it runs");
}

TEST_F(docker_by_tls, ends_are_told_by_output_and_events) {
  auto box = start(on_bridge());
  command_request request;
  request.command = "sleep 1000";
  auto running = boost::asio::co_spawn(engine_->executor(), box.run(std::move(request)),
                                       boost::asio::use_future);
  on_machine("docker kill " + container_of(box));
  const auto lost = running.get();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, errc::sandbox_lost);
  EXPECT_THAT(lost.error().cause, HasSubstr("from outside")) << lost.error().to_string();
}

TEST_F(docker_by_tls, images_are_built) {
  auto spec = on_bridge();
  spec.docker.extra_deps = {"echo built > /built"};
  auto box = start(spec);
  EXPECT_EQ(inside(box, "cat /built"), "built");
}

TEST_F(docker_by_tls, several_start_side_by_side) {
  std::vector<std::future<result<sandbox>>> starts;
  for (int i = 0; i < 6; ++i)
    starts.push_back(boost::asio::co_spawn(engine_->executor(), engine_->start(on_bridge()),
                                           boost::asio::use_future));
  for (auto& one : starts) {
    auto made = one.get();
    ASSERT_TRUE(made) << made.error().to_string();
    EXPECT_EQ(inside(*made, "echo there"), "there");
  }
}

TEST_F(docker_by_tls, is_found_by_a_context) {
  const temporary_directory config;
  const changed_environment by_context({{"DOCKER_CONFIG", config.path().c_str()},
                                        {"DOCKER_HOST", nullptr},
                                        {"DOCKER_TLS_VERIFY", nullptr},
                                        {"DOCKER_CERT_PATH", nullptr}});
  const auto files = certificates("client");
  on_machine("docker context create lab --docker 'host=" + host() + ",ca=" + files +
             "/ca.pem,cert=" + files + "/cert.pem,key=" + files + "/key.pem' 2>&1");
  const std::map<std::string, const char*> choice{{"DOCKER_CONTEXT", "lab"}};
  const changed_environment chosen(choice);
  const temporary_directory state;
  auto engine = engine::create(test_settings(state.path()));
  ASSERT_TRUE(engine) << engine.error().to_string();
  auto made =
      boost::asio::co_spawn(engine->executor(), engine->start(on_bridge()), boost::asio::use_future)
          .get();
  ASSERT_TRUE(made) << made.error().to_string();
}

TEST_F(docker_by_tls, is_not_verified_when_the_environment_says_so) {
  const auto mistaken = certificates("mistaken");
  const changed_environment changed(
      {{"DOCKER_TLS_VERIFY", ""}, {"DOCKER_CERT_PATH", mistaken.c_str()}});
  auto engine = engine::create(test_settings(elsewhere_.path()));
  ASSERT_TRUE(engine) << engine.error().to_string();
  auto made =
      boost::asio::co_spawn(engine->executor(), engine->start(on_bridge()), boost::asio::use_future)
          .get();
  EXPECT_TRUE(made) << made.error().to_string();
}

TEST_F(docker_by_tls, wrong_certificates_are_told_apart) {
  const auto stranger = certificates("stranger");
  auto why = failure_with({{"DOCKER_CERT_PATH", stranger.c_str()}});
  EXPECT_THAT(why.to_string(),
              AllOf(HasSubstr("refuses our certificate"), HasSubstr("--tlscacert")));
  EXPECT_FALSE(may_be_retried(why));

  const auto mistaken = certificates("mistaken");
  why = failure_with({{"DOCKER_CERT_PATH", mistaken.c_str()}});
  EXPECT_THAT(why.to_string(),
              AllOf(HasSubstr("an authority that is not known"), HasSubstr(mistaken + "/ca.pem")));

  const temporary_directory none;
  why = failure_with({{"DOCKER_CERT_PATH", none.path().c_str()}});
  EXPECT_THAT(why.to_string(), AllOf(HasSubstr("ca.pem"), HasSubstr("No such file")));

  why = failure_with({{"DOCKER_TLS_VERIFY", nullptr}, {"DOCKER_CERT_PATH", nullptr}});
  EXPECT_THAT(why.to_string(), HasSubstr("the engine wants TLS: set DOCKER_TLS_VERIFY=1"));

  std::filesystem::copy(certificates("client") + "/ca.pem", none / "ca.pem");
  why = failure_with({{"DOCKER_CERT_PATH", none.path().c_str()}});
  EXPECT_THAT(why.to_string(), HasSubstr("refuses our certificate")) << "it shows none";
}

} // namespace
} // namespace sandfleet::tests
