#include "runtime/protocol/base64.hpp"
#include "tests/integration/agent/agent_process.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <cstdlib>
#include <filesystem>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>

using namespace agent_test;
using sandfleet::tests::temporary_directory;

namespace {

/// Holds a port of 127.0.0.1 that nobody else has.
class held_port {
 public:
  explicit held_port(std::uint16_t wanted = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(wanted);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    holds_ = ::bind(fd_, plain, size) == 0 && ::listen(fd_, 1) == 0 &&
             ::getsockname(fd_, plain, &size) == 0;
    number_ = ntohs(address.sin_port);
  }
  ~held_port() { ::close(fd_); }
  held_port(const held_port&) = delete;
  held_port& operator=(const held_port&) = delete;

  [[nodiscard]] std::uint16_t number() const { return number_; }
  [[nodiscard]] bool holds() const { return holds_; }

 private:
  int fd_;
  bool holds_ = false;
  std::uint16_t number_ = 0;
};

/// An agent on a TCP port, with a /tmp of its own: the address of a viewer stands there.
class agent_viewer : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0)
      unshare.insert(unshare.end(), {"--user", "--map-root-user"});
    std::string attempt;
    for (const auto& word : unshare)
      attempt += word + " ";
    if (std::system((attempt + "mount --bind /tmp /tmp >/dev/null 2>&1").c_str()) != 0)
      GTEST_SKIP() << "no mount namespace with mounts can be had here";
    std::filesystem::create_directories(place / "tmp");
    std::filesystem::permissions(place.path(), std::filesystem::perms(0755));
    std::filesystem::permissions(place / "tmp", std::filesystem::perms(01777));
  }

  void start(std::uint16_t port, const std::vector<std::string>& arguments = {},
             const std::string& mounts = {}) {
    agent_process::how how;
    how.wrapper = unshare;
    // The agent's own words are its path, --unix and a path, and the others.
    how.wrapper.insert(how.wrapper.end(), {"sh", "-euc",
                                           R"(exec 2>"$1/log"; cp "$3" "$1/tmp/agent")" + mounts +
                                               R"(
                                                mount --bind "$1/tmp" /tmp
                                                port=$2; shift 5
                                                exec /tmp/agent "$port" "$@")",
                                           "sh", place.path(), std::to_string(port)});
    how.arguments = {"--host", "127.0.0.1"};
    how.arguments.insert(how.arguments.end(), arguments.begin(), arguments.end());
    running.emplace(how);
  }

  [[nodiscard]] std::string url() const { return place.read(place / "tmp/oh-server-url"); }
  [[nodiscard]] std::uint16_t viewer_port() const {
    const auto text = url();
    return static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind(':') + 1)));
  }
  [[nodiscard]] answer get(const std::string& target, const std::string& method = "GET",
                           const std::string& host = "localhost:1") const {
    connection to(viewer_port());
    to.host = host;
    return to.request(method, target);
  }

  std::vector<std::string> unshare{"/usr/bin/unshare", "--mount"};
  temporary_directory place;
  std::optional<agent_process> running;
};

std::uint16_t free_port() {
  return held_port().number();
}

} // namespace

TEST_F(agent_viewer, answers_what_the_reference_answers) {
  start(free_port());
  EXPECT_EQ(url(), "http://localhost:" + std::to_string(viewer_port()));
  EXPECT_EQ(get("/").body, R"({"status":"File viewer server is running"})");
  EXPECT_EQ(get("/nope").body, R"({"detail":"Not Found"})");
  EXPECT_EQ(get("/", "POST").status, 405);
  EXPECT_EQ(get("/", "POST").headers.at("allow"), "GET");
  EXPECT_EQ(get("/view/?path=/a%20b").headers.at("location"),
            "http://localhost:1/view?path=/a%20b");
  EXPECT_EQ(get("/view").status, 422);
  EXPECT_EQ(get("/view").body, R"({"detail":[{"type":"missing","loc":["query","path"],)"
                               R"("msg":"Field required","input":null}]})");
  place.write("tmp/a.txt", "x");
  const std::tuple<const char*, int, const char*> cases[]{
      {"a", 400, "<h1>Error: Path must be absolute</h1><p>a</p>"},
      {"/none", 404, "<h1>Error: File not found</h1><p>/none</p>"},
      {"/tmp", 400, "<h1>Error: Path is a directory</h1><p>/tmp</p>"},
      {"/tmp/a.txt", 500,
       "<h1>Error viewing file</h1><p>/tmp/a.txt</p><p>Unsupported file extension: .txt. Supported "
       "extensions are: .pdf, .png, .jpg, .jpeg, .gif</p>"}};
  for (const auto& [path, status, page] : cases) {
    const auto got = get(std::string("/view?path=") + path);
    EXPECT_EQ(got.status, status) << path;
    EXPECT_EQ(got.headers.at("content-type"), "text/html; charset=utf-8");
    EXPECT_EQ(got.body, page);
  }
  EXPECT_EQ(get("/view?path=/tmp/x%00.png").status, 404);
}

