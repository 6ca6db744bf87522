#include "runtime/protocol/json_writer.hpp"
#include "tests/integration/agent/agent_process.hpp"
#include "tests/integration/agent/raw_websocket.hpp"
#include "tests/support/sanitizers.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

using namespace agent_test;
using sandfleet::tests::temporary_directory;

namespace {

constexpr const char* root_line = "root:x:0:0:root:/root:/bin/bash\n";

/// In a mount namespace with /etc and /home of its own, so that nothing of the machine changes:
/// directories of the test that the agent writes to. $1 is that directory.
constexpr const char* own_etc = R"(
  mount --bind "$1/etc" /etc
  mount --bind "$1/home" /home
)";

std::string output_of(const std::string& command) {
  std::string text;
  FILE* const pipe = ::popen(command.c_str(), "r");
  std::array<char, 4096> block{};
  while (pipe && std::fgets(block.data(), block.size(), pipe))
    text += block.data();
  if (pipe)
    ::pclose(pipe);
  return text;
}

class agent_user : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0)
      GTEST_SKIP() << "only root becomes another user";
    if (output_of("unshare --mount sh -c 'mount --bind /tmp /home && echo yes' 2>&1") != "yes\n")
      GTEST_SKIP() << "no mount namespace with mounts can be had here";
    std::filesystem::create_directories(image / "home");
    image.write("etc/passwd", root_line);
    image.write("etc/group", "root:x:0:\nsudo:x:27:\nusers:x:100:\n");
    image.write("etc/shadow", "root:*:1::::::\n");
    image.write("etc/sudoers", "");
    std::filesystem::permissions(image.path(), std::filesystem::perms(0755));
  }

  /// `mounts` and `begin` are texts of a shell: what comes before the agent, and what becomes it,
  /// whose words are "$@".
  void start(std::vector<std::string> arguments, std::map<std::string, std::string> env = {},
             const std::string& mounts = own_etc, const std::string& begin = "exec \"$@\"") {
    agent_process::how how;
    how.wrapper = {"/usr/bin/unshare",
                   "--mount",
                   "sh",
                   "-euc",
                   mounts + "\nimage=$1\nexec 2>\"$1/log\"\nshift\n" + begin,
                   "sh",
                   image.path()};
    how.arguments = std::move(arguments);
    how.env = std::move(env);
    running.emplace(how);
    // The directory of the workspace and of the socket.
    std::filesystem::permissions(std::filesystem::path(running->workspace()).parent_path(),
                                 std::filesystem::perms(0711));
  }

  std::string run(const std::string& command) const {
    return member(running->run_action(command).body, "content");
  }

  [[nodiscard]] std::string exec(const std::string& command, const std::string& more = {}) const {
    sandfleet::protocol::json_writer out;
    out.begin_object().member("command", command).end_object();
    auto body = std::move(out).take();
    body.insert(1, more);
    return member(running->post("/exec", body).body, "stdout");
  }

  [[nodiscard]] std::string log() const { return image.read(image / "log"); }

  static uid_t owner(const std::string& path) {
    struct stat found {};
    return ::lstat(path.c_str(), &found) == 0 ? found.st_uid : static_cast<uid_t>(-1);
  }

  temporary_directory image;
  std::optional<agent_process> running;
};

} // namespace

TEST_F(agent_user, missing_user_is_made_and_runs_all_that_is_started) {
  start({"--username", "openhands", "--user-id", "12345"}, {{"HOME", "/root"}});
  constexpr const char* who = "id -u; id -g; id -Gn; echo $HOME $USER $LOGNAME $SHELL";
  constexpr const char* expected =
      "12345\n0\nroot sudo\n/home/openhands openhands openhands /bin/bash";
  EXPECT_EQ(run(who), expected);
  EXPECT_EQ(exec(who), expected + std::string("\n"));
  EXPECT_EQ(exec("id -u"), "12345\n");
  EXPECT_EQ(exec("id -u; touch $HOME/x && echo made", R"("is_check":true,)"), "12345\nmade\n");
  EXPECT_EQ(member(running->post("/session/run", R"({"command":"id -u"})").body, "output"),
            "12345\n");
  const auto other = running->post(
      "/execute_action",
      R"({"action":{"action":"run","args":{"command":"id -u","session_id":"other"}}})");
  EXPECT_EQ(member(other.body, "content"), "12345");
  const auto fixed = running->post(
      "/execute_action",
      R"({"action":{"action":"run","args":{"command":"id -u; pwd","is_static":true,"cwd":"/"}}})");
  EXPECT_EQ(member(fixed.body, "content"), "12345\n/");
  EXPECT_EQ(image.read(image / "etc/passwd"),
            root_line + std::string("openhands:x:12345:0::/home/openhands:/bin/bash\n"));
  EXPECT_EQ(image.read(image / "etc/group"), "root:x:0:\nsudo:x:27:openhands\nusers:x:100:\n");
  EXPECT_EQ(image.read(image / "etc/sudoers"), "%sudo ALL=(ALL) NOPASSWD:ALL\n");
  EXPECT_EQ(owner(image / "home/openhands"), 12345U);
  EXPECT_EQ(log(), "");
}

