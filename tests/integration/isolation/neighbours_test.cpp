#include "tests/integration/isolation/isolation_fixture.hpp"

#include <gmock/gmock.h>

#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sandfleet::tests {
namespace {

namespace fs = std::filesystem;
using neighbours = isolation_fixture;

/// A socket of the machine's that listens while the object lives.
class listener {
 public:
  /// On an abstract name of this process.
  listener() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name_.copy(address.sun_path + 1, sizeof address.sun_path - 1);
    const auto size = offsetof(sockaddr_un, sun_path) + 1 + name_.size();
    listen_at(&address, static_cast<socklen_t>(size));
  }
  /// On any port of the loopback interface.
  explicit listener(in_addr_t at) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(at);
    listen_at(&address, sizeof address);
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    name_ = std::to_string(ntohs(address.sin_port));
  }
  ~listener() { ::close(fd_); }
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  void listen_at(const void* address, socklen_t size) {
    if (::bind(fd_, static_cast<const sockaddr*>(address), size) != 0 || ::listen(fd_, 8) != 0)
      throw std::runtime_error(std::string("no socket: ") + std::strerror(errno));
  }

  int fd_;
  std::string name_ = "sandfleet-test-" + std::to_string(::getpid());
};

std::string connect_to(const char* kind, const std::string& where) {
  return std::string(probe_path) + " connect-" + kind + " " + where;
}

TEST_F(neighbours, sockets_of_the_machine_are_out_of_reach) {
  const listener abstract;
  const listener port(INADDR_LOOPBACK);
  auto box = start(with_probe());
  EXPECT_EQ(in(box, connect_to("abstract", abstract.name())), "connect ECONNREFUSED\n");
  EXPECT_EQ(in(box, connect_to("tcp", port.name())), "connect ECONNREFUSED\n");
  for (const char* path :
       {"/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock",
        "/run/podman/podman.sock", "/run/dbus/system_bus_socket", "/run/systemd/private",
        "/tmp/.X11-unix/X0"})
    EXPECT_EQ(in(box, connect_to("path", path)), "connect ENOENT\n");
  const auto own = state_.path() + "/sandboxes/" + box.id().str() + "/agent.sock";
  ASSERT_TRUE(fs::exists(own));
  EXPECT_EQ(in(box, connect_to("path", own)), "connect ENOENT\n") << "not even its own agent's";
  EXPECT_EQ(in(box, "find / \\( -path /proc -o -path /usr -o -path /opt \\) -prune -o "
                    "\\( -type s -o -type p \\) -print 2>/dev/null"),
            "");
}

TEST_F(neighbours, the_hosts_network_has_the_hosts_sockets) {
  const listener port(INADDR_LOOPBACK);
  auto spec = with_probe();
  spec.network = "host";
  auto box = start(spec);
  EXPECT_EQ(in(box, connect_to("tcp", port.name())), "connect done\n");
}

TEST_F(neighbours, homes_and_changing_files_of_the_machine_are_out_of_sight) {
  const temporary_directory outside; // stands for all that lies in the machine's /tmp
  auto box = start();
  EXPECT_EQ(in(box, "ls -A /tmp /root /mnt /srv /run/user /media 2>/dev/null | grep -v : | grep ."),
            "");
  EXPECT_EQ(in(box, "find /home /run /var | sort | tr '\\n' ' '"),
            "/home /home/sandbox /run /run/sandfleet /run/sandfleet/agent /var /var/cache /var/lib "
            "/var/log /var/run /var/tmp ");
  EXPECT_EQ(in(box, "ls -d " + outside.path() + " 2>/dev/null"), "");
}

TEST_F(neighbours, no_namespace_is_shared) {
  auto one = start();
  auto other = start();
  const std::string ask = "cd /proc/self/ns; readlink user mnt pid net ipc uts cgroup";
  const auto ones = lines_of(in(one, ask));
  const auto others = lines_of(in(other, ask));
  ASSERT_EQ(ones.size(), 7U);
  ASSERT_EQ(others.size(), 7U);
  for (std::size_t i = 0; i < ones.size(); ++i) {
    EXPECT_NE(ones[i], others[i]);
    const auto kind = ones[i].substr(0, ones[i].find(':'));
    EXPECT_NE(ones[i], fs::read_symlink("/proc/self/ns/" + kind).string());
  }
}

TEST_F(neighbours, files_and_processes_of_another_sandbox_are_out_of_sight) {
  auto one = start();
  auto other = start();
  const auto places = "/tmp /dev/shm /workspace /root /var/tmp /run";
  in(one, std::string("for p in ") + places + "; do echo secret > $p/mark-of-one; done");
  ASSERT_EQ(in(one, "cat /tmp/mark-of-one"), "secret\n");
  run(one, "sleep 98765 & disown; until grep -q sleep /proc/$!/comm; do :; done");
  EXPECT_NE(in(one, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").find("sleep 98765"),
            std::string::npos);
  EXPECT_EQ(in(other, std::string("find ") + places + " -name mark-of-one"), "");
  EXPECT_EQ(in(other, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").find("sleep 98765"),
            std::string::npos);
}

TEST_F(neighbours, shared_memory_and_queues_are_not_shared) {
  auto one = start();
  auto other = start();
  if (!has_program(one, "ipcmk"))
    GTEST_SKIP() << "ipcmk (util-linux) is not installed";
  const std::string count = "cat /proc/sysvipc/shm /proc/sysvipc/msg /proc/sysvipc/sem | wc -l";
  const auto none = in(other, count);
  in(one, "ipcmk -M 4096 -Q -S 1");
  EXPECT_NE(in(one, count), none);
  EXPECT_EQ(in(other, count), none);
}

TEST_F(neighbours, the_path_of_the_control_group_is_not_shown) {
  auto box = start();
  for (const auto& line : lines_of(in(box, "cat /proc/self/cgroup")))
    EXPECT_TRUE(line.ends_with(":/")) << line;
}

} // namespace
} // namespace sandfleet::tests
