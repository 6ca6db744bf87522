#include "tools/batch/result_json.hpp"

#include <gtest/gtest.h>

namespace sandfleet::batch {
namespace {

TEST(result_json, a_full_result_has_the_formats_shape) {
  task_result done;
  done.id = "t/1";
  done.judged = {false,
                 {failure_class::agent,
                  "command 1 of 1 exited with 3",
                  {{"stage", std::string("commands")},
                   {"exit_code", std::int64_t{3}},
                   {"stage", std::string("seen twice")}}}};
  done.setup = {{"s", 0, "", false, 0.5, false, false}};
  done.commands = {{"c", 3, "out\xff", true, 0.25, false, true}};
  done.verify = {{"v", std::nullopt, "", false, 2, true, false}};
  done.collected.emplace("a", collected_file{std::string("\0\1", 2), 0755});
  done.collected.emplace("b", make_error(errc::not_found, "nothing matches"));
  done.attempts = 2;
  done.seconds = {1, 0.5, 0.25, 2, 0.125};
  done.retried = {{stage::files, errc::sandbox_lost, "the agent ended"}};
  done.usage.cpu_seconds = 0.5;
  done.usage.touched = {{"memory_mb", 3}};
  done.limits = {{"memory_mb", "enforced"}, {"pids", "unenforced: no cgroup"}};
  done.provider = "local";
  done.sandbox = "sb-1";
  done.image = "host";
  EXPECT_EQ(
      result_line(done),
      R"({"id":"t/1","passed":false,"verdict":{"class":"agent","cause":"command 1 of 1 exited )"
      R"(with 3","evidence":{"stage":"commands","exit_code":3}},)"
      R"("setup":[{"command":"s","exit_code":0,"output":"","truncated":false,"seconds":0.5,)"
      R"("timed_out":false}],)"
      R"("commands":[{"command":"c","exit_code":3,"output":"out)"
      "\xEF\xBF\xBD"
      R"(","truncated":true,"seconds":0.25,"timed_out":false,"shell_restarted":true}],)"
      R"("verify":[{"command":"v","exit_code":null,"output":"","truncated":false,"seconds":2,)"
      R"("timed_out":true}],)"
      R"("collected":{"a":{"base64":"AAE=","size":2,"mode":"0755"},)"
      R"("b":{"error":"nothing matches"}},"attempts":2,)"
      R"("retried":[{"stage":"files","error":"sandbox_lost","cause":"the agent ended"}],)"
      R"("seconds":{"queue":1,"start":0.5,"setup":0.25,"run":2,"stop":0.125},)"
      R"("usage":{"cpu_seconds":0.5,"peak_memory_mb":null,"oom_kills":null},)"
      R"("limits":{"memory_mb":"enforced","pids":"unenforced: no cgroup"},"touched":{"memory_mb":3},)"
      R"("sandbox":{"provider":"local","id":"sb-1","image":"host"}})"
      "\n");
}

TEST(result_json, what_is_not_known_is_null) {
  const auto line = result_line({});
  EXPECT_NE(line.find(R"("usage":null)"), std::string::npos);
  EXPECT_NE(line.find(R"("sandbox":{"provider":"","id":null)"), std::string::npos);
  EXPECT_NE(line.find(R"("class":"ok")"), std::string::npos);
}

} // namespace
} // namespace sandfleet::batch