TEST_F(agent_user, metadata_tell_of_the_user) {
  image.write("home/only_root/python", "#!/bin/sh\n");
  std::filesystem::permissions(image / "home/only_root/python", std::filesystem::perms(0755));
  std::filesystem::permissions(image / "home/only_root", std::filesystem::perms(0700));
  image.write("home/all/python", "#!/bin/sh\n");
  std::filesystem::permissions(image / "home/all/python", std::filesystem::perms(0755));
  start({"--username", "openhands"}, {{"PATH", "/home/only_root:/home/all:/usr/bin:/bin"}});
  const auto answered = running->run_action("true").body;
  EXPECT_NE(answered.find(R"("username":"openhands")"), std::string::npos) << answered;
  EXPECT_NE(answered.find(R"("py_interpreter_path":"/home/all/python")"), std::string::npos)
      << answered;
}

TEST_F(agent_user, shells_that_are_started_later_are_the_users_too) {
  start({"--username", "openhands"});
  run("exit");
  EXPECT_EQ(run("id -u"), "1000");
  EXPECT_EQ(run("echo hi > /dev/stdout"), "hi");
}

TEST_F(agent_user, terminals_are_the_users) {
  start({"--username", "openhands"});
  raw_websocket client(*running, running->key_header());
  client.send(raw_websocket::text,
              R"({"type":"open","argv":["sh","-c","id -u; echo hi >/dev/stderr"]})");
  std::string shown;
  for (auto got = client.receive(); got.opcode != raw_websocket::close_frame && got.opcode >= 0;
       got = client.receive())
    if (got.opcode == raw_websocket::binary)
      shown += got.payload;
  EXPECT_EQ(shown, "1000\r\nhi\r\n");
}

TEST_F(agent_user, name_with_another_number_goes_on_with_that) {
  image.write("etc/passwd", root_line + std::string("dev:x:2222:100::/home/dev:/bin/sh\n"));
  start({"--username", "dev", "--user-id", "1000"}, {{"RUNTIME_USERNAME", "dev"}});
  EXPECT_EQ(run("id -u; id -g; echo $HOME $SHELL"), "2222\n100\n/home/dev /bin/sh");
  EXPECT_NE(log().find("User `dev` already exists with UID 2222"), std::string::npos) << log();
  const auto file = running->workspace() + "/new";
  running->post("/execute_action",
                R"({"action":{"action":"write","args":{"path":"new","content":"x"}}})");
  EXPECT_EQ(owner(file), 2222U);
}

TEST_F(agent_user, number_of_another_gets_the_name_that_was_asked_for) {
  image.write("etc/passwd", root_line + std::string("ubuntu:x:1000:1000::/home/ubuntu:/bin/sh\n"));
  start({"--username", "openhands", "--user-id", "1000"});
  EXPECT_EQ(run("id -u; whoami; echo $HOME"), "1000\nopenhands\n/home/openhands");
  EXPECT_NE(log().find("is the user 'ubuntu' too"), std::string::npos) << log();
}

TEST_F(agent_user, workspace_is_the_users_and_nothing_beyond_its_links) {
  image.write("outside/file", "");
  const temporary_directory place;
  const auto workspace = place / "w";
  place.write("w/deep/er/file", "");
  std::filesystem::create_symlink(image / "outside", workspace + "/link");
  std::filesystem::permissions(place.path(), std::filesystem::perms(0755));
  start({"--username", "openhands", "--working-dir", workspace}, {{"SANDBOX_GROUP_ID", "users"}});
  for (const auto* name : {"", "/deep", "/deep/er", "/deep/er/file", "/link"})
    EXPECT_EQ(owner(workspace + name), 1000U) << name;
  EXPECT_EQ(owner(image / "outside/file"), 0U);
  EXPECT_EQ(run("pwd; stat -c %G:%a . ; touch deep/er/file && echo done"),
            workspace + "\nusers:775\ndone");
}

TEST_F(agent_user, without_su_the_shell_is_the_agents_own) {
  start({"--username", "openhands"}, {{"SU_TO_USER", "false"}});
  EXPECT_EQ(run("id -u"), "0");
  EXPECT_NE(log().find("sessions run as 'root' and not as 'openhands'"), std::string::npos);
  EXPECT_EQ(owner(running->workspace()), 1000U);
}

