#include "tests/integration/local/local_fixture.hpp"
#include "tests/support/sanitizers.hpp"

#include <csignal>
#include <set>
#include <sstream>
#include <sys/stat.h>

namespace sandfleet::tests {
namespace {

using local_isolation = local_fixture;

std::set<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

TEST_F(local_isolation, only_loopback_is_there_without_network) {
  const auto box = start();
  const auto interfaces = in(box, "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '");
  EXPECT_EQ(interfaces, "lo\n");
}

TEST_F(local_isolation, the_hosts_network_is_there_when_asked_for) {
  sandbox_spec spec;
  spec.network = "host";
  const auto box = start(spec);
  EXPECT_EQ(in(box, "readlink /proc/self/ns/net"),
            fs::read_symlink("/proc/self/ns/net").string() + "\n");
}

TEST_F(local_isolation, the_root_holds_the_allow_list_and_nothing_else) {
  const auto box = start();
  const std::set<std::string> allowed = {
      "bin",  "dev",  "etc", "home", "lib", "lib32", "lib64", "libx32", "mnt",      "opt",
      "proc", "root", "run", "sbin", "srv", "tmp",   "usr",   "var",    "workspace"};
  for (const auto& name : words_of(in(box, "ls -A /")))
    EXPECT_TRUE(allowed.contains(name)) << name;
  EXPECT_EQ(in(box, "find /root /home /run -mindepth 1 | sort | tr '\\n' ' '"),
            "/home/sandbox /run/sandfleet /run/sandfleet/agent ")
      << "no sockets, no homes";
  for (const char* secret : {"/etc/shadow", "/etc/ssl/private", "/etc/ssh", "/etc/environment"})
    EXPECT_EQ(in(box, std::string("ls -d ") + secret + " 2>/dev/null"), "") << secret;
}

TEST_F(local_isolation, processes_of_the_machine_are_out_of_sight) {
  const auto box = start();
  EXPECT_EQ(in(box, "readlink /proc/1/exe"), "/run/sandfleet/agent\n");
  const auto count = std::atoi(in(box, "ls -d /proc/[0-9]* | wc -l").c_str());
  EXPECT_LT(count, 10);
}

TEST_F(local_isolation, root_has_few_powers) {
  const auto box = start();
  EXPECT_EQ(in(box, "id -u"), "0\n");
  for (const char* attempt :
       {"mount -t tmpfs x /mnt", "mount -o remount,rw /usr", "unshare --user true",
        "mknod /tmp/null c 1 3", "hostname changed", "touch /usr/mine",
        "echo 1 > /proc/sys/kernel/panic", "sh -c 'cat /dev/null > /run/sandfleet/agent'",
        "sh -c 'cat /dev/null > /proc/1/exe'"})
    EXPECT_EQ(in(box, "( " + std::string(attempt) + " ) >/dev/null 2>&1 && echo done"), "")
        << attempt;
  EXPECT_EQ(in(box, "grep NoNewPrivs /proc/self/status | tr -d '\\t'"), "NoNewPrivs:1\n");
}

TEST_F(local_isolation, what_is_writable_is_the_sandboxs_own) {
  const auto box = start();
  EXPECT_EQ(
      in(box, "echo mine > /etc/hosts && touch /workspace/a /tmp/b /root/c /new && echo done"),
      "done\n");
  EXPECT_EQ(read_file("/etc/hosts").find("mine"), std::string::npos);
}

TEST_F(local_isolation, volumes_are_seen_and_keep_their_mode) {
  const temporary_directory dir;
  write_file(dir.path() + "/given", "text");
  sandbox_spec spec;
  spec.volumes = {{dir.path(), "/data/rw", false}, {dir.path(), "/data/ro", true}};
  const auto box = start(spec);
  EXPECT_EQ(in(box, "cat /data/rw/given /data/ro/given"), "texttext");
  EXPECT_EQ(in(box, "touch /data/ro/x 2>/dev/null; echo $?"), "1\n");
  EXPECT_EQ(in(box, "echo made > /data/rw/made; echo $?"), "0\n");
  EXPECT_EQ(in(box, "stat -c %u:%g /data/rw/given"), "0:0\n");
  struct stat info {};
  ASSERT_EQ(::stat((dir.path() + "/made").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, ::geteuid()) << "files made in a volume belong to the caller";
}

TEST_F(local_isolation, a_volume_that_does_not_exist_is_the_tasks_fault) {
  sandbox_spec spec;
  spec.volumes = {{"/nowhere/at/all", "/data", false}};
  const auto started = try_start(spec);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, errc::not_found);
  EXPECT_EQ(started.error().blame, failure_class::task);
  EXPECT_NE(started.error().message.find("/nowhere/at/all"), std::string::npos);
  expect_nothing_left(last_id_);
}

TEST_F(local_isolation, a_volume_in_a_read_only_place_is_the_tasks_fault) {
  const temporary_directory dir;
  sandbox_spec spec;
  spec.volumes = {{dir.path(), "/usr/data", false}};
  const auto started = try_start(spec);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().blame, failure_class::task);
  EXPECT_FALSE(started.error().hint.empty());
  expect_nothing_left(last_id_);
}

TEST_F(local_isolation, images_that_cannot_be_are_the_tasks_fault) {
  for (const char* image : {"rootfs:/nowhere/at/all", "rootfs:/", "ubuntu:24.04"}) {
    sandbox_spec spec;
    spec.image = image;
    const auto started = try_start(spec);
    ASSERT_FALSE(started) << image;
    EXPECT_EQ(started.error().blame, failure_class::task) << image;
    expect_nothing_left(last_id_);
  }
}

TEST_F(local_isolation, an_agent_that_cannot_run_is_named) {
  settings_.agent_program = "/etc/hostname";
  const auto started = try_start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, errc::start_failed);
  EXPECT_NE(started.error().message.find("/etc/hostname"), std::string::npos)
      << started.error().to_string();
  EXPECT_FALSE(started.error().hint.empty());
  expect_nothing_left(last_id_);
}

