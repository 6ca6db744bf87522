#include "runtime/service/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sandfleet::service {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

TEST(metrics, what_was_counted_is_told_by_its_labels) {
  metrics counted;
  counted.count_request("api", 200);
  counted.count_request("api", 200);
  counted.count_request("sandbox", 502);
  counted.count_start("ok", 20ms);
  counted.count_start("ok", 2s);
  counted.count_start("infrastructure", 1h);
  const auto text = counted.render({{"running", 3}, {"paused", 1}});
  for (const char* line :
       {"# TYPE sandfleet_sandboxes gauge\n", "sandfleet_sandboxes{status=\"running\"} 3\n",
        "sandfleet_requests_total{kind=\"api\",code=\"200\"} 2\n",
        "sandfleet_requests_total{kind=\"sandbox\",code=\"502\"} 1\n",
        "sandfleet_starts_total{outcome=\"ok\"} 2\n",
        "sandfleet_starts_total{outcome=\"infrastructure\"} 1\n",
        "sandfleet_start_duration_seconds_bucket{le=\"0.01\"} 0\n",
        "sandfleet_start_duration_seconds_bucket{le=\"0.025\"} 1\n",
        "sandfleet_start_duration_seconds_bucket{le=\"5\"} 2\n",
        "sandfleet_start_duration_seconds_bucket{le=\"+Inf\"} 2\n",
        "sandfleet_start_duration_seconds_count 2\n"})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(metrics, each_family_is_announced_once_and_every_line_is_one) {
  metrics counted;
  counted.count_request("api", 200);
  const auto text = counted.render({});
  EXPECT_EQ(text.back(), '\n');
  EXPECT_THAT(text, Not(HasSubstr("\n\n")));
  const auto first = text.find("# TYPE sandfleet_requests_total");
  EXPECT_EQ(text.find("# TYPE sandfleet_requests_total", first + 1), std::string::npos);
}

} // namespace
} // namespace sandfleet::service
