#include "runtime/protocol/base64.hpp"
#include "runtime/transport/http_server.hpp"
#include "tests/integration/workspace/workspace_fixture.hpp"

#include <iterator>

namespace sandfleet::tests {
namespace {

namespace asio = boost::asio;
using ::testing::HasSubstr;
using ::testing::Not;

/// A git host of plain files (git's "dumb" HTTP), which shows them to one user alone.
class private_host {
 public:
  private_host(const asio::any_io_executor& executor, std::string root, const std::string& login)
      : root_(std::move(root)), wanted_("Basic " + protocol::base64_encode(login)),
        server_(executor, [this](transport::http_exchange& exchange) { return serve(exchange); }) {
    const auto listening = server_.listen(transport::tcp_endpoint{"127.0.0.1", 0});
    if (!listening)
      throw std::runtime_error(listening.error().to_string());
  }

  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(server_.port());
  }

 private:
  asio::awaitable<void> serve(transport::http_exchange& exchange) {
    if (exchange.header("Authorization") != wanted_) {
      transport::header_list headers{{"WWW-Authenticate", "Basic realm=\"git\""}};
      (void)co_await exchange.reply(401, std::move(headers), "who are you?");
      co_return;
    }
    std::ifstream file(root_ + exchange.path(), std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(file), {});
    const int status = file.is_open() ? 200 : 404;
    (void)co_await exchange.reply(status, {}, std::move(bytes));
  }

  std::string root_;
  std::string wanted_;
  transport::http_server server_;
};

class cloning : public workspace_fixture {
 protected:
  void SetUp() override {
    origin_.commit({{"README", "hello\n"}});
    origin_.git("checkout -q -b feature");
    origin_.commit({{"feature.txt", "new\n"}});
    origin_.git("checkout -q main");
    workspace_fixture::SetUp();
  }

  result<setup_report> set_up(sandbox& box, workspace_setup wanted) {
    return wait_for(box.set_up(std::move(wanted)));
  }
};

TEST_F(cloning, checks_out_the_branch_that_is_wanted) {
  auto box = fresh();
  auto wanted = of_origin();
  wanted.branch = "feature";
  const auto report = set_up(box, wanted);
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->branch, "feature");
  EXPECT_EQ(said(box, "git branch --show-current; cat feature.txt"), "feature\nnew");
  EXPECT_EQ(shown(), "READY SETTING_UP_WORKSPACE READY ");
}

TEST_F(cloning, of_a_branch_that_is_not_there_leaves_nothing_and_can_be_tried_again) {
  auto box = fresh();
  auto wanted = of_origin();
  wanted.branch = "nowhere";
  auto report = set_up(box, wanted);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, errc::not_found);
  EXPECT_EQ(report.error().blame, failure_class::task);
  EXPECT_EQ(said(box, "ls -A /workspace"), "");
  wanted.branch = "main";
  report = set_up(box, wanted);
  EXPECT_TRUE(report) << report.error().to_string();
}

TEST_F(cloning, over_something_that_is_there_leaves_it) {
  auto box = fresh();
  EXPECT_TRUE(wait_for(box.write_file("project/mine", "x")));
  const auto report = set_up(box, of_origin());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, errc::already_exists);
  EXPECT_EQ(said(box, "ls -A /workspace/project"), "mine");
  EXPECT_EQ(box.state(), sandbox_state::ready);
}

TEST_F(cloning, of_no_repository_is_the_tasks_fault) {
  auto box = fresh();
  workspace_setup wanted;
  wanted.repository = "/srv/nothing";
  const auto report = set_up(box, wanted);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, errc::not_found);
  EXPECT_EQ(report.error().blame, failure_class::task);
}

TEST_F(cloning, without_a_network_is_the_infrastructures_fault) {
  auto box = fresh();
  workspace_setup wanted;
  wanted.repository = "http://127.0.0.1:1/owner/name";
  const auto report = set_up(box, wanted);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, errc::connection_failed) << report.error().to_string();
  EXPECT_EQ(report.error().blame, failure_class::infrastructure);
}

TEST_F(cloning, shows_its_token_to_the_host_and_leaves_it_nowhere) {
  origin_.git("update-server-info");
  private_host host(engine_->executor(), origin_.path(), "x-access-token:sesame42");
  auto box = fresh("host");
  workspace_setup wanted;
  wanted.repository = host.url() + "/.git";
  // Its last part names no directory.
  EXPECT_EQ(set_up(box, wanted).error().code, errc::invalid_argument);
  std::filesystem::create_directory_symlink(".git", origin_.path() + "/name");
  wanted.repository = host.url() + "/name";
  auto report = set_up(box, wanted);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, errc::permission_denied) << report.error().to_string();
  wanted.token = "wrong";
  report = set_up(box, wanted);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, errc::permission_denied) << report.error().to_string();
  EXPECT_THAT(report.error().to_string(), Not(HasSubstr("wrong")));

  wanted.token = "sesame42";
  report = set_up(box, wanted);
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(said(box, "git remote get-url origin; cat README"), wanted.repository + "\nhello");
  EXPECT_EQ(said(box, "grep -rl sesame''42 /workspace ~ /tmp; env | grep sesame''42"), "");
}

} // namespace
} // namespace sandfleet::tests
