#include "tests/component/docker/bad_days.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

namespace sandfleet::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(docker_bad_days, a_start_says_that_it_waits_for_an_image_and_then_whether_it_may_go_on) {
  engine_.has_image = false;
  auto request = request_for({});
  std::vector<std::string> order;
  bool may_go_on = true;
  request.on_preparing = [&](providers::preparation what) {
    EXPECT_EQ(what, providers::preparation::image_pull);
    order.emplace_back("waits");
  };
  const std::function<asio::awaitable<result<void>>()> go_on =
      [&]() -> asio::awaitable<result<void>> {
    order.emplace_back("go on?");
    if (!may_go_on)
      co_return fail(errc::cancelled, "nobody wants it");
    co_return result<void>{};
  };
  request.go_on = go_on;
  engine_.on_call = [&](const std::string& call, const auto&) {
    if (call == "pull" || call == "create")
      order.push_back(call);
  };
  ASSERT_TRUE(run(provider_->start(request)));
  EXPECT_THAT(order, ::testing::ElementsAre("create", "waits", "pull", "go on?", "create"));
  EXPECT_TRUE(run(provider_->stop({id_})));

  engine_.has_image = false;
  may_go_on = false;
  request.id = make_sandbox_id();
  const auto refused = run(provider_->start(request));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::cancelled);
  EXPECT_THAT(engine_.containers(), IsEmpty());
  EXPECT_THAT(entries(), IsEmpty());
}

} // namespace
} // namespace sandfleet::tests
