#include "runtime/providers/docker/container.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

namespace sandfleet::providers::docker {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

container_plan plan() {
  container_plan made;
  made.id = sandbox_id("sb-1");
  made.registry = "0:/run";
  made.session_key = "secret";
  made.image = "python:3.12";
  made.agent_program = "/opt/agent";
  made.sockets_dir = "/run/x/sockets";
  made.overlays_dir = "/run/x/overlays";
  return made;
}

json::object body_of(const container_plan& what, const sandbox_spec& spec) {
  const auto body = container_body(what, spec);
  EXPECT_TRUE(body) << body.error().to_string();
  return json::parse(body.value_or("{}")).as_object();
}

/// A member of "HostConfig", as JSON.
std::string host(const json::object& body, std::string_view name) {
  const auto* found = body.at("HostConfig").as_object().if_contains(name);
  return found ? json::serialize(*found) : "";
}

TEST(container, runs_the_mounted_agent_on_a_socket_that_is_handed_over) {
  const auto body = body_of(plan(), {});
  EXPECT_EQ(json::serialize(body.at("Entrypoint")), R"(["/.sandfleet/sandfleet-agent"])");
  EXPECT_EQ(json::serialize(body.at("Cmd")),
            R"(["--listen-from","/.sandfleet/sockets/listen","--ready-fd","1",)"
            R"("--working-dir","/workspace"])");
  EXPECT_THAT(
      host(body, "Mounts"),
      HasSubstr(R"({"Type":"bind","Source":"/run/x/sockets","Target":"/.sandfleet/sockets",)"
                R"("ReadOnly":true})"));
  EXPECT_EQ(host(body, "NetworkMode"), R"("none")");
  EXPECT_EQ(host(body, "PortBindings"), "");
  EXPECT_EQ(body.at("Labels").at("sandfleet.sandbox"), "sb-1");
  EXPECT_FALSE(body.at("Labels").as_object().contains("sandfleet.port"));
}

TEST(container, publishes_ports_where_it_is_reached_by_them) {
  auto remote = plan();
  remote.agent_program.clear();
  remote.sockets_dir.clear();
  remote.ports = {30001, 40001, 50001, 55001};
  sandbox_spec spec;
  spec.network = "bridge";
  const auto body = body_of(remote, spec);
  EXPECT_THAT(json::serialize(body.at("Cmd")), HasSubstr(R"(["30001",)"));
  EXPECT_THAT(host(body, "PortBindings"),
              HasSubstr(R"("30001/tcp":[{"HostIp":"127.0.0.1","HostPort":"30001"}])"));
  EXPECT_THAT(host(body, "ExtraHosts"), HasSubstr("host.docker.internal:host-gateway"));
  remote.host_gateway = "10.88.0.1";
  spec.docker.extra_hosts = {"host-gateway:10.0.0.1", "me:host-gateway"};
  EXPECT_EQ(host(body_of(remote, spec), "ExtraHosts"),
            R"(["host-gateway:10.0.0.1","me:10.88.0.1","host.docker.internal:10.88.0.1"])");
  const auto env = json::serialize(body.at("Env"));
  for (const auto* one :
       {"port=30001", "VSCODE_PORT=40001", "APP_PORT_1=50001", "APP_PORT_2=55001"})
    EXPECT_THAT(env, HasSubstr(one));
  EXPECT_EQ(host(body, "Mounts"), "[]");

  spec.network = "none";
  EXPECT_EQ(container_body(remote, spec).error().code, errc::invalid_argument);
}

TEST(container, has_the_limits_of_its_specification) {
  sandbox_spec spec;
  spec.limits = {0.5, 256, 64, 10};
  spec.docker.shared_mb = 32;
  spec.docker.ulimits = {{"nofile", 99}};
  const auto body = body_of(plan(), spec);
  EXPECT_EQ(host(body, "Memory"), std::to_string(256 << 20));
  EXPECT_EQ(host(body, "MemorySwap"), std::to_string(256 << 20));
  EXPECT_EQ(host(body, "NanoCpus"), "500000000");
  EXPECT_EQ(host(body, "PidsLimit"), "64");
  EXPECT_EQ(host(body, "ShmSize"), std::to_string(32 << 20));
  EXPECT_EQ(host(body, "Ulimits"), R"([{"Name":"nofile","Soft":99,"Hard":99}])");
  EXPECT_EQ(limits_of(spec).at("memory_mb"), "enforced");
  EXPECT_THAT(limits_of(spec).at("disk_mb"), HasSubstr("unenforced"));
}

TEST(container, drops_what_it_does_not_need) {
  sandbox_spec spec;
  spec.docker.capabilities = {"SYS_PTRACE"};
  spec.docker.security = {"seccomp=unconfined"};
  spec.docker.read_only_root = true;
  spec.volumes = {{"/srv", "/workspace"}};
  const auto body = body_of(plan(), spec);
  EXPECT_EQ(host(body, "CapDrop"), R"(["ALL"])");
  EXPECT_THAT(host(body, "CapAdd"), HasSubstr("SYS_PTRACE"));
  EXPECT_THAT(host(body, "CapAdd"), ::testing::Not(HasSubstr("NET_RAW")));
  EXPECT_EQ(host(body, "SecurityOpt"), R"(["no-new-privileges","seccomp=unconfined"])");
  EXPECT_EQ(host(body, "ReadonlyRootfs"), "true");
  EXPECT_THAT(host(body, "Tmpfs"), HasSubstr("/tmp"));
  EXPECT_THAT(host(body, "Tmpfs"), ::testing::Not(HasSubstr("/workspace")));
}

sandbox_spec spec_of_an_image() {
  sandbox_spec spec;
  spec.network = "bridge";
  return spec;
}

TEST(container, refuses_what_would_be_in_the_way) {
  for (const char* place : {"/.sandfleet", "/.sandfleet/x", "/proc", "/proc/1", "/sys", "/dev/x"}) {
    auto spec = spec_of_an_image();
    spec.volumes = {{"/srv", place}};
    EXPECT_FALSE(container_body(plan(), spec)) << place;
  }
  auto twice = spec_of_an_image();
  twice.volumes = {{"/a", "/x"}, {"/b", "/x"}};
  EXPECT_FALSE(container_body(plan(), twice));
  auto fine = spec_of_an_image();
  fine.volumes = {{"/a", "/process"}, {"/b", "/develop"}};
  EXPECT_TRUE(container_body(plan(), fine));
  for (const char* address : {"localhost", "", "999.1.1.1", "0"}) {
    auto spec = spec_of_an_image();
    spec.docker.binding_address = address;
    EXPECT_FALSE(container_body(plan(), spec)) << address;
  }
  for (const char* address : {"0.0.0.0", "::1", "10.1.2.3"}) {
    auto spec = spec_of_an_image();
    spec.docker.binding_address = address;
    EXPECT_TRUE(container_body(plan(), spec)) << address;
  }
}

TEST(container, mounts_paths_volumes_and_overlays) {
  sandbox_spec spec;
  spec.volumes = {{"/a", "/x", true},
                  {"cache", "/y", false, volume_kind::named},
                  {"/b", "/z", false, volume_kind::overlay}};
  const auto body = body_of(plan(), spec);
  const auto mounts = host(body, "Mounts");
  EXPECT_THAT(mounts, HasSubstr(R"({"Type":"bind","Source":"/a","Target":"/x","ReadOnly":true})"));
  EXPECT_THAT(mounts,
              HasSubstr(R"({"Type":"volume","Source":"cache","Target":"/y","ReadOnly":false})"));
  EXPECT_THAT(mounts, HasSubstr("lowerdir=/b,upperdir=/run/x/overlays/2/upper,"
                                "workdir=/run/x/overlays/2/work"));
  EXPECT_THAT(overlay_directories(plan(), spec),
              ::testing::ElementsAre("/run/x/overlays/2/upper", "/run/x/overlays/2/work"));
  spec.volumes = {{"/b,c", "/z", false, volume_kind::overlay}};
  EXPECT_FALSE(container_body(plan(), spec));
}

TEST(container, asks_for_gpus_as_docker_does) {
  sandbox_spec spec;
  spec.docker.gpu = true;
  EXPECT_EQ(host(body_of(plan(), spec), "DeviceRequests"),
            R"([{"Capabilities":[["gpu"]],"Count":-1}])");
  spec.docker.gpu_devices = "0,2";
  EXPECT_EQ(host(body_of(plan(), spec), "DeviceRequests"),
            R"([{"Capabilities":[["gpu"]],"DeviceIDs":["0","2"]}])");
}

TEST(container, is_given_a_seccomp_profile_and_not_the_name_of_its_file) {
  const tests::temporary_directory files;
  sandbox_spec spec;
  spec.docker.security = {"seccomp=" + files.write("profile", "{ \"defaultAction\": \"X\" }\n")};
  spec.docker.arguments = R"({"security_opt":["seccomp=builtin"]})";
  EXPECT_EQ(host(body_of(plan(), spec), "SecurityOpt"),
            R"(["no-new-privileges","seccomp={\"defaultAction\":\"X\"}","seccomp=builtin"])");

  spec.docker.arguments = R"({"security_opt":["seccomp=)" + files.write("text", "text") + R"("]})";
  const auto no_json = container_body(plan(), spec);
  ASSERT_FALSE(no_json);
  EXPECT_THAT(no_json.error().message, HasSubstr("is not a JSON object"));
  spec.docker.security = {"seccomp=/no/such/file"};
  const auto missing = container_body(plan(), spec);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, errc::not_found);
  EXPECT_THAT(missing.error().message, HasSubstr("'/no/such/file'"));
  spec.docker.security = {"seccomp=/"};
  EXPECT_FALSE(container_body(plan(), spec));
}

