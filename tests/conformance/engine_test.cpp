#include "tests/support/engine_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <mutex>
#include <signal.h>
#include <vector>

namespace sandfleet::tests {
namespace {

namespace asio = boost::asio;
using engine_test = engine_fixture;

/// What one sandbox left in the state directory.
std::vector<std::string> sandboxes_on_disk(const std::string& state_dir) {
  std::vector<std::string> found;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(state_dir + "/sandboxes", ec))
    found.push_back(entry.path().filename());
  return found;
}

/// What a runtime service calls it.
std::string id_at_service(const std::string& state_dir, const sandbox_id& id) {
  std::ifstream in(state_dir + "/remote/sandboxes/" + id.str() + "/record.json");
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  return boost::json::value_to<std::string>(boost::json::parse(text).at("runtime_id"));
}

TEST_F(engine_test, a_session_keeps_directory_variables_and_functions) {
  auto box = start();
  EXPECT_EQ(run(box, "cd /tmp; x=7; f() { echo \"f$1\"; }")->exit_code, 0);
  auto answer = run(box, "pwd; echo $x; f 1");
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->output, "/tmp\n7\nf1\n");
}

TEST_F(engine_test, a_command_of_several_lines_is_one_command) {
  auto box = start();
  auto answer = run(box, "for i in 1 2 3; do\n  echo $i\ndone\ncat <<EOF\nhere $((1+1))\nEOF\n");
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->output, "1\n2\n3\nhere 2\n");
}

TEST_F(engine_test, commands_of_one_session_run_in_order_and_sessions_side_by_side) {
  auto box = start();
  std::vector<std::future<result<command_result>>> answers;
  for (int i = 0; i < 20; ++i) {
    command_request request;
    request.command = "n=$((n+1)); echo $n";
    answers.push_back(
        asio::co_spawn(engine_->executor(), box.run(std::move(request)), asio::use_future));
  }
  std::vector<std::string> outputs;
  for (auto& answer : answers)
    outputs.push_back(answer.get()->output);
  std::vector<std::string> expected;
  for (int i = 1; i <= 20; ++i)
    expected.push_back(std::to_string(i) + "\n");
  EXPECT_THAT(outputs, ::testing::UnorderedElementsAreArray(expected));

  // The first waits for a file that only the second, in another session, makes.
  command_request reader;
  reader.command = "mkfifo /tmp/f; cat /tmp/f";
  reader.session = session_name{"reader"};
  auto waiting = asio::co_spawn(engine_->executor(), box.run(std::move(reader)), asio::use_future);
  command_request writer;
  writer.command = "until [ -p /tmp/f ]; do :; done; echo across >/tmp/f";
  writer.session = session_name{"writer"};
  EXPECT_EQ(wait_for(box.run(std::move(writer)))->exit_code, 0);
  EXPECT_EQ(waiting.get()->output, "across\n");
}

TEST_F(engine_test, a_command_that_ends_its_shell_has_the_shells_status_and_the_next_a_new_one) {
  auto box = start();
  run(box, "y=1");
  auto ended = run(box, "exit 3");
  ASSERT_TRUE(ended) << ended.error().to_string();
  EXPECT_EQ(ended->exit_code, 3);
  EXPECT_TRUE(ended->shell_ended);
  auto next = run(box, "echo \"[$y]\"");
  ASSERT_TRUE(next) << next.error().to_string();
  EXPECT_TRUE(next->shell_restarted);
  EXPECT_EQ(next->output, "[]\n");
}

TEST_F(engine_test, a_time_out_is_a_result_and_its_processes_are_dead) {
  auto box = start();
  auto late = run(box, "sleep 1000 & sleep 1000", std::chrono::milliseconds{50});
  ASSERT_TRUE(late) << late.error().to_string();
  EXPECT_TRUE(late->timed_out);
  EXPECT_EQ(late->exit_code, std::nullopt);
  auto left = run(box, "cat /proc/[0-9]*/stat | grep -c 'sleep) [^ZX]'");
  ASSERT_TRUE(left) << left.error().to_string();
  EXPECT_EQ(left->output, "0\n");
}

TEST_F(engine_test, exec_keeps_outputs_apart_and_reports_code_or_signal) {
  auto box = start();
  exec_request request;
  request.argv = {"sh", "-c", "cat; echo err >&2; printf '\\377\\0x'; exit 4"};
  request.stdin_bytes = "in\n";
  auto done = wait_for(box.exec(request));
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->exit_code, 4);
  EXPECT_EQ(done->out, std::string("in\n\377\0x", 6));
  EXPECT_EQ(done->err, "err\n");

  request.argv = {"sh", "-c", "kill -TERM $$"};
  done = wait_for(box.exec(request));
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->signal, SIGTERM);
}

