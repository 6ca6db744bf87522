#include "tests/integration/local/local_fixture.hpp"

#include <csignal>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace sandfleet::tests {
namespace {

/// Recovery concerns engines that were killed: they run in child processes.
class local_recovery : public local_fixture {
 protected:
  struct other_engine {
    pid_t process = 0;
    sandbox_id id;
  };

  /// A process of its own with a provider and one sandbox in it.
  other_engine engine_elsewhere(const sandbox_spec& spec) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
      throw std::runtime_error("no pipe");
    other_engine other;
    other.id = make_sandbox_id();
    other.process = ::fork();
    if (other.process == 0) {
      asio::io_context context;
      auto made = providers::make_local_provider(context.get_executor(), settings_);
      providers::start_request request;
      request.id = other.id;
      request.spec = std::make_shared<const sandbox_spec>(spec);
      auto started = asio::co_spawn(context, (*made)->start(request), asio::use_future);
      while (started.wait_for(0s) != std::future_status::ready)
        context.run_one();
      const char told = started.get() ? 'y' : 'n';
      (void)!::write(ends[1], &told, 1);
      for (;;)
        ::pause();
    }
    ::close(ends[1]);
    char told = 0;
    const bool ready = ::read(ends[0], &told, 1) == 1 && told == 'y';
    ::close(ends[0]);
    EXPECT_TRUE(ready);
    return other;
  }

  static void kill_engine(const other_engine& other) {
    ::kill(other.process, SIGKILL);
    ::waitpid(other.process, nullptr, 0);
  }

  providers::recovery_report
  recover(providers::recovery_mode mode = providers::recovery_mode::remove) {
    return run(local().recover(mode)).value();
  }

  static std::vector<sandbox_id> ids_of(const providers::recovery_report& report) {
    std::vector<sandbox_id> ids;
    for (const auto& one : report.removed)
      ids.push_back(one.id);
    return ids;
  }
};

sandbox_spec deaf() {
  sandbox_spec spec;
  spec.env["DOUBLE_MODE"] = "deaf";
  return spec;
}

TEST_F(local_recovery, a_killed_engine_takes_its_sandboxes_with_it) {
  const auto other = engine_elsewhere(deaf());
  const auto launcher = launcher_of(other.id);
  const auto init = init_of(other.id);
  kill_engine(other);
  EXPECT_TRUE(ends(launcher));
  EXPECT_TRUE(ends(init));
  EXPECT_TRUE(cgroups_of(other.id.str()).empty());
  const auto report = recover();
  ASSERT_EQ(ids_of(report), std::vector{other.id}) << "its entry is left to the next engine";
  EXPECT_TRUE(report.failures.empty());
  expect_nothing_left(other.id);
  EXPECT_TRUE(recover().removed.empty());
}

TEST_F(local_recovery, what_an_engine_and_its_launcher_left_is_removed) {
  const auto other = engine_elsewhere(deaf());
  const auto init = init_of(other.id);
  ::kill(launcher_of(other.id), SIGSTOP); // it cannot clean up when its owner dies
  kill_engine(other);
  const auto report = recover();
  EXPECT_EQ(ids_of(report), std::vector{other.id});
  EXPECT_TRUE(ends(init));
  expect_nothing_left(other.id);
}

TEST_F(local_recovery, strays_without_isolation_are_found_by_their_mark) {
  auto spec = deaf();
  spec.isolation = isolation_mode::none;
  const auto other = engine_elsewhere(spec);
  const auto stray = std::atoi(ask(dir_of(other.id) + "/agent.sock",
                                   "setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $!")
                                   .c_str());
  ASSERT_GT(stray, 0);
  ::kill(launcher_of(other.id), SIGKILL);
  kill_engine(other);
  EXPECT_EQ(ids_of(recover()), std::vector{other.id});
  EXPECT_TRUE(ends(stray));
  expect_nothing_left(other.id);
}

TEST_F(local_recovery, a_living_engines_sandboxes_are_left_alone) {
  const auto other = engine_elsewhere({});
  const auto own = start();
  EXPECT_TRUE(recover().removed.empty());
  EXPECT_EQ(ask(dir_of(other.id) + "/agent.sock", "echo alive"), "alive\n");
  EXPECT_EQ(in(own, "echo alive"), "alive\n");
  kill_engine(other);
  EXPECT_TRUE(ends(init_of(other.id)));
}

