#include "runtime/protocol/agent_api.hpp"
#include "runtime/protocol/stream_frame.hpp"
#include "tests/integration/agent/agent_process.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

using namespace agent_test;
using namespace sandfleet;

namespace {

agent_process& shared() {
  static agent_process one;
  return one;
}

exec_result exec(const exec_request& request) {
  const auto got = shared().post("/exec", protocol::encode_exec(request));
  EXPECT_EQ(got.status, 200) << got.body;
  const auto outcome = protocol::decode_exec_reply(got.body);
  EXPECT_TRUE(outcome) << got.body;
  return outcome ? *outcome : exec_result{};
}

exec_request shell(const std::string& text) {
  exec_request request;
  request.argv = {"/bin/sh", "-c", text};
  return request;
}

struct streamed {
  std::string out;
  std::string err;
  std::string end;
  void take(protocol::frame_type type, std::string_view payload) {
    (type == protocol::frame_type::standard_output  ? out
     : type == protocol::frame_type::standard_error ? err
                                                    : end) += payload;
  }
};

} // namespace

TEST(agent_exec, outputs_are_apart_and_raw) {
  const auto done = exec(shell("printf 'a\\377\\0b'; echo err >&2; exit 3"));
  EXPECT_EQ(done.exit_code, 3);
  EXPECT_EQ(done.signal, std::nullopt);
  EXPECT_EQ(done.out, std::string("a\xff\0b", 4));
  EXPECT_EQ(done.err, "err\n");
}

TEST(agent_exec, text_encoding_replaces_what_is_no_utf8) {
  const auto got = shared().post("/exec", R"({"command":"printf 'a\\377b'"})");
  EXPECT_EQ(member(got.body, "stdout"), "a\xEF\xBF\xBD"
                                        "b");
}

TEST(agent_exec, signal_and_exit_code_are_told_apart) {
  EXPECT_EQ(exec(shell("kill -9 $$")).signal, 9);
  EXPECT_EQ(exec(shell("exit 137")).exit_code, 137);
}

TEST(agent_exec, environment_and_directory_are_as_asked) {
  auto request = shell("echo $A; pwd; echo ${SESSION_API_KEY-none}; echo $HOME");
  request.env = {{"A", "1"}};
  request.cwd = "/usr";
  const auto done = exec(request);
  EXPECT_TRUE(done.out.starts_with("1\n/usr\nnone\n")) << done.out;
  exec_request clean;
  clean.argv = {"env"};
  clean.clean_env = true;
  clean.env = {{"ONLY", "this"}};
  const auto listed = exec(clean).out;
  EXPECT_NE(listed.find("ONLY=this\n"), std::string::npos);
  EXPECT_EQ(std::count(listed.begin(), listed.end(), '\n'), 4) << listed; // and PATH, HOME, mark
}

TEST(agent_exec, a_check_has_a_home_that_nobody_has_been_in) {
  auto request = shell("echo x >~/x; ls -A ~; pwd; echo $HOME");
  request.is_check = true;
  const auto first = exec(request).out;
  const auto second = exec(request).out;
  EXPECT_TRUE(first.starts_with("x\n") && second.starts_with("x\n")) << first << second;
  EXPECT_NE(first, second);
  const auto home = first.substr(first.rfind("/tmp"), std::string("/tmp/.sandfleet-XXXXXX").size());
  EXPECT_FALSE(std::filesystem::exists(home)) << home;
  request.env = {{"HOME", "/"}};
  request.argv = {"sh", "-c", "echo $HOME"};
  EXPECT_EQ(exec(request).out, "/\n");
}

TEST(agent_exec, big_input_and_output_pass_each_other) {
  exec_request request;
  request.argv = {"cat"};
  request.stdin_bytes = std::string(5'000'000, 'x') + "end";
  request.max_output_bytes = 8'000'000;
  EXPECT_EQ(exec(request).out, request.stdin_bytes);
}

TEST(agent_exec, input_that_is_not_read_is_no_failure) {
  auto request = shell("exit 0");
  request.stdin_bytes = std::string(1'000'000, 'x');
  EXPECT_EQ(exec(request).exit_code, 0);
}

TEST(agent_exec, output_beyond_the_limit_is_cut_and_said) {
  auto request = shell("head -c 100000 /dev/zero; echo x >&2");
  request.max_output_bytes = 10;
  const auto done = exec(request);
  EXPECT_EQ(done.out.size(), 10U);
  EXPECT_TRUE(done.out_truncated);
  EXPECT_EQ(done.err, "x\n");
  EXPECT_FALSE(done.err_truncated);
}

TEST(agent_exec, time_out_kills_the_whole_tree) {
  auto request = shell("echo begun; sleep 1000 & setsid sleep 1000 & (setsid sleep 1000 &); "
                       "trap '' TERM; sleep 1000");
  request.env = {{"SANDBOX_TEST", "tree-" + std::to_string(::getpid())}};
  request.timeout = std::chrono::milliseconds(300);
  const auto done = exec(request);
  EXPECT_TRUE(done.timed_out);
  EXPECT_EQ(done.exit_code, std::nullopt);
  EXPECT_EQ(done.out, "begun\n");
  EXPECT_TRUE(processes_marked(request.env["SANDBOX_TEST"]).empty());
}

