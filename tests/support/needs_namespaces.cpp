#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sched.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

// Linked into programs whose tests start isolated sandboxes: on a machine that has none to give
// (a container that forbids it, a chroot) they are skipped.
namespace {

/// 0 or an errno.
int try_namespaces() {
  const pid_t child = ::fork();
  if (child == 0)
    ::_exit(::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) == 0 ? 0 : errno);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

class needs_namespaces : public ::testing::Environment {
 public:
  void SetUp() override {
    const char* provider = std::getenv("SANDFLEET_TEST_PROVIDER");
    if (provider && std::string(provider) == "docker")
      return; // see needs_docker.cpp
    if (const int failure = try_namespaces(); failure != 0)
      // Said as ctest looks for it: of an environment that is skipped GoogleTest does not.
      GTEST_SKIP() << "[  SKIPPED ] no sandbox can be isolated here: namespaces: "
                   << std::strerror(failure);
  }
};

[[maybe_unused]] auto* const registered = ::testing::AddGlobalTestEnvironment(new needs_namespaces);

} // namespace
