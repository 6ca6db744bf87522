#include "tests/integration/isolation/isolation_fixture.hpp"
#include "tests/support/sanitizers.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <set>

namespace sandfleet::tests {
namespace {

using kernel_files = isolation_fixture;

TEST_F(kernel_files, what_tells_of_the_machine_is_hidden) {
  auto box = start();
  for (const char* file : {"/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                           "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug"})
    EXPECT_EQ(in(box, "head -c 1 " + std::string(file) + " 2>/dev/null"), "") << file;
  for (const char* dir : {"/proc/acpi", "/proc/asound", "/proc/scsi", "/sys", "/sys/firmware",
                          "/sys/devices/virtual/powercap"})
    EXPECT_EQ(in(box, "ls -A " + std::string(dir) + " 2>/dev/null"), "") << dir;
}

TEST_F(kernel_files, what_sets_the_kernel_is_read_only) {
  auto box = start();
  const auto mounts = in(box, "cat /proc/self/mounts");
  for (const char* path : {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"})
    EXPECT_TRUE(!std::filesystem::exists(path) ||
                mounts.find(std::string(" ") + path + " proc ro,") != std::string::npos)
        << path;
  // 'h' would only print a help text into the kernel's log.
  for (const char* attempt :
       {"echo h > /proc/sysrq-trigger", "echo x > /proc/sys/kernel/core_pattern",
        "echo 5 > /proc/sys/user/max_user_namespaces", "echo 1 > /proc/sys/net/ipv4/ip_forward",
        "echo 1 > /proc/irq/default_smp_affinity"})
    EXPECT_EQ(in(box, "( " + std::string(attempt) + " ) 2>/dev/null && echo done"), "") << attempt;
  EXPECT_EQ(in(box, "dmesg >/dev/null 2>&1 && echo done"), "");
}

TEST_F(kernel_files, masks_cannot_be_lifted) {
  auto box = start();
  for (const char* attempt :
       {"umount /proc/keys", "umount -l /proc/sys", "mount -t proc proc /mnt",
        "mount -o remount,rw /proc/sys", "rm -f /proc/keys", "mv /proc /other"})
    EXPECT_EQ(in(box, "( " + std::string(attempt) + " ) >/dev/null 2>&1 && echo done"), "")
        << attempt;
}

TEST_F(kernel_files, dev_holds_the_usual_nodes_and_nothing_else) {
  auto box = start();
  const std::set<std::string> usual = {"fd",     "full",    "null",   "ptmx",  "pts",
                                       "random", "shm",     "stderr", "stdin", "stdout",
                                       "tty",    "urandom", "zero"};
  for (const auto& name : lines_of(in(box, "ls -A /dev")))
    EXPECT_TRUE(usual.contains(name)) << name;
  EXPECT_EQ(in(box, "find /dev -type b"), "");
  const std::set<std::string> devices = {"1:3", "1:5", "1:7", "1:8", "1:9", "5:0"};
  for (const auto& number :
       lines_of(in(box, "find /dev -path /dev/pts -prune -o -type c -exec stat -c %t:%T {} +")))
    EXPECT_TRUE(devices.contains(number)) << number;
  EXPECT_EQ(in(box, "echo x > /dev/null && head -c 2 /dev/zero | wc -c"), "2\n");
  for (const char* attempt : {"chmod 600 /dev/null", "chown 1 /dev/null", "touch /dev/null",
                              "rm -f /dev/null", "mv /dev/zero /dev/null"})
    EXPECT_EQ(in(box, "( " + std::string(attempt) + " ) >/dev/null 2>&1 && echo done"), "")
        << attempt;
}

/// Field 5 of mountinfo is the place, 6 the mount's options; the type stands behind the dash.
struct mount_line {
  std::string place;
  std::string options;
  std::string type;
};

std::vector<mount_line> parse_mountinfo(const std::string& text) {
  std::vector<mount_line> mounts;
  for (const auto& line : lines_of(text)) {
    std::istringstream words(line);
    mount_line mount;
    std::string skipped;
    words >> skipped >> skipped >> skipped >> skipped >> mount.place >> mount.options;
    while (words >> skipped && skipped != "-") {
    }
    words >> mount.type;
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

class mounts : public isolation_fixture {
 protected:
  /// Writable is what the sandbox has alone, and what was given to it so.
  void check(sandbox& box, const std::set<std::string>& writable_volumes = {}) {
    const std::set<std::string> own_types = {"tmpfs", "proc", "devpts", "overlay"};
    const auto seen = parse_mountinfo(in(box, "cat /proc/self/mountinfo"));
    EXPECT_GE(seen.size(), 4U);
    for (const auto& mount : seen) {
      const auto options = "," + mount.options + ",";
      EXPECT_NE(options.find(",nosuid,"), std::string::npos) << mount.place;
      const bool is_device = mount.place.starts_with("/dev/") || mount.type == "devtmpfs";
      EXPECT_TRUE(is_device || options.find(",nodev,") != std::string::npos) << mount.place;
      EXPECT_TRUE(options.find(",ro,") != std::string::npos || own_types.contains(mount.type) ||
                  writable_volumes.contains(mount.place))
          << mount.place << ' ' << mount.type << ' ' << mount.options;
    }
  }
};

TEST_F(mounts, of_the_machine_are_read_only_without_setuid_and_devices) {
  auto box = start(with_probe());
  check(box);
}

TEST_F(mounts, of_an_image_too) {
  if (is_sanitized)
    GTEST_SKIP() << "a sanitized agent needs libraries that the image does not hold";
  const temporary_directory image;
  for (const char* dir : {"/bin", "/etc"})
    std::filesystem::create_directory(image.path() + dir);
  std::filesystem::permissions(image.path(), std::filesystem::perms(0755));
  if (!std::filesystem::exists("/bin/busybox"))
    GTEST_SKIP() << "busybox is not installed";
  std::filesystem::copy_file("/bin/busybox", image.path() + "/bin/busybox");
  for (const char* name : {"sh", "cat"})
    std::filesystem::create_symlink("busybox", image.path() + "/bin/" + name);
  sandbox_spec spec;
  spec.image = "rootfs:" + image.path();
  auto box = start(spec);
  check(box);
}

TEST_F(mounts, are_writable_where_a_volume_was_asked_for_so) {
  const temporary_directory given;
  auto spec = with_probe();
  spec.volumes.push_back({given.path(), "/data", false});
  spec.volumes.push_back({given.path(), "/fixed", true});
  auto box = start(spec);
  check(box, {"/data"});
  EXPECT_EQ(in(box, "touch /data/made && ls /fixed"), "made\n");
}

} // namespace
} // namespace sandfleet::tests
