#include "runtime/protocol/base64.hpp"
#include "tests/component/remote/bad_days.hpp"

namespace sandfleet::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class remote_images : public remote_bad_days, public ::testing::WithParamInterface<bad_call> {
 protected:
  static sandbox_spec with_deps(const std::string& commands = "pip install x") {
    sandbox_spec spec;
    spec.image = "python:3.12";
    spec.docker.extra_deps = commands;
    return spec;
  }

  /// The value of a part of the form that was sent last.
  [[nodiscard]] std::string part(const std::string& name) const {
    const auto& body = service_.build_body;
    const auto at = body.find("name=\"" + name + "\"");
    if (at == std::string::npos)
      return {};
    const auto begin = body.find("\r\n\r\n", at) + 4;
    return body.substr(begin, body.find("\r\n--", begin) - begin);
  }
};

class remote_builds : public remote_images {};

TEST_F(remote_builds, are_made_once_and_their_image_is_started) {
  service_.build_states = {"QUEUED", "WORKING", "SUCCESS"};
  auto request = request_for(with_deps());
  int told = 0;
  int went_on = 0;
  request.on_preparing = [&](providers::preparation what) {
    told += what == providers::preparation::image_build;
  };
  request.go_on = [&]() -> asio::awaitable<result<void>> {
    ++went_on;
    co_return result<void>{};
  };
  const auto made = run(provider_->start(std::move(request)));
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(service_.rows.begin()->second.asked.image, "built");
  EXPECT_EQ(told, 1);
  EXPECT_EQ(went_on, 1);
  EXPECT_EQ(service_.calls("build_status"), 3);
  EXPECT_THAT(part("target_image"), StartsWith("registry.example/us/runtime:"));
  EXPECT_THAT(part("tags"), StartsWith("registry.example/us/runtime:"));
  const auto context = protocol::base64_decode(part("context"));
  ASSERT_TRUE(context);
  EXPECT_THAT(*context, StartsWith("\x1f\x8b"));

  service_.images = {part("target_image")};
  const auto again = start(with_deps());
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(service_.calls("build"), 1);
  EXPECT_EQ(service_.rows.rbegin()->second.asked.image, part("target_image"));
  ASSERT_TRUE(start(with_deps("pip install y")));
  EXPECT_EQ(service_.calls("build"), 2);
}

TEST_F(remote_builds, that_fail_say_why_and_whose_fault_it_is) {
  service_.build_states = {"WORKING", "FAILURE"};
  auto made = start(with_deps());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().blame, failure_class::task);
  EXPECT_EQ(made.error().cause, "the build said no");
  for (const char* state : {"INTERNAL_ERROR", "TIMEOUT", "CANCELLED", "EXPIRED"}) {
    service_.build_states = {state};
    made = start(with_deps());
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().blame, failure_class::infrastructure) << made.error().to_string();
  }
  EXPECT_EQ(service_.calls("start"), 0);
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(remote_builds, that_are_refused_for_the_moment_are_asked_for_again) {
  service_.set("build", mischief::busy, 2);
  EXPECT_TRUE(start(with_deps()));
  EXPECT_EQ(service_.calls("build"), 3);
}

TEST_F(remote_builds, have_no_words_for_arguments_and_platforms) {
  auto spec = with_deps();
  spec.docker.platform = "linux/arm64";
  EXPECT_EQ(start(spec).error().code, errc::unsupported);
  spec = with_deps();
  spec.docker.extra_build_args = {"--build-arg", "A=b"};
  EXPECT_EQ(start(spec).error().blame, failure_class::task);
}

TEST_P(remote_images, whose_calls_fail_end_the_start_with_a_reason_and_leave_nothing) {
  const auto& [call, what, name] = GetParam();
  be_impatient();
  service_.set(call, what, always);
  const auto made = start(with_deps());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().blame,
            what == mischief::forbids ? failure_class::task : failure_class::infrastructure)
      << made.error().to_string();
  EXPECT_FALSE(made.error().cause.empty() && made.error().evidence.empty());
  EXPECT_THAT(made.error().to_string(), Not(HasSubstr(service_.key)));
  EXPECT_EQ(service_.calls("start"), 0);
  EXPECT_THAT(entries(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(calls, remote_images,
                         ::testing::ValuesIn(bad_calls({"registry_prefix", "image_exists", "build",
                                                        "build_status"},
                                                       {}, lasts)),
                         name_of);

} // namespace
} // namespace sandfleet::tests