TEST_F(agent_viewer, files_are_shown_whole_as_data) {
  start(free_port());
  const std::string bytes =
      std::string("\x89PNG\r\n\0</script>", 16) + std::string(200'000, '\xff');
  place.write("tmp/A b.PNG", bytes);
  const auto image = get("/view?path=/tmp/A%20b.PNG");
  EXPECT_EQ(image.status, 200);
  EXPECT_NE(image.body.find("<title>File Viewer - A b.PNG</title>"), std::string::npos);
  EXPECT_NE(image.body.find("src=\"data:image/png;base64," +
                            sandfleet::protocol::base64_encode(bytes) + "\""),
            std::string::npos);
  EXPECT_EQ(image.body.find("<script"), std::string::npos);
  place.write("tmp/a.pdf", bytes);
  const auto document = get("/view?path=/tmp/a.pdf");
  EXPECT_NE(document.body.find(sandfleet::protocol::base64_encode(bytes)), std::string::npos);
  EXPECT_NE(document.headers.at("content-security-policy").find("script-src 'nonce-"),
            std::string::npos);
  place.write("tmp/empty.gif", "");
  EXPECT_EQ(get("/view?path=/tmp/empty.gif").status, 200);
}

TEST_F(agent_viewer, names_stay_text) {
  start(free_port());
  const std::string name = R"(tmp/"><script>alert(1)</script>'&.png)";
  std::filesystem::create_directories((place / name).substr(0, (place / name).rfind('/')));
  place.write(name, "x");
  for (const auto* path : {"/tmp/%22%3E%3Cscript%3Ealert(1)%3C/script%3E%27%26.png",
                           "/%3Cscript%3Ealert(1)%3C/script%3E", "/%22%3E%3Cscript%3E%FF.txt"}) {
    const auto got = get(std::string("/view?path=") + path);
    EXPECT_EQ(got.body.find("<script"), std::string::npos) << got.body;
    EXPECT_EQ(got.headers.at("content-security-policy").find("script-src"), std::string::npos);
  }
}

TEST_F(agent_viewer, pages_from_elsewhere_and_what_is_no_file_get_nothing) {
  start(free_port());
  place.write("tmp/a.png", "x");
  for (const auto* host :
       {"evil.example", "evil.example:1", "localhost.evil.example", "127.0.0.2"}) {
    const auto refused = get("/view?path=/tmp/a.png", "GET", host);
    EXPECT_EQ(refused.status, 403) << host;
    EXPECT_EQ(refused.body, "<h1>Access Denied</h1><p>This endpoint is only accessible from "
                            "localhost</p>");
  }
  for (const auto* host : {"localhost", "127.0.0.1:80", "[::1]:80", "[::1]"})
    EXPECT_EQ(get("/view?path=/tmp/a.png", "GET", host).status, 200) << host;
  ASSERT_EQ(::mkfifo((place / "tmp/fifo.png").c_str(), 0644), 0);
  EXPECT_EQ(get("/view?path=/tmp/fifo.png").status, 500);
  place.write("tmp/big.png", "");
  ASSERT_EQ(::truncate((place / "tmp/big.png").c_str(), (off_t{64} << 20) + 1), 0);
  EXPECT_EQ(get("/view?path=/tmp/big.png").status, 413);
}

TEST_F(agent_viewer, nobody_sees_more_than_the_user) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "only root becomes another user";
  std::filesystem::create_directories(place / "home");
  place.write("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
  ::chmod(place.write("tmp/secret", "s").c_str(), 0600);
  std::filesystem::create_symlink("secret", place / "tmp/link.png");
  start(free_port(), {"--username", "openhands"},
        "\nmount --bind \"$1/home\" /home; mount --bind \"$1/etc\" /etc\n");
  EXPECT_EQ(get("/view?path=/tmp/link.png").status, 500);
  ::chmod((place / "tmp/secret").c_str(), 0644);
  EXPECT_EQ(get("/view?path=/tmp/link.png").status, 200);
}

TEST_F(agent_viewer, first_free_port_is_taken_and_links_are_not_followed) {
  const auto port = free_port();
  const held_port taken(static_cast<std::uint16_t>(port + 1));
  if (!taken.holds())
    GTEST_SKIP() << "somebody else took port " << port + 1;
  place.write("tmp/victim", "kept");
  std::filesystem::create_symlink("victim", place / "tmp/oh-server-url");
  start(port);
  EXPECT_GT(viewer_port(), port + 1);
  EXPECT_EQ(place.read(place / "tmp/victim"), "kept");
  EXPECT_FALSE(std::filesystem::is_symlink(place / "tmp/oh-server-url"));
}

TEST_F(agent_viewer, address_that_cannot_be_written_is_said) {
  std::filesystem::create_directories(place / "tmp/oh-server-url/x");
  const auto port = free_port();
  start(port);
  EXPECT_EQ(connection(port).request("GET", "/alive").status, 200);
  EXPECT_NE(place.read(place / "log").find("is not announced"), std::string::npos);
}
