#pragma once

#include "tools/batch/sandbox_source.hpp"
#include "tools/batch/timekeeper.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

// A small sandbox for tests: its commands are words that say what happens.
namespace sandfleet::batch {

/// Time that passes only when someone waits or a fake command takes some.
class fake_time final : public timekeeper {
 public:
  [[nodiscard]] time_point now() const override { return now_; }
  boost::asio::awaitable<void> wait(std::chrono::milliseconds time) override {
    waits.push_back(time);
    now_ += time;
    co_return;
  }
  void pass(std::chrono::milliseconds time) { now_ += time; }

  std::vector<std::chrono::milliseconds> waits;

 private:
  time_point now_{};
};

/// What all sandboxes of a test share.
struct fake_world {
  fake_time time;
  std::vector<std::string> log;               ///< calls, in order
  std::deque<result<void>> starts;            ///< outcomes of the next starts; then all succeed
  std::map<std::string, error> failures;      ///< of a call, by its line in the log; once each
  std::map<std::string, std::string> outside; ///< files that every sandbox has
  std::optional<sandbox_end> end;
  std::vector<sandbox_spec> specs;
  std::vector<exec_request> execs;
  std::vector<command_request> runs;
  int alive = 0;
  int most_alive = 0;
  std::vector<boost::asio::steady_timer*> hanging; ///< commands "hang"

  /// Writes a call down, and says how it fails if it is to.
  std::optional<error> called(const std::string& line) {
    log.push_back(line);
    const auto found = failures.find(line);
    if (found == failures.end())
      return std::nullopt;
    auto failure = found->second;
    failures.erase(found);
    return failure;
  }
};

/// Commands: "exit N", "say TEXT", "take MS" (time passes; times out as it should), "hang" (until
/// released or cancelled), "restarted".
class fake_sandbox final : public task_sandbox {
 public:
  fake_sandbox(fake_world& world, std::string id) : world_(world), id_(std::move(id)) {
    world_.most_alive = std::max(world_.most_alive, ++world_.alive);
  }

  [[nodiscard]] std::string id() const override { return id_; }
  [[nodiscard]] limits_report limits() const override { return {{"pids", "enforced"}}; }

  boost::asio::awaitable<result<command_result>> run(command_request request) override {
    world_.runs.push_back(request);
    if (auto failure = world_.called("run " + request.command))
      co_return tl::unexpected(std::move(*failure));
    auto done = co_await act(request.command, request.timeout);
    co_return done;
  }

  boost::asio::awaitable<result<exec_result>> exec(exec_request request) override {
    world_.execs.push_back(request);
    const auto text = request.argv.back();
    if (auto failure = world_.called("exec " + text))
      co_return tl::unexpected(std::move(*failure));
    auto done = co_await act(text, request.timeout);
    if (!done)
      co_return tl::unexpected(std::move(done.error()));
    exec_result out;
    out.exit_code = done->exit_code;
    out.out = done->output;
    out.timed_out = done->timed_out;
    if (text == "signal") {
      out.exit_code.reset();
      out.signal = 11;
    }
    co_return out;
  }

  boost::asio::awaitable<result<void>> write_file(std::string path, std::string bytes,
                                                  std::uint32_t mode) override {
    if (auto failure = world_.called("write " + path))
      co_return tl::unexpected(std::move(*failure));
    files_[path] = {std::move(bytes), mode};
    co_return result<void>();
  }

  boost::asio::awaitable<result<file_content>> read_file(std::string path,
                                                         std::size_t max_bytes) override {
    if (auto failure = world_.called("read " + path))
      co_return tl::unexpected(std::move(*failure));
    const auto& file = files_.at(path);
    if (file.bytes.size() > max_bytes)
      co_return fail(errc::limit_exceeded, "too large");
    co_return file;
  }

  // Patterns: "*" or a plain path.
  boost::asio::awaitable<result<std::vector<std::string>>> glob(std::string pattern) override {
    if (auto failure = world_.called("glob " + pattern))
      co_return tl::unexpected(std::move(*failure));
    std::vector<std::string> paths;
    for (const auto& [path, file] : files_)
      if (pattern == "*" || pattern == path)
        paths.push_back(path);
    co_return paths;
  }

  boost::asio::awaitable<result<void>> kill_processes() override {
    if (auto failure = world_.called("kill"))
      co_return tl::unexpected(std::move(*failure));
    co_return result<void>();
  }

  boost::asio::awaitable<result<sandbox_end>> stop() override {
    --world_.alive;
    if (auto failure = world_.called("stop"))
      co_return tl::unexpected(std::move(*failure));
    co_return world_.end.value_or(sandbox_end{});
  }

 private:
  boost::asio::awaitable<result<command_result>> act(const std::string& text,
                                                     std::chrono::milliseconds timeout) {
    command_result done;
    done.exit_code = 0;
    if (text.starts_with("exit "))
      done.exit_code = std::stoi(text.substr(5));
    if (text.starts_with("say "))
      done.output = text.substr(4);
    done.shell_restarted = text == "restarted";
    if (text.starts_with("take ")) {
      const std::chrono::milliseconds wanted{std::stoi(text.substr(5))};
      world_.time.pass(std::min(wanted, timeout));
      done.timed_out = wanted > timeout;
    }
    if (done.timed_out)
      done.exit_code.reset();
    if (text == "hang") {
      boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor,
                                      boost::asio::steady_timer::time_point::max());
      world_.hanging.push_back(&timer);
      boost::system::error_code ended;
      co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ended));
      std::erase(world_.hanging, &timer);
      const auto state = co_await boost::asio::this_coro::cancellation_state;
      if (state.cancelled() != boost::asio::cancellation_type::none)
        co_return fail(errc::cancelled, "cancelled");
    }
    co_return done;
  }

  fake_world& world_;
  std::string id_;
  std::map<std::string, file_content> files_;
};

class fake_source final : public sandbox_source {
 public:
  explicit fake_source(fake_world& world) : world_(world) {}

  boost::asio::awaitable<result<std::unique_ptr<task_sandbox>>> start(sandbox_spec spec) override {
    world_.log.emplace_back("start");
    world_.specs.push_back(std::move(spec));
    if (!world_.starts.empty()) {
      auto outcome = std::move(world_.starts.front());
      world_.starts.pop_front();
      if (!outcome)
        co_return tl::unexpected(std::move(outcome.error()));
    }
    co_return std::make_unique<fake_sandbox>(world_, "sb-" + std::to_string(++count_));
  }

 private:
  fake_world& world_;
  int count_ = 0;
};

} // namespace sandfleet::batch