TEST_F(engine_test, exec_streams_what_is_larger_than_any_bound) {
  auto box = start();
  exec_request request;
  request.argv = {"sh", "-c", "head -c 20000000 /dev/zero; echo done >&2"};
  std::size_t out = 0;
  std::string err;
  auto done = wait_for(box.exec(std::move(request), [&](int stream, std::string_view piece) {
    if (stream == 1)
      out += piece.size();
    else
      err += piece;
  }));
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->exit_code, 0);
  EXPECT_EQ(out, 20'000'000U);
  EXPECT_EQ(err, "done\n");
}

TEST_F(engine_test, exec_is_fed_while_it_runs_what_is_larger_than_any_bound) {
  auto box = start();
  constexpr std::size_t pieces = 96;
  const std::string piece(std::size_t{1} << 20, 'x');
  std::size_t given = 0;
  const auto next = [&]() -> asio::awaitable<result<std::string>> {
    co_return given++ < pieces ? piece : std::string();
  };
  std::size_t back = 0;
  exec_request echo;
  echo.argv = {"cat"}; // which waits for its reader when that waits for it
  auto done = wait_for(box.exec(
      echo, [&](int, std::string_view bytes) { back += bytes.size(); }, next));
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->exit_code, 0);
  EXPECT_EQ(back, pieces * piece.size());

  given = 0;
  exec_request count;
  count.argv = {"wc", "-c"};
  done = wait_for(box.exec(count, nullptr, next));
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->out, std::to_string(pieces * piece.size()) + "\n");

  count.stdin_bytes.assign(std::size_t{80} << 20, 'x');
  done = wait_for(box.exec(count));
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->out, std::to_string(80 << 20) + "\n");
}

TEST_F(engine_test, exec_that_is_fed_ends_when_it_wants_to_and_tells_what_went_wrong) {
  auto box = start();
  exec_request request;
  request.argv = {"head", "-c", "5"};
  const auto endless = []() -> asio::awaitable<result<std::string>> {
    co_return std::string(4096, 'x');
  };
  auto done = wait_for(box.exec(request, nullptr, endless));
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->out, "xxxxx");

  // Nothing comes any more: that is not waited for either.
  const auto silent = []() -> asio::awaitable<result<std::string>> {
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
    co_return std::string();
  };
  request.argv = {"echo", "done"};
  done = wait_for(box.exec(request, nullptr, silent));
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->out, "done\n");

  const auto broken = []() -> asio::awaitable<result<std::string>> {
    co_return fail(errc::io_error, "the disk is gone");
  };
  request.argv = {"cat"};
  done = wait_for(box.exec(request, nullptr, broken));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "the disk is gone");

  request.argv = {"no-such-program"};
  done = wait_for(box.exec(request, nullptr, endless));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, errc::not_found);

  request.argv = {"cat"};
  request.timeout = std::chrono::milliseconds{300};
  done = wait_for(box.exec(request, nullptr, silent));
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_TRUE(done->timed_out);
}

TEST_F(engine_test, files_go_in_and_out_with_their_bytes_and_mode) {
  auto box = start();
  std::string bytes(3'000'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(i * 7);
  ASSERT_TRUE(wait_for(box.write_file("deep/er/data.bin", bytes, 0751)));
  auto back = wait_for(box.read_file(box.workspace() + "/deep/er/data.bin"));
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_TRUE(back->bytes == bytes);
  EXPECT_EQ(back->mode, 0751U);
  auto found = wait_for(box.glob("deep/*/d*.bin"));
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->size(), 1U);
  auto absent = wait_for(box.read_file("/no/such/file"));
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, errc::not_found);
  auto large = wait_for(box.read_file("deep/er/data.bin", 1000));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, errc::limit_exceeded);
}

TEST_F(engine_test, kill_processes_leaves_only_the_agent) {
  auto box = start();
  run(box, "setsid sleep 1000 >/dev/null 2>&1 & (sleep 1000 &)");
  ASSERT_TRUE(wait_for(box.kill_processes()));
  exec_request request;
  request.argv = {"sh", "-c", "cat /proc/[0-9]*/stat | grep -c 'sleep) [^ZX]'"};
  auto left = wait_for(box.exec(request));
  ASSERT_TRUE(left) << left.error().to_string();
  EXPECT_EQ(left->out, "0\n");
  EXPECT_EQ(run(box, "echo again")->output, "again\n");
}

