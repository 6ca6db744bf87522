// What the engine adds to the start of a container, measured beside the bare calls of the Docker
// Engine API in one run; many starts at once; and what is left of many.

#include "bench/docker/census.hpp"
#include "bench/docker/relay.hpp"
#include "bench/support/idle_share.hpp"
#include "bench/support/samples.hpp"

#include <sandfleet/engine.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <future>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace sandfleet;
namespace asio = boost::asio;
using clock_type = std::chrono::steady_clock;

/// What is promised (bench/SPECIFICATION.md).
constexpr double most_times_the_bare_calls = 1.15;
constexpr double most_us_of_our_own = 15'000;
constexpr int check_attempts = 3;
constexpr double least_idle_share = 0.1;
constexpr int skipped_status = 77;

constexpr const char* usage =
    "usage: sandfleet-docker-bench [--image NAME] [--rounds N] [--check] [--together N] "
    "[--many N]\n"
    "  --image NAME  of the containers (default sandfleet-test/bash:1)\n"
    "  --rounds N    N starts each way, in turn (default 30)\n"
    "  --check       measure up to three times, until the p50 keep the promises of\n"
    "                bench/SPECIFICATION.md; exit status 1 when they never do, 77 when that was "
    "on\n"
    "                a machine without an idle processor\n"
    "  --together N  measure nothing else: start N sandboxes at once; one that fails is an error\n"
    "  --many N      measure nothing else: start and stop N, ten at once; what is left is an "
    "error\n";

struct options {
  std::string image = "sandfleet-test/bash:1";
  int rounds = 30;
  int together = 0;
  int many = 0;
  bool check = false;
};

options parse(int argc, char** argv) {
  options out;
  for (int i = 1; i < argc; ++i) {
    int* number = std::strcmp(argv[i], "--rounds") == 0     ? &out.rounds
                  : std::strcmp(argv[i], "--together") == 0 ? &out.together
                  : std::strcmp(argv[i], "--many") == 0     ? &out.many
                                                            : nullptr;
    if (std::strcmp(argv[i], "--check") == 0) {
      out.check = true;
    } else if (std::strcmp(argv[i], "--image") == 0 && i + 1 < argc) {
      out.image = argv[++i];
    } else if (number && i + 1 < argc && std::atoi(argv[i + 1]) > 0) {
      *number = std::atoi(argv[++i]);
    } else {
      std::fputs(usage, stderr);
      std::exit(2);
    }
  }
  return out;
}

template <class T>
T checked(result<T> outcome) {
  if (!outcome)
    throw std::runtime_error(outcome.error().to_string());
  if constexpr (!std::is_void_v<T>)
    return std::move(*outcome);
}

class scratch {
 public:
  scratch() {
    if (::mkdtemp(path_.data()) == nullptr)
      throw std::runtime_error("no temporary directory");
  }
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/sandfleet-XXXXXX";
};

/// The socket of the Docker engine that DOCKER_HOST names, or the usual one.
std::string engine_socket() {
  const char* host = std::getenv("DOCKER_HOST");
  const std::string where = host ? host : "unix:///var/run/docker.sock";
  const std::string scheme = "unix://";
  if (!where.starts_with(scheme))
    throw std::runtime_error("only an engine behind a unix socket is measured");
  return where.substr(scheme.size());
}

/// The plainest client there is: one kept connection, blocking calls.
class bare_calls {
 public:
  explicit bare_calls(const std::string& socket) : fd_(bench::connect_to(socket)) {}
  ~bare_calls() { ::close(fd_); }
  bare_calls(const bare_calls&) = delete;
  bare_calls& operator=(const bare_calls&) = delete;

