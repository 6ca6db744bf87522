#include "tests/support/own_docker.hpp"

#include "tests/support/leftovers.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::tests {

namespace fs = std::filesystem;

namespace {

/// Starts a program that ends with this thread, unless it has an `input`; what it prints goes to
/// `output`.
pid_t spawn(const std::vector<std::string>& words, int output, int input = 0) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (const auto& word : words)
    argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(output, 1);
    if (input != 0) {
      ::dup2(input, 0);
    } else {
      ::dup2(output, 2);
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  if (child < 0)
    throw std::runtime_error("cannot start " + words.front());
  return child;
}

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw std::runtime_error("no pipe");
  return ends;
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const auto& thread :
       fs::directory_iterator("/proc/" + std::to_string(parent) + "/task", ignored)) {
    std::ifstream children(thread.path() / "children");
    for (pid_t child = 0; children >> child;)
      found.push_back(child);
  }
  return found;
}

pid_t only_child(pid_t parent) {
  const auto found = children_of(parent);
  return found.size() == 1 ? found[0] : -1;
}

/// To one process that is known: kill(2) takes -1 for all that there are, 0 for the own group.
void send_signal(pid_t process, int signal) {
  if (process <= 1)
    throw std::logic_error("a signal to process " + std::to_string(process));
  ::kill(process, signal);
}

int status_of(pid_t child) {
  if (child <= 1)
    throw std::logic_error("a wait for process " + std::to_string(child));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

} // namespace

std::string own_docker::obstacle() {
  if (::geteuid() != 0)
    return "only root may start a Docker engine";
  for (const auto* program : {"dockerd", "docker", "ip", "unshare", "nsenter"})
    if (std::system((std::string("command -v ") + program + " >/dev/null").c_str()) != 0)
      return std::string("there is no ") + program + " (Debian: docker.io, iproute2, util-linux)";
  return {};
}

own_docker::own_docker(std::vector<std::string> options, int disk_mb)
    : options_(std::move(options)), cgroup_(fs::path(place_.path()).filename()) {
  fs::create_directories(data_dir());
  // The first process says a line again, and so that it is there; it ends with its input, that is
  // with the test at the latest, and all that is within with it. The shell removes the rest.
  const std::string hold =
      "unshare --mount --net --pid --fork --kill-child --mount-proc cat; rm -rf " + place_.path() +
      "; find /sys/fs/cgroup -depth -type d -path '*/" + cgroup_ +
      "*' -exec rmdir {} + 2>/dev/null";
  const auto in = make_pipe();
  const auto out = make_pipe();
  holder_ = spawn({"sh", "-c", hold}, out[1], in[0]);
  ::close(in[0]);
  ::close(out[1]);
  input_ = in[1];
  char byte = '\n';
  const bool said = ::write(input_, &byte, 1) == 1 && ::read(out[0], &byte, 1) == 1;
  ::close(out[0]);
  inside_ = only_child(only_child(holder_));
  if (!said || inside_ <= 1)
    throw std::runtime_error("no namespaces");
  within("ip link set lo up");
  if (disk_mb > 0)
    within("mount -t tmpfs -o size=" + std::to_string(disk_mb) + "m tmpfs " + data_dir());
  ::setenv("DOCKER_HOST", ("unix://" + place_.path() + "/docker.sock").c_str(), 1);
  start();
}

own_docker::~own_docker() {
  end(SIGKILL);
  ::close(input_);
  status_of(holder_);
  ::unsetenv("DOCKER_HOST");
}

std::vector<std::string> own_docker::enter() const {
  return {"nsenter", "--target", std::to_string(inside_), "--mount", "--net", "--pid"};
}

