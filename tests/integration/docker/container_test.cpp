#include "tests/integration/docker/docker_fixture.hpp"

#include <gmock/gmock.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <sys/stat.h>

namespace sandfleet::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

/// The first line that a container has printed.
class first_output : public spdlog::sinks::base_sink<std::mutex> {
 public:
  std::promise<std::string> told;

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string text(message.payload.data(), message.payload.size());
    if (text.starts_with("container_output") && !std::exchange(was_told_, true)) {
      EXPECT_EQ(message.level, spdlog::level::debug);
      told.set_value(text);
    }
  }
  void flush_() override {}

  bool was_told_ = false;
};

class docker_containers : public docker_fixture {
 protected:
  temporary_directory files_;
};

TEST_F(docker_containers, have_few_capabilities_and_gain_none) {
  auto box = start();
  const auto status = inside(box, "cat /proc/self/status");
  EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1"));
  // No raw sockets (13), no tracing of others (19), no mounts (21), no device nodes (27).
  const auto at = status.find("CapEff:\t");
  const auto held = std::stoull(status.substr(at + 8, 16), nullptr, 16);
  for (const unsigned capability : {12U, 13U, 19U, 21U, 27U})
    EXPECT_EQ(held >> capability & 1U, 0U) << capability;
}

TEST_F(docker_containers, mount_paths_volumes_and_overlays) {
  const auto shared = files_.path() + "/shared";
  const auto below = files_.path() + "/below";
  fs::create_directories(shared);
  fs::create_directories(below);
  std::ofstream(below + "/file") << "lower\n";
  const std::string volume_name = "sandfleet-test-" + make_secret().substr(0, 8);
  sandbox_spec spec;
  spec.volumes = {{shared, "/shared"},
                  {below, "/fixed", true},
                  {below, "/layered", false, volume_kind::overlay},
                  {volume_name, "/cache", false, volume_kind::named}};
  auto box = start(spec);
  EXPECT_EQ(inside(box, "echo out > /shared/file; cat /shared/file"), "out");
  EXPECT_TRUE(fs::exists(shared + "/file"));
  EXPECT_EQ(inside(box, "touch /fixed/x 2>/dev/null && echo yes || echo no"), "no");
  EXPECT_EQ(inside(box, "cat /layered/file; echo upper > /layered/file; cat /layered/file"),
            "lower\nupper");
  inside(box, "echo kept > /cache/file");
  ASSERT_TRUE(wait_for(box.stop()));
  std::string lower;
  std::ifstream(below + "/file") >> lower;
  EXPECT_EQ(lower, "lower");

  spec.volumes = {{volume_name, "/cache", true, volume_kind::named}};
  auto again = start(spec);
  EXPECT_EQ(inside(again, "cat /cache/file"), "kept");
  ASSERT_TRUE(wait_for(again.stop()));
  on_machine("docker volume rm " + volume_name);
}

TEST_F(docker_containers, have_the_further_arguments_of_docker_py) {
  sandbox_spec spec;
  spec.network = "bridge";
  spec.docker.arguments =
      R"({"hostname":"named","shm_size":"3m","environment":{"FROM":"arguments"},"init":true,)"
      R"("extra_hosts":{"other":"10.9.8.7"},"mem_limit":"64m","tmpfs":{"/small":"size=1m"},)"
      R"("ulimits":[{"name":"nofile","soft":99,"hard":99}],"labels":{"mine":"yes"},)"
      R"("cap_drop":["CHOWN"],"group_add":[4242],"sysctls":{"net.ipv4.ip_unprivileged_port_start":1}})";
  auto box = start(spec);
  EXPECT_EQ(inside(box, "uname -n; echo $FROM; ulimit -n; "
                        "cat /proc/sys/net/ipv4/ip_unprivileged_port_start"),
            "named\narguments\n99\n1");
  const auto mounts = inside(box, "cat /proc/mounts");
  EXPECT_THAT(mounts, HasSubstr("/small tmpfs rw,nosuid,nodev,noexec,relatime,size=1024k"));
  EXPECT_THAT(mounts, HasSubstr("size=3072k"));
  EXPECT_THAT(inside(box, "cat /etc/hosts"), HasSubstr("10.9.8.7\tother"));
  EXPECT_THAT(inside(box, "id -G"), HasSubstr("4242"));
  const auto status = inside(box, "cat /proc/self/status");
  EXPECT_EQ(std::stoull(status.substr(status.find("CapEff:\t") + 8, 16), nullptr, 16) & 1U, 0U)
      << "CHOWN";
  EXPECT_EQ(box.limits().at("memory_mb"), "enforced");
  EXPECT_EQ(on_machine("docker inspect --format '{{.HostConfig.Memory}} {{.Config.Labels.mine}}' " +
                       container_of(box)),
            "67108864 yes");
  ASSERT_TRUE(wait_for(box.stop()));

  spec.docker.arguments = R"({"command":"true"})";
  const auto refused = wait_for(engine_->start(spec));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().blame, failure_class::task);
  EXPECT_THAT(refused.error().message, HasSubstr("'command'"));
}

