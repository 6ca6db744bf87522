#include "tests/integration/service/service_fixture.hpp"

#include <set>

namespace sandfleet::service {
namespace {

using testing::HasSubstr;

class service_pool : public service_test {
 protected:
  void SetUp() override {
    warm_ = {{tests::test_settings({}).image, 2}};
    begin();
    await_warm(2);
  }

  void TearDown() override {
    end();
    warm_.clear();
    begin(); // which takes away those that nobody wants
    service_test::TearDown();
  }

  void await_warm(int count) {
    const auto line =
        "sandfleet_warm_sandboxes{image=\"" + image_ + "\"} " + std::to_string(count) + "\n";
    while (call("GET", "/metrics", {}, nullptr).body.find(line) == std::string::npos)
      ::usleep(2000); // nobody tells
  }
};

TEST_F(service_pool, gives_each_sandbox_to_one_client_with_its_environment) {
  std::set<std::string> ids;
  for (const char* session : {"one", "two", "three"}) {
    const auto told = ready(session);
    EXPECT_TRUE(ids.insert(told.runtime_id).second);
    EXPECT_EQ(content_of(run(told, "echo $GREETING; pwd")), "hello\n/workspace");
    EXPECT_EQ(runtime_of(call("GET", std::string("/sessions/") + session)).runtime_id,
              told.runtime_id);
  }
  await_warm(2);
  EXPECT_THAT(call("GET", "/metrics", {}, nullptr).body,
              HasSubstr("sandfleet_sandboxes{status=\"running\"} 3\n"));
  EXPECT_EQ(call("GET", "/sessions/").status, 404);
}

TEST_F(service_pool, lives_on_with_its_service_and_what_was_taken_stays_taken) {
  const auto taken = ready("one");
  EXPECT_EQ(content_of(run(taken, "x=42")), "");
  await_warm(2);
  end();
  begin();
  await_warm(2);
  EXPECT_EQ(content_of(run(taken, "echo $x $GREETING")), "42 hello");
  const auto other = ready("two");
  EXPECT_NE(other.runtime_id, taken.runtime_id);
  EXPECT_EQ(content_of(run(other, "echo ${x-none}")), "none");
}

TEST_F(service_pool, is_not_for_who_wants_something_else) {
  protocol::runtime_start start;
  start.image = image_;
  start.session_id = "one";
  start.command = {
      "python3",       "-m",        "openhands.runtime.action_execution_server", "60000",
      "--working-dir", "/elsewhere"};
  const auto told = runtime_of(call("POST", "/start", protocol::encode_runtime_start(start)));
  wait_until_ready(told.runtime_id);
  EXPECT_EQ(content_of(run(told, "pwd")), "/elsewhere");
  EXPECT_THAT(call("GET", "/metrics", {}, nullptr).body,
              HasSubstr("sandfleet_warm_sandboxes{image=\"" + image_ + "\"} 2\n"));
}

TEST_F(service_pool, named_actions_are_noted_and_told_of_when_the_sandbox_is_lost) {
  const auto told = ready("one");
  transport::header_list named;
  named.emplace_back("X-Idempotency-Key", "first");
  EXPECT_EQ(content_of(run(told, "echo done", named)), "done");
  EXPECT_EQ(content_of(run(told, "echo done", named)), "done");
  protocol::runtime_start dies;
  dies.image = image_;
  dies.session_id = "dies";
  dies.command = {"sh", "-c", "exit 7"};
  auto dead = runtime_of(call("POST", "/start", protocol::encode_runtime_start(dies)));
  while (dead.status != "error")
    dead = runtime_of(call("GET", "/runtime/" + dead.runtime_id));
  EXPECT_THAT(run(dead, "echo done", named).body, HasSubstr("\"action\":\"never begun\""));
}

} // namespace
} // namespace sandfleet::service