TEST_F(local_isolation, unknown_networks_are_refused) {
  sandbox_spec spec;
  spec.network = "bridge";
  const auto started = try_start(spec);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, errc::unsupported);
}

TEST_F(local_isolation, without_isolation_images_and_volumes_are_refused) {
  sandbox_spec spec;
  spec.isolation = isolation_mode::none;
  spec.volumes = {{"/tmp", "/data", false}};
  EXPECT_EQ(try_start(spec).error().code, errc::unsupported);
  spec.volumes.clear();
  spec.image = "rootfs:/tmp";
  EXPECT_EQ(try_start(spec).error().code, errc::unsupported);
}

TEST_F(local_isolation, the_key_is_in_no_process_list) {
  const auto box = start();
  const auto init = "/proc/" + std::to_string(init_of(box.id));
  const auto launcher = "/proc/" + std::to_string(launcher_of(box.id));
  for (const auto& process : {init, launcher})
    EXPECT_EQ(read_file(process + "/cmdline").find(box.session_key), std::string::npos);
  EXPECT_EQ(read_file(dir_of(box.id) + "/record.json").find(box.session_key), std::string::npos);
}

/// A root of busybox alone.
class local_image : public local_fixture {
 protected:
  void SetUp() override {
    if (is_sanitized)
      GTEST_SKIP() << "a sanitized agent needs libraries that the image does not hold";
    if (::access("/usr/bin/busybox", X_OK) != 0 && ::access("/bin/busybox", X_OK) != 0)
      GTEST_SKIP() << "busybox is not installed";
    const auto busybox = fs::exists("/usr/bin/busybox") ? "/usr/bin/busybox" : "/bin/busybox";
    for (const char* dir : {"/bin", "/etc", "/usr/data"})
      fs::create_directories(root_.path() + dir);
    fs::permissions(root_.path(), fs::perms(0755));
    fs::copy_file(busybox, root_.path() + "/bin/busybox");
    for (const char* name : {"sh", "cat", "ls", "rm", "mkdir", "touch", "stat", "id"})
      fs::create_symlink("busybox", root_.path() + "/bin/" + name);
    write_file(root_.path() + "/etc/motd", "of the image\n");
    spec_.image = "rootfs:" + root_.path();
  }

  temporary_directory root_;
  sandbox_spec spec_;
};