void own_docker::start() {
  auto words = enter();
  for (const auto& word :
       {std::string("dockerd"), "--data-root=" + data_dir(), "--exec-root=" + (place_ / "exec"),
        "--pidfile=" + (place_ / "pid"), "--host=unix://" + (place_ / "docker.sock"),
        std::string("--bridge=none"), std::string("--iptables=false"),
        std::string("--ip-forward=false"), std::string("--ip-masq=false"),
        "--cgroup-parent=/" + cgroup_, std::string("--shutdown-timeout=5")})
    words.push_back(word);
  words.insert(words.end(), options_.begin(), options_.end());
  const auto ends = make_pipe();
  entered_ = spawn(words, ends[1]);
  ::close(ends[1]);
  listens_ = ended_ = false;
  log_.clear();
  reader_ = std::thread([this, from = ends[0]] {
    std::array<char, 4096> piece{};
    for (ssize_t n = 0; (n = ::read(from, piece.data(), piece.size())) > 0;) {
      const std::lock_guard lock(mutex_);
      log_.append(piece.data(), static_cast<std::size_t>(n));
      listens_ = listens_ || log_.find("API listen on") != std::string::npos;
      news_.notify_all();
    }
    ::close(from);
    const std::lock_guard lock(mutex_);
    ended_ = true;
    news_.notify_all();
  });
  std::unique_lock lock(mutex_);
  news_.wait(lock, [this] { return listens_ || ended_; });
  daemon_ = listens_ ? only_child(entered_) : -1;
  if (daemon_ > 1) {
    log_.clear();
    return;
  }
  const auto printed = log_;
  lock.unlock();
  send_signal(entered_, SIGKILL);
  status_of(std::exchange(entered_, -1));
  reader_.join();
  throw std::runtime_error("dockerd cannot be started: " + printed);
}

void own_docker::end(int signal) {
  if (entered_ < 0)
    return;
  const auto children = children_of(daemon_);
  send_signal(daemon_, signal);
  status_of(entered_);
  entered_ = daemon_ = -1;
  // Its containerd ends with it, a moment later. Nobody reaps it there, and the next engine must
  // not take it for alive.
  for (const auto child : children)
    ends(child);
  fs::remove(place_ / "exec/containerd/containerd.pid");
  reader_.join();
}

void own_docker::kill() {
  end(SIGKILL);
}

void own_docker::terminate() {
  end(SIGTERM);
}

void own_docker::make_image() {
  const std::string script = SANDFLEET_SOURCE_DIR "/tests/support/docker_engine.py";
  if (std::system((script + " image " + (place_ / "image")).c_str()) != 0)
    throw std::runtime_error("no image");
}

void own_docker::within(const std::string& command) const {
  auto words = enter();
  words.insert(words.end(), {"sh", "-c", command});
  if (status_of(spawn(words, 2)) != 0)
    throw std::runtime_error("failed: " + command);
}

std::vector<std::string> own_docker::containers() const {
  std::FILE* pipe = ::popen("docker ps -a --format '{{.Names}}'", "r");
  std::vector<std::string> names;
  std::array<char, 256> line{};
  while (std::fgets(line.data(), line.size(), pipe) != nullptr) {
    std::string name = line.data();
    name.pop_back();
    names.push_back(std::move(name));
  }
  ::pclose(pipe);
  return names;
}

void own_docker::await_events(std::size_t count, const std::string& kind,
                              const std::string& container) {
  std::vector<std::string> words{"docker",   "events",        "--since",  "1",
                                 "--filter", "event=" + kind, "--format", "{{.Action}}"};
  if (!container.empty())
    words.insert(words.end(), {"--filter", "container=" + container});
  const auto ends = make_pipe();
  const pid_t watch = spawn(words, ends[1]);
  ::close(ends[1]);
  std::FILE* lines = ::fdopen(ends[0], "r");
  std::array<char, 256> line{};
  std::size_t seen = 0;
  while (seen < count && std::fgets(line.data(), line.size(), lines) != nullptr)
    ++seen;
  send_signal(watch, SIGKILL);
  status_of(watch);
  std::fclose(lines);
  if (seen < count)
    throw std::runtime_error("the engine has ended");
}

void own_docker::await_removal(const std::vector<std::string>& but) {
  for (const auto& name : containers())
    if (std::ranges::find(but, name) == but.end())
      await_events(1, "destroy", name);
}

std::vector<std::string> own_docker::container_processes() const {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& process : fs::directory_iterator("/proc", ignored)) {
    auto words = read_file(process.path() / "cmdline");
    std::ranges::replace(words, '\0', ' ');
    const bool is_shim = words.find("containerd-shim") != std::string::npos &&
                         words.find(place_.path()) != std::string::npos;
    if (is_shim ||
        read_file(process.path() / "cgroup").find("/" + cgroup_ + "/") != std::string::npos)
      found.push_back(process.path().filename().string() + ": " + words);
  }
  return found;
}

std::string own_docker::log() {
  const std::lock_guard lock(mutex_);
  return log_;
}

} // namespace sandfleet::tests