TEST_F(engine_test, an_openhands_action_is_answered_by_an_observation) {
  auto box = start();
  auto answer = wait_for(box.execute_action(
      R"({"action":{"action":"run","args":{"command":"echo hi"}}})", std::chrono::seconds{30}));
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_THAT(*answer, ::testing::HasSubstr("[The command completed with exit code 0.]"));
}

TEST_F(engine_test, an_action_says_that_the_kernel_killed_for_memory) {
  sandbox_spec spec;
  spec.limits.memory_mb = 64;
  auto box = start(spec);
  if (const auto& state = box.limits().at("memory_mb"); state != "enforced")
    GTEST_SKIP() << state;
  auto answer = wait_for(box.execute_action(
      R"({"action":{"action":"run","args":{"command":"head -c 200000000 /dev/zero | tail -c 150000000 | wc -c"}}})",
      std::chrono::seconds{60}));
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_THAT(*answer,
              ::testing::HasSubstr("[The kernel killed 1 process of the sandbox for memory "
                                   "while the command ran; the limit is 64 MiB.]"));
}

TEST_F(engine_test, results_and_the_last_report_count_what_the_kernel_killed_for_memory) {
  sandbox_spec spec;
  spec.limits.memory_mb = 64;
  auto box = start(spec);
  if (const auto& state = box.limits().at("memory_mb"); state != "enforced")
    GTEST_SKIP() << state;
  const std::string greedy = "head -c 200000000 /dev/zero | tail -c 150000000 | wc -c; exit 3";
  exec_request request;
  request.argv = {"sh", "-c", greedy};
  const auto by_exec = wait_for(box.exec(request));
  ASSERT_TRUE(by_exec) << by_exec.error().to_string();
  EXPECT_EQ(by_exec->oom_kills, 1);
  const auto by_session = run(box, "( " + greedy + " )");
  ASSERT_TRUE(by_session) << by_session.error().to_string();
  EXPECT_EQ(by_session->oom_kills, 1);
  EXPECT_EQ(run(box, "true")->oom_kills, 0);
  const auto report = wait_for(box.stop());
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->usage.oom_kills, 2);
}

TEST_F(engine_test, sandbox_whose_agent_the_kernel_killed_for_memory_says_how_much_and_who) {
  sandbox_spec spec;
  spec.limits.memory_mb = 64;
  auto box = start(spec);
  if (const auto& state = box.limits().at("memory_mb"); state != "enforced")
    GTEST_SKIP() << state;
  // What the agent itself writes lies in the sandbox's memory.
  const auto written =
      wait_for(box.write_file("/dev/shm/x", std::string(std::size_t{80} << 20, 'x')));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, errc::out_of_memory) << written.error().to_string();
  EXPECT_EQ(box.state(), sandbox_state::error_memory);
  std::map<std::string, evidence_value> evidence;
  for (const auto& [name, value] : written.error().evidence)
    evidence[name] = value;
  EXPECT_GE(std::get<std::int64_t>(evidence["oom_kills"]), 1);
  if (tests_docker()) { // whose engine keeps no more of a container that has ended
    EXPECT_EQ(std::get<std::int64_t>(evidence["memory_mb"]), 64);
    return;
  }
  EXPECT_NEAR(static_cast<double>(std::get<std::int64_t>(evidence["peak_memory_mb"])), 64, 1);
  if (std::ifstream("/dev/kmsg")) {
    EXPECT_THAT(std::get<std::string>(evidence["oom_victims"]), ::testing::HasSubstr("agent "));
  }
}

TEST_F(engine_test, status_events_come_in_the_order_of_the_lifecycle) {
  std::mutex mutex;
  std::vector<sandbox_state> seen;
  const auto watch = engine_->on_status([&](const status_event& event) {
    const std::lock_guard lock(mutex);
    seen.push_back(event.to);
  });
  auto box = start();
  EXPECT_EQ(box.state(), sandbox_state::ready);
  ASSERT_TRUE(wait_for(box.stop()));
  const std::lock_guard lock(mutex);
  EXPECT_THAT(seen, ::testing::ElementsAre(sandbox_state::starting_runtime,
                                           sandbox_state::runtime_started, sandbox_state::ready,
                                           sandbox_state::stopping, sandbox_state::stopped));
}

