#include "bench/action/answers.hpp"

#include "bench/action/agent_process.hpp"
#include "bench/support/samples.hpp"
#include "runtime/protocol/json_object.hpp"
#include "runtime/protocol/json_writer.hpp"

#include <boost/json/object.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <vector>

namespace sandfleet::bench {

namespace {

/// One other action for so many commands, and a slow one (it waits for a time-out) for so many.
constexpr int commands_a_change = 20;
constexpr int commands_a_wait = 200;

/// What an observation says.
struct seen {
  std::string kind;
  std::string content;
  std::int64_t exit_code = 0;
};

seen parse(const std::string& body) {
  const auto value = protocol::parse_json(body);
  if (!value || !value->is_object())
    throw std::runtime_error("no observation: " + body);
  const auto& members = value->get_object();
  seen out;
  out.kind = members.at("observation").as_string();
  out.content = members.at("content").as_string();
  if (const auto* metadata = members.at("extras").as_object().if_contains("metadata"))
    out.exit_code = metadata->as_object().at("exit_code").as_int64();
  return out;
}

/// The commands and other actions of one session.
class asker {
 public:
  asker(const agent_process& agent, int index)
      : agent_(agent), name_("session-" + std::to_string(index)), one_(agent.where()),
        two_(agent.where()), taken_("run"), file_(agent.directory() + "/" + name_),
        pipe_(file_ + ".pipe") {
    if (::mkfifo(pipe_.c_str(), 0600) != 0)
      throw std::system_error(errno, std::generic_category(), pipe_);
  }

  void ask(int first, int count) {
    for (int i = 0; i < count; i += 2) {
      two_commands(first + i, i + 1 < count);
      if (i % commands_a_wait == commands_a_wait / 2)
        slow_actions(first + i);
      else if (i % commands_a_change == 0)
        other_action(first + i, i / commands_a_change);
    }
  }

  [[nodiscard]] samples& taken() { return taken_; }
  [[nodiscard]] int others() const { return others_; }

 private:
  using args = std::function<void(protocol::json_writer&)>;

  [[nodiscard]] std::string action(std::string_view kind, const args& more,
                                   std::optional<double> timeout = {}) const {
    protocol::json_writer out;
    out.begin_object().key("action").begin_object().member("action", kind);
    if (timeout)
      out.member("timeout", *timeout);
    out.key("args").begin_object().member("session_id", name_);
    more(out);
    out.end_object().end_object().end_object();
    return std::move(out).take();
  }

  [[nodiscard]] std::string run(const std::string& command, bool is_input = false,
                                std::optional<double> timeout = {}) const {
    return action(
        "run",
        [&](auto& out) {
          out.member("command", command);
          if (is_input)
            out.member("is_input", true);
        },
        timeout);
  }

  void expect(bool right, const std::string& asked, const std::string& answer) const {
    if (!right)
      throw std::runtime_error(name_ + ": a wrong answer to " + asked + ": " + answer);
  }

  void expect(const std::string& asked, const std::string& answer, const std::string& content,
              int exit_code = 0) const {
    const auto got = parse(answer);
    expect(got.kind == "run" && got.content == content && got.exit_code == exit_code, asked,
           answer);
  }

  std::string other(const std::string& body) {
    ++others_;
    return one_.post("/execute_action", body);
  }

  /// The second is asked before the first is answered.
  void two_commands(int number, bool both) {
    const auto first = std::to_string(number);
    const auto second = std::to_string(number + 1);
    std::string answer;
    taken_.time([&] {
      one_.send("/execute_action", run("echo " + first));
      if (both)
        two_.send("/execute_action", run("echo " + second));
      answer = one_.receive();
    });
    expect("echo " + first, answer, first);
    if (both)
      expect("echo " + second, two_.receive(), second);
  }

  void other_action(int number, int turn) {
    constexpr std::array<void (asker::*)(int), 6> kinds{&asker::write_and_read, &asker::edit,
                                                        &asker::leave,          &asker::cancel,
                                                        &asker::ask_by_key,     &asker::stream};
    (this->*kinds[static_cast<std::size_t>(turn) % kinds.size()])(number);
  }

  void write_and_read(int number) {
    const auto text = name_ + " wrote " + std::to_string(number);
    const auto wrote = parse(other(
        action("write", [&](auto& out) { out.member("path", file_).member("content", text); })));
    expect(wrote.kind == "write", "write", wrote.content);
    const auto read = parse(other(action("read", [&](auto& out) { out.member("path", file_); })));
    expect(read.kind == "read" && read.content == text + "\n", "read", read.content);
  }

