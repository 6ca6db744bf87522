#include "tests/integration/local/local_fixture.hpp"
#include "tests/support/sanitizers.hpp"

#include <cerrno>
#include <ostream>
#include <sys/prctl.h>

namespace sandfleet::tests {
namespace {

struct interruption {
  const char* name;
  const char* who;
  int error_number; ///< 0: killed
  isolation_mode isolation = isolation_mode::namespaces;
  bool image = false;
};

std::ostream& operator<<(std::ostream& out, const interruption& i) {
  return out << i.name;
}

/// Every so many steps; a number that divides none of the usual repetitions.
int stride() {
  const char* told = std::getenv("INTERRUPTED_STRIDE");
  return told != nullptr ? std::atoi(told) : 23;
}

class interrupted : public local_fixture, public ::testing::WithParamInterface<interruption> {
 protected:
  void SetUp() override {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    ::setenv("INTERRUPT_WHO", GetParam().who, 1);
    ::setenv("INTERRUPT_ERRNO", std::to_string(GetParam().error_number).c_str(), 1);
    ::setenv("INTERRUPT_REPORT", report_.c_str(), 1);
    if (GetParam().image)
      make_image();
  }
  void TearDown() override { ::unsetenv("INTERRUPT_STEP"); }

  void make_image() {
    if (is_sanitized)
      GTEST_SKIP() << "a sanitized agent needs libraries that the image does not hold";
    if (!fs::exists("/bin/busybox"))
      GTEST_SKIP() << "busybox is not installed";
    fs::create_directory(image_.path() + "/bin");
    fs::permissions(image_.path(), fs::perms(0755));
    fs::copy_file("/bin/busybox", image_.path() + "/bin/busybox");
    for (const char* name : {"sh", "cat"})
      fs::create_symlink("busybox", image_.path() + "/bin/" + name);
  }

  sandbox_spec spec() {
    sandbox_spec made;
    made.isolation = GetParam().isolation;
    made.start_timeout = 2s;
    made.limits.memory_mb = 256;
    made.limits.pids = 64;
    if (GetParam().image)
      made.image = "rootfs:" + image_.path();
    return made;
  }

  /// Whatever could not be done: what runs is isolated.
  void expect_isolated(const providers::instance& box) {
    if (GetParam().isolation == isolation_mode::none)
      return;
    const auto status = in(box, "cat /proc/keys /proc/self/status /proc/self/mounts; echo seen");
    if (!status.ends_with("seen\n")) // the sandbox has ended since
      return;
    EXPECT_TRUE(status.starts_with("Name:")) << "nothing of /proc/keys\n" << status;
    EXPECT_NE(status.find(" /proc/sys proc ro,"), std::string::npos) << status;
    EXPECT_NE(status.find("NoNewPrivs:\t1\n"), std::string::npos) << status;
    EXPECT_NE(status.find("Seccomp:\t2\n"), std::string::npos) << status;
    EXPECT_NE(status.find("CapBnd:\t00000000000405fb\n"), std::string::npos) << status;
  }

  /// False when the life of a sandbox has fewer steps.
  bool interrupt_at(int step) {
    ::setenv("INTERRUPT_STEP", std::to_string(step).c_str(), 1);
    const auto started = try_start(spec());
    if (started) {
      expect_isolated(*started);
      (void)stop(started->id); // that of a launcher that was killed is a failure
    }
    expect_nothing_left(last_id_);
    EXPECT_THAT(living_children(), ::testing::IsEmpty());
    const bool was_reached = fs::exists(report_);
    fs::remove(report_);
    return was_reached;
  }

  temporary_directory image_;
  temporary_directory reports_;
  std::string report_ = reports_.path() + "/report";
};

TEST_P(interrupted, leaves_nothing_and_nothing_half_isolated) {
  EXPECT_FALSE(interrupt_at(0)) << "no step has this number: nothing is interrupted";
  const auto descriptors = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator{});
  };
  const auto open_before = descriptors();
  int step = 1;
  while (!HasFailure() && interrupt_at(step)) {
    SCOPED_TRACE("step " + std::to_string(step));
    step += stride();
  }
  EXPECT_FALSE(HasFailure()) << "at step " << step;
  EXPECT_GT(step, 20) << "the life of a sandbox has more steps";
  EXPECT_EQ(descriptors(), open_before);
  EXPECT_TRUE(fs::is_empty(state_.path() + "/sandboxes"));
}

INSTANTIATE_TEST_SUITE_P(
    once, interrupted,
    ::testing::Values(
        interruption{"launcher_killed", "launcher", 0}, interruption{"init_killed", "child", 0},
        interruption{"launcher_fails", "launcher", ENOMEM},
        interruption{"init_fails", "child", ENOMEM},
        interruption{"launcher_of_an_image_killed", "launcher", 0, isolation_mode::namespaces,
                     true},
        interruption{"init_of_an_image_killed", "child", 0, isolation_mode::namespaces, true},
        interruption{"init_of_an_image_fails", "child", ENOMEM, isolation_mode::namespaces, true},
        interruption{"launcher_without_isolation_killed", "launcher", 0, isolation_mode::none},
        interruption{"launcher_without_isolation_fails", "launcher", ENOMEM, isolation_mode::none}),
    [](const auto& one) { return std::string(one.param.name); });

} // namespace
} // namespace sandfleet::tests