TEST(agent_exec, daemon_that_holds_the_outputs_does_not_hold_the_answer) {
  const auto done = exec(shell("sleep 20 & echo $!"));
  EXPECT_EQ(done.exit_code, 0);
  EXPECT_LT(done.seconds.count(), 10);
  EXPECT_FALSE(gone(std::stoi(done.out), std::chrono::milliseconds(0)));
}

TEST(agent_exec, what_cannot_be_run_is_told_apart) {
  EXPECT_EQ(shared().post("/exec", R"({"argv":["no-such-program"]})").status, 404);
  EXPECT_EQ(shared().post("/exec", R"({"argv":["/etc/passwd"]})").status, 403);
  EXPECT_EQ(shared().post("/exec", R"({"command":"true","cwd":"/no/such"})").status, 404);
}

TEST(agent_exec, script_without_interpreter_line_is_run_by_sh) {
  const auto path = shared().workspace() + "/plain-script";
  std::ofstream(path) << "echo plain $1\n";
  ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
  exec_request request;
  request.argv = {path, "arg"};
  EXPECT_EQ(exec(request).out, "plain arg\n");
}

TEST(agent_exec, stream_brings_outputs_as_they_come) {
  auto one = shared().connect();
  const auto fifo = shared().workspace() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  auto with_fifo = shell("echo first; read -r line < " + fifo + "; echo $line >&2; exit 4");
  const auto text = protocol::encode_exec(with_fifo);
  one.send("POST /exec HTTP/1.0\r\nAccept: application/vnd.sandfleet.stream\r\n" +
           shared().key_header() + "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" +
           text);
  std::string seen;
  while (seen.find("first\n") == std::string::npos) // while the command still waits
    seen += one.receive_some();
  std::ofstream(fifo) << "second\n";
  for (auto piece = one.receive_some(); !piece.empty(); piece = one.receive_some())
    seen += piece;

  streamed got;
  protocol::frame_decoder decoder;
  const auto frames = seen.substr(seen.find("\r\n\r\n") + 4);
  ASSERT_TRUE(decoder.feed(frames, [&](auto type, auto payload) { got.take(type, payload); }));
  EXPECT_TRUE(decoder.ended());
  EXPECT_EQ(got.out, "first\n");
  EXPECT_EQ(got.err, "second\n");
  EXPECT_EQ(protocol::decode_exec_reply(got.end)->exit_code, 4);
}

TEST(agent_exec, long_stream_is_whole) {
  const auto text = protocol::encode_exec(shell("head -c 3000000 /dev/zero; echo end >&2"));
  const auto got = shared().connect().request("POST", "/exec", text,
                                              shared().key_header() +
                                                  "Accept: application/vnd.sandfleet.stream\r\n");
  EXPECT_EQ(got.headers.at("content-type"), "application/vnd.sandfleet.stream");
  streamed all;
  protocol::frame_decoder decoder;
  ASSERT_TRUE(decoder.feed(got.body, [&](auto type, auto payload) { all.take(type, payload); }));
  EXPECT_EQ(all.out.size(), 3'000'000U);
  EXPECT_EQ(all.err, "end\n");
}

TEST(agent_exec, client_that_goes_away_takes_its_process_along) {
  pid_t child = 0;
  {
    auto one = shared().connect();
    const auto text = protocol::encode_exec(shell("echo $$; exec sleep 1000"));
    one.send("POST /exec HTTP/1.1\r\nHost: x\r\nAccept: application/vnd.sandfleet.stream\r\n" +
             shared().key_header() + "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" +
             text);
    std::string seen;
    std::size_t head = std::string::npos;
    while ((head = seen.find("\r\n\r\n")) == std::string::npos || !seen.ends_with("\n\r\n") ||
           seen.size() < head + 12)
      seen += one.receive_some();
    const auto frame = seen.find('\x01', head);
    child = std::stoi(seen.substr(frame + protocol::frame_header_bytes));
    ASSERT_FALSE(gone(child, std::chrono::milliseconds(0)));
  }
  EXPECT_TRUE(gone(child, std::chrono::seconds(20)));
}

TEST(agent_exec, several_run_side_by_side) {
  auto slow = shared().connect();
  const auto fifo = shared().workspace() + "/gate";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const auto text = protocol::encode_exec(shell("cat " + fifo));
  slow.send("POST /exec HTTP/1.1\r\nHost: x\r\n" + shared().key_header() +
            "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text);
  EXPECT_EQ(exec(shell("echo quick")).out, "quick\n");
  std::ofstream(fifo) << "open";
  EXPECT_EQ(protocol::decode_exec_reply(slow.receive().body)->out, "open");
}