  void call(const std::string& method, const std::string& path, const std::string& body) {
    const auto request = method + " /v1.41" + path +
                         " HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
                         "Content-Length: " +
                         std::to_string(body.size()) + "\r\n\r\n" + body;
    if (::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size()))
      throw std::runtime_error("the engine has gone");
    const auto reply = read_reply();
    if (reply.compare(9, 1, "2") != 0)
      throw std::runtime_error(method + " " + path + ": " + reply);
  }

 private:
  /// Replies are short here, and tell their length.
  std::string read_reply() {
    std::string seen;
    std::array<char, 4096> piece{};
    for (;;) {
      const auto n = ::recv(fd_, piece.data(), piece.size(), 0);
      if (n <= 0)
        throw std::runtime_error("the engine has gone");
      seen.append(piece.data(), static_cast<std::size_t>(n));
      const auto head = seen.find("\r\n\r\n");
      if (head == std::string::npos)
        continue;
      const std::string name = "Content-Length: ";
      const auto at = seen.find(name);
      const auto length =
          at == std::string::npos || at > head ? 0 : std::stoul(seen.substr(at + name.size()));
      if (seen.size() >= head + 4 + length)
        return seen;
    }
  }

  int fd_;
};

engine make_engine(const std::string& state_dir, const std::string& image) {
  settings chosen;
  chosen.state_dir = state_dir;
  chosen.provider = provider_name("docker");
  chosen.image = image;
  return checked(engine::create(std::move(chosen)));
}

template <class T>
T wait(engine& of, asio::awaitable<T> work) {
  return asio::co_spawn(of.executor(), std::move(work), asio::use_future).get();
}

sandbox_spec without_network() {
  sandbox_spec spec;
  spec.network = "none"; // a bridge takes the kernel longer than all else, now this long, now that
  return spec;
}

double microseconds(clock_type::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

enum class verdict { kept, broken, not_applicable };

bool keeps(bool kept, const char* promise) {
  if (!kept)
    std::fprintf(stderr, "sandfleet-docker-bench: broken: %s\n", promise);
  return kept;
}

/// Where the time of one start went.
struct shares {
  bench::samples before{"engine: before the first call"};
  bench::samples create{"engine: create, the call"};
  bench::samples between{"engine: between create and start"};
  bench::samples start{"engine: start, the call"};
  bench::samples agent{"engine: from there to the agent's 'ready'"};
  bench::samples after{"engine: from there to its answer"};
  bench::samples own{"engine: its own share"};
};

const bench::passed_call& find(const std::vector<bench::passed_call>& calls, const char* what) {
  for (const auto& one : calls)
    if (one.what == what)
      return one;
  throw std::runtime_error(std::string("no such call: ") + what);
}

void divide(shares& into, clock_type::time_point begin, clock_type::time_point end,
            const std::vector<bench::passed_call>& calls, bench::instant ready) {
  const auto& create = find(calls, "POST create");
  const auto& start = find(calls, "POST start");
  const auto up = std::max(start.end, ready);
  into.before.add(microseconds(create.begin - begin));
  into.create.add(microseconds(create.end - create.begin));
  into.between.add(microseconds(start.begin - create.end));
  into.start.add(microseconds(start.end - start.begin));
  into.agent.add(microseconds(up - start.end));
  into.after.add(microseconds(end - up));
  into.own.add(microseconds(create.begin - begin) + microseconds(start.begin - create.end) +
               microseconds(end - up));
}

verdict measure(const options& wanted) {
  const scratch files;
  const auto socket = engine_socket();
  bare_calls bare(socket);
  bench::relay between(files.path() + "/relay.sock", socket);
  ::setenv("DOCKER_HOST", ("unix://" + files.path() + "/relay.sock").c_str(), 1);
  bench::samples bare_time("bare: create and start");
  bench::samples engine_time("engine: start to ready");
  shares divided;
  const bench::idle_share idle;
  {
    auto ours = make_engine(files.path() + "/state", wanted.image);
    checked(wait(ours, checked(wait(ours, ours.start(without_network()))).stop())); // warm
    const auto body = R"({"Image":")" + wanted.image +
                      R"(","Cmd":["sleep","1000"],"HostConfig":{"NetworkMode":"none"}})";
    const std::string name = "sandfleet-bench-" + std::to_string(::getpid());
    for (int i = 0; i < wanted.rounds; ++i) {
      bare_time.time([&] {
        bare.call("POST", "/containers/create?name=" + name, body);
        bare.call("POST", "/containers/" + name + "/start", "");
      });
      bare.call("DELETE", "/containers/" + name + "?force=1", "");
      between.take_calls();
      between.take_ready();
      const auto begin = clock_type::now();
      auto box = checked(wait(ours, ours.start(without_network())));
      const auto end = clock_type::now();
      engine_time.add(microseconds(end - begin));
      divide(divided, begin, end, between.take_calls(), between.take_ready());
      checked(wait(ours, box.stop()));
    }
    checked(wait(ours, ours.stop()));
  }
  const auto idle_time = idle.so_far();
  ::setenv("DOCKER_HOST", ("unix://" + socket).c_str(), 1);
  for (auto* one : {&bare_time, &engine_time, &divided.before, &divided.create, &divided.between,
                    &divided.start, &divided.agent, &divided.after, &divided.own})
    one->print(bare_time);
  const auto times = engine_time.percentile(0.5) / bare_time.percentile(0.5);
  const auto own = divided.own.percentile(0.5);
  std::printf("a start takes %.2f times the bare calls, %.1f ms of it in our own code, by %d "
              "connections; the processors were idle for %.0f %% of the time\n",
              times, own / 1000, between.connections(), 100 * idle_time);
  const bool ratio = keeps(times <= most_times_the_bare_calls,
                           "a start takes at most 1.15 times the bare create and start");
  const bool share = keeps(own <= most_us_of_our_own, "the engine's own share is at most 15 ms");
  return ratio && share                  ? verdict::kept
         : idle_time >= least_idle_share ? verdict::broken
                                         : verdict::not_applicable;
}

