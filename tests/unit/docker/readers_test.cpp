#include "runtime/docker/api.hpp"

#include <gmock/gmock.h>

namespace sandfleet::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(readers, container_tells_state_labels_and_ports) {
  const auto read = read_container(R"({"Id":"c0ffee","Name":"/box","State":{"Status":"exited",
    "ExitCode":137,"OOMKilled":true,"Error":"boom","Pid":0},"Config":{"Image":"i:1",
    "Labels":{"a":"b"},"Env":["X=1"]},"NetworkSettings":{"Ports":{"80/tcp":[{"HostIp":"0.0.0.0",
    "HostPort":"30001"}],"81/tcp":null}}})");
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->name, "box");
  EXPECT_TRUE(read->has_ended());
  EXPECT_EQ(read->exit_code, 137);
  EXPECT_TRUE(read->out_of_memory);
  EXPECT_EQ(read->failure, "boom");
  EXPECT_THAT(read->labels, ElementsAre(Pair("a", "b")));
  EXPECT_THAT(read->bindings, ElementsAre(port_binding{80, "0.0.0.0", 30001}));
  EXPECT_THAT(read->environment, ElementsAre("X=1"));
}

TEST(readers, what_is_missing_or_null_reads_as_nothing) {
  const auto read = read_container(R"({"Id":"x","State":null,"Config":{"Labels":null}})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->status, "");
  EXPECT_TRUE(read->labels.empty());
  for (const auto* text : {"", "{", "[]", "{}", "null", R"({"Id":7})"})
    EXPECT_EQ(read_container(text).error().code, errc::protocol_error) << text;
}

TEST(readers, list_has_names_states_and_labels) {
  const auto read = read_containers(
      R"([{"Id":"1","Names":["/a","/net/b"],"State":"running","Labels":{"l":"v"}},{"Id":"2"}])");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ(read->front().name, "a");
  EXPECT_EQ(read->front().status, "running");
  EXPECT_THAT(read->front().labels, ElementsAre(Pair("l", "v")));
}

TEST(readers, events_are_those_of_docker_and_of_older_podman) {
  const auto docker = read_event(
      R"({"Type":"container","Action":"die","Actor":{"ID":"c1","Attributes":{"exitCode":"9"}}})");
  ASSERT_TRUE(docker);
  EXPECT_EQ(docker->action, "die");
  EXPECT_EQ(docker->id, "c1");
  EXPECT_THAT(docker->attributes, ElementsAre(Pair("exitCode", "9")));
  const auto podman = read_event(R"({"status":"start","id":"c2","Type":"container"})");
  ASSERT_TRUE(podman);
  EXPECT_EQ(podman->action, "start");
  EXPECT_EQ(podman->id, "c2");
}

TEST(readers, progress_is_a_pulls_or_a_builds) {
  const auto pull = read_progress(
      R"({"status":"Downloading","id":"ab12","progressDetail":{"current":5,"total":10}})");
  ASSERT_TRUE(pull);
  EXPECT_EQ(pull->text, "Downloading");
  EXPECT_EQ(pull->layer, "ab12");
  EXPECT_EQ(pull->current, 5);
  EXPECT_EQ(pull->total, 10);
  const auto step = read_progress(R"({"stream":"Step 1/2 : FROM x\n"})");
  EXPECT_EQ(step->text, "Step 1/2 : FROM x\n");
  const auto built = read_progress(R"({"aux":{"ID":"sha256:1"}})");
  EXPECT_EQ(built->image_id, "sha256:1");
  const auto failed = read_progress(R"({"errorDetail":{"code":1,"message":"no"},"error":"older"})");
  EXPECT_EQ(failed->failure, "no");
}

TEST(readers, usage_is_what_the_machine_counts) {
  const auto read = read_usage(
      R"({"cpu_stats":{"cpu_usage":{"total_usage":1500000000}},"memory_stats":{"max_usage":1048576}})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->cpu_seconds, 1.5);
  EXPECT_EQ(read->peak_memory_mb, 1.0);
  EXPECT_FALSE(read_usage("{}")->cpu_seconds);
}

TEST(readers, gateway_is_the_first_that_is_named) {
  EXPECT_EQ(read_gateway(R"({"IPAM":{"Config":[{"Subnet":"fd00::/64"},{"Gateway":"10.88.0.1"},)"
                         R"({"Gateway":"10.99.0.1"}]}})"),
            "10.88.0.1");
  EXPECT_EQ(read_gateway(R"({"IPAM":{"Config":null}})"), "");
}

TEST(image_names, have_a_repository_and_a_tag_or_a_digest) {
  const auto split = [](std::string_view name) {
    const auto read = split_image_name(name);
    return read.repository + " " + read.tag;
  };
  EXPECT_EQ(split("python"), "python latest");
  EXPECT_EQ(split("python:3.12"), "python 3.12");
  EXPECT_EQ(split("host:5000/a/b"), "host:5000/a/b latest");
  EXPECT_EQ(split("host:5000/a/b:c"), "host:5000/a/b c");
  EXPECT_EQ(split("a@sha256:12"), "a sha256:12");
}

} // namespace
} // namespace sandfleet::docker