TEST_F(local_image, is_the_root_and_can_be_written_without_being_changed) {
  const auto box = start(spec_);
  EXPECT_EQ(in(box, "cat /etc/motd"), "of the image\n");
  EXPECT_EQ(in(box, "ls -d /work /srv /usr/bin 2>/dev/null"), "") << "nothing of the machine";
  EXPECT_EQ(in(box, "touch /new /tmp/a /workspace/b && echo done"), "done\n");
  if (::geteuid() == 0) {
    EXPECT_EQ(in(box, "echo changed > /etc/motd && cat /etc/motd"), "changed\n");
    EXPECT_EQ(in(box, "rm -r /usr/data && mkdir /usr/data && touch /usr/data/x && ls /usr/data"),
              "x\n");
  }
  EXPECT_EQ(read_file(root_.path() + "/etc/motd"), "of the image\n");
  ASSERT_TRUE(stop(box.id));
  expect_nothing_left(box.id);
  EXPECT_FALSE(fs::exists(root_.path() + "/new"));
}

TEST_F(local_image, with_links_out_of_it_leads_nowhere_else) {
  const temporary_directory outside;
  fs::permissions(outside.path(), fs::perms(0777));
  fs::create_directory_symlink(outside.path(), root_.path() + "/workspace");
  const auto started = try_start(spec_);
  if (started)
    in(*started, "touch /workspace/escaped");
  EXPECT_TRUE(fs::is_empty(outside.path()));
}

class local_limits : public local_fixture {
 protected:
  /// Starts a sandbox and checks that its limits hold here; else says why not.
  std::optional<providers::instance> limited(const sandbox_spec& spec, const char* limit) {
    auto box = start(spec);
    const auto told = box.limits.find(limit);
    if (told == box.limits.end()) {
      ADD_FAILURE() << limit << " was not reported";
      return std::nullopt;
    }
    reason_ = told->second;
    if (reason_ != "enforced")
      return std::nullopt;
    return box;
  }
  std::string reason_;
};

TEST_F(local_limits, memory_holds_and_kills_are_counted) {
  sandbox_spec spec;
  spec.limits.memory_mb = 64;
  const auto box = limited(spec, "memory_mb");
  if (!box)
    GTEST_SKIP() << reason_;
  EXPECT_EQ(in(*box, "(head -c 200000000 /dev/zero | tail -c 150000000 | wc -c) 2>/dev/null"),
            "0\n");
  const auto report = stop(box->id);
  ASSERT_TRUE(report);
  EXPECT_GE(report->usage.oom_kills.value_or(0), 1);
  EXPECT_LE(report->usage.peak_memory_mb.value_or(1e9), 65);
}

TEST_F(local_limits, processes_are_counted) {
  sandbox_spec spec;
  spec.limits.pids = 20;
  const auto box = limited(spec, "pids");
  if (!box)
    GTEST_SKIP() << reason_;
  const auto answer =
      in(*box, "i=0; while [ $i -lt 50 ]; do sleep 1000 >/dev/null 2>&1 & i=$((i+1)); done; "
               "echo all; kill $(jobs -p)");
  EXPECT_EQ(answer.find("all"), std::string::npos) << answer;
  EXPECT_TRUE(stop(box->id));
}

TEST_F(local_limits, cpus_are_shared_out) {
  sandbox_spec spec;
  spec.limits.cpus = 0.25;
  const auto box = limited(spec, "cpus");
  if (!box)
    GTEST_SKIP() << reason_;
  in(*box, "timeout 1 sh -c 'while :; do :; done'");
  const auto report = stop(box->id);
  ASSERT_TRUE(report);
  EXPECT_LT(report->usage.cpu_seconds.value_or(1e9), 0.7);
}

TEST_F(local_limits, the_disk_fills_up) {
  sandbox_spec spec;
  spec.limits.disk_mb = 8;
  const auto box = limited(spec, "disk_mb");
  ASSERT_TRUE(box) << reason_;
  for (const char* place : {"/tmp", "/workspace", "/dev/shm", "/root"})
    EXPECT_EQ(in(*box, std::string("head -c 20000000 /dev/zero > ") + place +
                           "/big 2>/dev/null; echo $?; rm -f " + place + "/big"),
              "1\n")
        << place;
}

} // namespace
} // namespace sandfleet::tests
