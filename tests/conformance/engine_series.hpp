#pragma once

#include "tests/support/engine_fixture.hpp"

#include <stdexcept>
#include <sys/wait.h>

namespace sandfleet::tests {

/// Engines one after the other, and side by side, on one state directory.
class engine_series : public engine_fixture {
 protected:
  /// Ends the engine, as the end of its program does, and makes the next.
  void next_engine() {
    engine_.reset();
    SetUp();
  }

  /// The same with settings of its own.
  void next_engine(settings s) {
    engine_.reset();
    engine_.emplace(engine::create(std::move(s)).value());
  }

  engine another_engine() { return engine::create(test_settings(state_.path())).value(); }

  sandbox_info only_one() {
    auto all = wait_for(engine_->list());
    if (!all || all->size() != 1)
      throw std::runtime_error("not one sandbox");
    return all->front();
  }

  /// Its launcher is a child of this process, which nobody waits for once its engine has gone.
  void stop_and_reap(sandbox& box) {
    const auto launcher = only_one().launcher_pid;
    const auto stopped = wait_for(box.stop());
    EXPECT_TRUE(stopped) << stopped.error().to_string();
    if (launcher != 0)
      ::waitpid(launcher, nullptr, 0);
  }
};

} // namespace sandfleet::tests