TEST_F(docker_containers, have_what_they_print_in_the_log_of_the_engine) {
  const auto sink = std::make_shared<first_output>();
  const auto logger = std::make_shared<spdlog::logger>("sandfleet", sink);
  logger->set_level(spdlog::level::debug);
  spdlog::register_logger(logger);
  sandbox_spec spec;
  spec.docker.capabilities = {"SYS_PTRACE"}; // the agent shows its files to nobody else
  auto box = start(spec);
  inside(box, "echo from the container > /proc/1/fd/1");
  auto told = sink->told.get_future();
  const auto state = told.wait_for(std::chrono::seconds{10});
  spdlog::drop("sandfleet");
  ASSERT_EQ(state, std::future_status::ready);
  EXPECT_EQ(told.get(),
            "container_output sandbox=" + box.id().str() + " line=\"from the container\"");
}

TEST_F(docker_containers, write_as_the_caller_into_a_mounted_workspace) {
  const auto work = files_.path() + "/work";
  fs::create_directories(work);
  ASSERT_EQ(::chown(work.c_str(), 4321, 4321), 0);
  sandbox_spec spec;
  spec.volumes = {{work, "/workspace"}};
  spec.docker.user_id = 4321;
  auto box = start(spec);
  EXPECT_EQ(run(box, "id -u; echo made > by_shell")->output, "4321\n");
  ASSERT_TRUE(wait_for(box.execute_action(
      R"({"action":{"action":"write","args":{"path":"/workspace/by_action","content":"x"}}})",
      std::chrono::seconds{10})));
  for (const char* name : {"/by_shell", "/by_action"}) {
    struct stat info {};
    ASSERT_EQ(::stat((work + name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_uid, 4321U) << name;
  }
}

TEST_F(docker_containers, of_an_image_with_a_user_run_commands_as_the_one_that_was_asked_for) {
  const changed_image image(busybox, {"USER 1234"});
  sandbox_spec spec;
  spec.image = image.name();
  auto plain = start(spec);
  EXPECT_EQ(inside(plain, "id -u"), "1234");
  spec.docker.user_id = 4321;
  auto box = start(spec);
  EXPECT_EQ(inside(box, "id -u; echo x > file; stat -c %u file"), "4321\n4321");
}

TEST_F(docker_containers, are_not_left_without_a_way_in_on_an_internal_network) {
  on_machine("docker network create --internal sandfleet-test-inner");
  sandbox_spec spec;
  spec.network = "sandfleet-test-inner";
  auto box = start(spec); // by its socket
  EXPECT_EQ(inside(box, "echo in"), "in");
  spec.docker.connection = docker_connection::ports;
  const auto refused = wait_for(engine_->start(spec));
  ASSERT_TRUE(wait_for(box.stop()));
  on_machine("docker network rm sandfleet-test-inner");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().blame, failure_class::task);
  EXPECT_THAT(refused.error().message, HasSubstr("'sandfleet-test-inner' is internal"));
}

TEST_F(docker_containers, are_reached_by_a_published_port_when_that_is_asked_for) {
  sandbox_spec spec;
  spec.network = "bridge";
  spec.docker.connection = docker_connection::ports;
  spec.docker.publish_ports = true;
  auto box = start(spec);
  EXPECT_EQ(run(box, "echo hi")->output, "hi\n");
  const auto ports = inside(box, "echo $port $VSCODE_PORT $APP_PORT_1 $APP_PORT_2");
  const auto published = on_machine("docker port " + container_of(box));
  std::istringstream list(ports);
  for (std::string port; list >> port;)
    EXPECT_THAT(published, HasSubstr(port + "/tcp -> 127.0.0.1:" + port));
}

TEST_F(docker_containers, show_the_addresses_of_their_ports_to_whoever_attaches_too) {
  sandbox_spec spec;
  spec.network = "bridge";
  spec.docker.publish_ports = true;
  spec.docker.arguments = R"({"ports":{"7777/tcp":null}})";
  auto box = start(spec);
  ASSERT_EQ(box.ports().size(), 4U);
  EXPECT_EQ(box.ports()[0].port, 7777);
  EXPECT_THAT(box.ports()[0].url, ::testing::StartsWith("http://127.0.0.1:"));
  for (std::size_t i = 1; i < 4; ++i) {
    const auto& one = box.ports()[i];
    EXPECT_EQ(inside(box, "echo $" + one.name), std::to_string(one.port));
    EXPECT_EQ(one.url, "http://127.0.0.1:" + std::to_string(one.port));
  }
  const auto listed = wait_for(engine_->list());
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->at(0).ports, box.ports());

  const auto before = box.ports();
  ASSERT_TRUE(wait_for(box.keep(std::chrono::hours{1})));
  engine_.reset();
  SetUp();
  auto again = wait_for(engine_->attach(box.id()));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->ports(), before);
  ASSERT_TRUE(wait_for(again->stop()));
}

