#include "sandbox_agent/launcher/mount_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace sandfleet::launcher {
namespace {

/// A machine made of a table.
class fake_host final : public host_view {
 public:
  void add(const std::string& path, file_kind kind, std::string text = {}) {
    files_[path] = {kind, std::move(text)};
  }
  [[nodiscard]] file_kind kind(const std::string& path) const override {
    const auto found = files_.find(path);
    return found == files_.end() ? file_kind::missing : found->second.first;
  }
  [[nodiscard]] std::int64_t size(const std::string& path) const override {
    return static_cast<std::int64_t>(text(path).size());
  }
  [[nodiscard]] std::string link_target(const std::string& path) const override {
    return text(path);
  }
  [[nodiscard]] std::string text(const std::string& path) const override {
    const auto found = files_.find(path);
    return found == files_.end() ? std::string{} : found->second.second;
  }
  [[nodiscard]] std::vector<std::string> names(const std::string& dir) const override {
    std::vector<std::string> found;
    for (const auto& [path, file] : files_)
      if (path.starts_with(dir + "/") && path.find('/', dir.size() + 1) == std::string::npos)
        found.push_back(path.substr(dir.size() + 1));
    return found;
  }

 private:
  std::map<std::string, std::pair<file_kind, std::string>> files_;
};

class mount_plan : public ::testing::Test {
 protected:
  mount_plan() {
    host_.add("/usr", file_kind::directory);
    host_.add("/bin", file_kind::symlink, "usr/bin");
    host_.add("/lib", file_kind::directory);
    host_.add("/dev/null", file_kind::other);
    host_.add("/etc/shadow", file_kind::file, "secret");
    host_.add("/etc/pip.conf", file_kind::file, "token");
    host_.add("/etc/nsswitch.conf", file_kind::file, "hosts: files dns\n");
    host_.add("/etc/mime.types", file_kind::file, std::string(50'000, 'x'));
    host_.add("/etc/python3.11", file_kind::directory);
    host_.add("/etc/localtime", file_kind::symlink, "/usr/share/zoneinfo/UTC");
    host_.add("/etc/resolv.conf", file_kind::file, "nameserver 192.0.2.1\n");
    host_.add("/home/me/data", file_kind::directory);
    host_.add("/home/me/link", file_kind::symlink, "data");
    host_.add("/images/a", file_kind::directory);
    wanted_.id = "sb-1";
    wanted_.agent_program = "/opt/agent";
  }

  const mount_step* find(const std::string& target) {
    const auto found = std::ranges::find(plan_.steps, target, &mount_step::target);
    return found == plan_.steps.end() ? nullptr : &*found;
  }

  void plan() {
    auto planned = plan_root(wanted_, host_);
    ASSERT_TRUE(planned) << planned.error().to_string();
    plan_ = std::move(*planned);
  }

  fake_host host_;
  request wanted_;
  root_plan plan_;
};

TEST_F(mount_plan, shows_system_trees_read_only_and_copies_links) {
  plan();
  ASSERT_NE(find("/usr"), nullptr);
  EXPECT_EQ(find("/usr")->kind, step_kind::host_tree);
  EXPECT_TRUE(find("/usr")->read_only);
  EXPECT_EQ(find("/bin")->kind, step_kind::symlink);
  EXPECT_EQ(find("/bin")->text, "usr/bin");
  EXPECT_EQ(find("/lib")->kind, step_kind::host_tree);
  EXPECT_EQ(find("/lib32"), nullptr);
}

TEST_F(mount_plan, every_host_tree_is_read_only_but_devices_and_writable_volumes) {
  wanted_.volumes = {{"/home/me/data", "/rw", false}, {"/home/me/data", "/ro", true}};
  plan();
  for (const auto& step : plan_.steps)
    if (step.kind == step_kind::host_tree) {
      EXPECT_TRUE(step.read_only || step.is_device || step.target == "/rw") << step.target;
    }
}

TEST_F(mount_plan, shows_of_etc_what_is_listed_and_no_secrets) {
  plan();
  EXPECT_EQ(find("/etc/shadow"), nullptr);
  EXPECT_EQ(find("/etc/pip.conf"), nullptr);
  EXPECT_EQ(find("/etc/resolv.conf"), nullptr) << "no network, no name servers";
  EXPECT_EQ(find("/etc/nsswitch.conf")->kind, step_kind::file);
  EXPECT_EQ(find("/etc/mime.types")->kind, step_kind::host_tree) << "large files cost no memory";
  EXPECT_TRUE(find("/etc/python3.11")->is_dir);
  EXPECT_EQ(find("/etc/localtime")->kind, step_kind::symlink);
  EXPECT_NE(find("/etc/passwd")->text.find("sandbox:x:1000"), std::string::npos);
}

TEST_F(mount_plan, the_hosts_network_comes_with_its_name_servers) {
  wanted_.host_network = true;
  plan();
  ASSERT_NE(find("/etc/resolv.conf"), nullptr);
  EXPECT_EQ(find("/etc/resolv.conf")->text, "nameserver 192.0.2.1\n");
}

TEST_F(mount_plan, mounts_of_a_directory_come_after_what_they_are_in) {
  wanted_.workspace = "/tmp/w";
  wanted_.volumes = {{"/home/me/data", "/tmp/w/data", false}};
  plan();
  const auto at = [&](const std::string& target) { return find(target) - plan_.steps.data(); };
  EXPECT_LT(at("/tmp"), at("/tmp/w"));
  EXPECT_LT(at("/tmp/w"), at("/tmp/w/data"));
  EXPECT_LT(at("/run"), at(agent_path));
  EXPECT_LT(at("/dev"), at("/dev/null"));
}

TEST_F(mount_plan, a_volume_may_be_a_link) {
  wanted_.volumes = {{"/home/me/link", "/data", false}};
  plan();
  EXPECT_TRUE(find("/data")->is_dir);
}

TEST_F(mount_plan, what_is_missing_is_the_tasks_fault) {
  wanted_.volumes = {{"/home/me/nothing", "/data", false}};
  EXPECT_EQ(plan_root(wanted_, host_).error().blame, failure_class::task);
  wanted_.volumes.clear();
  for (const char* image :
       {"rootfs:/images/b", "rootfs:/", "rootfs://", "rootfs:/etc/mime.types"}) {
    wanted_.image = image;
    const auto planned = plan_root(wanted_, host_);
    ASSERT_FALSE(planned) << image;
    EXPECT_EQ(planned.error().blame, failure_class::task);
    EXPECT_FALSE(planned.error().hint.empty());
  }
}

TEST_F(mount_plan, an_image_shows_nothing_of_the_host_but_devices_and_volumes) {
  wanted_.image = "rootfs:/images/a/";
  wanted_.volumes = {{"/home/me/data", "/data", false}};
  plan();
  EXPECT_EQ(plan_.lower, "/images/a");
  for (const auto& step : plan_.steps)
    if (step.kind == step_kind::host_tree) {
      EXPECT_TRUE(step.is_device || step.is_volume || step.target == agent_path) << step.target;
    }
  EXPECT_EQ(find("/etc/hosts")->kind, step_kind::file_if_missing);
}

TEST_F(mount_plan, what_is_written_is_bounded) {
  plan();
  EXPECT_EQ(plan_.disk_mb, default_disk_mb);
  wanted_.limits.disk_mb = 5;
  plan();
  EXPECT_EQ(plan_.disk_mb, 5);
}

} // namespace
} // namespace sandfleet::launcher