  void edit(int number) {
    const auto old_text = "number " + std::to_string(number);
    const auto new_text = "edited " + std::to_string(number);
    std::ofstream(file_) << old_text << '\n';
    const auto edited = parse(other(action("edit", [&](auto& out) {
      out.member("path", file_).member("command", "str_replace");
      out.member("old_str", old_text).member("new_str", new_text);
    })));
    std::string holds;
    std::getline(std::ifstream(file_), holds);
    expect(edited.kind == "edit" && edited.content.find(new_text) != std::string::npos &&
               holds == new_text,
           "edit", edited.content);
  }

  /// Until the command has begun.
  void await_begin() const { std::ifstream(pipe_).get(); }

  /// A client that goes while its command runs.
  void leave(int number) {
    ++others_;
    http_caller gone(agent_.where());
    gone.send("/execute_action", run("echo > " + pipe_ + "; echo left " + std::to_string(number)));
    await_begin();
  }

  void cancel(int number) {
    ++others_;
    // A program of its own: what reaches bash itself between two commands it may forget.
    const auto command =
        "sh -c 'echo > " + pipe_ + "; exec sleep 1000'; echo " + std::to_string(number);
    one_.send("/execute_action", run(command));
    await_begin();
    const auto said = two_.post("/cancel", R"({"session_id":")" + name_ + R"("})");
    expect(said == R"({"cancelled":true})", "cancel", said);
    const auto got = parse(one_.receive());
    expect(got.kind == "run" && got.exit_code == 130, command, got.content);
  }

  void ask_by_key(int number) {
    const auto text = "by key " + std::to_string(number);
    const http_caller::header key{"X-Idempotency-Key", name_ + "-" + std::to_string(number)};
    others_ += 2;
    one_.send("/execute_action", run("echo " + text), key);
    two_.send("/execute_action", run("echo " + text), key);
    const auto answer = one_.receive();
    expect("echo " + text, answer, text);
    expect(two_.receive() == answer, "the same key", answer);
  }

  void stream(int number) {
    ++others_;
    const auto text = "streamed " + std::to_string(number);
    one_.send("/execute_action", run("echo " + text), {"Accept", "text/event-stream"});
    const auto answer = one_.receive();
    constexpr std::string_view last = "event: observation\ndata: ";
    const auto at = answer.rfind(last);
    expect(at != std::string::npos && answer.find(text) < at, "a stream", answer);
    expect("echo " + text, answer.substr(at + last.size()), text);
  }

  /// A time-out, the program's input, and a key.
  void slow_actions(int number) {
    const auto word = "word" + std::to_string(number);
    const auto waits = parse(other(run("read x; echo got $x", false, 0.05)));
    expect(waits.kind == "run" && waits.exit_code == -1, "a time-out", waits.content);
    const auto got = parse(other(run(word, true)));
    expect(got.exit_code == 0 && got.content.find("got " + word) != std::string::npos, word,
           got.content);
    const auto sleeps = parse(other(run("sleep 1000", false, 0.05)));
    expect(sleeps.exit_code == -1, "a time-out", sleeps.content);
    const auto stopped = parse(other(run("C-c", true)));
    expect(stopped.exit_code == 130, "C-c", stopped.content);
  }

  const agent_process& agent_;
  std::string name_;
  http_caller one_;
  http_caller two_;
  samples taken_;
  std::string file_;
  std::string pipe_;
  int others_ = 0;
};

} // namespace

void check_answers(int count, int sessions) {
  const agent_process agent(transport_kind::unix_socket);
  std::vector<std::unique_ptr<asker>> askers;
  for (int i = 0; i < sessions; ++i)
    askers.push_back(std::make_unique<asker>(agent, i));
  std::mutex guard;
  std::exception_ptr failure;
  const auto began = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < sessions; ++i) {
      const int first = static_cast<int>(static_cast<std::int64_t>(count) * i / sessions);
      const int next = static_cast<int>(static_cast<std::int64_t>(count) * (i + 1) / sessions);
      threads.emplace_back([&, i, first, next] {
        try {
          askers[static_cast<std::size_t>(i)]->ask(first, next - first);
        } catch (...) {
          const std::lock_guard held(guard);
          failure = std::current_exception();
        }
      });
    }
  }
  if (failure)
    std::rethrow_exception(failure);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began;
  int others = 0;
  double slowest = 0;
  for (auto& one : askers) {
    others += one->others();
    slowest = std::max(slowest, one->taken().percentile(1));
  }
  std::printf("%d commands over HTTP in %d sessions, %d other actions among them, each answered "
              "with its own output: %.1f s, %.0f commands/s, the slowest in %.1f ms\n",
              count, sessions, others, seconds.count(), count / seconds.count(), slowest / 1000);
}

} // namespace sandfleet::bench
