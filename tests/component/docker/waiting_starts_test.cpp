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

TEST_F(docker_bad_days, a_clean_up_that_waits_for_its_engine_keeps_no_other_from_cleaning_up) {
  engine_.says_ready = false;
  engine_.set_fault("remove", fault::refuses, always);
  ASSERT_FALSE(start(100ms));
  provider_->close();
  provider_.reset();
  context_.poll();
  engine_.set_fault("remove", fault::none, 0);

  engine_.set_fault("list", fault::hangs);
  const auto stuck = make_provider();
  auto waiting =
      asio::co_spawn(context_, stuck->recover(providers::recovery_mode::remove), asio::use_future);
  while (engine_.calls("list") == 0)
    context_.run_one();
  provider_ = make_provider();
  const auto done = run(provider_->recover(providers::recovery_mode::remove));
  ASSERT_TRUE(done);
  EXPECT_FALSE(done->busy);
  EXPECT_EQ(done->removed.size(), 1U);

  // The other gives up well before the ordinary patience with an engine is over.
  const auto gave_up = wait_for(std::move(waiting));
  ASSERT_TRUE(gave_up);
  EXPECT_FALSE(gave_up->busy);
  EXPECT_TRUE(gave_up->removed.empty());
}

/// An engine that goes away at each call of a start.
class docker_outages : public docker_bad_days, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(start());
    ASSERT_TRUE(run(provider_->stop({id_})));
    engine_.on_call = [this](const std::string& call, const auto&) {
      if (call == GetParam() && !std::exchange(has_gone_, true))
        asio::post(context_, [this] { engine_.go_away(); });
    };
  }

  std::future<result<providers::instance>> begin_start(std::chrono::milliseconds patience) {
    sandbox_spec spec;
    spec.start_timeout = patience;
    return asio::co_spawn(context_, provider_->start(request_for(std::move(spec))),
                          asio::use_future);
  }

  bool has_gone_ = false;
};

TEST_P(docker_outages, are_waited_for_by_a_start) {
  auto starting = begin_start(60s);
  while (outages_ == 0)
    context_.run_one();
  engine_.come_back();
  const auto made = wait_for(std::move(starting));
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_THAT(engine_.containers(), ::testing::ElementsAre(container()));
  EXPECT_TRUE(run(provider_->stop({id_})));
  EXPECT_THAT(engine_.containers(), IsEmpty());
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_P(docker_outages, that_outlast_a_start_fail_it_with_their_own_words) {
  const auto made = wait_for(begin_start(300ms));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::connection_failed) << made.error().to_string();
  EXPECT_EQ(made.error().blame, failure_class::infrastructure);
  EXPECT_THAT(made.error().to_string(), HasSubstr("Docker engine"));
  EXPECT_THAT(made.error().to_string(), HasSubstr("waited_ms="));
  EXPECT_EQ(outages_, 1);
  engine_.come_back();
  while (!engine_.containers().empty() || !entries().empty())
    context_.run_one();
}

TEST_P(docker_outages, are_not_waited_for_when_the_start_is_cancelled) {
  asio::cancellation_signal stop;
  std::optional<result<providers::instance>> outcome;
  asio::co_spawn(
      context_, provider_->start(request_for({})),
      asio::bind_cancellation_slot(stop.slot(), [&](const std::exception_ptr& thrown, auto made) {
        outcome = thrown ? fail(errc::cancelled, "thrown") : std::move(made);
      }));
  while (outages_ == 0)
    context_.run_one();
  stop.emit(asio::cancellation_type::terminal);
  while (!outcome)
    context_.run_one();
  ASSERT_FALSE(*outcome);
  EXPECT_EQ(outcome->error().code, errc::cancelled);
}

INSTANTIATE_TEST_SUITE_P(calls, docker_outages, ::testing::Values("create", "start"),
                         [](const auto& one) { return std::string(one.param); });

} // namespace
} // namespace sandfleet::tests