int check_promises(const options& wanted) {
  bool applied = false;
  for (int attempt = 1; attempt <= check_attempts; ++attempt) {
    const auto found = measure(wanted);
    if (found == verdict::kept)
      return 0;
    applied = applied || found == verdict::broken;
  }
  if (applied)
    return 1;
  std::fputs("sandfleet-docker-bench: no processor was idle, so nothing is said of the promises\n",
             stderr);
  return skipped_status;
}

std::vector<sandbox> start_at_once(engine& ours, int count) {
  std::vector<std::future<result<sandbox>>> starting;
  for (int i = 0; i < count; ++i)
    starting.push_back(
        asio::co_spawn(ours.executor(), ours.start(without_network()), asio::use_future));
  std::vector<sandbox> boxes;
  for (auto& one : starting)
    boxes.push_back(checked(one.get()));
  return boxes;
}

void stop_at_once(engine& ours, std::vector<sandbox> boxes) {
  std::vector<std::future<result<stop_report>>> stopping;
  for (auto& box : boxes)
    stopping.push_back(asio::co_spawn(ours.executor(), box.stop(), asio::use_future));
  for (auto& one : stopping)
    checked(one.get());
}

void start_together(const options& wanted) {
  const scratch files;
  auto ours = make_engine(files.path(), wanted.image);
  const auto begin = clock_type::now();
  auto boxes = start_at_once(ours, wanted.together);
  const auto up = clock_type::now();
  stop_at_once(ours, std::move(boxes));
  std::printf("%d started together in %.2f s, without a failure; stopped in %.2f s\n",
              wanted.together, microseconds(up - begin) / 1e6,
              microseconds(clock_type::now() - up) / 1e6);
}

/// True when nothing is left of them.
bool start_many(const options& wanted) {
  constexpr int at_once = 10;
  const scratch files;
  auto ours = make_engine(files.path(), wanted.image);
  stop_at_once(ours, start_at_once(ours, at_once)); // connections are kept, threads are there
  const auto before = bench::count_things(files.path());
  const auto begin = clock_type::now();
  for (int i = 0; i < wanted.many; i += at_once)
    stop_at_once(ours, start_at_once(ours, std::min(at_once, wanted.many - i)));
  std::printf("%d started and stopped in %.1f s\n", wanted.many,
              microseconds(clock_type::now() - begin) / 1e6);
  const auto left = bench::left_between(before, bench::count_things(files.path()));
  std::fputs(left.empty() ? "nothing is left of them\n" : left.c_str(), stdout);
  return left.empty();
}

} // namespace

int main(int argc, char** argv) {
  const auto wanted = parse(argc, argv);
  try {
    if (wanted.together > 0)
      start_together(wanted);
    if (wanted.many > 0)
      return start_many(wanted) ? 0 : 1;
    if (wanted.together > 0)
      return 0;
    if (wanted.check)
      return check_promises(wanted);
    measure(wanted);
    return 0;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "sandfleet-docker-bench: %s\n", failure.what());
    return 1;
  }
}
