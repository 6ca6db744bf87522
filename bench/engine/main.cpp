// Measures the engine over real local sandboxes: start to ready, actions, and a fleet at rest.
//
//   sandfleet-engine-bench [--starts N] [--actions N] [--fleet N] [--idle SECONDS]

#include "bench/engine/process_census.hpp"

#include <sandfleet/engine.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

namespace asio = boost::asio;
using clock_type = std::chrono::steady_clock;
using milliseconds = std::chrono::duration<double, std::milli>;

struct percentiles {
  double p50 = 0;
  double p99 = 0;
};

percentiles summarise(std::vector<double> samples) {
  std::ranges::sort(samples);
  return {samples[samples.size() / 2], samples[samples.size() * 99 / 100]};
}

template <class T>
T checked(sandfleet::result<T> outcome) {
  if (!outcome)
    throw std::runtime_error(outcome.error().to_string());
  if constexpr (!std::is_void_v<T>)
    return std::move(*outcome);
}

class bench {
 public:
  explicit bench(sandfleet::engine& engine) : engine_(engine) {}

  void starts(int count, sandfleet::isolation_mode isolation, const char* name) {
    std::vector<double> start_ms;
    std::vector<double> stop_ms;
    for (int i = 0; i < count; ++i) {
      sandfleet::sandbox_spec spec;
      spec.isolation = isolation;
      const auto begin = clock_type::now();
      auto box = checked(wait(engine_.start(spec)));
      const auto ready = clock_type::now();
      checked(wait(box.stop()));
      start_ms.push_back(milliseconds(ready - begin).count());
      stop_ms.push_back(milliseconds(clock_type::now() - ready).count());
    }
    report(std::string("start to ready, ") + name, summarise(start_ms), "ms");
    report(std::string("stop, ") + name, summarise(stop_ms), "ms");
  }

  void actions(int count) {
    auto box = checked(wait(engine_.start({})));
    std::vector<double> run_us;
    std::vector<double> exec_us;
    for (int i = 0; i < count; ++i) {
      sandfleet::exec_request program;
      program.argv = {"/bin/true"};
      run_us.push_back(time_us([&] {
        const auto word = "echo " + std::to_string(i);
        if (checked(wait(box.run(word))).output != std::to_string(i) + "\n")
          throw std::runtime_error("a wrong answer to '" + word + "'");
      }));
      exec_us.push_back(time_us([&] { checked(wait(box.exec(program))); }));
    }
    report("echo in a session, through the engine", summarise(run_us), "us");
    report("exec /bin/true, through the engine", summarise(exec_us), "us");
    checked(wait(box.stop()));
  }

  void fleet(int count, int idle_seconds) {
    const auto begin = clock_type::now();
    std::vector<std::future<sandfleet::result<sandfleet::sandbox>>> starting;
    for (int i = 0; i < count; ++i)
      starting.push_back(asio::co_spawn(engine_.executor(), engine_.start({}), asio::use_future));
    std::vector<sandfleet::sandbox> boxes;
    for (auto& one : starting)
      boxes.push_back(checked(one.get()));
    const std::chrono::duration<double> seconds = clock_type::now() - begin;
    std::printf("%-44s %10.2f s, %.0f a second\n",
                ("start " + std::to_string(count) + " sandboxes").c_str(), seconds.count(),
                count / seconds.count());

    const auto processes = sandfleet::bench::descendants();
    std::int64_t pss = 0;
    std::map<pid_t, std::int64_t> before;
    for (const auto process : processes) {
      pss += sandfleet::bench::pss_kib(process);
      before[process] = sandfleet::bench::cpu_ticks(process);
    }
    const auto own_before = sandfleet::bench::cpu_ticks(::getpid());
    std::printf("%-44s %10.2f MiB (%.1f processes)\n", "proportional memory a sandbox",
                static_cast<double>(pss) / 1024 / count,
                static_cast<double>(processes.size()) / count);
    std::this_thread::sleep_for(std::chrono::seconds{idle_seconds});
    std::int64_t ticks = 0;
    for (const auto process : processes)
      ticks += sandfleet::bench::cpu_ticks(process) - before[process];
    const auto own = sandfleet::bench::cpu_ticks(::getpid()) - own_before;
    const auto per_cent = [&](std::int64_t used) {
      return 100.0 * static_cast<double>(used) / static_cast<double>(::sysconf(_SC_CLK_TCK)) /
             idle_seconds;
    };
    std::printf("%-44s %10.2f %% of a core (engine %.2f %%)\n", "idle CPU of them all",
                per_cent(ticks + own), per_cent(own));
    checked(wait(engine_.stop()));
  }

 private:
  template <class T>
  T wait(asio::awaitable<T> work) {
    return asio::co_spawn(engine_.executor(), std::move(work), asio::use_future).get();
  }

  template <class Work>
  static double time_us(Work work) {
    const auto begin = clock_type::now();
    work();
    return std::chrono::duration<double, std::micro>(clock_type::now() - begin).count();
  }

  static void report(const std::string& what, percentiles p, const char* unit) {
    std::printf("%-44s p50 %9.2f %s   p99 %9.2f %s\n", what.c_str(), p.p50, unit, p.p99, unit);
  }

  sandfleet::engine& engine_;
};

} // namespace

int main(int argc, char** argv) {
  std::map<std::string, int> options{
      {"--starts", 100}, {"--actions", 2000}, {"--fleet", 1000}, {"--idle", 10}};
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!options.contains(argv[i]) || std::atoi(argv[i + 1]) < 0) {
      std::fprintf(stderr, "%s: unknown option or bad number\n", argv[i]);
      return 2;
    }
    options[argv[i]] = std::atoi(argv[i + 1]);
  }
  auto engine = sandfleet::engine::create({});
  if (!engine) {
    std::fprintf(stderr, "%s\n", engine.error().to_string().c_str());
    return 1;
  }
  try {
    bench run(*engine);
    if (options["--starts"] > 0) {
      run.starts(options["--starts"], sandfleet::isolation_mode::namespaces, "namespaces");
      run.starts(options["--starts"], sandfleet::isolation_mode::none, "no isolation");
    }
    if (options["--actions"] > 0)
      run.actions(options["--actions"]);
    if (options["--fleet"] > 0)
      run.fleet(options["--fleet"], std::max(options["--idle"], 1));
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
  return 0;
}