TEST_F(local_recovery, a_number_that_means_another_process_now_is_not_killed) {
  const auto bystander = ::fork();
  if (bystander == 0)
    for (;;)
      ::pause();
  local();
  const auto dir = state_.path() + "/sandboxes/sb-00000000000000aa";
  fs::create_directory(dir);
  const auto boot = read_file("/proc/sys/kernel/random/boot_id");
  write_file(dir + "/record.json",
             R"({"id":"sb-00000000000000aa","owner":"0123456789abcdef","isolation":"namespaces",)"
             R"("launcher":)" +
                 std::to_string(bystander) + R"(,"launcher_start":1,"boot_id":")" +
                 boot.substr(0, boot.find('\n')) + R"(","created_ms":1,"labels":{}})");
  write_file(dir + "/init", std::to_string(bystander) + " 1\n");
  EXPECT_EQ(recover().removed.size(), 1U);
  EXPECT_EQ(::waitpid(bystander, nullptr, WNOHANG), 0) << "it still runs";
  ::kill(bystander, SIGKILL);
  ::waitpid(bystander, nullptr, 0);
}

TEST_F(local_recovery, damaged_entries_go_and_foreign_ones_stay) {
  local();
  const auto sandboxes = state_.path() + "/sandboxes";
  fs::create_directory(sandboxes + "/sb-00000000000000ab"); // no record
  fs::create_directory(sandboxes + "/sb-00000000000000ac");
  write_file(sandboxes + "/sb-00000000000000ac/record.json", "{\"id\":");
  fs::create_directory(sandboxes + "/.new-0123456789abcdef-sb-00000000000000ad"); // half made
  fs::create_directory(sandboxes + "/something");
  fs::create_directory_symlink("/tmp", sandboxes + "/sb-00000000000000ae");
  write_file(state_.path() + "/owners/0123456789abcdef.lock", "");
  const auto report = recover();
  EXPECT_EQ(report.removed.size(), 3U);
  EXPECT_EQ(report.failures.size(), 2U);
  EXPECT_TRUE(fs::exists(sandboxes + "/something"));
  EXPECT_TRUE(fs::is_symlink(sandboxes + "/sb-00000000000000ae"));
  EXPECT_FALSE(fs::exists(state_.path() + "/owners/0123456789abcdef.lock"));
}

/// What a directory of a sandbox that nobody looks after any more holds must go, whoever owns it.
class local_remains : public local_recovery {
 protected:
  void SetUp() override {
    local();
    fs::create_directory(dir_);
  }

  void TearDown() override { recover(); } // whatever a test has not come to

  void expect_removed() {
    EXPECT_EQ(ids_of(recover()), std::vector{id_});
    EXPECT_FALSE(fs::exists(dir_));
  }

  sandbox_id id_{"sb-00000000000000af"};
  std::string dir_ = dir_of(id_);
};

/// Mounts an overlay with its directories below `dir` and uses it, in namespaces of a child's own.
bool use_overlay(const std::string& dir) {
  const auto user = "0 " + std::to_string(::geteuid()) + " 1";
  const auto group = "0 " + std::to_string(::getegid()) + " 1";
  const auto child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
      ::_exit(1);
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", user);
    write_file("/proc/self/gid_map", group);
    for (const char* name : {"/lower", "/upper", "/work", "/merged"})
      if (::mkdir((dir + name).c_str(), 0755) != 0)
        ::_exit(2);
    write_file(dir + "/lower/file", "text");
    const auto options =
        "lowerdir=" + dir + "/lower,upperdir=" + dir + "/upper,workdir=" + dir + "/work,userxattr";
    if (::mount("overlay", (dir + "/merged").c_str(), "overlay", 0, options.c_str()) != 0)
      ::_exit(3);
    write_file(dir + "/merged/file", "changed");
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(local_remains, of_an_overlay_are_removed) {
  fs::create_directory(dir_ + "/scratch");
  if (!use_overlay(dir_ + "/scratch"))
    GTEST_SKIP() << "overlays cannot be mounted in a user namespace here";
  EXPECT_EQ(fs::status(dir_ + "/scratch/work/work").permissions(), fs::perms::none);
  expect_removed();
}

TEST_F(local_remains, of_subordinate_ids_are_removed) {
  const auto given = dir_ + "/scratch";
  fs::create_directory(given);
  fs::permissions(given, fs::perms(0777));
  sandbox_spec spec;
  spec.volumes = {{given, "/data", false}};
  const auto box = start(spec);
  in(box, "setpriv --reuid=1000 --regid=1000 --clear-groups "
          "sh -c 'mkdir -p /data/a/b/c; touch /data/a/b/file; chmod 000 /data/a/b /data/a'");
  struct stat made {};
  if (::stat((given + "/a").c_str(), &made) != 0)
    GTEST_SKIP() << "this user has no subordinate ids";
  EXPECT_NE(made.st_uid, 0U);
  EXPECT_NE(made.st_uid, ::geteuid());
  ASSERT_TRUE(stop(box.id));
  expect_removed();
}

TEST_F(local_remains, without_permissions_are_removed) {
  const auto deep = dir_ + "/scratch/a/b";
  fs::create_directories(deep);
  write_file(deep + "/file", "");
  fs::permissions(deep, fs::perms::none);
  fs::permissions(dir_ + "/scratch/a", fs::perms::none);
  expect_removed();
}

} // namespace
} // namespace sandfleet::tests