TEST(container, starts_as_root_where_commands_are_to_run_as_another_user) {
  sandbox_spec spec;
  EXPECT_FALSE(body_of(plan(), spec).contains("User")); // that of the image
  spec.docker.user_id = 4321;
  EXPECT_EQ(body_of(plan(), spec).at("User"), "0");
  spec.docker.user = "4321:100";
  EXPECT_EQ(body_of(plan(), spec).at("User"), "0");
  spec.docker.user = "1000";
  const auto clash = container_body(plan(), spec);
  ASSERT_FALSE(clash);
  EXPECT_THAT(clash.error().message, HasSubstr("user_id 4321 and user '1000'"));
}

TEST(container, runs_commands_as_the_user_that_was_asked_for) {
  sandbox_spec spec;
  spec.docker.user_id = 1000;
  EXPECT_THAT(agent_arguments(plan(), spec),
              ::testing::IsSupersetOf({"--username", "openhands", "--user-id", "1000"}));
  spec.docker.user_id = 0;
  EXPECT_THAT(agent_arguments(plan(), spec), ::testing::Contains("root"));
}

TEST(container, needs_an_image_that_is_one) {
  for (const auto* image : {"", "host", "rootfs:/x"}) {
    auto bad = plan();
    bad.image = image;
    const auto body = container_body(bad, {});
    ASSERT_FALSE(body) << image;
    EXPECT_EQ(body.error().blame, failure_class::task);
  }
}

} // namespace
} // namespace sandfleet::providers::docker
