#include "runtime/transport/endpoint.hpp"
#include "runtime/transport/retry_after.hpp"

#include <gtest/gtest.h>

namespace sandfleet::transport {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

const auto now = std::chrono::system_clock::from_time_t(784111777); // Sun, 06 Nov 1994 08:49:37 GMT

TEST(retry_after, is_read_as_seconds_or_as_a_date) {
  EXPECT_EQ(parse_retry_after("0", now), 0ms);
  EXPECT_EQ(parse_retry_after(" 30 ", now), 30s);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:07 GMT", now), 30s);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:07 GMT", now), 0ms);
}

TEST(retry_after, is_a_day_at_most) {
  EXPECT_EQ(parse_retry_after("9223372036854775807", now), 24h);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 2094 08:49:37 GMT", now), 24h);
}

TEST(retry_after, that_is_neither_says_nothing) {
  for (const char* text :
       {"", "soon", "-1", "1.5", "06 Nov 1994", "Sun, 06 Nov 1994 08:49:37 GMT+1"})
    EXPECT_FALSE(parse_retry_after(text, now)) << text;
}

TEST(host_header, names_the_port_unless_it_is_the_usual_one) {
  EXPECT_EQ(host_header(tcp_endpoint{"far", 80}, http_port), "far");
  EXPECT_EQ(host_header(tcp_endpoint{"far", 443}, http_port), "far:443");
  EXPECT_EQ(host_header(tcp_endpoint{"far", 443}, https_port), "far");
  EXPECT_EQ(host_header(tcp_endpoint{"::1", 3000}, http_port), "[::1]:3000");
  EXPECT_EQ(host_header(unix_endpoint{"/run/x"}, http_port), "localhost");
}

} // namespace
} // namespace sandfleet::transport
