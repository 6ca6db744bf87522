#include "runtime/providers/docker/web_ports.hpp"

#include <gmock/gmock.h>

namespace sandfleet::providers::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using labels_map = std::map<std::string, std::string>;

TEST(web_ports, are_named_by_the_label_that_was_written) {
  const port_set ports{.agent = 30001, .vscode = 40001, .app_1 = 50001, .app_2 = 55001};
  const labels_map labels = {{"sandfleet.ports", ports_text(ports)}, {"sandfleet.port", "30001"}};
  EXPECT_THAT(published_ports(labels,
                              {{30001, "127.0.0.1", 30001},
                               {50001, "127.0.0.1", 50001},
                               {40001, "0.0.0.0", 40001},
                               {40001, "::", 40001},
                               {55001, "10.0.0.1", 55001},
                               {80, "::1", 32768}},
                              "127.0.0.1"),
              ElementsAre(published_port{80, "", "http://[::1]:32768"},
                          published_port{40001, "VSCODE_PORT", "http://127.0.0.1:40001"},
                          published_port{50001, "APP_PORT_1", "http://127.0.0.1:50001"},
                          published_port{55001, "APP_PORT_2", "http://10.0.0.1:55001"}));
}

TEST(web_ports, of_an_engine_elsewhere_are_reached_at_its_host) {
  EXPECT_THAT(published_ports({}, {{80, "127.0.0.1", 8080}}, "engine.example"),
              ElementsAre(published_port{80, "", "http://engine.example:8080"}));
}

TEST(web_ports, on_the_network_of_the_machine_are_its_own) {
  EXPECT_THAT(published_ports({{"sandfleet.ports", "APP_PORT_1=50001 X= =1 APP_PORT_2=99999"}}, {},
                              "127.0.0.1"),
              ElementsAre(published_port{50001, "APP_PORT_1", "http://127.0.0.1:50001"}));
}

TEST(web_ports, there_are_none_without_a_network) {
  container_plan plan;
  plan.ports = {0, 40001, 50001, 55001};
  sandbox_spec spec;
  EXPECT_THAT(planned_bindings(plan, spec), IsEmpty());
  spec.network = "bridge";
  EXPECT_EQ(planned_bindings(plan, spec).size(), 3U);
  EXPECT_EQ(ports_text({}), "");
}

} // namespace
} // namespace sandfleet::providers::docker
