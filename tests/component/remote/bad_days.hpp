#pragma once

#include "runtime/providers/remote_provider.hpp"
#include "tests/support/fake_runtime_service.hpp"
#include "tests/support/one_thread.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <ostream>

namespace sandfleet::tests {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

inline constexpr int always = 1'000'000;

/// A call that is answered so.
struct bad_call {
  std::string call;
  mischief what;
  std::string name;
};

inline std::ostream& operator<<(std::ostream& out, const bad_call& one) {
  return out << one.name;
}

inline std::string name_of(const ::testing::TestParamInfo<bad_call>& one) {
  return one.param.name;
}

inline constexpr std::pair<mischief, const char*> all_mischief[] = {
    {mischief::busy, "busy"},
    {mischief::away, "away"},
    {mischief::bad_gateway, "bad_gateway"},
    {mischief::gateway_timeout, "gateway_timeout"},
    {mischief::refuses, "refuses"},
    {mischief::forbids, "forbids"},
    {mischief::resets, "resets"},
    {mischief::breaks_off, "breaks_off"},
    {mischief::answers_nonsense, "answers_nonsense"},
    {mischief::answers_another, "answers_another"},
    {mischief::hangs, "hangs"},
    {mischief::drips, "drips"},
    {mischief::pauses, "pauses"},
    {mischief::does_and_resets, "does_and_resets"},
};

/// What makes no difference when it lasts is none.
inline bool lasts(mischief what) {
  return what != mischief::pauses && what != mischief::does_and_resets;
}

/// What is over when it is asked again.
inline bool passes(mischief what) {
  return what != mischief::refuses && what != mischief::forbids &&
         what != mischief::answers_nonsense && what != mischief::answers_another &&
         what != mischief::hangs && what != mischief::drips;
}

/// Each of the calls with each of that kind. Of those whose status says enough, the body may be
/// anything.
inline std::vector<bad_call> bad_calls(const std::vector<std::string>& calls,
                                       const std::vector<std::string>& of_status,
                                       bool (*kind)(mischief)) {
  std::vector<bad_call> all;
  for (const auto& call : calls)
    for (const auto& [what, name] : all_mischief) {
      const bool says_nonsense =
          what == mischief::answers_nonsense || what == mischief::answers_another;
      const bool is_harmless =
          says_nonsense && std::ranges::find(of_status, call) != of_status.end();
      if (kind(what) && !is_harmless)
        all.push_back({call, what, call + "_" + name});
    }
  return all;
}

/// The remote provider, over a service that plays whatever it is told to.
class remote_bad_days : public one_thread {
 protected:
  remote_bad_days() : service_(context_.get_executor()) { provider_ = make_provider(); }

  ~remote_bad_days() override {
    provider_->close();
    provider_.reset();
    context_.poll();
  }

  [[nodiscard]] std::shared_ptr<providers::provider>
  make_provider(std::chrono::milliseconds api_timeout = 20s) {
    providers::remote_settings settings;
    settings.service.api_url = service_.url();
    settings.service.api_key = service_.key;
    settings.service.api_timeout = api_timeout;
    settings.state_dir = files_.path();
    settings.default_image = "x:1";
    settings.first_look = 5ms;
    settings.rarest_look = 20ms;
    settings.image_timeout = 2s;
    return providers::make_remote_provider(context_.get_executor(), std::move(settings)).value();
  }

  /// One that gives up soon.
  void be_impatient() {
    provider_->close();
    provider_ = make_provider(100ms);
  }

  providers::start_request request_for(sandbox_spec spec) {
    providers::start_request request;
    request.id = id_ = make_sandbox_id();
    request.spec = std::make_shared<const sandbox_spec>(std::move(spec));
    return request;
  }

  result<providers::instance> start(sandbox_spec spec = {}) {
    return run(provider_->start(request_for(std::move(spec))));
  }

  result<providers::instance> start_within(std::chrono::milliseconds time) {
    sandbox_spec spec;
    spec.start_timeout = time;
    return start(std::move(spec));
  }

  void wait_until_nothing_is_left() {
    while (!service_.rows.empty() || !entries().empty())
      context_.run_one();
  }

  [[nodiscard]] std::vector<std::string> entries() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(files_.path() + "/remote/sandboxes"))
      names.push_back(entry.path().filename());
    return names;
  }

  protocol::runtime_object& told() { return service_.rows.begin()->second.told; }

  temporary_directory files_;
  fake_runtime_service service_;
  std::shared_ptr<providers::provider> provider_;
  sandbox_id id_;
};

} // namespace sandfleet::tests