TEST_F(agent_user, names_that_are_not_to_be_become_are_not) {
  start({"--username", "dev"});
  EXPECT_EQ(run("id -u"), "0");
  EXPECT_NE(log().find("which is neither root nor openhands nor RUNTIME_USERNAME"),
            std::string::npos);
}

TEST_F(agent_user, root_has_its_own_home) {
  start({"--username", "root", "--user-id", "0"}, {{"HOME", "/nowhere"}});
  EXPECT_EQ(run("id -u; echo $HOME"), "0\n/root");
  EXPECT_EQ(log(), "");
}

TEST_F(agent_user, files_that_cannot_be_written_leave_the_number) {
  start({"--username", "openhands", "--user-id", "4321"}, {},
        std::string(own_etc) + "mount -o remount,bind,ro /etc\n");
  EXPECT_EQ(run("id -u; id -g; echo $HOME"), "4321\n0\n/home/openhands");
  EXPECT_NE(running->run_action("true").body.find(R"("username":"openhands")"), std::string::npos);
  EXPECT_NE(log().find("has no entry, only the number 4321: [Errno 30]"), std::string::npos)
      << log();
}

TEST_F(agent_user, image_of_nothing_but_a_shell_will_do) {
  if (sandfleet::tests::is_sanitized)
    GTEST_SKIP() << "a sanitized agent needs libraries that the image does not hold";
  const auto busybox = output_of("command -v busybox");
  if (busybox.empty() ||
      output_of("ldd $(command -v busybox) 2>&1").find("not a dynamic") == std::string::npos)
    GTEST_SKIP() << "busybox-static is not installed";
  start({"--username", "openhands"}, {},
        R"sh(
          mkdir -p "$1/root/bin" "$1/root/tmp" "$1/root/proc" "$1/root/dev" "$1/root/agent"
          for name in busybox sh id echo ls cat; do cp /bin/busybox "$1/root/bin/$name"; done
          place=$(dirname "$4")
          mkdir -p "$1/root$place"
          mount --bind "$place" "$1/root$place"
          mount --bind "$(dirname "$2")" "$1/root/agent"
          mount --rbind /proc "$1/root/proc"
          mount --rbind /dev "$1/root/dev"
        )sh",
        R"(shift; exec /usr/sbin/chroot "$image/root" /agent/sandfleet-agent "$@")");
  EXPECT_EQ(run("id -u; id -g; echo $HOME; cat /etc/passwd"),
            "1000\n0\n/home/openhands\nopenhands:x:1000:0::/home/openhands:/bin/bash");
  EXPECT_EQ(exec("id -u"), "1000\n");
  EXPECT_EQ(log(), "");
}

TEST_F(agent_user, processes_of_the_user_can_be_killed_without_the_capability_for_it) {
  const std::string mark = "user" + std::to_string(::getpid());
  start({"--username", "openhands"}, {{"SANDBOX_TEST", mark}}, own_etc,
        "exec setpriv --bounding-set=-all,+chown,+dac_override,+fowner,+setuid,+setgid \"$@\"");
  const std::vector<pid_t> the_agent{running->pid(), running->server_pid()};
  const auto timed_out = running->post(
      "/session/run", R"({"command":"(setsid sleep 1000 &); sleep 1000","timeout_s":0.5})");
  EXPECT_EQ(member(timed_out.body, "timed_out"), "true");
  EXPECT_EQ(processes_marked(mark), the_agent);

  EXPECT_EQ(member(running->post("/exec", R"({"command":"sleep 1000","timeout_s":0.1})").body,
                   "timed_out"),
            "true");
  EXPECT_EQ(processes_marked(mark), the_agent);

  run("cd /");
  EXPECT_EQ(exec("setsid sleep 1000 >/dev/null 2>&1 & echo begun"), "begun\n");
  EXPECT_EQ(member(running->post("/processes/kill", "").body, "killed"), "2");
  EXPECT_EQ(processes_marked(mark), the_agent);

  running->post("/execute_action",
                R"({"action":{"action":"run","args":{"command":"sleep 1000"},"timeout":0.1}})");
  EXPECT_EQ(running->post("/cancel", R"({"force":true})").body, R"({"cancelled":true})");
  EXPECT_EQ(processes_marked(mark), the_agent);
  run("setsid sleep 1000 & sleep 0");
  running->end_lifeline();
  EXPECT_EQ(running->wait(), 0);
  EXPECT_EQ(processes_marked(mark), std::vector<pid_t>());
}

TEST_F(agent_user, only_root_becomes_somebody) {
  start({"--username", "openhands"}, {}, std::string(own_etc) + "chmod 777 \"$(dirname \"$4\")\"\n",
        "exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"");
  EXPECT_EQ(run("id -u"), "65534");
  EXPECT_NE(log().find("sessions run as '65534' and not as 'openhands'"), std::string::npos)
      << log();
  EXPECT_EQ(image.read(image / "etc/passwd"), root_line);
}