TEST_F(engine_test, stopping_leaves_nothing_and_is_idempotent) {
  auto box = start();
  auto first = wait_for(box.stop());
  ASSERT_TRUE(first) << first.error().to_string();
  EXPECT_FALSE(first->failure);
  EXPECT_TRUE(wait_for(box.stop()));
  EXPECT_THAT(sandboxes_on_disk(state_.path()), ::testing::IsEmpty());
  auto after = run(box, "echo hi");
  ASSERT_FALSE(after);
}

TEST_F(engine_test, an_agent_killed_in_mid_command_is_lost_by_infrastructure_with_its_signal) {
  auto box = start();
  // Inside its own namespace nobody can kill process 1 by SIGKILL; the machine's user can.
  command_request request;
  request.command = "touch /tmp/begun; sleep 1000";
  auto running = asio::co_spawn(engine_->executor(), box.run(std::move(request)), asio::use_future);
  exec_request wait_begun;
  wait_begun.argv = {"sh", "-c", "until [ -e /tmp/begun ]; do :; done"};
  ASSERT_TRUE(wait_for(box.exec(wait_begun)));

  pid_t agent = 0;
  const auto its_id = tests_remote() ? id_at_service(state_.path(), box.id()) : box.id().str();
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::error_code ec;
    const auto exe = std::filesystem::read_symlink(entry.path() / "exe", ec);
    const auto environment = entry.path() / "environ";
    std::ifstream in(environment, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    const auto name = exe.filename().string();
    if (!ec && (name == "sandfleet-agent" || name == "agent") &&
        text.find(its_id) != std::string::npos)
      agent = std::stoi(entry.path().filename());
  }
  ASSERT_NE(agent, 0);
  ASSERT_EQ(::kill(agent, SIGKILL), 0);

  auto lost = running.get();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, errc::sandbox_lost) << lost.error().to_string();
  EXPECT_EQ(lost.error().blame, failure_class::infrastructure);
  EXPECT_THAT(lost.error().evidence, ::testing::Contains(std::pair<std::string, evidence_value>{
                                         "signal", std::int64_t{SIGKILL}}));
}

TEST_F(engine_test, a_cancelled_start_leaves_nothing) {
  for (const int delay_ms : {0, 1, 3, 6}) {
    asio::cancellation_signal cancel;
    auto strand = asio::make_strand(engine_->executor());
    std::promise<void> ended;
    asio::co_spawn(strand, engine_->start({}),
                   asio::bind_cancellation_slot(
                       cancel.slot(), [&](std::exception_ptr, const result<sandbox>& made) {
                         if (made)
                           asio::co_spawn(strand, sandbox(*made).stop(),
                                          [&](auto&&...) { ended.set_value(); });
                         else
                           ended.set_value();
                       }));
    asio::steady_timer timer(strand, std::chrono::milliseconds{delay_ms});
    timer.async_wait([&](auto) { cancel.emit(asio::cancellation_type::terminal); });
    ended.get_future().get();
  }
  ASSERT_TRUE(wait_for(engine_->stop()));
  EXPECT_THAT(sandboxes_on_disk(state_.path()), ::testing::IsEmpty());
}

TEST_F(engine_test, closing_the_engine_answers_calls_under_way_and_later_ones) {
  auto box = start();
  command_request request;
  request.command = "sleep 1000";
  auto running = asio::co_spawn(engine_->executor(), box.run(request), asio::use_future);
  engine_.reset();
  EXPECT_FALSE(running.get());

  asio::io_context context;
  auto later = asio::co_spawn(context, box.run(request), asio::use_future);
  context.run();
  auto answer = later.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, errc::shutting_down);
  EXPECT_THAT(sandboxes_on_disk(state_.path()), ::testing::IsEmpty());
}

TEST_F(engine_test, a_bad_specification_is_the_tasks_fault) {
  sandbox_spec spec;
  if (tests_remote()) // whose service decides on the image
    spec.volumes = {{"/usr", "/data", true}};
  else
    spec.image = tests_docker() ? "No Such/Image" : "rootfs:/no/such/tree";
  auto made = wait_for(engine_->start(spec));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().blame, failure_class::task) << made.error().to_string();

  spec = {};
  spec.workspace = "relative";
  made = wait_for(engine_->start(spec));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::invalid_argument);
}

TEST(engine_create, names_a_program_that_is_missing) {
  settings s;
  s.agent_program = "/no/such/agent";
  auto made = engine::create(s);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::not_found);
  EXPECT_THAT(made.error().message, ::testing::HasSubstr("/no/such/agent"));
}

} // namespace
} // namespace sandfleet::tests
