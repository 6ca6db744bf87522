#include "runtime/providers/docker/arguments.hpp"
#include "runtime/providers/docker/container.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

namespace sandfleet::providers::docker {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

sandbox_spec with(const std::string& arguments) {
  sandbox_spec spec;
  spec.network = "bridge";
  spec.docker.arguments = arguments;
  return spec;
}

json::object body_of(const sandbox_spec& given) {
  container_plan plan;
  plan.id = sandbox_id("sb-1");
  plan.image = "python:3.12";
  plan.agent_program = "/opt/agent";
  plan.sockets_dir = "/run/x/sockets";
  const auto spec = with_arguments(given);
  EXPECT_TRUE(spec) << spec.error().to_string();
  if (!spec)
    return {};
  const auto body = container_body(plan, *spec);
  EXPECT_TRUE(body) << body.error().to_string();
  return json::parse(body.value_or("{}")).as_object();
}

error failure_of(const std::string& arguments) {
  const auto spec = with_arguments(with(arguments));
  EXPECT_FALSE(spec) << arguments;
  return spec ? error{} : spec.error();
}

/// An argument, the field of HostConfig, and what is in it then.
struct sample {
  const char* arguments;
  const char* field;
  const char* value;
};

TEST(arguments, go_where_the_engine_has_them) {
  const sample samples[] = {
      {R"({"blkio_weight":300})", "BlkioWeight", "300"},
      {R"({"blkio_weight_device":[{"Path":"/dev/a","Weight":1}]})", "BlkioWeightDevice",
       R"([{"Path":"/dev/a","Weight":1}])"},
      {R"({"cgroup_parent":"/x"})", "CgroupParent", R"("/x")"},
      {R"({"cgroupns":"host"})", "CgroupnsMode", R"("host")"},
      {R"({"cpu_period":100000,"cpu_quota":50000})", "CpuQuota", "50000"},
      {R"({"cpu_rt_runtime":1})", "CpuRealtimeRuntime", "1"},
      {R"({"cpu_shares":512})", "CpuShares", "512"},
      {R"({"cpuset_cpus":"0-1"})", "CpusetCpus", R"("0-1")"},
      {R"({"cpuset_mems":"0"})", "CpusetMems", R"("0")"},
      {R"({"device_cgroup_rules":["c 1:3 r"]})", "DeviceCgroupRules", R"(["c 1:3 r"])"},
      {R"({"device_read_bps":[{"Path":"/dev/a","Rate":1}]})", "BlkioDeviceReadBps",
       R"([{"Path":"/dev/a","Rate":1}])"},
      {R"({"device_requests":[{"count":-1,"capabilities":[["gpu"]]}]})", "DeviceRequests",
       R"([{"Count":-1,"Capabilities":[["gpu"]]}])"},
      {R"({"devices":["/dev/fuse","/dev/a:/dev/b:r"]})", "Devices",
       R"([{"PathOnHost":"/dev/fuse","PathInContainer":"/dev/fuse","CgroupPermissions":"rwm"},)"
       R"({"PathOnHost":"/dev/a","PathInContainer":"/dev/b","CgroupPermissions":"r"}])"},
      {R"({"dns":["1.1.1.1"]})", "Dns", R"(["1.1.1.1"])"},
      {R"({"dns_opt":["ndots:1"]})", "DnsOptions", R"(["ndots:1"])"},
      {R"({"dns_search":["a.example"]})", "DnsSearch", R"(["a.example"])"},
      {R"({"extra_hosts":{"one":"10.0.0.1"}})", "ExtraHosts",
       R"(["host.docker.internal:host-gateway","one:10.0.0.1"])"},
      {R"({"group_add":["video",44]})", "GroupAdd", R"(["video","44"])"},
      {R"({"init":true})", "Init", "true"},
      {R"({"ipc_mode":"host"})", "IpcMode", R"("host")"},
      {R"({"links":{"db":"database"}})", "Links", R"(["db:database"])"},
      {R"({"log_config":{"type":"local","config":{"max-size":"1m"}}})", "LogConfig",
       R"({"Type":"local","Config":{"max-size":"1m"}})"},
      {R"({"mem_limit":"512m"})", "Memory", "536870912"},
      {R"({"mem_limit":"0.5gb"})", "MemorySwap", "536870912"},
      {R"({"mem_limit":"512m","memswap_limit":-1})", "MemorySwap", "-1"},
      {R"({"mem_reservation":"16M"})", "MemoryReservation", "16777216"},
      {R"({"mem_swappiness":0})", "MemorySwappiness", "0"},
      {R"({"nano_cpus":1500000000})", "NanoCpus", "1500000000"},
      {R"({"network":"apps"})", "NetworkMode", R"("apps")"},
      {R"({"oom_kill_disable":true})", "OomKillDisable", "true"},
      {R"({"oom_score_adj":500})", "OomScoreAdj", "500"},
      {R"({"pid_mode":"host"})", "PidMode", R"("host")"},
      {R"({"pids_limit":99})", "PidsLimit", "99"},
      {R"({"ports":{"80":8080,"53/udp":["10.0.0.1",53],"90/tcp":null,"91":[1,2]}})", "PortBindings",
       R"({"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"}],)"
       R"("53/udp":[{"HostIp":"10.0.0.1","HostPort":"53"}],)"
       R"("90/tcp":[{"HostIp":"127.0.0.1","HostPort":""}],)"
       R"("91/tcp":[{"HostIp":"127.0.0.1","HostPort":"1"},)"
       R"({"HostIp":"127.0.0.1","HostPort":"2"}]})"},
      {R"({"privileged":true})", "Privileged", "true"},
      {R"({"read_only":true})", "ReadonlyRootfs", "true"},
      {R"({"runtime":"sysbox-runc"})", "Runtime", R"("sysbox-runc")"},
      {R"({"security_opt":["label=disable"]})", "SecurityOpt",
       R"(["no-new-privileges","label=disable"])"},
      {R"({"shm_size":"1g"})", "ShmSize", "1073741824"},
      {R"({"storage_opt":{"size":"10G"}})", "StorageOpt", R"({"size":"10G"})"},
      {R"({"sysctls":{"net.core.somaxconn":1024}})", "Sysctls", R"({"net.core.somaxconn":"1024"})"},
      {R"({"tmpfs":["/a:size=1m","/b"]})", "Tmpfs", R"({"/a":"size=1m","/b":""})"},
      {R"({"ulimits":[{"name":"nofile","soft":9,"hard":10}]})", "Ulimits",
       R"([{"Name":"nofile","Soft":9,"Hard":10}])"},
      {R"({"userns_mode":"host"})", "UsernsMode", R"("host")"},
      {R"({"uts_mode":"host"})", "UTSMode", R"("host")"},
      {R"({"volumes":{"/a":{"bind":"/x","mode":"ro"},"n":{"bind":"/y"}}})", "Binds",
       R"(["/a:/x:ro","n:/y:rw"])"},
      {R"({"volumes":["/a:/x:ro"]})", "Binds", R"(["/a:/x:ro"])"},
      {R"({"volumes_from":"a,b"})", "VolumesFrom", R"(["a","b"])"},
  };
  for (const auto& one : samples) {
    const auto body = body_of(with(one.arguments));
    const auto* found = body.at("HostConfig").as_object().if_contains(one.field);
    EXPECT_EQ(found != nullptr ? json::serialize(*found) : "", one.value) << one.arguments;
  }
}

TEST(arguments, change_what_stands_beside_the_host_configuration) {
  const auto body = body_of(
      with(R"({"environment":{"A":"b","N":1},"labels":["mine"],"hostname":"h","domainname":"d",)"
           R"("mac_address":"02:00:00:00:00:01","user":1000,"ports":{"80":8080}})"));
  EXPECT_THAT(json::serialize(body.at("Env")), HasSubstr(R"("A=b")"));
  EXPECT_THAT(json::serialize(body.at("Env")), HasSubstr(R"("N=1")"));
  EXPECT_EQ(body.at("Labels").at("mine"), "");
  EXPECT_EQ(body.at("Labels").at("sandfleet.sandbox"), "sb-1");
  EXPECT_EQ(body.at("Hostname"), "h");
  EXPECT_EQ(body.at("Domainname"), "d");
  EXPECT_EQ(body.at("MacAddress"), "02:00:00:00:00:01");
  EXPECT_EQ(body.at("User"), "1000");
  EXPECT_TRUE(body.at("ExposedPorts").as_object().contains("80/tcp"));
}

TEST(arguments, say_more_than_the_rest_of_a_specification_does) {
  auto spec = with(R"({"mem_limit":"100m","pids_limit":-1,"nano_cpus":500000000,"user":"me",)"
                   R"("working_dir":"/w","runtime":"runsc","platform":"linux/arm64",)"
                   R"("environment":["A=theirs","B=theirs"],"network_mode":"default"})");
  spec.env["A"] = "ours";
  spec.limits.pids = 7;
  spec.network = "none";
  const auto made = with_arguments(spec);
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(made->limits.memory_mb, 100);
  EXPECT_EQ(made->limits.pids, std::nullopt);
  EXPECT_EQ(made->limits.cpus, 0.5);
  EXPECT_EQ(made->docker.user, "me");
  EXPECT_EQ(made->workspace, "/w");
  EXPECT_EQ(made->network, "bridge");
  EXPECT_EQ(made->docker.platform, "linux/arm64");
  EXPECT_FALSE(connects_by_socket(made->docker));
  EXPECT_EQ(made->env, (std::map<std::string, std::string>{{"A", "ours"}, {"B", "theirs"}}));
}

TEST(arguments, add_and_drop_capabilities) {
  const auto held = [](const std::string& arguments) {
    return json::serialize(body_of(with(arguments)).at("HostConfig").at("CapAdd"));
  };
  EXPECT_THAT(held(R"({"cap_add":["SYS_PTRACE"]})"), HasSubstr("SYS_PTRACE"));
  EXPECT_THAT(held(R"({"cap_drop":["cap_chown"]})"), ::testing::Not(HasSubstr("\"CHOWN\"")));
  EXPECT_EQ(held(R"({"cap_add":["KILL"],"cap_drop":["ALL"]})"), R"(["KILL"])");
}

TEST(arguments, join_mounts_limits_and_places_that_are_there) {
  auto spec = with(R"({"mounts":[{"Type":"bind","Source":"/a","Target":"/x"}],)"
                   R"("ulimits":[{"Name":"nofile","Soft":1,"Hard":2}],"tmpfs":{"/more":""}})");
  spec.docker.ulimits = {{"core", 0}, {"nofile", 99}};
  spec.docker.read_only_root = true;
  const auto body = body_of(spec);
  const auto& host = body.at("HostConfig").as_object();
  EXPECT_EQ(host.at("Mounts").as_array().size(), 3U);
  EXPECT_EQ(json::serialize(host.at("Ulimits")), R"([{"Name":"core","Soft":0,"Hard":0},)"
                                                 R"({"Name":"nofile","Soft":1,"Hard":2}])");
  EXPECT_TRUE(host.at("Tmpfs").as_object().contains("/more"));
  EXPECT_TRUE(host.at("Tmpfs").as_object().contains("/tmp"));
}

TEST(arguments, of_none_and_those_that_are_so_anyway_change_nothing) {
  const auto plain = body_of(with(""));
  EXPECT_EQ(body_of(with("{}")), plain);
  EXPECT_EQ(body_of(with(R"({"mem_limit":null,"auto_remove":true})")), plain);
}

TEST(arguments, that_are_not_known_or_wrong_are_named) {
  EXPECT_EQ(failure_of(R"({"mem_limits":"1g"})").hint, "did you mean 'mem_limit'?");
  EXPECT_THAT(failure_of(R"({"mem_limits":"1g"})").message, HasSubstr("'mem_limits'"));
  for (const char* wrong : {R"({"mem_limit":"much"})",
                            R"({"mem_limit":[]})",
                            R"({"privileged":"yes"})",
                            R"({"cap_add":"ALL"})",
                            R"({"pids_limit":"9"})",
                            R"({"ports":[80]})",
                            R"({"ports":{"0":1}})",
                            R"({"ports":{"80/x":1}})",
                            R"({"ports":{"80":70000}})",
                            R"({"volumes":{"/a":{"mode":"ro"}}})",
                            R"({"ulimits":[{"name":"nofile"}]})",
                            R"({"tmpfs":"/a"})",
                            R"({"environment":{"A":{}}})",
                            R"({"environment":["=x"]})",
                            R"({"log_config":{"type":"none"}})",
                            R"({"mounts":[{"Type":"bind"}]})",
                            R"({"network":"a","network_mode":"b"})",
                            R"({"working_dir":"relative"})",
                            "[]",
                            "{"}) {
    const auto failure = failure_of(wrong);
    EXPECT_EQ(failure.code, errc::invalid_argument) << wrong;
    EXPECT_EQ(failure.blame, failure_class::task) << wrong;
  }
}

TEST(arguments, that_would_take_a_container_out_of_our_hands_are_refused) {
  for (const char* name : {"command", "entrypoint", "name", "detach", "remove", "tty", "image",
                           "restart_policy", "healthcheck"}) {
    const auto failure = failure_of(R"({")" + std::string(name) + R"(":"x"})");
    EXPECT_THAT(failure.message, HasSubstr("'" + std::string(name) + "'"));
    EXPECT_NE(failure.hint, "") << name;
    EXPECT_EQ(failure.blame, failure_class::task) << name;
  }
  EXPECT_THAT(failure_of(R"({"labels":{"sandfleet.sandbox":"x"}})").message,
              HasSubstr("sandfleet.sandbox"));
  EXPECT_THAT(failure_of(R"({"environment":{"SESSION_API_KEY":"x"}})").message,
              HasSubstr("SESSION_API_KEY"));
  for (const char* hiding :
       {R"({"tmpfs":["/.sandfleet"]})", R"({"volumes":["/a:/.sandfleet/sockets"]})",
        R"({"mounts":[{"Type":"tmpfs","Target":"/.sandfleet"}]})"})
    EXPECT_THAT(failure_of(hiding).message, HasSubstr("/.sandfleet")) << hiding;
  auto alone = with(R"({"ports":{"80":8080}})");
  alone.network = "none";
  EXPECT_FALSE(with_arguments(alone));
}

} // namespace
} // namespace sandfleet::providers::docker