TEST_F(docker_containers, reach_others_by_name_on_further_networks) {
  const auto network = "sandfleet-test-" + make_secret().substr(0, 8);
  on_machine("docker network create " + network);
  const auto other = on_machine("docker run -d --name " + network + " --network " + network + " " +
                                busybox + " sh -c 'while :; do echo pong | nc -l -p 7; done'");
  sandbox_spec spec;
  spec.image = busybox;
  spec.network = "bridge";
  spec.docker.networks = {network};
  {
    auto box = start(spec);
    EXPECT_EQ(inside(box, "until nc " + network + " 7 </dev/null; do :; done"), "pong");
    const auto hosts = inside(box, "cat /etc/hosts");
    EXPECT_THAT(hosts, HasSubstr("host.docker.internal"));
    EXPECT_THAT(hosts, Not(HasSubstr("host-gateway")));
    ASSERT_TRUE(wait_for(box.stop()));
  }
  spec.network = network;
  spec.docker.networks.clear();
  auto direct = start(spec);
  EXPECT_EQ(inside(direct, "until nc " + network + " 7 </dev/null; do :; done"), "pong");
  ASSERT_TRUE(wait_for(direct.stop()));
  on_machine("docker rm -f " + other + " && docker network rm " + network);
}

TEST_F(docker_containers, without_a_network_have_none) {
  auto box = start();
  EXPECT_THAT(inside(box, "cat /proc/net/dev"), Not(HasSubstr("eth0")));
}

TEST_F(docker_containers, of_a_network_that_is_none_are_the_tasks_fault) {
  sandbox_spec spec;
  spec.network = "sandfleet-test-none";
  auto made = wait_for(engine_->start(spec));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().blame, failure_class::task);
  EXPECT_THAT(made.error().hint, HasSubstr("docker network ls"));
}

TEST_F(docker_containers, twenty_at_once_leave_nothing) {
  std::vector<std::future<result<sandbox>>> starts;
  for (int i = 0; i < 20; ++i)
    starts.push_back(
        boost::asio::co_spawn(engine_->executor(), engine_->start({}), boost::asio::use_future));
  std::vector<sandbox> boxes;
  for (auto& one : starts) {
    auto made = one.get();
    ASSERT_TRUE(made) << made.error().to_string();
    boxes.push_back(*made);
  }
  for (auto& box : boxes)
    EXPECT_EQ(run(box, "echo hi")->output, "hi\n");
  ASSERT_TRUE(wait_for(engine_->stop()));
  for (auto& box : boxes)
    EXPECT_EQ(on_machine("docker ps -aq --filter name=" + container_of(box)), "");
}

} // namespace
} // namespace sandfleet::tests
