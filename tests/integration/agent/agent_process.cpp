#include "tests/integration/agent/agent_process.hpp"

#include "runtime/protocol/json_object.hpp"
#include "runtime/protocol/json_writer.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace agent_test {

namespace {

constexpr int patience_ms = 30'000;

[[noreturn]] void give_up(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

void await_readable(int fd) {
  pollfd one{fd, POLLIN, 0};
  if (::poll(&one, 1, patience_ms) != 1)
    throw std::runtime_error("nothing came in time");
}

} // namespace

connection::connection(const std::string& socket_path)
    : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket_path.c_str(), sizeof address.sun_path - 1);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    give_up("connect to " + socket_path);
}

connection::connection(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    give_up("connect to port " + std::to_string(port));
}

connection::connection(connection&& other) noexcept
    : host(std::move(other.host)), fd_(std::exchange(other.fd_, -1)),
      held_(std::move(other.held_)) {}

connection::~connection() {
  if (fd_ >= 0)
    ::close(fd_);
}

void connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0)
      give_up("send");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string connection::receive_some() {
  if (!held_.empty())
    return std::exchange(held_, {});
  await_readable(fd_);
  std::array<char, 65536> block{};
  const auto got = ::recv(fd_, block.data(), block.size(), 0);
  if (got < 0)
    give_up("receive");
  return {block.data(), static_cast<std::size_t>(got)};
}

std::string connection::line() {
  std::string text;
  for (;;) {
    const auto piece = receive_some();
    if (piece.empty())
      throw std::runtime_error("the connection was closed within an answer: '" + text + "'");
    text += piece;
    if (const auto end = text.find("\r\n"); end != std::string::npos) {
      held_ = text.substr(end + 2);
      return text.substr(0, end);
    }
  }
}

std::string connection::bytes(std::size_t count) {
  std::string text;
  while (text.size() < count) {
    const auto piece = receive_some();
    if (piece.empty())
      throw std::runtime_error("the connection was closed within a body");
    text += piece;
  }
  held_ = text.substr(count);
  text.resize(count);
  return text;
}

answer connection::receive() {
  answer got;
  do { // interim answers are skipped
    got = answer{};
    got.status = std::stoi(line().substr(9, 3));
    for (auto header = line(); !header.empty(); header = line()) {
      const auto colon = header.find(": ");
      auto name = header.substr(0, colon);
      std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
      got.headers[name] = header.substr(colon + 2);
    }
  } while (got.status < 200);
  if (got.headers.contains("transfer-encoding")) {
    while (const auto size = std::stoul(line(), nullptr, 16)) {
      got.body += bytes(size);
      line();
    }
    line();
  } else if (got.headers.contains("content-length")) {
    got.body = bytes(std::stoul(got.headers["content-length"]));
  }
  return got;
}

answer connection::request(const std::string& method, const std::string& target,
                           const std::string& body, const std::string& more_headers) {
  send(method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + more_headers +
       "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n");
  send(body);
  return receive();
}

agent_process::agent_process(const how& started) : key_(started.key) {
  std::array<int, 2> ready{};
  std::array<int, 2> lifeline{};
  if (::pipe2(ready.data(), O_CLOEXEC) != 0 || ::pipe2(lifeline.data(), O_CLOEXEC) != 0)
    give_up("pipe");
  lifeline_ = lifeline[1];

  const char* built = std::getenv("SANDFLEET_BIN");
  std::vector<std::string> argv{std::string(built ? built : "bin") + "/sandfleet-agent",
                                "--unix",
                                socket_path(),
                                "--working-dir",
                                workspace(),
                                "--ready-fd",
                                "8",
                                "--lifeline-fd",
                                "9"};
  argv.insert(argv.end(), started.arguments.begin(), started.arguments.end());
  argv.insert(argv.begin(), started.wrapper.begin(), started.wrapper.end());
  auto env = started.env;
  env.try_emplace("PATH", "/usr/local/bin:/usr/bin:/bin");
  env.try_emplace("HOME", directory_.path());
  if (!key_.empty())
    env["SESSION_API_KEY"] = key_;
  std::vector<std::string> environment;
  for (const auto& [name, value] : env)
    environment.push_back(name + "=" + value);
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (auto& text : texts)
      list.push_back(text.data());
    list.push_back(nullptr);
    return list;
  };
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ready[1], 8);
  ::posix_spawn_file_actions_adddup2(&actions, lifeline[0], 9);
  const int failed = ::posix_spawn(&pid_, argv.front().c_str(), &actions, nullptr,
                                   pointers(argv).data(), pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ready[1]);
  ::close(lifeline[0]);
  if (failed != 0)
    throw std::runtime_error(argv.front() + ": " + std::strerror(failed));
  std::array<char, 16> said{};
  await_readable(ready[0]);
  const auto got = ::read(ready[0], said.data(), said.size());
  ::close(ready[0]);
  if (std::string_view(said.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))) !=
      "ready\n")
    throw std::runtime_error("the agent did not become ready");
}

agent_process::~agent_process() {
  if (pid_ != 0) {
    end_lifeline();
    wait();
  }
  if (lifeline_ >= 0)
    ::close(lifeline_);
}

answer agent_process::post(const std::string& target, const std::string& body) const {
  return connect().request("POST", target, body, key_header());
}

answer agent_process::get(const std::string& target) const {
  return connect().request("GET", target, {}, key_header());
}

answer agent_process::run_action(const std::string& command) const {
  sandfleet::protocol::json_writer out;
  out.begin_object().key("action").begin_object().member("action", "run");
  out.key("args").begin_object().member("command", command).end_object();
  out.end_object().end_object();
  return post("/execute_action", std::move(out).take());
}

pid_t agent_process::server_pid() const {
  const auto number = std::to_string(pid_);
  pid_t child = 0;
  std::ifstream("/proc/" + number + "/task/" + number + "/children") >> child;
  return child;
}

void agent_process::signal(int number) const {
  ::kill(pid_, number);
}

void agent_process::end_lifeline() {
  ::close(std::exchange(lifeline_, -1));
}

int agent_process::wait() {
  int status = 0;
  ::waitpid(std::exchange(pid_, 0), &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::vector<pid_t> processes_marked(const std::string& mark) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto name = entry.path().filename().string();
    if (!std::isdigit(static_cast<unsigned char>(name[0])))
      continue;
    std::ifstream in(entry.path() / "environ", std::ios::binary);
    const std::string environment{std::istreambuf_iterator<char>(in), {}};
    if (environment.find("SANDBOX_TEST=" + mark + std::string(1, '\0')) != std::string::npos)
      found.push_back(std::stoi(name));
  }
  return found;
}

bool gone(pid_t pid, std::chrono::milliseconds patience) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0)
    return true;
  pollfd one{fd, POLLIN, 0};
  const bool ended = ::poll(&one, 1, static_cast<int>(patience.count())) == 1;
  ::close(fd);
  return ended;
}

std::string member(const std::string& json, const std::string& name) {
  const auto parsed = sandfleet::protocol::parse_json(json);
  const auto* members = parsed ? parsed->if_object() : nullptr;
  const auto* found = members ? members->if_contains(name) : nullptr;
  if (!found)
    return "(absent)";
  if (const auto* text = found->if_string())
    return std::string(*text);
  return boost::json::serialize(*found);
}

} // namespace agent_test
